"""95% intervals: of an AUC from its value and the class counts, and of a proportion."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from engine.errors import ConfigError

FEW = 100  # pictures of a class, under which Hanley & McNeil's interval is known to be too narrow
Z_95 = 1.959963984540054  # the normal distribution's 97.5% point


@dataclass(frozen=True)
class Interval:
    """An AUC with its 95% interval.

    Attributes:
        value, low, high: the AUC and its bounds, within [0, 1].
        standard_error: Hanley & McNeil's, whatever the method.
        method: a name in `INTERVALS`: the one that made the bounds, not the one asked for.
        n_positive, n_negative: the class counts behind it.
    """

    value: float
    low: float
    high: float
    standard_error: float
    method: str
    n_positive: int
    n_negative: int


@dataclass(frozen=True)
class Proportion:
    """`successes / n` with its 95% interval, within [0, 1]."""

    value: float
    low: float
    high: float
    n: int
    method: str


def auc_standard_error(auc: float, n_positive: int, n_negative: int) -> float:
    """Standard error of an AUC from its value and the class counts alone.

    Hanley & McNeil, Radiology 143 (1982), eq. 1. Assumes negative-exponential score distributions;
    it is 0 at auc = 1, where an interval must come from Newcombe's method instead.

        SE² = [A(1 - A) + (P - 1)(Q1 - A²) + (N - 1)(Q2 - A²)] / (P N)
        Q1 = A / (2 - A), Q2 = 2A² / (1 + A), P positives, N negatives

    Raises:
        ValueError: if either count is below 1, or `auc` is outside [0, 1].

    >>> round(auc_standard_error(0.5, 2, 2), 6)   # Q1 = Q2 = 1/3: sqrt((1/4 + 1/12 + 1/12) / 4)
    0.322749
    """
    _check(auc, n_positive, n_negative)
    return sqrt(_variance(auc, n_positive - 1, n_negative - 1, n_positive * n_negative))


def _variance(auc: float, positive: float, negative: float, pairs: int) -> float:
    """Eq. 1 with A(1 - A) taken out: Q1 - A² = A(1 - A)² / (2 - A), Q2 - A² = A²(1 - A) / (1 + A).

    As printed, Q1 - A² loses all its digits near A = 1 and millions of pictures make the variance
    negative. `positive` and `negative` stand for P - 1 and N - 1.
    """
    spread = 1 + positive * (1 - auc) / (2 - auc) + negative * auc / (1 + auc)
    return auc * (1 - auc) * spread / pairs


def _check(auc: float, n_positive: int, n_negative: int) -> None:
    if not 0 <= auc <= 1:
        raise ValueError(f"An AUC of {auc} is not possible; it lies within 0 and 1.")
    if n_positive < 1 or n_negative < 1:
        raise ValueError(
            f"{n_positive} positives and {n_negative} negatives give no AUC; "
            "there must be one of each at least."
        )


def hanley_mcneil(auc: float, n_positive: int, n_negative: int) -> Interval:
    """AUC ± 1.96 standard errors of Hanley & McNeil (1982), cut to [0, 1].

    Raises:
        ValueError: as `auc_standard_error`.
    """
    error = auc_standard_error(auc, n_positive, n_negative)
    low, high = max(0.0, auc - 1.96 * error), min(1.0, auc + 1.96 * error)
    return Interval(auc, low, high, error, "hanley-mcneil", n_positive, n_negative)


def newcombe(auc: float, n_positive: int, n_negative: int) -> Interval:
    """Interval that keeps its width at AUC = 1.

    Newcombe, Statistics in Medicine 25 (2006), method 5. The bounds are the θ that lie z standard
    errors from the AUC, the standard error being the one at θ and not the one at the AUC:
    (AUC - θ)² = z² V(θ). V is Hanley & McNeil's variance with P - 1 and N - 1 both replaced by
    (P + N) / 2 - 1 (but not in the divisor P N), hence V(θ) = V(1 - θ).

    Raises:
        ValueError: as `auc_standard_error`.

    >>> round(newcombe(1.0, 1, 1).low, 6)   # V = θ(1 - θ), so 1 - θ = z² θ
    0.206549
    """
    error = auc_standard_error(auc, n_positive, n_negative)
    low = _newcombe_low(auc, n_positive, n_negative)
    high = 1 - _newcombe_low(1 - auc, n_positive, n_negative)
    return Interval(auc, low, high, error, "newcombe", n_positive, n_negative)


def _newcombe_low(auc: float, n_positive: int, n_negative: int) -> float:
    """The lower bound by bisection.

    Written out, the equation is a quartic in θ with one root in each of (-1, 0), (0, AUC),
    (AUC, 1) and (1, 2), so the bracket [0, AUC] holds the wanted root and no other.
    """
    both = (n_positive + n_negative) / 2 - 1

    def is_below(theta: float) -> bool:
        distance = auc - theta
        return distance * distance > Z_95**2 * _variance(theta, both, both, n_positive * n_negative)

    low, high = 0.0, auc
    while low < (middle := (low + high) / 2) < high:  # until floats lie no closer
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return low


@dataclass(frozen=True)
class Method:
    """A way to put bounds around an AUC.

    Attributes:
        name: in code, files and URLs.
        title, short: its authors, for sentences and for small places.
        paper: where it stands.
        idea: what its bounds are, to follow the title and a colon.
        function: from the AUC and the counts of positives and negatives to the interval.
    """

    name: str
    title: str
    short: str
    paper: str
    idea: str
    function: Callable[[float, int, int], Interval]


INTERVALS = {
    method.name: method
    for method in (
        Method(
            "hanley-mcneil",
            "Hanley & McNeil",
            "Hanley-McNeil",
            "Radiology 143 (1982), eq. 1",
            "the AUC ± 1.96 standard errors, cut to 0 to 1.",
            hanley_mcneil,
        ),
        Method(
            "newcombe",
            "Newcombe",
            "Newcombe",
            "Statistics in Medicine 25 (2006) 559-573, method 5",
            "the AUCs from which the one found lies 1.96 of their standard errors away at most; it "
            "keeps its width near 1.",
            newcombe,
        ),
    )
}


def auc_interval(
    auc: float, n_positive: int, n_negative: int, method: str = "hanley-mcneil"
) -> Interval:
    """The 95% interval of an AUC by one of `INTERVALS`.

    Where the standard error is 0 (AUC = 1 or 0) "± 0" would claim certainty, so the interval comes
    from Newcombe's method, and `method` of the result says so.

    Raises:
        ConfigError: a method that does not exist.
        ValueError: as `auc_standard_error`.

    >>> interval = auc_interval(1.0, 50, 50)
    >>> interval.method, round(interval.low, 3), interval.high
    ('newcombe', 0.96, 1.0)
    """
    if method not in INTERVALS:
        raise ConfigError(
            f"There is no interval method {method!r}; choose one of {', '.join(INTERVALS)}."
        )
    interval = INTERVALS[method].function(auc, n_positive, n_negative)
    if interval.standard_error == 0:
        return newcombe(auc, n_positive, n_negative)
    return interval


def wilson(successes: int, n: int) -> Proportion:
    """A proportion with its score interval: Wilson, JASA 22 (1927); no continuity correction.

    Raises:
        ValueError: if `n` is below 1, or `successes` is outside [0, n].

    >>> p = wilson(8, 10)
    >>> round(p.low, 4), p.value, round(p.high, 4)
    (0.4902, 0.8, 0.9433)
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a proportion; give 0 to n out of 1 or more.")
    value = successes / n
    center = value + Z_95**2 / (2 * n)
    half = Z_95 * sqrt(value * (1 - value) / n + (Z_95 / (2 * n)) ** 2)
    shrink = 1 + Z_95**2 / n
    # At 0 and n the bound is exactly the value; rounding must not leave it a hair inside.
    low = 0.0 if successes == 0 else (center - half) / shrink
    high = 1.0 if successes == n else (center + half) / shrink
    return Proportion(value, low, high, n, "wilson")
