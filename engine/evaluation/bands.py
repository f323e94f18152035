"""How far off a ROC curve may be: at one specificity, or everywhere at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import ConfigError
from engine.evaluation import bootstrap
from engine.evaluation.bounds import Asked
from engine.evaluation.level import LEVEL, quantile
from engine.evaluation.operating import Table, table
from engine.evaluation.placements import subjects_of
from engine.evaluation.proportions import bounds
from engine.evaluation.roc import validate

POINTS = 256  # of the curve, at most, around which a band is laid
DRAWN = 40_000_000  # pictures, about, over all replicates that draw subjects
SIMULATED = 1000  # curves, to find how wide a band must be


@dataclass(frozen=True, eq=False)
class Band:
    """Between which sensitivities the curve lies, by specificity.

    Attributes:
        specificity: `(k,)` as asked, or falling from 1 to 0.
        low, high: `(k,)`. Between two specificities `low` keeps the value of the higher one, and
            `high` that of the lower one, where the band is simultaneous.
        method: "bootstrap" at each specificity alone, "rectangles" for the whole curve.
        level: the share of such bands that hold the true curve, at a point or everywhere.
        subjects: of how many the pictures are, where that was taken into account; else 0.
    """

    specificity: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    method: str
    level: float = LEVEL
    subjects: int = 0


def even(points: int) -> NDArray[np.float64]:
    """From 0 to 1, denser towards both, so that a share is known as well at either end.

    >>> even(3).tolist()
    [0.0, 0.5, 1.0]
    """
    steps = np.sin(np.linspace(0, pi / 2, points)) ** 2
    return np.round(steps, 12)


# --- at one specificity ---------------------------------------------------------------------------


def pointwise(
    y_true: ArrayLike,
    y_score: ArrayLike,
    specificities: ArrayLike,
    level: float = LEVEL,
    groups: ArrayLike | None = None,
    seed: int = 1,
) -> Band:
    """The sensitivity at each of some specificities, by the percentile bootstrap within classes.

    As pROC's `ci.se`; where the curve runs straight between two thresholds (a tie) it is
    interpolated. The threshold that has the specificity is drawn too, so an interval is never
    narrower than Wilson's at a threshold that is known: where all draws agree, at a sensitivity
    of 1, that is what remains. With groups whole subjects are drawn, fewer times where there are
    more than 20,000 pictures, and 200 times at least. A curve of more than 256 points is drawn from
    256 of them.

    Args:
        y_true, y_score: `(n,)` each, see `roc.validate`.
        specificities: `(k,)` within [0, 1].
        level: of each interval alone, within (0, 1).
        groups: `(n,)` names of subjects; None where each picture is of one of its own.

    Raises:
        ScoresError: as `roc.validate`, or where groups are not one for each picture.
        ConfigError: a specificity outside [0, 1], or a level outside (0, 1).
    """
    z = quantile(level)
    labels, scores = validate(y_true, y_score)
    at = np.atleast_1d(np.asarray(specificities, np.float64))
    if not ((at >= 0) & (at <= 1)).all():
        raise ConfigError("A specificity lies within 0 and 1; give such, as 0.9.")
    of = subjects_of(labels == 1, groups)
    counts = thinned(table(labels, scores))
    drawn = [
        _sensitivities(fp, tp, 1 - at) for fp, tp in _redrawn(labels, scores, counts, groups, seed)
    ]
    tails = (1 - level) / 2, (1 + level) / 2
    low, high = np.quantile(np.concatenate(drawn), tails, axis=0)
    found = _sensitivities(counts.fp[None], counts.tp[None], 1 - at)[0]
    n = int(counts.tp[-1]) if of is None else of.with_positives
    least = np.array([bounds(float(value), n, z) for value in found])
    return Band(
        at, np.minimum(low, least[:, 0]), np.maximum(high, least[:, 1]), "bootstrap", level,
        0 if of is None else of.count,
    )  # fmt: skip


def thinned(counts: Table) -> Table:
    """At most `POINTS` of the thresholds, spread over the curve, the last one among them."""
    k = len(counts.thresholds)
    if k <= POINTS:
        return counts
    along = sum(np.arcsin(np.sqrt(of / of[-1])) for of in (counts.fp, counts.tp)) / pi
    kept = np.unique(np.searchsorted(along, np.linspace(0, 1, POINTS)).clip(0, k - 1))
    kept[-1] = k - 1
    return Table(
        *(of[kept] for of in (counts.thresholds, counts.tn, counts.fp, counts.fn, counts.tp))
    )


def _redrawn(
    labels: NDArray,
    scores: NDArray,
    counts: Table,
    groups: ArrayLike | None,
    seed: int,
    times: int = bootstrap.REPLICATES,
) -> Iterator[tuple[NDArray, NDArray]]:
    """`(b, k)` false and true positives at each threshold, of pictures that were drawn again."""
    rng = np.random.default_rng(seed)
    if groups is None:  # only how many fall between two thresholds matters
        shares = [np.diff(of, prepend=0) / of[-1] for of in (counts.fp, counts.tp)]
        sizes = int(counts.fp[-1]), int(counts.tp[-1])
        yield tuple(
            np.cumsum(rng.multinomial(n, share, times), axis=1)
            for n, share in zip(sizes, shares, strict=True)
        )
        return
    rows = np.searchsorted(-counts.thresholds, -scores)  # the first threshold at or below it
    times = min(times, bootstrap.times_for(len(labels), DRAWN))
    for drawn in bootstrap.by_subject(labels, groups, rng, times):
        yield tuple(_up_to(drawn[:, labels == one], rows[labels == one], len(counts.tp))
                    for one in (0, 1))  # fmt: skip


def _up_to(drawn: NDArray, rows: NDArray, k: int) -> NDArray[np.int64]:
    """`(b, k)` sums of `(b, m)` draws whose threshold is the j-th or an earlier one."""
    order = np.argsort(rows, kind="stable")
    sums = np.zeros((len(drawn), len(rows) + 1), np.int64)
    np.cumsum(drawn[:, order], axis=1, out=sums[:, 1:])
    return sums[:, np.searchsorted(rows[order], np.arange(k), "right")]


def _sensitivities(fp: NDArray, tp: NDArray, at: NDArray) -> NDArray[np.float64]:
    """`(b, m)` of curves `(b, k)` at m values of 1 - specificity, all rows looked up at once."""
    b = len(fp)
    x = np.concatenate([np.zeros((b, 1)), fp / fp[:, -1:]], axis=1)
    y = np.concatenate([np.zeros((b, 1)), tp / tp[:, -1:]], axis=1)
    shift = 2.0 * np.arange(b)[:, None]  # so that rows follow one another
    left = np.searchsorted((x + shift).ravel(), (at + 1e-9 + shift).ravel(), "right") - 1
    last = np.repeat(np.arange(b) * x.shape[1] + x.shape[1] - 1, len(at))
    right = np.minimum(left + 1, last)
    x, y = x.ravel(), y.ravel()
    length = x[right] - x[left]
    part = np.where(length > 0, (np.tile(at, b) - x[left]) / np.where(length > 0, length, 1), 0)
    return (y[left] + np.clip(part, 0, 1) * (y[right] - y[left])).reshape(b, len(at))


# --- everywhere at once ---------------------------------------------------------------------------


def simultaneous(
    y_true: ArrayLike,
    y_score: ArrayLike,
    level: float = LEVEL,
    groups: ArrayLike | None = None,
    specificities: ArrayLike | None = None,
) -> Band:
    """A band that holds the whole true curve.

    Around each point of the curve lies a rectangle, of Clopper & Pearson's intervals (Biometrika
    26, 1934) of both rates. The true curve rises, so it passes below the upper left corner and
    above the lower right one of every rectangle that holds a point of it: the band is what all of
    them leave. Campbell, Statistics in Medicine 13 (1994), 499-508, made them of one size, by
    Kolmogorov & Smirnov, which is far too large near the corner where good models are. Here all
    have one local level, the largest at which `level` of `SIMULATED` binormal curves of the same
    AUC and counts lie in their bands. docs/bands.md has its coverage, also where
    scores are not binormal, beside that of others.

    By subject, counts are taken as those of as many independent pictures as tell the same (see
    `intervals.Asked`).

    Args:
        y_true, y_score: `(n,)` each, see `roc.validate`.
        level: of the band as a whole, within (0, 1).
        groups: `(n,)` names of subjects; None where each picture is of one of its own.
        specificities: `(k,)` at which to give it; None is 401 from 1 to 0.

    Raises:
        ScoresError: as `roc.validate`, or where groups are not one for each picture.
        ConfigError: a level outside (0, 1).
    """
    quantile(level)
    labels, scores = validate(y_true, y_score)
    asked = Asked(labels, scores, None if groups is None else np.asarray(groups), level, 1)
    found = asked.found
    p, n = (max(1, round(of)) for of in asked.effective)
    odds = (found.value * p * n + 0.5) / ((1 - found.value) * p * n + 0.5)
    local = local_level(p, n, round(log(odds), 1), level)
    counts = thinned(table(labels, scores))
    left, right = _sides(counts.fp, n, local)
    bottom, top = _sides(counts.tp, p, local)
    at = 1 - (even(401)[::-1] if specificities is None else np.asarray(specificities, np.float64))
    below = np.searchsorted(right, at, "right")  # rectangles that end before it
    above = np.searchsorted(left, at, "right")  # those from here on begin after it
    low = np.append(0, bottom)[below]
    high = np.append(top, 1)[above]
    low = np.where(at == 1, 1, low)
    subjects = 0 if found.subjects is None else found.subjects.count
    return Band(1 - at, low, high, "rectangles", level, subjects)


def _sides(counts: NDArray, n: int, local: float) -> tuple[NDArray, NDArray]:
    knots, low, high = clopper_pearson(n, local)
    at = counts / counts[-1] * n
    return np.interp(at, knots, low), np.interp(at, knots, high)


def clopper_pearson(n: int, local: float) -> tuple[NDArray, NDArray, NDArray]:
    """Counts of n, all or 2049 of them, and both bounds of their shares at 1 - `local`."""
    from scipy.special import betaincinv

    knots = np.arange(n + 1.0) if n <= 2048 else np.unique(np.round(n * even(2049)))
    low, high = np.zeros(len(knots)), np.ones(len(knots))
    low[1:] = betaincinv(knots[1:], n - knots[1:] + 1, local / 2)
    high[:-1] = betaincinv(knots[:-1] + 1, n - knots[:-1], 1 - local / 2)
    return knots, low, high


@lru_cache(maxsize=256)
def local_level(n_positive: int, n_negative: int, log_odds: float, level: float) -> float:
    """How often each rectangle may fail where `level` of binormal curves are to be held.

    Negatives are standard normal, positives normal around √2 Φ⁻¹(AUC) with the same spread, the AUC
    being given by its log odds (in tenths, between which the answer does not change much). A curve
    R is held where R lies above the lower right corner of each rectangle and below the upper left
    one. Found by bisection of the logarithm, from one seed, so that the same counts have the same
    band.
    """
    from scipy.special import ndtr, ndtri

    apart = float(ndtri(1 / (1 + exp(-log_odds)))) * 2**0.5
    fp, tp = _simulated(n_positive, n_negative, apart)

    def curve(fpr: NDArray) -> NDArray:
        return ndtr(ndtri(fpr) + apart)

    knots = [clopper_pearson(n, 0.5)[0] for n in (n_negative, n_positive)]
    of_fp, of_tp = _reader(knots[0], fp), _reader(knots[1], tp)

    def held(local: float) -> float:
        _, left, right = clopper_pearson(n_negative, local)
        _, bottom, top = clopper_pearson(n_positive, local)
        above = of_fp(curve(right)) >= of_tp(bottom) - 1e-12
        below = of_fp(curve(left)) <= of_tp(top) + 1e-12
        return float((above & below).all(axis=1).mean())

    low, high = np.log(1e-7), np.log(1 - level)
    for _ in range(9):
        middle = (low + high) / 2
        low, high = (middle, high) if held(float(np.exp(middle))) >= level else (low, middle)
    return float(np.exp(low))


def _reader(knots: NDArray, counts: NDArray) -> Callable[[NDArray], NDArray]:
    """What reads values that are known at the knots at the counts; the places are sought once."""
    left = np.searchsorted(knots, counts, "right") - 1
    if len(knots) == knots[-1] + 1:  # every count is a knot
        return lambda values: values[left]
    right = np.minimum(left + 1, len(knots) - 1)
    part = (counts - knots[left]) / np.maximum(knots[right] - knots[left], 1)
    return lambda values: values[left] + part * (values[right] - values[left])


def _simulated(n_positive: int, n_negative: int, apart: float) -> tuple[NDArray, NDArray]:
    """`(SIMULATED, POINTS)` false and true positives at thresholds that suit both classes."""
    from scipy.special import ndtr, ndtri

    normal = ndtri(even(POINTS // 2 + 2)[1:-1])
    thresholds = np.sort(np.concatenate([normal, normal + apart]))[::-1]
    rng, found = np.random.default_rng(1), []
    for n, center in ((n_negative, 0.0), (n_positive, apart)):
        up_to = np.concatenate([[0], ndtr(center - thresholds), [1]])
        drawn = rng.multinomial(n, np.diff(up_to).clip(0), SIMULATED)
        found.append(np.cumsum(drawn, axis=1)[:, :-1])
    return tuple(found)
