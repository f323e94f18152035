"""How sure an interval is meant to be."""

from math import isfinite
from statistics import NormalDist

from engine.errors import ConfigError

LEVEL = 0.95
SIDES = ("both", "lower", "upper")


def quantile(level: float) -> float:
    """How many standard errors lie on either side of a normal estimate.

    Raises:
        ConfigError: a level outside (0, 1).

    >>> round(quantile(0.95), 6)
    1.959964
    """
    check(level)
    return NormalDist().inv_cdf((1 + level) / 2)


def check(level: float, side: str = "both") -> None:
    """Refuse a level outside (0, 1), a side that there is not, and a one-sided level up to 0.5.

    Raises:
        ConfigError: saying which.
    """
    if not isfinite(level) or not 0 < level < 1:
        raise ConfigError(
            f"A confidence level of {level:g} is not possible; give one between 0 and 1, as 0.95."
        )
    if side not in SIDES:
        raise ConfigError(f"There is no side {side!r} of an interval; choose {' or '.join(SIDES)}.")
    if side != "both" and level <= 0.5:
        raise ConfigError(
            f"A one-sided bound at a level of {level:g} lies beyond the estimate; give a level "
            "above 0.5."
        )


def two_sided(level: float, side: str) -> float:
    """The level of the two-sided interval one of whose ends is the bound on one side.

    >>> round(two_sided(0.95, "lower"), 12)
    0.9
    """
    check(level, side)
    return level if side == "both" else 2 * level - 1
