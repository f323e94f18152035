"""Where a classifier is set to work: every threshold's counts, and what one of them is worth.

Youden's point and the one closest to the corner are in `thresholds`.
"""

from dataclasses import dataclass
from math import inf, isfinite, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import ConfigError
from engine.evaluation.estimates import Estimate
from engine.evaluation.level import LEVEL, check
from engine.evaluation.placements import subjects_of
from engine.evaluation.proportions import Proportion, share, wilson
from engine.evaluation.roc import RocCurve, validate
from engine.evaluation.thresholds import Confusion

RATES = ("accuracy", "sensitivity", "specificity", "precision", "negative_predictive_value")


@dataclass(frozen=True, eq=False)
class Table:
    """The counts at every distinct score, where a score at or above it is called positive.

    Attributes:
        thresholds: `(k,)` falling.
        tn, fp, fn, tp: `(k,)` counts.
    """

    thresholds: NDArray[np.float64]
    tn: NDArray[np.int64]
    fp: NDArray[np.int64]
    fn: NDArray[np.int64]
    tp: NDArray[np.int64]

    def at(self, threshold: float) -> Confusion:
        """The confusion matrix at any threshold: a look-up, however many pictures there are.

        >>> table([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.4]).at(0.45)
        Confusion(tn=1, fp=1, fn=1, tp=1)
        """
        rising = self.thresholds[::-1]
        row = len(rising) - int(np.searchsorted(rising, threshold)) - 1  # the last at or above it
        if row < 0:
            return Confusion(int(self.tn[-1] + self.fp[-1]), 0, int(self.fn[-1] + self.tp[-1]), 0)
        return Confusion(*(int(of[row]) for of in (self.tn, self.fp, self.fn, self.tp)))


def table(y_true: ArrayLike, y_score: ArrayLike) -> Table:
    """The counts at every distinct score, sorted once, by scikit-learn.

    Args:
        y_true, y_score: `(n,)` each, see `roc.validate`.

    Raises:
        ScoresError: as `roc.validate`.
    """
    from sklearn import metrics  # half a second, which the AUC alone need not pay

    labels, scores = validate(y_true, y_score)
    *counts, thresholds = metrics.confusion_matrix_at_thresholds(y_true=labels, y_score=scores)
    tn, fp, fn, tp = (of.astype(np.int64) for of in counts)
    return Table(thresholds, tn, fp, fn, tp)


# --- rates at one threshold -----------------------------------------------------------------------


def rates(
    y_true: ArrayLike,
    y_score: ArrayLike,
    threshold: float,
    groups: ArrayLike | None = None,
    level: float = LEVEL,
) -> dict[str, Proportion | None]:
    """`RATES` with Wilson's intervals; None where one does not exist, nothing being called so.

    Args:
        y_true, y_score: `(n,)` each, see `roc.validate`.
        threshold: a score at or above it is called positive.
        groups: `(n,)` names of subjects, whose pictures are then not taken as independent.
        level: of the intervals, within (0, 1).

    Raises:
        ScoresError: as `roc.validate`, or where groups are not one for each picture.
        ConfigError: a level outside (0, 1).
    """
    labels, scores = validate(y_true, y_score)
    positive, said = labels == 1, scores >= threshold
    subjects_of(positive, groups)  # refuses what does not belong together
    among = (None, positive, ~positive, said, ~said)
    return {
        name: share(positive == said, of, groups=groups, level=level)
        for name, of in zip(RATES, among, strict=True)
    }


def rates_of(counts: Confusion, level: float = LEVEL) -> dict[str, Proportion | None]:
    """`rates` from the counts at a threshold, pictures being independent.

    >>> found = rates_of(Confusion(tn=2, fp=0, fn=2, tp=0))
    >>> found["specificity"].value, found["precision"]
    (1.0, None)
    """
    tn, fp, fn, tp = counts.tn, counts.fp, counts.fn, counts.tp
    parts = ((tp + tn, fp + fn), (tp, fn), (tn, fp), (tp, fp), (tn, fn))
    return {
        name: wilson(right, right + wrong, level) if right + wrong else None
        for name, (right, wrong) in zip(RATES, parts, strict=True)
    }


# --- where the model will be used -----------------------------------------------------------------


def by_cost(
    curve: RocCurve,
    prevalence: float,
    cost_false_positive: float = 1.0,
    cost_false_negative: float = 1.0,
) -> float:
    """The threshold of the smallest expected cost: Metz, Seminars in Nuclear Medicine 8 (1978).

    A picture costs on average, with π the prevalence where the model will be used,

        π (1 - sensitivity) cost of a false negative + (1 - π) (1 - specificity) cost of a false
        positive

    The highest such threshold where several are equal. Infinity where it is cheapest to call
    nothing positive, which a rare class or dear false positives can make true of any model.

    pROC's `best.weights = c(cost, prevalence)` is the same, cost being that of a false negative
    over that of a false positive; its thresholds lie midway between two scores.

    Raises:
        ConfigError: a prevalence outside (0, 1), or a cost that is not a number above 0.
    """
    _check_prevalence(prevalence)
    for what, cost in (("positive", cost_false_positive), ("negative", cost_false_negative)):
        if not (isfinite(cost) and cost > 0):
            raise ConfigError(
                f"A false {what} cannot cost {cost:g}; give a number above 0, as 1 or 2.5."
            )
    cost = prevalence * cost_false_negative * (1 - curve.tpr)
    cost = cost + (1 - prevalence) * cost_false_positive * curve.fpr
    return float(curve.thresholds[np.argmin(cost)])


def _check_prevalence(prevalence: float) -> None:
    if not 0 < prevalence < 1:
        raise ConfigError(
            f"A prevalence of {prevalence:g} is not possible; give the share of positives where "
            "the model will be used, between 0 and 1, as 0.05."
        )


@dataclass(frozen=True)
class Predictive:
    """What an answer of the model means where the model will be used.

    Attributes:
        ppv, npv: chances that a positive and a negative call are right, at the prevalence.
        lr_positive, lr_negative: sensitivity / (1 - specificity) and (1 - sensitivity) /
            specificity: by how much the odds of a positive rise after either call.
        prevalence: the share of positives there.
    Any of them is None where it does not exist: the call is never made.
    """

    ppv: Estimate | None
    npv: Estimate | None
    lr_positive: Estimate | None
    lr_negative: Estimate | None
    prevalence: float


def at_prevalence(
    counts: Confusion,
    prevalence: float,
    level: float = LEVEL,
    rates: dict[str, Proportion | None] | None = None,
) -> Predictive:
    """Predictive values and likelihood ratios at a prevalence that is not that of the pictures.

    The predictive values follow from the likelihood ratios by Bayes, bounds included:
    odds(PPV) = odds(π) LR+, odds(1 - NPV) = odds(π) LR-.

    Args:
        counts: at a threshold.
        prevalence: the share of positives where the model will be used; taken as known.
        level: of the intervals.
        rates: as `rates` gives them by subject; None where pictures are independent. That a subject
            may have pictures of both classes is passed over.

    Raises:
        ConfigError: a prevalence or level outside (0, 1).

    >>> at = at_prevalence(Confusion(tn=80, fp=20, fn=10, tp=90), 0.1)
    >>> round(at.lr_positive.value, 6), round(at.ppv.value, 6)   # .09 / (.09 + .18)
    (4.5, 0.333333)
    """
    _check_prevalence(prevalence)
    check(level)
    rates = rates or rates_of(counts, level)
    hit, left = rates["sensitivity"], rates["specificity"]
    missed, wrong = _other(hit), _other(left)
    positive, negative = _ratio(hit, wrong), _ratio(missed, left)
    odds = prevalence / (1 - prevalence)
    return Predictive(
        None if positive is None else _share(positive, odds),
        None if negative is None else _rest(_share(negative, odds)),
        positive, negative, prevalence,
    )  # fmt: skip


def _other(p: Proportion) -> Proportion:
    return Proportion(1 - p.value, 1 - p.high, 1 - p.low, p.n, p.method, p.level, p.effective_n)


def _ratio(a: Proportion, b: Proportion) -> Estimate | None:
    """a / b, of two independent proportions, by Donner & Zou, Statistical Methods in Medical
    Research 21 (2012), eq. 9: the bounds lie as far from the ratio as those of both say together.

    With Wilson's bounds in it, it needs no half counts where a cell is empty, as the logarithm of
    a ratio does (Simel, Samsa & Matchar 1991). Without a b above 0 the ratio has no upper bound.
    """
    if a.value == 0 and b.value == 0:
        return None
    low = _end(a.value, a.low, b.value, b.high, -1)
    high = _end(a.value, a.high, b.value, b.low, 1) if b.low > 0 else inf
    value = a.value / b.value if b.value else inf
    return Estimate(value, low, high, "donner-zou", a.level)


def _end(a: float, end_a: float, b: float, end_b: float, sign: int) -> float:
    """One bound, from the end of either interval that makes it.

    It is the root x of (a - b x)² = (a - end_a)² + x² (b - end_b)² on its side of a / b:
    A x² - 2 a b x + C = 0 with A = end_b (2 b - end_b), C = end_a (2 a - end_a). Written as
    C / (a b ± √...), the lower one stays exact where A is 0.
    """
    first, last = end_b * (2 * b - end_b), end_a * (2 * a - end_a)
    root = sqrt(max(0.0, (a * b) ** 2 - first * last))
    if sign < 0:
        return max(0.0, last / (a * b + root)) if a * b + root else 0.0
    return (a * b + root) / first


def _share(ratio: Estimate, odds: float) -> Estimate:
    """The chance of a positive after a call, from its likelihood ratio and the odds before it."""
    value, low, high = (1.0 if x == inf else x * odds / (1 + x * odds) for x in
                        (ratio.value, ratio.low, ratio.high))  # fmt: skip
    return Estimate(value, low, high, ratio.method, ratio.level)


def _rest(p: Estimate) -> Estimate:
    return Estimate(1 - p.value, 1 - p.high, 1 - p.low, p.method, p.level)
