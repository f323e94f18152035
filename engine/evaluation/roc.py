"""The ROC curve and the area under it, and the door where labels and scores are checked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import ScoresError


@dataclass(frozen=True)
class RocCurve:
    """One point for each threshold, from the strictest to the most lenient.

    Attributes:
        fpr: (n,) false positive rate, 1 - specificity, rising from 0 to 1.
        tpr: (n,) true positive rate, sensitivity, rising from 0 to 1.
        thresholds: (n,) falling; the first is infinity, where nothing is called positive.
    """

    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    thresholds: NDArray[np.float64]


def validate(y_true: ArrayLike, y_score: ArrayLike) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Labels and scores as arrays of one length, checked once so that the arithmetic stays clean.

    Args:
        y_true: (n,) labels 0 and 1, both present; booleans will do.
        y_score: (n,) finite scores on any scale.

    Raises:
        ScoresError: nothing given, not two rows of one length, a label other than 0 and 1, a score
            that is not a finite number, or only one class.
    """
    try:
        labels = np.asarray(y_true, dtype=np.float64)
        scores = np.asarray(y_score, dtype=np.float64)
    except (TypeError, ValueError):
        raise ScoresError(
            "Labels and scores hold something that is not a number; give labels 0 and 1, "
            "and scores as plain numbers."
        ) from None
    if labels.ndim != 1 or scores.ndim != 1 or len(labels) != len(scores):
        raise ScoresError(
            f"Labels of shape {labels.shape} and scores of shape {scores.shape} do not belong "
            "together; give two flat arrays with one entry a picture."
        )
    _refuse_first(~np.isin(labels, (0, 1)), labels, "Label", "labels must be 0 or 1")
    _refuse_first(~np.isfinite(scores), scores, "Score", "scores must be finite numbers")
    require_both_classes(labels, "These labels and scores")
    return labels.astype(np.int8), scores


def _refuse_first(wrong: NDArray[np.bool_], values: NDArray, word: str, rule: str) -> None:
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ScoresError(
            f"{word} {at + 1} of {len(values)} is {values[at]:g}, but {rule}; correct or remove it."
        )


def require_both_classes(labels: NDArray, what: str) -> None:
    if len(labels) == 0:
        raise ScoresError(f"{what} are empty; an AUC needs one positive and one negative at least.")
    if labels.min() == labels.max():
        raise ScoresError(
            f"{what} hold only class {labels[0]:g}; an AUC compares two classes, "
            f"so add some of class {1 - labels[0]:g}."
        )


def auc(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative.

    The Mann-Whitney statistic from mid-ranks, so that a tie counts half (Bamber, Journal of
    Mathematical Psychology 12, 1975): (R - P(P + 1) / 2) / (P N), with R the sum of the positives'
    ranks among all, P positives and N negatives.

    Args:
        y_true, y_score: (n,) each, see `validate`.

    Raises:
        ScoresError: as `validate`.

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])   # 3 of 4 pairs in the right order
    0.75
    >>> auc([0, 1], [0.5, 0.5])
    0.5
    """
    labels, scores = validate(y_true, y_score)
    positives = int(labels.sum())
    negatives = len(labels) - positives
    rank_sum = float(mid_ranks(scores)[labels == 1].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def mid_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks `(n,)` from 1 on; equal values share the mean of theirs.

    >>> mid_ranks(np.array([0.2, 0.9, 0.2])).tolist()
    [1.5, 3.0, 1.5]
    """
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def roc_curve(y_true: ArrayLike, y_score: ArrayLike) -> RocCurve:
    """The ROC curve at every distinct score, by scikit-learn.

    Args:
        y_true, y_score: (n,) each, see `validate`.

    Raises:
        ScoresError: as `validate`.

    >>> curve = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> [(float(f), float(t)) for f, t in zip(curve.fpr, curve.tpr)]
    [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]
    """
    from sklearn import metrics  # half a second, which the AUC alone need not pay

    labels, scores = validate(y_true, y_score)
    # Points inside a straight stretch are kept: the one closest to the corner can be among them.
    return RocCurve(*metrics.roc_curve(labels, scores, drop_intermediate=False))
