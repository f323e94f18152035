"""The evidence elements of a run with many classes: who is taken for whom, and how each fares.

Drawn by the component of `evidence`. Both lie in a region of their own that scrolls, with heads
that stay, so that a hundred classes take no more of a page than ten.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard import words
from dashboard.parts import evidence
from dashboard.parts.evidence import Track

FEW = 8  # classes, up to which a cell has room for its percent and a column for its name
LONGEST = 24  # characters of a class name


@dataclass(frozen=True)
class Rate:
    """A share as it is written, and its 95% interval: "83.3%", "70.1–91.2%"."""

    value: str
    bounds: str = ""


@dataclass(frozen=True)
class ClassRow:
    """A class in the table of classes: its AUC against the rest, and how it fares."""

    label: int
    name: str
    auc: float
    low: float
    high: float
    n: int
    sensitivity: Rate
    precision: Rate


def cell_name(truth: int, said: int) -> str:
    """A cell of the matrix as it stands in an address: "2-5"."""
    return f"{truth}-{said}"


def confusion(
    matrix: np.ndarray,
    class_names: Sequence[str],
    key: str,
    chosen: str | None = None,
    target: int | None = None,
) -> None:
    """Draw who is taken for whom; `clicked` of the component is a cell by its `cell_name`.

    Only cells that hold pictures are buttons: of a hundred classes nearly all are empty.

    Args:
        matrix: `(k, k)` counts: truth in rows, what the model says in columns.
        class_names: k of them.
        key: of the component.
        chosen: the cell that is shown as pressed; the page keeps it.
        target: the class whose row and column are marked.
    """
    of_row = matrix.sum(axis=1)
    rows = [
        [
            _cell(int(matrix[truth, said]), int(of_row[truth]), class_names, truth, int(said))
            for said in np.flatnonzero(matrix[truth])
        ]
        for truth in range(len(class_names))
    ]
    data = {
        "label": "Confusion matrix of all classes",
        "compact": len(class_names) > FEW,
        "digits": len(words.count(int(matrix.max()))),
        "names": [words.plain(name, LONGEST) for name in class_names],
        "full": [words.plain(name) for name in class_names],
        "rows": rows,
        "pressed": chosen,
        "target": target,
    }
    evidence.mount("confusion", data, key)


def _cell(n: int, of: int, class_names: Sequence[str], truth: int, said: int) -> dict:
    true_name, said_name = (words.plain(class_names[label], LONGEST) for label in (truth, said))
    if truth == said:
        says = f"{true_name if n == 1 else words.plural(true_name)}, right"
    else:
        says = words.kind(n, true_name, said_name)
    return {
        "id": cell_name(truth, said),
        "at": said,
        "count": words.count(n),
        "percent": words.percent(n / of),
        "share": round(n / of, 3),
        "says": says,
    }


def table(rows: Sequence[ClassRow], key: str, method: str, chosen: int | None = None) -> None:
    """Draw a line for each class, its interval on one scale; `clicked` is a class's number.

    Args:
        rows: in the order to show.
        key: of the component.
        method: of the AUC's intervals, named in the head.
        chosen: the class that is shown as pressed.
    """
    low, high = evidence.scale(min(row.low for row in rows), max(row.high for row in rows))
    data = {
        "label": "Classes by AUC",
        "head": words.plain(f"AUC with 95% interval ({method})"),
        "ends": evidence.ends(low, high, percent=False),
        "rows": [_row(row, low, high, row.label == chosen) for row in rows],
    }
    evidence.mount("classes", data, key)


def _row(row: ClassRow, low: float, high: float, chosen: bool) -> dict:
    chance = 0.5 if low < 0.5 else None
    return {
        "id": str(row.label),
        "name": words.plain(row.name, LONGEST),
        "full": words.plain(row.name),
        "pressed": chosen,
        "auc": words.three_digits(row.auc),
        "bounds": words.bounds(row.low, row.high),
        "n": words.count(row.n),
        "rates": [[rate.value, rate.bounds] for rate in (row.sensitivity, row.precision)],
        "track": evidence.positions(Track(row.auc, row.low, row.high, low, high, reference=chance)),
    }
