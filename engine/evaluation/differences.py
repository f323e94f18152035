"""Ways to put bounds around a difference of two AUCs; `compare` chooses from them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

from engine.evaluation import bootstrap, variance
from engine.evaluation.bounds import Asked, logit_bounds, newcombe
from engine.evaluation.level import LEVEL, quantile
from engine.evaluation.placements import Placements

FARTHEST = 8.0  # standard errors; beyond, a chance is below 10⁻¹⁵ and levels round to 1
NO_SPREAD = 1e-29  # a variance that is 0 but for the rounding of placements
Found = tuple[float, float, float, float, float | None]  # low, high, standard error, z, freedom


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


def _spread(a: Placements, b: Placements) -> Placements:
    """Of the difference: that of the placements of each picture."""
    return Placements(
        a.value - b.value,
        a.of_positives - b.of_positives,
        a.of_negatives - b.of_negatives,
        a.subjects,
    )


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


def mover(two: Two) -> Found:
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
    return low, high, _error(two), _reaching_zero(two), None


def _error(two: Two) -> float:
    """DeLong's; where there is none, that of which the 95% interval is 2 z wide."""
    if two.variance:
        return sqrt(two.variance)
    z = quantile(LEVEL)
    low, high = _recovered(two, z)
    return (high - low) / (2 * z)


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
            mover,
        ),
        Method(
            "bootstrap",
            "Bootstrap",
            "the middle of the differences of pictures drawn again within their class.",
            _bootstrap,
        ),
    )
}
