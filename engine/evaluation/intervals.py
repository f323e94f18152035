"""Intervals of an AUC: from its counts, from its placements, from pictures drawn again."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import exp, log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import ConfigError, ScoresError
from engine.evaluation import bootstrap, variance
from engine.evaluation.level import LEVEL, quantile, two_sided
from engine.evaluation.placements import Placements, placements
from engine.evaluation.roc import validate

DEFAULT = "delong-logit"  # by its measured coverage: docs/coverage.md
ONE_SUBJECT = (
    "All pictures are of one subject, which tells nothing of others; judge on pictures of two "
    "subjects at least."
)
Bounds = tuple[float, float, float]  # low, high, standard error


@dataclass(frozen=True)
class Interval:
    """An AUC with its interval.

    Attributes:
        value, low, high: the AUC and its bounds, within [0, 1].
        standard_error: the named method's own.
        method: a name in `INTERVALS`: the one that made the bounds, not the one asked for.
        n_positive, n_negative: pictures of each class.
        level: the share of such intervals that hold the truth, if it is what it says.
        side: "both", or "lower" or "upper" where there is a bound on one side alone.
        subjects: of how many the pictures are, where that was taken into account; else 0.
        naive: (low, high) as if each picture were of a subject of its own, where it is not.
    """

    value: float
    low: float
    high: float
    standard_error: float
    method: str
    n_positive: int
    n_negative: int
    level: float = LEVEL
    side: str = "both"
    subjects: int = 0
    naive: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Asked:
    """What an interval is made from.

    z: standard errors on either side. positives, negatives: how many independent pictures of each
    class tell as much as those that are there, which without subjects are all.
    """

    y_true: NDArray
    y_score: NDArray
    groups: NDArray | None
    level: float
    seed: int

    @cached_property
    def found(self) -> Placements:
        return placements(self.y_true, self.y_score, self.groups)

    @cached_property
    def z(self) -> float:
        return quantile(self.level)

    @cached_property
    def variance(self) -> float | None:
        """Without a model of the scores; None where a class has one picture or subject."""
        if self.found.subjects is None:
            return variance.delong(self.found)
        return variance.obuchowski(self.found)

    @cached_property
    def effective(self) -> tuple[float, float]:
        """How many independent pictures of each class tell as much; without subjects, all.

        The counts by the design effect, Obuchowski's variance over DeLong's. Where one of them is
        not known or 0, the numbers of subjects: as if all pictures of one told the same.
        """
        found, of = self.found, self.found.subjects
        if of is None:
            return found.n_positive, found.n_negative
        independent = variance.delong(found)
        if not independent or not self.variance:
            return of.with_positives, of.with_negatives
        design = max(1.0, self.variance / independent)
        return max(1.0, found.n_positive / design), max(1.0, found.n_negative / design)


# --- from counts ----------------------------------------------------------------------------------


def auc_standard_error(auc: float, n_positive: int, n_negative: int) -> float:
    """Standard error of an AUC from its value and the class counts alone.

    Hanley & McNeil, Radiology 143 (1982), eq. 1; see `variance.hanley_mcneil`. It is 0 at an AUC of
    1, where an interval must come from Newcombe's method instead.

    Raises:
        ValueError: if either count is below 1, or `auc` is outside [0, 1].

    >>> round(auc_standard_error(0.5, 2, 2), 6)
    0.322749
    """
    _check(auc, n_positive, n_negative)
    return sqrt(variance.hanley_mcneil(auc, n_positive, n_negative))


def _check(auc: float, n_positive: float, n_negative: float) -> None:
    if not 0 <= auc <= 1:
        raise ValueError(f"An AUC of {auc} is not possible; it lies within 0 and 1.")
    if n_positive < 1 or n_negative < 1:
        raise ValueError(
            f"{n_positive} positives and {n_negative} negatives give no AUC; "
            "there must be one of each at least."
        )


def hanley_mcneil(auc: float, n_positive: float, n_negative: float, level: float = LEVEL) -> Bounds:
    """AUC ± z standard errors of Hanley & McNeil (1982), cut to [0, 1]; z is the paper's 1.96 at
    95%.

    Returns:
        low, high, standard error.

    Raises:
        ValueError: as `auc_standard_error`.
        ConfigError: a level outside (0, 1).
    """
    z = 1.96 if level == LEVEL else quantile(level)
    error = auc_standard_error(auc, n_positive, n_negative)
    return max(0.0, auc - z * error), min(1.0, auc + z * error), error


def newcombe(auc: float, n_positive: float, n_negative: float, level: float = LEVEL) -> Bounds:
    """Bounds that keep their distance at AUC = 1.

    Newcombe, Statistics in Medicine 25 (2006), method 5. The bounds are the θ that lie z standard
    errors from the AUC, the standard error being the one at θ and not the one at the AUC:
    (AUC - θ)² = z² V(θ). V is Hanley & McNeil's variance with P - 1 and N - 1 both replaced by
    (P + N) / 2 - 1 (but not in the divisor P N), hence V(θ) = V(1 - θ). The standard error is
    √V(AUC), or at 0 and 1, where that is 0, the width over 2 z.

    Returns:
        low, high, standard error.

    Raises:
        ValueError: as `auc_standard_error`.
        ConfigError: a level outside (0, 1).

    >>> low, high, _ = newcombe(1.0, 1, 1)   # V = θ(1 - θ), so 1 - θ = z² θ
    >>> round(low, 6), high
    (0.206549, 1.0)
    """
    _check(auc, n_positive, n_negative)
    z = quantile(level)
    low = _newcombe_low(auc, n_positive, n_negative, z)
    high = 1 - _newcombe_low(1 - auc, n_positive, n_negative, z)
    error = sqrt(_newcombe_variance(auc, n_positive, n_negative))
    return low, high, error or (high - low) / (2 * z)


def _newcombe_variance(theta: float, n_positive: float, n_negative: float) -> float:
    both = (n_positive + n_negative) / 2 - 1
    return variance.from_pairs(theta, both, both, n_positive * n_negative)


def _newcombe_low(auc: float, n_positive: float, n_negative: float, z: float) -> float:
    """The lower bound by bisection.

    Written out, the equation is a quartic in θ with one root in each of (-1, 0), (0, AUC),
    (AUC, 1) and (1, 2), so the bracket [0, AUC] holds the wanted root and no other.
    """

    def is_below(theta: float) -> bool:
        distance = auc - theta
        return distance * distance > z**2 * _newcombe_variance(theta, n_positive, n_negative)

    low, high = 0.0, auc
    while low < (middle := (low + high) / 2) < high:  # until floats lie no closer
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return low


# --- from scores ----------------------------------------------------------------------------------


def _hanley_mcneil(asked: Asked) -> Bounds:
    return hanley_mcneil(asked.found.value, *asked.effective, asked.level)


def _newcombe(asked: Asked) -> Bounds:
    return newcombe(asked.found.value, *asked.effective, asked.level)


def _delong(asked: Asked) -> Bounds | None:
    """AUC ± z standard errors, cut to [0, 1]; None without a variance."""
    if not asked.variance:
        return None
    value, error = asked.found.value, sqrt(asked.variance)
    return max(0.0, value - asked.z * error), min(1.0, value + asked.z * error), error


def _delong_logit(asked: Asked) -> Bounds | None:
    """logit(AUC) ± z SE / (AUC (1 - AUC)), and back; None without a variance, or at 0 and 1.

    The standard error is DeLong's, of the AUC itself. Pepe, The Statistical Evaluation of Medical
    Tests (2003), section 5.2.6.
    """
    value = asked.found.value
    if not asked.variance or value in (0, 1):
        return None
    error = sqrt(asked.variance)
    return *logit_bounds(value, error, asked.z), error


def logit_bounds(value: float, error: float, z: float) -> tuple[float, float]:
    """An AUC within (0, 1) ± z standard errors on the scale of log odds, and back."""
    half = z * error / (value * (1 - value))
    middle = log(value / (1 - value))
    return _expit(middle - half), _expit(middle + half)


def _expit(x: float) -> float:
    return 1 / (1 + exp(-x)) if x > 0 else exp(x) / (1 + exp(x))


def _bootstrap(asked: Asked) -> Bounds | None:
    """The quantiles of the replicates: Efron & Tibshirani 1993, chapter 13; None where all are
    alike."""
    drawn = _drawn(asked)
    tails = (1 - asked.level) / 2, (1 + asked.level) / 2
    return _quantiles(drawn, asked.found.value, *tails)


def _bootstrap_bca(asked: Asked) -> Bounds | None:
    """Quantiles that are corrected for bias and acceleration: Efron, JASA 82 (1987), eq. 2.3.

    The acceleration is a sixth of the skewness of the empirical influence values (eq. 6.6, of two
    samples: section 8 of DiCiccio & Efron, Statistical Science 11 (1996)). Those of an AUC are the
    deviations of the placements, each over the number of its class; by subject, their sums.
    """
    drawn, value = _drawn(asked), asked.found.value
    low = np.mean(drawn < value) + np.mean(drawn == value) / 2
    if low in (0, 1):
        return None
    influence = _influence(asked.found)
    square = float(np.square(influence).sum())
    skew = float((influence**3).sum()) / (6 * square**1.5) if square else 0.0
    from scipy.special import ndtr, ndtri

    bias = float(ndtri(low))
    ends = [bias + sign * asked.z for sign in (-1, 1)]
    tails = [float(ndtr(bias + end / (1 - skew * end))) for end in ends]
    return _quantiles(drawn, value, *tails)


def _drawn(asked: Asked) -> NDArray[np.float64]:
    return bootstrap.replicates(
        asked.y_true, asked.y_score, groups=asked.groups, seed=asked.seed
    )[:, 0]


def _quantiles(drawn: NDArray, value: float, lower: float, upper: float) -> Bounds | None:
    low, high = map(float, np.quantile(drawn, (lower, upper)))
    return min(low, value), max(high, value), float(np.std(drawn, ddof=1))


def _influence(found: Placements) -> NDArray[np.float64]:
    if found.subjects is None:
        return np.concatenate([
            (found.of_positives - found.value) / found.n_positive,
            (found.of_negatives - found.value) / found.n_negative,
        ])
    x, y = variance.by_subject(found)
    return x / found.n_positive + y / found.n_negative


# --- the register ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Method:
    """A way to put bounds around an AUC.

    Attributes:
        name: in code, files and URLs.
        title, short: its authors, for sentences and for small places.
        paper: where it stands.
        idea: what its bounds are, to follow the title and a colon.
        function: from what is asked to low, high and standard error; None where it has no width, or
            cannot be known.
    """

    name: str
    title: str
    short: str
    paper: str
    idea: str
    function: Callable[[Asked], Bounds | None]


INTERVALS = {
    method.name: method
    for method in (
        Method(
            "delong-logit",
            "DeLong, logit",
            "DeLong-logit",
            "Biometrics 44 (1988), eq. 5; Pepe 2003, section 5.2.6",
            "DeLong's on the scale of log odds, and back, so that it never leaves 0 to 1.",
            _delong_logit,
        ),
        Method(
            "delong",
            "DeLong",
            "DeLong",
            "Biometrics 44 (1988), eq. 5",
            "the AUC ± z standard errors, found from how each picture is ranked.",
            _delong,
        ),
        Method(
            "hanley-mcneil",
            "Hanley & McNeil",
            "Hanley-McNeil",
            "Radiology 143 (1982), eq. 1",
            "the AUC ± z standard errors, found from the AUC and the counts alone.",
            _hanley_mcneil,
        ),
        Method(
            "newcombe",
            "Newcombe",
            "Newcombe",
            "Statistics in Medicine 25 (2006) 559-573, method 5",
            "the AUCs from which the one found lies z of their standard errors away at most; it "
            "keeps its width near 1.",
            _newcombe,
        ),
        Method(
            "bootstrap",
            "Bootstrap, percentile",
            "bootstrap",
            "Efron & Tibshirani 1993, chapter 13",
            "the middle of the AUCs of pictures drawn again within their class.",
            _bootstrap,
        ),
        Method(
            "bootstrap-bca",
            "Bootstrap, BCa",
            "BCa",
            "Efron, JASA 82 (1987) 171-185",
            "the same, corrected for bias and for an error that grows with the AUC.",
            _bootstrap_bca,
        ),
    )
}


def auc_interval(
    y_true: ArrayLike,
    y_score: ArrayLike,
    method: str = DEFAULT,
    *,
    level: float = LEVEL,
    side: str = "both",
    groups: ArrayLike | None = None,
    seed: int = 1,
) -> Interval:
    """The interval of an AUC by one of `INTERVALS`.

    Where a method finds no width (at an AUC of 1 or 0, or where all scores are equal), "± 0" would
    claim certainty, and where a class has one picture most find nothing: then the interval comes
    from Newcombe's method, which asks the counts alone, and `method` of the result says so.

    Pictures of one subject are not independent: with `groups`, DeLong's variance is Obuchowski's,
    the bootstrap draws subjects, and what asks for counts is given those of as many independent
    pictures as tell the same (see `Asked.effective`).

    Args:
        y_true, y_score: `(n,)` each, see `roc.validate`.
        level: of the interval, within (0, 1).
        side: "both"; "lower" or "upper" for a bound on one side, the other being 1 or 0.
        groups: `(n,)` names of subjects; None where each picture is of one of its own.
        seed: of what the bootstrap draws.

    Raises:
        ConfigError: a method, level or side that does not exist.
        ScoresError: as `roc.validate`, or where groups are not one for each picture, or one subject
            has all of them.

    >>> interval = auc_interval([0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6], "delong")
    >>> interval.method, round(interval.low, 3), interval.high
    ('newcombe', 0.542, 1.0)
    """
    if method not in INTERVALS:
        raise ConfigError(
            f"There is no interval method {method!r}; choose one of {', '.join(INTERVALS)}."
        )
    labels, scores = validate(y_true, y_score)
    names = None if groups is None else np.asarray(groups)
    asked = Asked(labels, scores, names, two_sided(level, side), seed)
    found = asked.found
    if found.subjects is not None and found.subjects.count < 2:
        raise ScoresError(ONE_SUBJECT)
    bounds = INTERVALS[method].function(asked)
    if bounds is None or not bounds[0] < bounds[1]:
        method, bounds = "newcombe", _newcombe(asked)
    low, high, error = bounds
    interval = Interval(
        found.value, 0.0 if side == "upper" else low, 1.0 if side == "lower" else high, error,
        method, found.n_positive, found.n_negative, level, side,
    )  # fmt: skip
    if found.subjects is None:
        return interval
    naive = auc_interval(labels, scores, method, level=level, side=side, seed=seed)
    return replace(interval, subjects=found.subjects.count, naive=(naive.low, naive.high))
