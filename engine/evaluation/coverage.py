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


def known_coverage(method: str, n: float, auc: float, kind: str = "independent") -> float | None:
    """The share of 95% intervals that held the truth in the nearest case that was simulated.

    That case has the AUC nearest by its log odds (one below 0.5 is as its mirror image), and as
    many pictures of a class as are given, or the next fewer.

    Args:
        n: pictures of the rarer class, or subjects of a class.
        kind: "independent" pictures, or "subjects", whose pictures have an intraclass correlation
            of 0.7.

    Returns:
        None for a method or kind that was not measured.
    """
    table = _table().get(kind)
    if table is None or method not in table["coverage"]:
        return None
    at = np.searchsorted(table["of_a_class"], n, "right")
    odds = [log(one / (1 - one)) for one in table["auc"]]
    mirrored = min(max(auc, 1 - auc), 1 - 1e-12)
    nearest = np.argmin(np.abs(np.array(odds) - log(mirrored / (1 - mirrored))))
    return table["coverage"][method][max(0, at - 1)][nearest]


def case(interval: Interval) -> tuple[float, float, str]:
    """The case that an interval is one of: what `known_coverage` asks beside the method.

    By subject the number of subjects counts, half of them for each class.
    """
    if interval.subjects:
        return interval.subjects / 2, interval.value, "subjects"
    return min(interval.n_positive, interval.n_negative), interval.value, "independent"


def too_low(interval: Interval) -> float | None:
    """`known_coverage` of an interval where it is under `ENOUGH` and so worth a warning; else None.
    """
    known = known_coverage(interval.method, *case(interval))
    return known if known is not None and known < ENOUGH else None
