"""What a classifier decides at one threshold: confusion matrix, rates, and the closing line."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isclose, log10, nan

import numpy as np
from numpy.typing import ArrayLike

from engine.evaluation.intervals import Interval
from engine.evaluation.multiclass import MeanAuc
from engine.evaluation.roc import RocCurve, validate


@dataclass(frozen=True)
class Confusion:
    """Counts at one threshold; a rate whose divisor is 0 is NaN, since it does not exist."""

    tn: int
    fp: int
    fn: int
    tp: int

    @property
    def accuracy(self) -> float:
        """The blog post's "detection rate": the share that is called rightly."""
        return _share(self.tp + self.tn, self.tp + self.tn + self.fp + self.fn)

    @property
    def sensitivity(self) -> float:
        """True positive rate, recall: the share of positives that is found."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """True negative rate: the share of negatives that is left alone."""
        return _share(self.tn, self.tn + self.fp)

    @property
    def precision(self) -> float:
        """Positive predictive value: the share of positive calls that is right."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def negative_predictive_value(self) -> float:
        """The share of negative calls that is right."""
        return _share(self.tn, self.tn + self.fn)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else nan


def confusion(y_true: ArrayLike, y_score: ArrayLike, threshold: float) -> Confusion:
    """The confusion matrix where a score at or above `threshold` is called positive.

    Args:
        y_true, y_score: (n,) each, see `roc.validate`.

    Raises:
        ScoresError: as `roc.validate`.

    >>> confusion([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.4], threshold=0.5)
    Confusion(tn=1, fp=1, fn=1, tp=1)
    """
    labels, scores = validate(y_true, y_score)
    tn, fp, fn, tp = np.bincount(2 * labels + (scores >= threshold), minlength=4).tolist()
    return Confusion(tn, fp, fn, tp)


def youden(curve: RocCurve) -> float:
    """The threshold with the largest sensitivity + specificity - 1: Youden, Cancer 3 (1950).

    The highest such threshold where several are equal, and never the curve's first, which is
    infinity.
    """
    return _best(curve, curve.tpr - curve.fpr)


def youden_in_the_middle(curve: RocCurve, usual: float = 0.5) -> float:
    """A threshold with the largest sensitivity + specificity - 1 that leaves room on both sides.

    All thresholds between two neighbouring scores tell the same pictures apart. `youden` takes the
    highest of them, a score of a positive itself, at which half of the next positives like it are
    missed. Where few pictures choose for others, this takes `usual` if it is among the best, else
    the middle between the two scores; of several best gaps the one nearest to `usual`.

    >>> from engine.evaluation.roc import roc_curve
    >>> youden_in_the_middle(roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.9, 0.95]))
    0.5
    >>> youden_in_the_middle(roc_curve([0, 0, 1, 1], [0.1, 0.6, 0.8, 0.95]))
    0.7
    """
    high = curve.thresholds[1:]  # the first is infinity
    low = np.append(high[1:], min(0.0, high[-1]))
    merit = (curve.tpr - curve.fpr)[1:]
    best = np.flatnonzero(np.isclose(merit, merit.max(), rtol=0, atol=1e-12))
    within = (low[best] < usual) & (usual <= high[best])
    at = np.where(within, usual, (low[best] + high[best]) / 2)
    at = np.where(at > low[best], at, high[best])  # no number may lie between the two
    return float(at[np.argmin(np.abs(at - usual))])


def closest_to_corner(curve: RocCurve) -> float:
    """The threshold whose point lies closest to the corner of a perfect classifier, (0, 1).

    The highest such threshold where several are equal, and never the curve's first, which is
    infinity.
    """
    return _best(curve, -np.hypot(curve.fpr, 1 - curve.tpr))


def _best(curve: RocCurve, merit: np.ndarray) -> float:
    finite = np.isfinite(curve.thresholds)
    return float(curve.thresholds[finite][np.argmax(merit[finite])])


def classification_report(
    y_true: ArrayLike, y_score: ArrayLike, threshold: float, class_names: Sequence[str]
) -> str:
    """Precision, recall and F1 of each class as scikit-learn's table of text.

    Args:
        y_true, y_score: (n,) each, see `roc.validate`.
        class_names: the negative class's name, then the positive one's.

    Raises:
        ScoresError: as `roc.validate`.
    """
    labels, scores = validate(y_true, y_score)
    return report_of(labels, scores >= threshold, class_names)


def report_of(y_true: ArrayLike, said: ArrayLike, class_names: Sequence[str]) -> str:
    """scikit-learn's table of precision, recall and F1 for what a model says, of any classes.

    Args:
        y_true, said: (n,) class numbers each.
        class_names: of all classes, by their number.
    """
    from sklearn import metrics  # half a second, which the closing line need not pay

    return metrics.classification_report(
        y_true,
        said,
        labels=list(range(len(class_names))),
        target_names=list(class_names),
        digits=3,
        zero_division=nan,
    )


def closing_line(interval: Interval | MeanAuc, accuracy: float, seconds: float) -> str:
    """The blog post's closing line, with the interval's method named.

    An interval that does not lie evenly around the AUC, such as Newcombe's and any that is cut at 0
    or 1, is printed by its bounds. Decimals are added where three would print a width of zero.

    >>> from engine.evaluation.intervals import auc_interval
    >>> found = auc_interval([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6], "hanley-mcneil")
    >>> closing_line(found, accuracy=0.861, seconds=412)
    'AUC=0.889, Confidence_interval(95%)=0.588–1.000 (hanley-mcneil), Detection_rate=0.861, \
Process_time=412.0sec'
    """
    below, above = interval.value - interval.low, interval.high - interval.value
    if isclose(below, above, rel_tol=1e-6):
        digits = _decimals(below)
        width = f"±{below:.{digits}f}"
    else:
        digits = _decimals(interval.high - interval.low)
        width = f"{interval.low:.{digits}f}–{interval.high:.{digits}f}"
    if isinstance(interval, Interval) and interval.side != "both":
        bound = f"at least {interval.low:.{digits}f}"
        width = bound if interval.side == "lower" else f"at most {interval.high:.{digits}f}"
    return (
        f"AUC={interval.value:.{digits}f}, "
        f"Confidence_interval({100 * interval.level:.4g}%)={width} ({interval.method}), "
        f"Detection_rate={accuracy:.3f}, Process_time={seconds:.1f}sec"
    )


def _decimals(width: float) -> int:
    """Three, or as many as show the first digit of a smaller width."""
    return max(3, -floor(log10(width))) if width > 0 else 3
