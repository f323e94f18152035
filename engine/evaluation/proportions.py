"""A proportion with its interval: of independent pictures, or by subject."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from engine.evaluation.level import LEVEL, quantile


@dataclass(frozen=True)
class Proportion:
    """`successes / n` with its interval, within [0, 1].

    Attributes:
        n: pictures.
        method: "wilson".
        level: the share of such intervals that hold the truth.
        effective_n: how many independent pictures tell as much; None where all are.
    """

    value: float
    low: float
    high: float
    n: int
    method: str
    level: float = LEVEL
    effective_n: float | None = None


def wilson(successes: int, n: int, level: float = LEVEL) -> Proportion:
    """A proportion with its score interval: Wilson, JASA 22 (1927); no continuity correction.

    Raises:
        ValueError: if `n` is below 1, or `successes` is outside [0, n].
        ConfigError: a level outside (0, 1).

    >>> p = wilson(8, 10)
    >>> round(p.low, 4), p.value, round(p.high, 4)
    (0.4902, 0.8, 0.9433)
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a proportion; give 0 to n out of 1 or more.")
    value = successes / n
    return Proportion(value, *bounds(value, n, quantile(level)), n, "wilson", level)


def share(
    right: ArrayLike,
    among: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
    level: float = LEVEL,
) -> Proportion | None:
    """Wilson's interval of how many of some pictures are right; by subject where they are known.

    Args:
        right: `(n,)` booleans.
        among: `(n,)` which pictures are meant; None for all.
        groups: `(n,)` names of subjects.

    Returns:
        None where no picture is meant, since then there is no share.

    Raises:
        ConfigError: a level outside (0, 1).
    """
    right = np.asarray(right, bool)
    meant = np.ones(len(right), bool) if among is None else np.asarray(among, bool)
    if not meant.any():
        return None
    if groups is None:
        return wilson(int(np.count_nonzero(right & meant)), int(meant.sum()), level)
    return wilson_by_subject(right[meant], np.asarray(groups)[meant], level)


def bounds(value: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's bounds of a share of n, which need not be a whole number; z: standard errors."""
    center = value + z**2 / (2 * n)
    half = z * sqrt(value * (1 - value) / n + (z / (2 * n)) ** 2)
    shrink = 1 + z**2 / n
    # At 0 and 1 the bound is exactly the value; rounding must not leave it a hair inside.
    low = 0.0 if value == 0 else (center - half) / shrink
    high = 1.0 if value == 1 else (center + half) / shrink
    return low, high


def wilson_by_subject(
    successes: ArrayLike, groups: ArrayLike, level: float = LEVEL
) -> Proportion:
    """Wilson's interval with the number of independent pictures that tell as much.

    The variance of the share is that of a ratio of sums over subjects (Rao & Scott, Biometrics 48
    (1992), eq. 2): with r_i of m_i pictures of subject i right, I subjects and share p,

        v = I / (I - 1) Σ (r_i - m_i p)² / n²,  design effect d = v / (p (1 - p) / n)

    The effective number is n / d. It is never above n, and where it cannot be known (all right or
    none, or one subject), it is the number of subjects, as if all pictures of one told the same.

    Args:
        successes: `(n,)` booleans.
        groups: `(n,)` names of subjects.

    Raises:
        ValueError: without any picture.
        ConfigError: a level outside (0, 1).
    """
    right = np.asarray(successes, bool)
    n = len(right)
    if n < 1:
        raise ValueError("0 of 0 is not a proportion; give one picture at least.")
    _, subject, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    value = int(right.sum()) / n
    effective = float(len(sizes))
    if len(sizes) > 1 and 0 < value < 1:
        off = np.bincount(subject, right) - sizes * value
        variance = len(sizes) / (len(sizes) - 1) * float(off @ off) / n**2
        effective = value * (1 - value) / variance if variance else float(n)
    effective = min(effective, float(n))
    low, high = bounds(value, effective, quantile(level))
    return Proportion(value, low, high, n, "wilson", level, effective)
