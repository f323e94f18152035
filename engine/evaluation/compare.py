"""Two models on the same pictures: the difference of their AUCs, paired."""

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import ScoresError
from engine.evaluation.level import quantile
from engine.evaluation.roc import mid_ranks, validate


@dataclass(frozen=True)
class Difference:
    """AUC of A minus AUC of B on the same pictures, with its 95% interval and test.

    Attributes:
        auc_a, auc_b: both AUCs.
        value, low, high: their difference and its bounds, within [-1, 1].
        standard_error: of the difference; pictures that are hard for both are counted once.
        z, p: value / standard_error, and the two-sided chance of one as far from 0 if both AUCs
            were the same.
        n_positive, n_negative: pictures of each class.
    """

    auc_a: float
    auc_b: float
    value: float
    low: float
    high: float
    standard_error: float
    z: float
    p: float
    n_positive: int
    n_negative: int
    method: str = "delong"


def delong(y_true: ArrayLike, score_a: ArrayLike, score_b: ArrayLike) -> Difference:
    """The paired test of two AUCs: DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988), 837-845.

    The placement of a positive is the share of negatives below it, that of a negative the share of
    positives above it (ties count half); an AUC is the mean of either. With d the differences of
    placements between A and B, P positives and N negatives:

        SE² = var(d of positives) / P + var(d of negatives) / N

    which is L S Lᵀ of the paper's eq. 5 for L = (1, -1). Placements come from mid-ranks in
    O(n log n): Sun & Xu, IEEE Signal Processing Letters 21 (2014), 1389-1393.

    Args:
        y_true: (n,) labels 0 and 1, at least two of each.
        score_a, score_b: (n,) finite scores of the same pictures in the same order.

    Raises:
        ScoresError: as `roc.validate`; fewer than two pictures of a class; or both put every pair
            in the same order, or in the opposite one, so that there is no spread to measure by.

    >>> d = delong([1, 1, 0, 0], [4, 3, 2, 1], [4, 1, 2, 3])   # d: 0 and 1; 1/2 and 1/2
    >>> d.value, d.standard_error                              # (1/2) / 2 + 0 = 1/4
    (0.5, 0.5)
    """
    labels, a = validate(y_true, score_a)
    _, b = validate(y_true, score_b)
    positive = labels == 1
    counts = int(positive.sum()), int((~positive).sum())
    if min(counts) < 2:
        raise ScoresError(
            f"{counts[0]} positive and {counts[1]} negative pictures are too few for DeLong's "
            "test; judge on two of each class at least."
        )
    of_a, of_b = _placements(a, positive), _placements(b, positive)
    auc_a, auc_b = (float(of[positive].sum() / counts[0] / counts[1]) for of in (of_a, of_b))
    spread = of_a - of_b  # multiples of a half, so exact: no spread is exactly 0
    square = sum(
        float(np.var(spread[one], ddof=1)) / n / other**2
        for one, n, other in (
            (positive, counts[0], counts[1]), (~positive, counts[1], counts[0]),
        )
    )  # fmt: skip
    if square == 0:
        raise ScoresError(
            "DeLong's test has no spread to measure the difference by: it is the same at every "
            f"picture ({auc_a:.3f} and {auc_b:.3f}); judge both on more or harder pictures."
        )
    value, error, z = auc_a - auc_b, sqrt(square), quantile(0.95)
    return Difference(
        auc_a, auc_b, value, max(-1.0, value - z * error), min(1.0, value + z * error),
        error, value / error, erfc(abs(value / error) / sqrt(2)), *counts,
    )  # fmt: skip


def _placements(scores: NDArray, positive: NDArray) -> NDArray[np.float64]:
    """`(n,)`: how many of the other class a picture lies on the right side of, ties a half each."""
    among_all, found = mid_ranks(scores), np.empty(len(scores))
    for one in (positive, ~positive):
        found[one] = among_all[one] - mid_ranks(scores[one])  # of the other class below it
    found[~positive] = positive.sum() - found[~positive]
    return found
