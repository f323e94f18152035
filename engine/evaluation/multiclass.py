"""Many classes: what a model says, the confusion matrix, and the mean AUC with its interval.

Everything else here is of two classes. One class against the rest is two: `y_true == c` and the
probability of c.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from engine.errors import ScoresError
from engine.evaluation import bootstrap
from engine.evaluation.bounds import newcombe
from engine.evaluation.intervals import ONE_SUBJECT
from engine.evaluation.level import LEVEL, check, quantile

RESAMPLES = 1000
# Pictures of a class, under which the interval is too narrow: of simulated ones on 5 to 30 pictures
# of each of 3 to 37 classes, 86 to 96% held the truth, the fewest where the mean is near 1.
VERY_FEW = 30
BLOCK = 512  # pictures that are held against all at a time


@dataclass(frozen=True)
class MeanAuc:
    """The mean AUC over all pairs of classes with its interval.

    Attributes:
        value, low, high: within [0, 1]; 0.5 is chance.
        standard_error: the standard deviation over the resamples.
        method: "bootstrap", or "newcombe" where the resamples do not differ.
        n, classes: how many pictures and classes are behind it.
        level: the share of such intervals that hold the truth, if it is what it says.
        subjects: of how many the pictures are, where that was taken into account; else 0.
    """

    value: float
    low: float
    high: float
    standard_error: float
    method: str
    n: int
    classes: int
    level: float = LEVEL
    subjects: int = 0


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
    y_true: NDArray,
    y_score: NDArray,
    *,
    groups: NDArray | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> MeanAuc:
    """`hand_till` with a stratified bootstrap interval.

    The interval is the percentile bootstrap (Efron & Tibshirani 1993, chapter 13): pictures are
    drawn again with replacement within each class; with groups whole subjects are, each among those
    whose rarest class is the same, and a resample that lacks a class is left out. Where no pair is
    ordered wrongly all resamples are equal, which would claim certainty: the bounds are then the
    means of the pairs' bounds by Newcombe's method, which is no narrower than the truth.

    Args:
        y_true: `(n,)` class numbers, each of 0 … k−1 at least once.
        y_score: `(n, k)` scores of each class.
        groups: `(n,)` subjects; None where each picture is of one of its own.

    Raises:
        ScoresError: if a class has no picture, or all pictures are of one subject.
        ConfigError: a level outside (0, 1).
    """
    check(level)
    order, counts = _sorted(y_true, y_score.shape[1])
    if groups is None:
        drawn = _resampled(np.random.default_rng(seed), counts, resamples)
        subjects, effective = 0, counts
    else:
        classes = np.asarray(y_true, np.int64)[order]
        drawn, effective, subjects = _by_subject(classes, groups[order], resamples, seed)
    once = np.ones((1, len(order)), np.float32)
    value, *means = _means(y_score[order], np.concatenate([once, drawn]), counts).tolist()
    low, high = map(float, np.quantile(means, ((1 - level) / 2, (1 + level) / 2)))
    about = {"n": len(y_true), "classes": len(counts), "level": level, "subjects": subjects}
    if low < high:
        spread = float(np.std(means, ddof=1))
        return MeanAuc(value, min(low, value), max(high, value), spread, "bootstrap", **about)
    pairs = [newcombe(value, int(n), int(m), level)[:2] for n, m in combinations(effective, 2)]
    low, high = map(float, np.mean(pairs, axis=0))
    return MeanAuc(value, low, high, (high - low) / (2 * quantile(level)), "newcombe", **about)


def _by_subject(
    classes: NDArray, groups: NDArray, resamples: int, seed: int
) -> tuple[NDArray[np.float32], NDArray, int]:
    """How often each picture was drawn `(resamples, n)`, how many subjects each class has, and how
    many there are.

    Args:
        classes: `(n,)` of the pictures, ascending.
    """
    names, subject = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise ScoresError(ONE_SUBJECT)
    held = np.zeros((len(names), classes.max() + 1), bool)
    held[subject, classes] = True
    having = held.sum(axis=0)
    rarest = np.where(held, having, len(names) + 1).argmin(axis=1)
    rng, times = np.random.default_rng(seed), np.empty((resamples, len(names)), np.int32)
    for one in np.unique(rarest):
        of = np.flatnonzero(rarest == one)
        times[:, of] = bootstrap.drawn(rng, resamples, len(of))
    drawn = times[:, subject].astype(np.float32)
    starts = np.searchsorted(classes, np.arange(len(having)))
    whole = np.add.reduceat(drawn, starts, axis=1).all(axis=1)
    return drawn[whole], having, len(names)


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
    of_class = np.add.reduceat(drawn, starts, axis=1, dtype=np.float64)  # by subject they vary
    total = np.zeros(len(drawn))
    for c, (start, count) in enumerate(zip(starts, counts, strict=True)):
        over = np.zeros_like(drawn)
        for at in range(start, start + count, BLOCK):
            own = slice(at, min(at + BLOCK, start + count))
            over += drawn[:, own] @ _wins(y_score, c, own)
        over *= drawn
        by_other = np.add.reduceat(over, starts, axis=1, dtype=np.float64)
        by_other /= of_class[:, [c]] * of_class
        total += by_other.sum(axis=1) - by_other[:, c]
    return total / (k * (k - 1))
