"""Two models: the difference of their AUCs with its interval and its test; and many of them.

The direction is fixed, here as everywhere: a higher score means positive, and the difference is
that of A minus that of B.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from math import erf, erfc, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import ConfigError, ScoresError
from engine.evaluation import bootstrap, variance
from engine.evaluation.intervals import Asked, logit_bounds, newcombe
from engine.evaluation.level import LEVEL, two_sided
from engine.evaluation.placements import Placements
from engine.evaluation.roc import validate

FARTHEST = 8.0  # standard errors; beyond, a chance is below 10⁻¹⁵ and levels round to 1
NO_SPREAD = 1e-29  # a variance that is 0 but for the rounding of placements
FEW = 100  # of a class, under which DeLong's interval holds too rarely where an AUC is near 1
NEAR_ONE = 0.97
DEFAULT = "delong"


@dataclass(frozen=True)
class Difference:
    """AUC of A minus AUC of B, with its interval and test.

    Attributes:
        auc_a, auc_b: both AUCs.
        difference, low, high: within [-1, 1].
        standard_error: the named method's own.
        z: how many standard errors the difference lies from 0; of unpaired models by DeLong a t.
        p: the chance of one as far from 0 if both AUCs were the same; with a bound on one side, of
            one as far on the side that it leaves open.
        paired: whether both judged the same pictures.
        method: a name in `DIFFERENCES`: the one that answered, not the one asked for.
        n, n_positive, n_negative: pictures; those of both models where they are not paired.
        fewest: pictures of the rarer class, in the smaller of two sets; subjects, where known.
        level: the share of such intervals that hold the truth, if it is what it says.
        side: "both", or "lower" or "upper" where there is a bound on one side alone.
        degrees_of_freedom: of the t distribution; None where the normal one is used.
        subjects: of how many the pictures are, where that was taken into account; else 0.
        naive: (low, high) as if each picture were of a subject of its own, where it is not.
    """

    auc_a: float
    auc_b: float
    difference: float
    low: float
    high: float
    standard_error: float
    z: float
    p: float
    paired: bool
    method: str
    n: int
    n_positive: int
    n_negative: int
    fewest: int
    level: float = LEVEL
    side: str = "both"
    degrees_of_freedom: float | None = None
    subjects: int = 0
    naive: tuple[float, float] | None = None

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0

    @property
    def too_narrow(self) -> bool:
        """Whether such intervals are known to hold the truth too rarely: docs/comparison.md."""
        near = max(self.auc_a, self.auc_b) >= NEAR_ONE
        return self.method != "mover" and near and self.fewest < FEW


@dataclass(frozen=True, eq=False)
class Two:
    """Two models that were judged: on the same pictures in the same order, or on others."""

    a: Asked
    b: Asked
    paired: bool

    @property
    def difference(self) -> float:
        return self.a.found.value - self.b.found.value

    @cached_property
    def variance(self) -> float | None:
        """Of the difference; None where it is not known, or 0.

        Paired, it is that of a single AUC with the differences of both models' placements in place
        of placements: L S Lᵀ of DeLong, DeLong & Clarke-Pearson (1988), eq. 5, for L = (1, -1),
        and with subjects Obuchowski (1997), eq. 5, in the same way.
        """
        if self.paired:
            spread = _spread(self.a.found, self.b.found)
            by = variance.delong if spread.subjects is None else variance.obuchowski
            found = by(spread)
        else:
            both = self.a.variance, self.b.variance
            found = None if None in both else sum(both)
        return None if found is None or found <= NO_SPREAD else found

    @cached_property
    def correlation(self) -> float:
        """Of both AUCs: 0 where they are not paired, and where it is not known."""
        own = (self.a.variance or 0.0) * (self.b.variance or 0.0)
        if not self.paired or not own or self.variance is None:
            return 0.0
        covariance = (self.a.variance + self.b.variance - self.variance) / 2
        return min(1.0, max(-1.0, covariance / sqrt(own)))


Found = tuple[float, float, float, float, float | None]  # low, high, standard error, z, freedom


def paired(
    y_true: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    method: str = DEFAULT,
    level: float = LEVEL,
    side: str = "both",
    groups: ArrayLike | None = None,
    seed: int = 1,
) -> Difference:
    """The difference of two AUCs on the same pictures; those hard for both are counted once.

    By DeLong it is pROC's `roc.test(paired=TRUE)`. Where a method finds no width, "± 0" would claim
    certainty: both models put every pair in the same order, or in the opposite one, or a class has
    one picture. Then the interval is "mover" with both AUCs taken for independent, and `method` of
    the result says so.

    Args:
        y_true: `(n,)`; a, b: `(n,)` scores of the same pictures in the same order; see
            `roc.validate`.
        method: a name in `DIFFERENCES`.
        level: of the interval, within (0, 1).
        side: "both"; "lower" or "upper" for a bound on one side, the other being 1 or -1, and the
            test of whether A is better ("lower") or worse ("upper").
        groups: `(n,)` names of subjects; None where each picture is of one of its own.
        seed: of what the bootstrap draws.

    Raises:
        ConfigError: a method, level or side that does not exist.
        ScoresError: as `roc.validate`, or where groups are not one for each picture, or one subject
            has all of them.

    >>> d = paired([1, 1, 0, 0], [4, 3, 2, 1], [4, 1, 2, 3])   # d: 0 and 1; 1/2 and 1/2
    >>> d.difference, d.standard_error                         # (1/2) / 2 + 0 = 1/4
    (0.5, 0.5)
    """
    width = _checked(method, level, side)
    two = Two(*(_asked(y_true, scores, groups, width, seed) for scores in (a, b)), paired=True)
    return _answer(two, method, level, side)


def unpaired(
    y_a: ArrayLike,
    a: ArrayLike,
    y_b: ArrayLike,
    b: ArrayLike,
    *,
    method: str = DEFAULT,
    level: float = LEVEL,
    side: str = "both",
    groups_a: ArrayLike | None = None,
    groups_b: ArrayLike | None = None,
    seed: int = 1,
) -> Difference:
    """The difference of two AUCs on different pictures, of different subjects: as `paired`.

    By DeLong, the variances of both are added, and the test is Welch's: t with the degrees of
    freedom of Satterthwaite, (A + B)² / (A² / (n_a - 1) + B² / (n_b - 1)) for the variances A and B
    of the AUCs of n_a and n_b pictures (with subjects, of so many subjects), as in pROC's
    `roc.test(paired=FALSE)`; pROC 1.18 gives no interval.
    """
    width = _checked(method, level, side)
    first = _asked(y_a, a, groups_a, width, seed)
    return _answer(
        Two(first, _asked(y_b, b, groups_b, width, seed), paired=False), method, level, side
    )


def _checked(method: str, level: float, side: str) -> float:
    """The level of the two-sided interval that is needed."""
    if method not in DIFFERENCES:
        raise ConfigError(
            f"There is no method {method!r} for a difference; choose one of "
            f"{', '.join(DIFFERENCES)}."
        )
    return two_sided(level, side)


def _asked(y_true, y_score, groups, level: float, seed: int) -> Asked:
    names = None if groups is None else np.asarray(groups)
    asked = Asked(*validate(y_true, y_score), names, level, seed)
    of = asked.found.subjects
    if of is not None and of.count < 2:
        raise ScoresError(
            "All pictures are of one subject, which tells nothing of others; judge on pictures of "
            "two subjects at least."
        )
    return asked


def _spread(a: Placements, b: Placements) -> Placements:
    """Of the difference: that of the placements of each picture."""
    return Placements(
        a.value - b.value,
        a.of_positives - b.of_positives,
        a.of_negatives - b.of_negatives,
        a.subjects,
    )


def _answer(two: Two, method: str, level: float, side: str) -> Difference:
    found = DIFFERENCES[method].function(two)
    if found is None:
        method, found = "mover", _mover(two)
    low, high, error, z, freedom = found
    sets = (two.a.found,) if two.paired else (two.a.found, two.b.found)
    positives, negatives = [s.n_positive for s in sets], [s.n_negative for s in sets]
    answer = Difference(
        two.a.found.value, two.b.found.value, two.difference,
        -1.0 if side == "upper" else low, 1.0 if side == "lower" else high, error,
        z, _p_value(z, freedom, side), two.paired, method,
        sum(positives) + sum(negatives), sum(positives), sum(negatives),
        min(map(_fewest, sets)), level, side, freedom,
    )  # fmt: skip
    if all(s.subjects is None for s in sets):
        return answer
    alone = replace(two, a=replace(two.a, groups=None), b=replace(two.b, groups=None))
    naive = _answer(alone, method, level, side)
    subjects = sum(s.subjects.count if s.subjects else s.n_positive + s.n_negative for s in sets)
    return replace(answer, subjects=subjects, naive=(naive.low, naive.high))


def _fewest(found: Placements) -> int:
    if found.subjects is None:
        return min(found.n_positive, found.n_negative)
    return min(found.subjects.with_positives, found.subjects.with_negatives)


def _p_value(z: float, freedom: float | None, side: str) -> float:
    """Two-sided; with a bound on one side, of a difference that high ("lower") or low."""
    if side != "both":
        return _beyond(z if side == "lower" else -z, freedom)
    return min(1.0, 2 * _beyond(abs(z), freedom))


def _beyond(z: float, freedom: float | None) -> float:
    if freedom is None:
        return erfc(z / sqrt(2)) / 2
    from scipy.special import stdtr

    return float(stdtr(freedom, -z))


# --- methods --------------------------------------------------------------------------------------


def _delong(two: Two) -> Found | None:
    """The difference ± z standard errors, cut to [-1, 1]; None without a variance."""
    if two.variance is None:
        return None
    error, freedom = sqrt(two.variance), _freedom(two)
    times = two.a.z
    if freedom is not None:
        from scipy.special import stdtrit

        times = float(stdtrit(freedom, (1 + two.a.level) / 2))
    low, high = two.difference - times * error, two.difference + times * error
    return max(-1.0, low), min(1.0, high), error, two.difference / error, freedom


def _freedom(two: Two) -> float | None:
    """Satterthwaite's degrees of freedom where models are not paired; see `unpaired`."""
    if two.paired:
        return None
    sides = [(one.variance**2, _independent(one.found) - 1) for one in (two.a, two.b)]
    return two.variance**2 / sum(square / free for square, free in sides)


def _independent(found: Placements) -> int:
    return found.subjects.count if found.subjects else found.n_positive + found.n_negative


def _mover(two: Two) -> Found:
    """Both AUCs' own bounds put together, which need not lie evenly around the difference: the
    method of variance estimates recovery, Zou & Donner, Statistics in Medicine 27 (2008),
    1693-1702; of correlated estimates, Zou, Psychological Methods 12 (2007), 399-413, eq. 15.

    With a, b the AUCs, l and u their bounds, r their correlation:

        low  = a - b - √((a - l_a)² + (u_b - b)² - 2 r (a - l_a)(u_b - b))
        high = a - b + √((u_a - a)² + (b - l_b)² - 2 r (u_a - a)(b - l_b))

    Each AUC's bounds are DeLong's on the logit scale, or Newcombe's where that has none. z is the
    number of standard errors for which the interval just reaches 0, so that it and p agree.
    """
    low, high = _recovered(two, two.a.z)
    error = sqrt(two.variance) if two.variance else (high - low) / (2 * two.a.z)
    return low, high, error, _reaching_zero(two), None


def _recovered(two: Two, z: float) -> tuple[float, float]:
    (low_a, high_a), (low_b, high_b) = _limits(two.a, z), _limits(two.b, z)
    a, b, r = two.a.found.value, two.b.found.value, two.correlation
    down = _joined(a - low_a, high_b - b, r)
    up = _joined(high_a - a, b - low_b, r)
    return max(-1.0, a - b - down), min(1.0, a - b + up)


def _limits(one: Asked, z: float) -> tuple[float, float]:
    value = one.found.value
    if one.variance and 0 < value < 1:
        return logit_bounds(value, sqrt(one.variance), z)
    return newcombe(value, *one.effective, erf(z / sqrt(2)))[:2]


def _joined(x: float, y: float, r: float) -> float:
    return sqrt(max(0.0, x * x + y * y - 2 * r * x * y))


def _reaching_zero(two: Two) -> float:
    """How many standard errors, by bisection: the bound towards 0 only falls as they grow."""
    sign = np.sign(two.difference)
    low, high = 0.0, FARTHEST if sign else 0.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        bounds = _recovered(two, middle)
        beyond = bounds[0] > 0 if sign > 0 else bounds[1] < 0
        low, high = (middle, high) if beyond else (low, middle)
    return float(sign * high)


def _bootstrap(two: Two) -> Found | None:
    """The quantiles of the differences of pictures drawn again, both models on the same draws where
    they are paired; the test is normal with their standard deviation, as in pROC's
    `roc.test(method="bootstrap")`. None where they do not differ."""
    drawn = _drawn(two)
    error = float(np.std(drawn, ddof=1))
    if error**2 <= NO_SPREAD:
        return None
    ends = np.quantile(drawn, ((1 - two.a.level) / 2, (1 + two.a.level) / 2))
    low, high = min(ends[0], two.difference), max(ends[1], two.difference)
    return float(low), float(high), error, two.difference / error, None


def _drawn(two: Two) -> NDArray[np.float64]:
    a, b = two.a, two.b
    if two.paired:
        both = bootstrap.replicates(a.y_true, a.y_score, b.y_score, groups=a.groups, seed=a.seed)
        return both[:, 0] - both[:, 1]
    drawn = [
        bootstrap.replicates(one.y_true, one.y_score, groups=one.groups, seed=[one.seed, at])[:, 0]
        for at, one in enumerate((a, b))
    ]
    return drawn[0] - drawn[1]


@dataclass(frozen=True)
class Method:
    """A way to put bounds around a difference and to test it.

    Attributes:
        name: in code, files and URLs.
        title: its authors or kind, for sentences.
        idea: what its bounds are, to follow the title and a colon.
        function: from two models; None where it has no width, or cannot be known.
    """

    name: str
    title: str
    idea: str
    function: Callable[[Two], Found | None]


DIFFERENCES = {
    method.name: method
    for method in (
        Method(
            "delong",
            "DeLong",
            "the difference ± z standard errors, found from how each picture is ranked by both; "
            "what pROC's roc.test gives.",
            _delong,
        ),
        Method(
            "mover",
            "Variance recovery",
            "the bounds of both AUCs put together; it holds where an AUC is near 1 and pictures "
            "are few.",
            _mover,
        ),
        Method(
            "bootstrap",
            "Bootstrap",
            "the middle of the differences of pictures drawn again within their class.",
            _bootstrap,
        ),
    )
}


# --- many -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Two of several models. p_holm: p of the test, corrected for the number of pairs."""

    a: str
    b: str
    found: Difference
    p_holm: float


def all_pairs(
    y_true: ArrayLike, models: Mapping[str, ArrayLike], *, method: str = DEFAULT, **options
) -> list[Pair]:
    """Each two of several models on the same pictures, tested with Holm's correction.

    Args:
        y_true: `(n,)`; models: for each name `(n,)` scores; see `paired` for the options.

    Raises:
        ConfigError, ScoresError: as `paired`.
    """
    found = {
        (a, b): paired(y_true, models[a], models[b], method=method, **options)
        for a, b in combinations(models, 2)
    }
    return corrected(found)


def corrected(found: Mapping[tuple[str, str], Difference]) -> list[Pair]:
    """Tests of pairs by the names of both, in their order, with Holm's correction."""
    adjusted = holm([one.p for one in found.values()])
    return [Pair(*names, found[names], p) for names, p in zip(found, adjusted, strict=True)]


def holm(p: Sequence[float]) -> list[float]:
    """Chances of several tests, corrected so that the chance of any false finding stays below the
    level: Holm, Scandinavian Journal of Statistics 6 (1979), 65-70.

    The smallest of m is multiplied by m, the next by m - 1 and so on; none is below that before it,
    or above 1.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    times = np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(np.asarray(p, float)[order] * times).clip(max=1)
    return adjusted.tolist()
