"""Precision and recall: what matters where positives are few and negatives are legion."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.evaluation.estimates import Estimate
from engine.evaluation.influence import logit_interval
from engine.evaluation.level import LEVEL, check
from engine.evaluation.operating import Table, table
from engine.evaluation.placements import Placements, subjects_of
from engine.evaluation.roc import validate


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """The curve at every distinct score, and the area under its steps.

    Attributes:
        thresholds: `(k,)` falling.
        precision, recall: `(k,)` where a score at or above the threshold is called positive.
        average_precision: the mean precision as recall rises, with its interval.
        baseline: the share of positives, which a model that knows nothing has for precision.
    """

    thresholds: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    average_precision: Estimate
    baseline: float


def precision_recall(
    y_true: ArrayLike,
    y_score: ArrayLike,
    level: float = LEVEL,
    groups: ArrayLike | None = None,
) -> PrecisionRecall:
    """The precision-recall curve and average precision, Σ (R_k - R_{k-1}) P_k over thresholds.

    Nothing is interpolated between two thresholds, which would be too kind (Davis & Goadrich, ICML
    2006). The interval stands on the scale of log odds, which Boyd, Eng & Page (ECML 2013) found to
    hold where others fail; its standard error is from the influence of each picture and not from
    their binomial variance AP (1 - AP) / P, which is far too large (docs/bands.md).
    Numbers of both classes are taken as they are: precision holds for the share of positives among
    these pictures and no other.

    Args:
        y_true, y_score: `(n,)` each, see `roc.validate`.
        level: of the interval, within (0, 1).
        groups: `(n,)` names of subjects; None where each picture is of one of its own.

    Raises:
        ScoresError: as `roc.validate`, or where groups are not one for each picture.
        ConfigError: a level outside (0, 1).

    >>> found = precision_recall([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> round(found.average_precision.value, 6), found.baseline   # (1 + 2/3) / 2
    (0.833333, 0.5)
    """
    check(level)
    labels, scores = validate(y_true, y_score)
    counts = table(labels, scores)
    called = counts.tp + counts.fp
    added = _influence(labels, scores, counts, groups)
    return PrecisionRecall(
        thresholds=counts.thresholds,
        precision=counts.tp / called,
        recall=counts.tp / counts.tp[-1],
        average_precision=logit_interval(added, level),
        baseline=int(counts.tp[-1]) / len(labels),
    )


def _influence(
    labels: NDArray, scores: NDArray, counts: Table, groups: ArrayLike | None
) -> Placements:
    """What each picture adds to the average precision AP, of P positives and N negatives.

    With p_k positives at the k-th threshold and T_k and F_k at or above it, AP = Σ p_k T_k / (T_k +
    F_k) / P. One more at the j-th threshold counts there, and in all T_k or F_k from j on:

        a positive: (T_j / (T_j + F_j) - AP + Σ_{k ≥ j} p_k F_k / (T_k + F_k)²) / P
        a negative: - Σ_{k ≥ j} p_k T_k / (T_k + F_k)² / P

    Both sum to nothing over all pictures of a class and those of the other; the mean of each class
    is taken out, since their numbers are not drawn.
    """
    tp, fp = counts.tp.astype(np.float64), counts.fp.astype(np.float64)
    called, at = tp + fp, np.diff(tp, prepend=0)
    value = float(at @ (tp / called) / tp[-1])
    positive = labels == 1
    row = len(tp) - 1 - np.searchsorted(counts.thresholds[::-1], scores)
    of_positive = tp / called + _from_here_on(at * fp / called**2)
    of_negative = -_from_here_on(at * tp / called**2) * (fp[-1] / tp[-1])
    return Placements(
        value,
        _around(value, of_positive[row[positive]]),
        _around(value, of_negative[row[~positive]]),
        subjects_of(positive, groups),
    )


def _from_here_on(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.cumsum(values[::-1])[::-1]


def _around(value: float, added: NDArray[np.float64]) -> NDArray[np.float64]:
    return added - added.mean() + value
