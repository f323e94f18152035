"""The AUC of a way of training, from a cross-validation: each picture is judged by the model that
has not seen it."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import ScoresError
from engine.evaluation.intervals import Interval, auc_interval, newcombe
from engine.evaluation.level import LEVEL, quantile
from engine.evaluation.placements import placements
from engine.evaluation.roc import validate

METHOD = "influence-curve"


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

    A repeated cross-validation deals the pictures out anew and averages all folds of all repeats;
    a picture's influence is then the mean of its own over the repeats. That takes away the chance
    of which pictures fell into one fold, and no more: there are no more pictures than before, so
    the interval hardly narrows. What it is of: the mean true AUC of the models that were trained
    here, on V - 1 of V parts of the pictures. What it is not: of one of them, of a model trained on
    all pictures (mostly a little better), or of what another collection of as many pictures to
    train on would give: how training sets differ, no cross-validation can tell without bias (Bengio
    & Grandvalet, JMLR 5 (2004), 1089-1105).

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
    z = quantile(level)
    scores, dealt = np.atleast_2d(y_score), np.atleast_2d(fold)
    for one in scores:
        labels, _ = validate(y_true, one)
    names = None if groups is None else np.asarray(groups)
    _check(labels, scores, dealt, names)
    intervals, influences = [], []
    for one, of in zip(scores, dealt, strict=True):
        found, influence = _repeat(labels, one, of, level, names)
        intervals += found
        influences.append(influence)
    value = float(np.mean([one.value for one in intervals]))
    influence, n = np.mean(influences, axis=0), len(labels)
    positives, negatives = int(labels.sum()), int(n - labels.sum())
    alone = _bounds(value, float(np.square(influence).sum()) / n**2, z, positives, negatives, level)
    if names is None:
        low, high, error, method = alone
        return CrossValidated(
            value, low, high, error, tuple(intervals), positives, negatives, len(scores), method,
            level,
        )  # fmt: skip
    _, subject = np.unique(names, return_inverse=True)
    sums = np.bincount(subject, influence)
    with_each = (len(np.unique(subject[labels == label])) for label in (1, 0))
    low, high, error, method = _bounds(value, float(sums @ sums) / n**2, z, *with_each, level)
    return CrossValidated(
        value, low, high, error, tuple(intervals), positives, negatives, len(scores), method,
        level, len(sums), alone[:2],
    )  # fmt: skip


def _repeat(
    labels: NDArray, scores: NDArray, dealt: NDArray, level: float, groups: NDArray | None
) -> tuple[list[Interval], NDArray[np.float64]]:
    """Each fold's interval, and each picture's influence `(n,)`.

    An influence is times √(n / (V n_v)), so that the mean of all squares is the mean over folds of
    the means within each; where folds are equally large that is 1.
    """
    share = labels.mean()
    folds = np.unique(dealt)
    intervals, influence = [], np.empty(len(labels))
    for one in folds:
        at = dealt == one
        of = labels[at]
        if len(np.unique(of)) < 2:
            what = "no positive" if not of.any() else "no negative"
            raise ScoresError(
                f"The fold {one} has {what} picture, so it has no AUC; make fewer folds, or "
                "stratify them by class."
            )
        found = placements(of, scores[at])
        within = np.empty(len(of))
        within[of == 1] = (found.of_positives - found.value) / share
        within[of == 0] = (found.of_negatives - found.value) / (1 - share)
        influence[at] = within * sqrt(len(labels) / (len(folds) * len(of)))
        by = None if groups is None or len(np.unique(groups[at])) < 2 else groups[at]
        intervals.append(auc_interval(of, scores[at], level=level, groups=by))
    return intervals, influence


def _bounds(
    value: float, variance: float, z: float, positives: int, negatives: int, level: float
) -> tuple[float, float, float, str]:
    if not variance:
        return *newcombe(value, positives, negatives, level), "newcombe"
    error = sqrt(variance)
    return max(0.0, value - z * error), min(1.0, value + z * error), error, METHOD


def _check(labels: NDArray, scores: NDArray, dealt: NDArray, groups: NDArray | None) -> None:
    n = len(labels)
    if scores.shape != dealt.shape or scores.shape[1:] != (n,):
        raise ScoresError(
            f"{n} labels, scores of shape {scores.shape} and folds of shape {dealt.shape} do not "
            "belong together; give one row of n for each repeat."
        )
    if groups is None:
        return
    if groups.shape != (n,):
        raise ScoresError(
            f"{n} pictures and subjects of shape {groups.shape} do not belong together; give the "
            "subject of each picture."
        )
    for row in dealt:
        pairs = np.unique(np.stack([np.unique(groups, return_inverse=True)[1],
                                    np.unique(row, return_inverse=True)[1]]), axis=1)  # fmt: skip
        if pairs.shape[1] > len(np.unique(groups)):
            raise ScoresError(
                "A subject has pictures in two folds, so models were judged on subjects that they "
                "were trained on; deal out whole subjects."
            )
