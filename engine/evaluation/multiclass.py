"""Many classes: what a model says, the confusion matrix, and the mean AUC with its interval.

Everything else here is of two classes. One class against the rest is two: `y_true == c` and the
probability of c.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from engine.errors import ScoresError
from engine.evaluation.intervals import Z_95, newcombe

RESAMPLES = 1000
# Pictures of a class, under which the interval is too narrow: of simulated ones on 5 to 30 pictures
# of each of 3 to 37 classes, 86 to 96% held the truth, the fewest where the mean is near 1.
VERY_FEW = 30
TAIL = 0.025
BLOCK = 512  # pictures that are held against all at a time


@dataclass(frozen=True)
class MeanAuc:
    """The mean AUC over all pairs of classes with its 95% interval.

    Attributes:
        value, low, high: within [0, 1]; 0.5 is chance.
        standard_error: the standard deviation over the resamples.
        method: "bootstrap", or "newcombe" where the resamples do not differ.
        n, classes: how many pictures and classes are behind it.
    """

    value: float
    low: float
    high: float
    standard_error: float
    method: str
    n: int
    classes: int


def by_class(y_score: NDArray) -> NDArray:
    """Probabilities of each class `(n, k)`; `(n,)` is that of class 1 of two."""
    return np.stack([1 - y_score, y_score], axis=1) if y_score.ndim == 1 else y_score


def said(y_score: NDArray) -> NDArray[np.int64]:
    """What a model says `(n,)`: the class of largest probability, of two class 1 from 0.5 on."""
    if y_score.ndim == 1:
        return (y_score >= 0.5).astype(np.int64)
    return y_score.argmax(axis=1)


def confusion_matrix(y_true: NDArray, said: NDArray, classes: int) -> NDArray[np.int64]:
    """Counts `(k, k)`: truth in rows, what the model says in columns."""
    cells = np.asarray(y_true, np.int64) * classes + said
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def hand_till(y_true: NDArray, y_score: NDArray) -> float:
    """The mean AUC over classes: M of Hand & Till, Machine Learning 45 (2001), eq. 7.

    M is the mean over all pairs of classes of (A(i|j) + A(j|i)) / 2, where A(i|j) is the chance
    that a picture of class i has a higher probability of i than one of class j; a tie counts half.
    It does not depend on how many pictures each class has. scikit-learn calls it
    `roc_auc_score(multi_class="ovo", average="macro")`.

    Args:
        y_true: `(n,)` class numbers, each of 0 … k−1 at least once.
        y_score: `(n, k)` scores of each class.

    Raises:
        ScoresError: if a class has no picture.

    >>> y_score = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.5, 0.4], [0.4, 0.1, 0.5]])
    >>> hand_till(np.array([0, 1, 2, 0]), y_score)   # A(0|2) = 1, A(2|0) = 1/2, the others 1
    0.9166666666666666
    """
    order, counts = _sorted(y_true, y_score.shape[1])
    return float(_means(y_score[order], np.ones((1, len(order)), np.float32), counts)[0])


def mean_auc(
    y_true: NDArray, y_score: NDArray, *, resamples: int = RESAMPLES, seed: int = 1
) -> MeanAuc:
    """`hand_till` with a stratified bootstrap interval.

    The interval is the percentile bootstrap (Efron & Tibshirani 1993, chapter 13): pictures are
    drawn again with replacement within each class. Where no pair is ordered wrongly all resamples
    are equal, which would claim certainty: the lower end is then the mean of the pairs' lower ends
    by Newcombe's method, which is no narrower than the truth.

    Args:
        y_true: `(n,)` class numbers, each of 0 … k−1 at least once.
        y_score: `(n, k)` scores of each class.

    Raises:
        ScoresError: if a class has no picture.
    """
    order, counts = _sorted(y_true, y_score.shape[1])
    rng = np.random.default_rng(seed)
    once = np.ones((1, len(order)), np.float32)
    value, *drawn = _means(
        y_score[order], np.concatenate([once, _resampled(rng, counts, resamples)]), counts
    ).tolist()
    low, high = map(float, np.quantile(drawn, (TAIL, 1 - TAIL)))
    about = {"n": len(y_true), "classes": len(counts)}
    if low < high:
        spread = float(np.std(drawn, ddof=1))
        return MeanAuc(value, min(low, value), max(high, value), spread, "bootstrap", **about)
    pairs = [newcombe(value, int(n), int(m)) for n, m in combinations(counts, 2)]
    low, high = np.mean([(pair.low, pair.high) for pair in pairs], axis=0)
    return MeanAuc(
        value, float(low), float(high), float(high - low) / (2 * Z_95), "newcombe", **about
    )


def _sorted(y_true: NDArray, classes: int) -> tuple[NDArray, NDArray]:
    """An order that puts pictures of one class together, and how many each has."""
    y_true = np.asarray(y_true, np.int64)
    counts = np.bincount(y_true, minlength=classes)
    if not counts.all():
        raise ScoresError(
            f"Class {int(np.argmin(counts))} (counted from 0) has no picture, and the mean AUC is "
            "one over all classes; add some of it."
        )
    return np.argsort(y_true, kind="stable"), counts


def _wins(y_score: NDArray, c: int, own: slice) -> NDArray[np.float32]:
    """`(len(own), n)`: whether a picture of class c has a higher score for c than another picture
    has; half for a tie."""
    mine, others = y_score[own, c, None], y_score[:, c]
    return (mine > others).astype(np.float32) + np.float32(0.5) * (mine == others)


def _resampled(rng: np.random.Generator, counts: NDArray, resamples: int) -> NDArray:
    """How often each picture was drawn, `(resamples, n)`, as often as its class has pictures."""
    return np.concatenate(
        [rng.multinomial(n, np.full(n, 1 / n), size=resamples) for n in counts], axis=1
    ).astype(np.float32)


def _means(y_score: NDArray, drawn: NDArray, counts: NDArray) -> NDArray[np.float64]:
    """M of each resample `(resamples,)`: A(c|j) as a weighted sum of wins, for all c and j.

    A block of a class at a time: the wins of all together would be n² numbers.

    Args:
        y_score: `(n, k)`, sorted by class.
        drawn: `(resamples, n)`, how often each picture counts.
    """
    starts, k = np.cumsum(counts) - counts, len(counts)
    total = np.zeros(len(drawn))
    for c, (start, count) in enumerate(zip(starts, counts, strict=True)):
        over = np.zeros_like(drawn)
        for at in range(start, start + count, BLOCK):
            own = slice(at, min(at + BLOCK, start + count))
            over += drawn[:, own] @ _wins(y_score, c, own)
        over *= drawn
        by_other = np.add.reduceat(over, starts, axis=1, dtype=np.float64) / (count * counts)
        total += by_other.sum(axis=1) - by_other[:, c]
    return total / (k * (k - 1))
