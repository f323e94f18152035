"""How often each method's intervals were measured to hold the truth."""

import json
from functools import cache
from math import log
from pathlib import Path

import numpy as np

from engine.evaluation.intervals import Interval

TABLE = Path(__file__).with_name("coverage.json")  # by tests/benchmarks/coverage.py
ENOUGH = 0.93  # of 95% intervals; with fewer that hold the truth, people are told


@cache
def _table() -> dict:
    return json.loads(TABLE.read_text(encoding="utf-8"))


def known_coverage(
    method: str, n_positive: float, n_negative: float, auc: float
) -> float | None:
    """The share of 95% intervals that held the truth in the nearest case that was simulated.

    That case has the AUC nearest by its log odds (one below 0.5 is as its mirror image), and as
    many pictures of either class as there are of the rarer one, or the next fewer.

    Returns:
        None for a method that was not measured.
    """
    table = _table()
    if method not in table["coverage"]:
        return None
    at = np.searchsorted(table["pictures_of_a_class"], min(n_positive, n_negative), "right")
    odds = [log(one / (1 - one)) for one in table["auc"]]
    mirrored = min(max(auc, 1 - auc), 1 - 1e-12)
    nearest = np.argmin(np.abs(np.array(odds) - log(mirrored / (1 - mirrored))))
    return table["coverage"][method][max(0, at - 1)][nearest]


def too_low(interval: Interval) -> float | None:
    """`known_coverage` of an interval where it is under `ENOUGH` and so worth a warning; else None.

    By subject, pictures count as many as independent ones that would give an interval as wide.
    """
    worth = 1.0
    if interval.naive and interval.high > interval.low:
        low, high = interval.naive
        worth = min(1.0, (high - low) / (interval.high - interval.low)) ** 2
    counts = worth * interval.n_positive, worth * interval.n_negative
    known = known_coverage(interval.method, *counts, interval.value)
    return known if known is not None and known < ENOUGH else None
