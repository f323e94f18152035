"""Before pictures are collected: how wide an interval will be, and whether two models can be told
apart, for an AUC that is assumed; by formula, and by simulation of what the formula leaves out.

Simulated scores are binormal: normal with variance 1 in each class, the positives' mean √2 Φ⁻¹(AUC)
above the negatives'. Two models' scores of one picture correlate alike in both classes.
"""

from collections.abc import Callable
from math import asin, isfinite, pi, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError
from engine.evaluation import compare, variance
from engine.evaluation.bounds import auc_standard_error, newcombe
from engine.evaluation.intervals import DEFAULT, auc_interval
from engine.evaluation.level import LEVEL, quantile
from engine.evaluation.proportions import Proportion, wilson

CORRELATION = 0.5  # of two models' scores, within a class, where nobody knows better
WIDTHS, TESTS = 200, 400  # simulated by default
MOST = 10**7  # pictures; beyond that nothing is promised
POINTS = 48  # of the quadrature, which gives twelve digits for correlations up to 0.999
_normal = NormalDist()


# --- the width of an interval ---------------------------------------------------------------------


def width(auc: float, n_positive: int, n_negative: int, level: float = LEVEL) -> float:
    """How wide the interval of an AUC will be: 2 z standard errors of Hanley & McNeil, Radiology
    143 (1982), eq. 1.

    Near an AUC of 1 few pictures get a wider one than it says: see `newcombe_width`.

    Raises:
        ConfigError: an AUC or level outside (0, 1), or counts below 1.

    >>> round(width(0.9, 50, 50), 3), round(width(0.9, 200, 200), 3)
    (0.126, 0.063)
    """
    _check(n_positive, n_negative, auc)
    return 2 * quantile(level) * auc_standard_error(auc, n_positive, n_negative)


def newcombe_width(auc: float, n_positive: int, n_negative: int, level: float = LEVEL) -> float:
    """The same of Newcombe's interval: Statistics in Medicine 25 (2006), method 5.

    It stays near what is simulated where few pictures meet an AUC near 1: at 0.995, with 10 of
    each class, it is 0.21 wide, `width` 0.065, and the default interval 0.20 on average.

    Raises:
        ConfigError: as `width`.
    """
    _check(n_positive, n_negative, auc)
    low, high, _ = newcombe(auc, n_positive, n_negative, level)
    return high - low


def simulated_width(
    auc: float,
    n_positive: int,
    n_negative: int,
    level: float = LEVEL,
    *,
    method: str = DEFAULT,
    times: int = WIDTHS,
    seed: int = 1,
) -> float:
    """The mean width of a method's intervals over simulated test parts.

    Args:
        method: a name in `INTERVALS`.

    Raises:
        ConfigError: as `width`, or a method that does not exist.
    """
    _check(n_positive, n_negative, auc)
    labels, rng = _labels(n_positive, n_negative), np.random.default_rng(seed)
    widths = []
    for _ in range(times):
        found = auc_interval(labels, _scores(labels, auc, rng), method, level=level)
        widths.append(found.high - found.low)
    return float(np.mean(widths))


# --- telling two models apart ---------------------------------------------------------------------


def power_of_difference(
    auc_a: float,
    auc_b: float,
    n_positive: int,
    n_negative: int,
    correlation: float = CORRELATION,
    paired: bool = True,
    level: float = LEVEL,
) -> float:
    """The chance that the difference of two AUCs is found: that its interval leaves out 0.

    Hanley & McNeil, Radiology 148 (1983), 839-843: with S_a and S_b of eq. 1 (1982) and r the
    correlation of the two AUCs, SE² = S_a² + S_b² - 2 r S_a S_b, and the chance is that of a normal
    estimate with this SE to lie z of them from 0, on either side. For r they read a table; here it
    is that of binormal scores, see `correlation_of_aucs`.

    Args:
        n_positive, n_negative: pictures of each class, the same for both models if `paired`, else
            as many for each.
        correlation: of the two models' scores within a class; of no use if not `paired`.

    Raises:
        ConfigError: as `width`, or a correlation that is not from 0 to below 1.

    >>> round(power_of_difference(0.85, 0.9, 200, 200), 3)
    0.74
    >>> round(power_of_difference(0.8, 0.8, 50, 50), 3)     # what is not there is found by chance
    0.05
    """
    _check(n_positive, n_negative, auc_a, auc_b)
    squares = [variance.hanley_mcneil(auc, n_positive, n_negative) for auc in (auc_a, auc_b)]
    r = 0.0
    if paired:
        r = correlation_of_aucs(auc_a, auc_b, correlation, n_positive, n_negative)
    error = sqrt(sum(squares) - 2 * r * sqrt(squares[0] * squares[1]))
    z, away = quantile(level), abs(auc_a - auc_b) / error
    return _normal.cdf(away - z) + _normal.cdf(-away - z)


def correlation_of_aucs(
    auc_a: float, auc_b: float, correlation: float, n_positive: int, n_negative: int
) -> float:
    """How far the AUCs of two models go together whose binormal scores correlate within a class.

    An AUC is a mean over P N pairs, and two pairs share a positive, a negative, both or nothing.
    With a = Φ⁻¹(AUC_a), b = Φ⁻¹(AUC_b) and C(ρ) = Φ₂(a, b; ρ) - AUC_a AUC_b, the chance that both
    models have their pair right beyond that of independent ones,

        Cov = [C(ρ) + (P + N - 2) C(ρ / 2)] / (P N),

    since the differences within two pairs that share one picture correlate half as much. Variances
    are the same with b = a and ρ = 1. C is found by Plackett's integral, Biometrika 41 (1954), 351:

        C(ρ) = 1 / 2π ∫ exp(-(a² + b² - 2 a b sin t) / (2 cos² t)) dt, t from 0 to arcsin ρ,

    in which the product that would cancel does not occur.

    >>> round(correlation_of_aucs(0.5, 0.5, 0.5, 10**6, 10**6), 4)   # arcsin 1/4 over arcsin 1/2
    0.4826
    """
    if not 0 <= correlation < 1:
        raise ConfigError(
            f"A correlation of {correlation:g} between two models' scores cannot be used; give one "
            "from 0 to below 1."
        )
    a, b = (_normal.inv_cdf(auc) for auc in (auc_a, auc_b))
    shared = n_positive + n_negative - 2

    def square(at: float, auc: float) -> float:
        return auc * (1 - auc) + shared * _together(at, at, 0.5)

    both = _together(a, b, correlation) + shared * _together(a, b, correlation / 2)
    return both / sqrt(square(a, auc_a) * square(b, auc_b))


def _together(a: float, b: float, correlation: float) -> float:
    """C(ρ) by Gauss and Legendre's quadrature."""
    top = asin(correlation)
    at, weights = np.polynomial.legendre.leggauss(POINTS)
    t = top * (1 + at) / 2
    inside = np.exp(-(a * a + b * b - 2 * a * b * np.sin(t)) / (2 * np.cos(t) ** 2))
    return float(weights @ inside) * top / (4 * pi)


def simulated_power(
    auc_a: float,
    auc_b: float,
    n_positive: int,
    n_negative: int,
    correlation: float = CORRELATION,
    paired: bool = True,
    level: float = LEVEL,
    *,
    times: int = TESTS,
    seed: int = 1,
) -> Proportion:
    """The share of simulated test parts in which DeLong's test tells the models apart, with its
    interval; what cannot be tested (both always right) tells nothing.

    Raises:
        ConfigError: as `power_of_difference`.
    """
    power_of_difference(auc_a, auc_b, n_positive, n_negative, correlation, paired, level)
    labels, rng = _labels(n_positive, n_negative), np.random.default_rng(seed)
    found = 0
    for _ in range(times):
        first = rng.normal(size=len(labels))
        fresh = rng.normal(size=len(labels))
        shared = correlation if paired else 0.0
        a = _scores(labels, auc_a, rng, first)
        b = _scores(labels, auc_b, rng, shared * first + sqrt(1 - shared**2) * fresh)
        p = compare.paired(labels, a, b).p if paired else compare.unpaired(labels, a, labels, b).p
        found += p < 1 - level
    return wilson(found, times)


# --- how many are needed --------------------------------------------------------------------------


def counts(n: int, positives: float = 0.5) -> tuple[int, int]:
    """How many of n pictures are positive and negative; one of each at least.

    >>> counts(10, 0.25)
    (2, 8)
    """
    if not 0 < positives < 1:
        raise ConfigError(
            f"A share of positives of {positives:g} is not possible; give one between 0 and 1."
        )
    of_one = min(max(1, round(n * positives)), max(1, n - 1))
    return of_one, max(1, n - of_one)


def needed(enough: Callable[[int, int], bool], positives: float = 0.5) -> tuple[int, int]:
    """The fewest pictures of each class that are enough.

    Args:
        enough: whether so many positives and negatives are; if some are, more are, too.
        positives: their share of all pictures.

    Raises:
        ConfigError: if ten million are not enough.

    >>> needed(lambda p, n: width(0.9, p, n) <= 0.1)
    (79, 79)
    """
    high = 2
    while not enough(*counts(high, positives)):
        high *= 2
        if high > MOST:
            raise ConfigError(
                f"{MOST:,} pictures are not enough for that; ask for a wider interval, a larger "
                "difference or less power."
            )
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(*counts(middle, positives)) else (middle, high)
    return counts(high, positives)


def _labels(n_positive: int, n_negative: int) -> NDArray[np.int8]:
    return np.repeat(np.array([1, 0], np.int8), (n_positive, n_negative))


def _scores(
    labels: NDArray, auc: float, rng: np.random.Generator, noise: NDArray | None = None
) -> NDArray[np.float64]:
    noise = rng.normal(size=len(labels)) if noise is None else noise
    return noise + labels * sqrt(2) * _normal.inv_cdf(auc)


def _check(n_positive: int, n_negative: int, *aucs: float) -> None:
    for auc in aucs:
        if not isfinite(auc) or not 0 < auc < 1:
            raise ConfigError(
                f"An assumed AUC of {auc:g} tells nothing of its interval; give one between 0 and "
                "1, as 0.9."
            )
    if min(n_positive, n_negative) < 1:
        raise ConfigError(
            f"{n_positive} positive and {n_negative} negative pictures give no AUC; there must be "
            "one of each at least."
        )
