"""The AUC of a way of training, from a cross-validation: each picture is judged by the model that
has not seen it."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from math import fsum, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import ScoresError
from engine.evaluation.bounds import newcombe
from engine.evaluation.intervals import Interval, auc_interval
from engine.evaluation.level import LEVEL, quantile
from engine.evaluation.placements import placements
from engine.evaluation.roc import validate

METHOD = "influence-curve"
FEW = 20  # of a class in a fold; below, the paper's interval is measurably too narrow


@dataclass(frozen=True)
class CrossValidated:
    """The mean of the folds' AUCs with its interval.

    Attributes:
        value, low, high: within [0, 1].
        standard_error: of the mean.
        folds: each fold's AUC with an interval of its own, those of the first repeat first.
        n_positive, n_negative: pictures, each counted once however often it was judged.
        repeats: how often all pictures were dealt out into folds.
        method: "influence-curve"; "newcombe" where that has no width.
        level: the share of such intervals that hold the truth, if it is what it says.
        subjects: of how many the pictures are, where that was taken into account; else 0.
        naive: (low, high) as if each picture were of a subject of its own, where it is not.
        corrected: (low, high) with the squares within each fold divided by one less, as DeLong's
            are: the better the fewer pictures a fold has, see `cross_validated`.
    """

    value: float
    low: float
    high: float
    standard_error: float
    folds: tuple[Interval, ...]
    n_positive: int
    n_negative: int
    repeats: int = 1
    method: str = METHOD
    level: float = LEVEL
    subjects: int = 0
    naive: tuple[float, float] | None = None
    corrected: tuple[float, float] = (0.0, 1.0)

    @property
    def too_narrow(self) -> bool:
        """Whether such intervals are known to hold the truth too rarely: docs/decisions/025."""
        per_fold = min(self.n_positive, self.n_negative) * self.repeats / len(self.folds)
        return self.method == METHOD and per_fold < FEW


def cross_validated(
    y_true: ArrayLike,
    y_score: ArrayLike,
    fold: ArrayLike,
    level: float = LEVEL,
    groups: ArrayLike | None = None,
) -> CrossValidated:
    """The cross-validated AUC: LeDell, Petersen & van der Laan, EJS 9 (2015), 1583-1607.

    Its value is the mean of the V folds' AUCs. Scores of different folds come from different models
    and are never compared. With F0(s) the share of the fold's negatives below s, F1(s) that of its
    positives above s, p the share of positives among all n pictures, and A_v the fold's AUC, the
    influence of a picture with score s in fold v is

        IC = (F0(s) - A_v) / p where it is positive, (F1(s) - A_v) / (1 - p) where it is negative

    and the interval is the mean ± z √(σ² / n), σ² being the mean over folds of the mean of IC²
    within each, cut to [0, 1]. Ties count a half in F0 and F1, as in the AUC;
    R's cvAUC, which follows the paper else, counts none.

    By subject, the influences of a subject's pictures are summed before they are squared (their
    "pooled repeated measures": the subject is what was drawn).

    A fold's deviations are taken from its own AUC, so with m pictures of a class in it their mean
    square is too small by (m - 1) / m, which the paper, written for large folds, leaves as it is
    (and so does cvAUC). Of 10 folds of 200 pictures its 95% interval held the truth in 91 to 95% of
    simulations, of 60 in 81 to 92%. `corrected` takes that back (m counts subjects, where there
    are some): 92 to 96, and 90 to 96% (docs/decisions/025-folds.md).

    A repeated cross-validation deals the pictures out anew and averages all folds of all repeats;
    the variance is the mean of the repeats' own. Repeats take away the chance of which pictures
    fell into one fold, and no more: there are no more pictures than before, so the interval does
    not narrow. (It would if the influences were averaged first, and hold the truth less often.)

    What the interval is of: the mean true AUC of the models that were trained here, on V - 1 of V
    parts of the pictures. What it is not: of one of them, of a model trained on all pictures
    (mostly a little better), or of what another collection of as many pictures to train on would
    give: how training sets differ, no cross-validation can tell without bias (Bengio & Grandvalet,
    JMLR 5 (2004), 1089-1105).

    Where no picture has any influence (all folds' AUCs 1, or 0), the interval is Newcombe's from
    the counts, by subject from the numbers of subjects.

    Args:
        y_true: `(n,)` labels 0 and 1.
        y_score: `(n,)`, or of R repeats `(R, n)`: what the model said that had not seen it.
        fold: as `y_score`: in which fold each picture was judged, numbers of any kind.
        groups: `(n,)` names of subjects; None where each picture is of one of its own.

    Raises:
        ScoresError: as `roc.validate`; arrays that do not belong together; a fold that lacks a
            class; a subject that stands in two folds of one repeat.
        ConfigError: a level outside (0, 1).

    >>> found = cross_validated([1, 0, 1, 0, 0], [3, 1, 1, 2, 0], [0, 0, 1, 1, 1])
    >>> found.value, [one.value for one in found.folds]
    (0.75, [1.0, 0.5])
    """
    scores, dealt = np.atleast_2d(y_score), np.atleast_2d(fold)
    for one in scores:
        labels, _ = validate(y_true, one)
    names = None if groups is None else np.asarray(groups)
    _check(labels, scores.shape, dealt, names)

    def judged(at: NDArray, scores: NDArray) -> Interval:
        by = None if names is None or len(np.unique(names[at])) < 2 else names[at]
        return auc_interval(labels[at], scores, level=level, groups=by)

    shares = np.bincount(labels) / len(labels)
    binary = _two_classes(shares)
    positives = int(labels.sum())
    return _over_folds(
        labels, scores, dealt, binary, judged, (positives, len(labels) - positives), names, level
    )


def cross_validated_mean(
    y_true: ArrayLike,
    y_score: ArrayLike,
    fold: ArrayLike,
    level: float = LEVEL,
    groups: ArrayLike | None = None,
) -> CrossValidated:
    """The cross-validated mean AUC of k classes: of each fold, M of Hand & Till (2001).

    M is the mean of the AUCs A(i|j) of all ordered pairs of classes, so the influence of a picture
    is the mean over them of its influence on each, which is that of `cross_validated` with the
    share of its class among all n pictures; the rest is as there. The paper treats two classes;
    this is its argument carried over a sum.

    Args:
        y_true: `(n,)` classes 0 … k−1.
        y_score: `(n, k)` or `(R, n, k)` scores of each class.
        fold, groups, level: as `cross_validated`.

    Returns:
        `folds` hold each fold's mean with an interval from its own pictures' influences alone, and
        `n_positive`, `n_negative` the pictures of the smallest class and of the others.

    Raises:
        ScoresError: where arrays do not belong together, a score is not finite, a fold lacks a
            class, or a subject stands in two folds of one repeat.
        ConfigError: a level outside (0, 1).
    """
    z = quantile(level)
    labels, scores, dealt = np.asarray(y_true), np.asarray(y_score, float), np.atleast_2d(fold)
    scores = scores[None] if scores.ndim == 2 else scores
    names = None if groups is None else np.asarray(groups)
    _check(labels, scores.shape[:-1], dealt, names)
    if not np.isfinite(scores).all():
        raise ScoresError("A score is not finite; correct it, or leave the picture out.")
    counts = np.bincount(labels, minlength=scores.shape[-1])
    means = _many_classes(counts / len(labels))

    def judged(at: NDArray, scores: NDArray) -> Interval:
        value, within = means(labels[at], scores)
        of = np.bincount(labels[at], minlength=len(counts))
        least = int(of.min())
        variance = float(np.square(within).sum()) / len(within) ** 2
        low, high, error, method = _bounds(value, variance, z, least, len(at) - least, level)
        return Interval(value, low, high, error, method, least, len(at) - least, level)

    least = int(counts.min())
    return _over_folds(
        labels, scores, dealt, means, judged, (least, len(labels) - least), names, level
    )


# The AUC of some pictures, from labels `(m,)` and scores, and each one's influence on it `(m,)`.
Influences = Callable[[NDArray, NDArray], tuple[float, NDArray[np.float64]]]


def _two_classes(shares: NDArray) -> Influences:
    def found(labels: NDArray, scores: NDArray) -> tuple[float, NDArray[np.float64]]:
        of = placements(labels, scores)
        influence = np.empty(len(labels))
        influence[labels == 1] = (of.of_positives - of.value) / shares[1]
        influence[labels == 0] = (of.of_negatives - of.value) / shares[0]
        return of.value, influence

    return found


def _many_classes(shares: NDArray) -> Influences:
    pairs = list(permutations(range(len(shares)), 2))

    def found(labels: NDArray, scores: NDArray) -> tuple[float, NDArray[np.float64]]:
        areas, influence = [], np.zeros(len(labels))
        for one, other in pairs:
            at = np.flatnonzero((labels == one) | (labels == other))
            of_pair = _two_classes(shares[[other, one]])
            area, within = of_pair((labels[at] == one).astype(np.int8), scores[at, one])
            areas.append(area)
            influence[at] += within / len(pairs)
        return fsum(areas) / len(pairs), influence  # exactly 1 where all are, and so without width

    return found


def _over_folds(
    labels: NDArray, scores: NDArray, dealt: NDArray, found: Influences, judged,
    counts: tuple[int, int], groups: NDArray | None, level: float,
) -> CrossValidated:  # fmt: skip
    """The mean of the folds, each judged by `judged`, with its interval.

    An influence is times √(n / (V n_v)), so that the mean of all squares is the mean over folds of
    the means within each; where folds are equally large that is 1.
    """
    n, k = len(labels), len(np.unique(labels))
    subject = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    intervals, influence, corrected = [], np.zeros(dealt.shape), np.zeros(dealt.shape)
    for repeat, (of_repeat, fold) in enumerate(zip(scores, dealt, strict=True)):
        folds = np.unique(fold)
        for one in folds:
            at = np.flatnonzero(fold == one)
            _require_classes(labels, labels[at], k, one)
            intervals.append(judged(at, of_repeat[at]))
            _, within = found(labels[at], of_repeat[at])
            influence[repeat, at] = within * sqrt(n / (len(folds) * len(at)))
            corrected[repeat, at] = influence[repeat, at] * _one_less(labels[at], subject[at])
    alone, by_subject, wider = (
        _variance(*of) for of in ((influence, np.arange(n)), (influence, subject),
                                  (corrected, subject))
    )  # fmt: skip
    z, value = quantile(level), float(np.mean([one.value for one in intervals]))
    with_each = [len(np.unique(subject[labels == one])) for one in np.unique(labels)]
    few = min(with_each)
    of_counts = (with_each[1], with_each[0]) if k == 2 else (few, sum(with_each) - few)
    low, high, error, method = _bounds(value, by_subject, z, *of_counts, level)
    return CrossValidated(
        value, low, high, error, tuple(intervals), *counts, len(dealt), method, level,
        0 if groups is None else int(subject.max()) + 1,
        None if groups is None else _bounds(value, alone, z, *counts, level)[:2],
        _bounds(value, wider, z, *of_counts, level)[:2],
    )  # fmt: skip


def _variance(influence: NDArray, subject: NDArray) -> float:
    """Of the mean, from influences `(R, n)`, summed within subjects `(n,)`."""
    sums = [np.bincount(subject, one) for one in influence]
    return float(np.mean([one @ one for one in sums])) / influence.shape[1] ** 2


def _one_less(labels: NDArray, subject: NDArray) -> NDArray[np.float64]:
    """√(m / (m - 1)) of each picture, with m subjects of its class; 1 where there is one, of whose
    spread nobody knows."""
    factor = np.empty(len(labels))
    for one in np.unique(labels):
        of = labels == one
        m = len(np.unique(subject[of]))
        factor[of] = sqrt(m / (m - 1)) if m > 1 else 1.0
    return factor


def _require_classes(labels: NDArray, within: NDArray, k: int, fold) -> None:
    if len(np.unique(within)) == k:
        return
    missing = int(np.setdiff1d(labels, within)[0])
    what = f"picture of class {missing}" if k > 2 else ("negative", "positive")[missing]
    raise ScoresError(
        f"The fold {fold} has no {what}, so it has no AUC; make fewer folds, or stratify "
        "them by class."
    )


def _bounds(
    value: float, variance: float, z: float, positives: int, negatives: int, level: float
) -> tuple[float, float, float, str]:
    if not variance:
        return *newcombe(value, positives, negatives, level), "newcombe"
    error = sqrt(variance)
    return max(0.0, value - z * error), min(1.0, value + z * error), error, METHOD


def _check(
    labels: NDArray, scores: tuple[int, ...], dealt: NDArray, groups: NDArray | None
) -> None:
    """Refuse what does not belong together, and subjects in two folds.

    Args:
        scores: their shape, without the axis of classes.
    """
    n = len(labels)
    if scores != dealt.shape or scores[1:] != (n,):
        raise ScoresError(
            f"{n} labels, scores of shape {scores} and folds of shape {dealt.shape} do not "
            "belong together; give one row of n for each repeat."
        )
    if groups is None:
        return
    if groups.shape != (n,):
        raise ScoresError(
            f"{n} pictures and subjects of shape {groups.shape} do not belong together; give the "
            "subject of each picture."
        )
    names, subject = np.unique(groups, return_inverse=True)
    for row in dealt:
        if len(np.unique(np.stack([subject, row]), axis=1).T) > len(names):
            raise ScoresError(
                "A subject has pictures in two folds, so models were judged on subjects that they "
                "were trained on; deal out whole subjects."
            )
