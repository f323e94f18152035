"""The ways to put bounds around an AUC: from its counts, from its placements, from pictures drawn
again. `intervals` lists them."""

from dataclasses import dataclass
from functools import cached_property
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from engine.evaluation import bootstrap, variance
from engine.evaluation.level import LEVEL, quantile
from engine.evaluation.placements import Placements, placements

Bounds = tuple[float, float, float]  # low, high, standard error


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
    √V(AUC), or at 0 and 1, where that is 0, the width of the 95% interval over 2 z.

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
    if not error:
        usual = quantile(LEVEL)
        error = (1 - _newcombe_low(1.0, n_positive, n_negative, usual)) / (2 * usual)
    return low, high, error


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


def by_hanley_mcneil(asked: Asked) -> Bounds:
    return hanley_mcneil(asked.found.value, *asked.effective, asked.level)


def by_newcombe(asked: Asked) -> Bounds:
    return newcombe(asked.found.value, *asked.effective, asked.level)


def by_delong(asked: Asked) -> Bounds | None:
    """AUC ± z standard errors, cut to [0, 1]; None without a variance."""
    if not asked.variance:
        return None
    value, error = asked.found.value, sqrt(asked.variance)
    return max(0.0, value - asked.z * error), min(1.0, value + asked.z * error), error


def by_delong_logit(asked: Asked) -> Bounds | None:
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


def by_bootstrap(asked: Asked) -> Bounds:
    """The quantiles of the replicates: Efron & Tibshirani 1993, chapter 13; both are the AUC where
    all are alike."""
    drawn = _drawn(asked)
    tails = (1 - asked.level) / 2, (1 + asked.level) / 2
    return _quantiles(drawn, asked.found.value, *tails)


def by_bootstrap_bca(asked: Asked) -> Bounds | None:
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


def _quantiles(drawn: NDArray, value: float, lower: float, upper: float) -> Bounds:
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
