"""A number with its interval, whatever it is of."""

from dataclasses import dataclass

from engine.evaluation.level import LEVEL


@dataclass(frozen=True)
class Estimate:
    """What was found, and the bounds within which the truth lies in `level` of such intervals.

    Attributes:
        value, low, high: a bound is infinite where nothing bounds it.
        method: how the bounds are made.
        subjects: of how many the pictures are, where that was taken into account; else 0.
    """

    value: float
    low: float
    high: float
    method: str
    level: float = LEVEL
    subjects: int = 0
