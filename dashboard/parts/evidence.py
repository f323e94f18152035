"""The evidence elements: a number with its interval drawn, its method and its n; always as one.

One component draws all kinds (cards, the table of runs, the confusion matrix; those of many classes
are in `classes`) with one style sheet and one way to draw an interval: `evidence.css` and
`evidence.js` beside this file. They get plain text and make text nodes of it, so a name can never
become markup.

All of them notice when a person switches between light and dark, and rerun the page: charts read
their colors when they are mounted, so they must be mounted anew (see `charts.show`).
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard import words

# --- what a page says --------------------------------------------------------------------------


@dataclass(frozen=True)
class Track:
    """An interval on a scale: where the value lies, how far it may be wrong.

    `reference` is drawn as a dashed line (chance, zero); `percent` writes the ends as percent.
    """

    value: float
    low: float
    high: float
    min: float
    max: float
    percent: bool = False
    reference: float | None = None


@dataclass(frozen=True)
class Card:
    """One number with its evidence: label, value as written, where it comes from, its interval."""

    label: str
    value: str
    evidence: str = ""
    remark: str = ""
    track: Track | None = None


@dataclass(frozen=True)
class RunRow:
    """A run in the table of runs: its AUC with the interval, on n pictures of a dataset."""

    run: str
    dataset: str
    auc: float
    low: float
    high: float
    n: int
    remark: str = ""
    started: str = ""


def scale(low: float, high: float) -> tuple[float, float]:
    """The narrowest of 0.9–1, 0.8–1, 0.5–1 and 0–1 that holds the interval.

    >>> scale(0.962, 0.974), scale(0.893, 0.918), scale(0.47, 0.6)
    ((0.9, 1.0), (0.8, 1.0), (0.0, 1.0))
    """
    return next((floor, 1.0) for floor in (0.9, 0.8, 0.5, 0.0) if low >= floor or floor == 0.0)


def track(value: float, low: float, high: float, percent: bool = False) -> Track | None:
    """An interval between 0 and 1 on the scale that suits it; None where it is not defined."""
    if not all(math.isfinite(v) for v in (value, low, high)):
        return None
    return Track(value, low, high, *scale(low, high), percent=percent)


def cards(items: Sequence[Card], key: str, small: bool = False) -> None:
    """Draw a row of cards: five abreast on a desktop, two on a phone.

    A page with charts but without numbers calls it with no items, for the change of theme.
    """
    data = {"cards": [_card(item) for item in items], "small": small}
    mount("cards", data, key)


def forest(
    rows: Sequence[RunRow], key: str, method: str = "", notes: dict[str, str] | None = None
) -> str | None:
    """Draw the runs by dataset, their intervals on one scale; the run that was clicked, or None.

    Args:
        rows: in the order to show; runs of one dataset are put together.
        key: of the component.
        method: of the intervals, named in the head.
        notes: for a dataset's name, what makes its runs comparable.
    """
    if not rows:
        return None
    low, high = scale(min(row.low for row in rows), max(row.high for row in rows))
    head = "AUC with 95% interval" + (f" ({method})" if method else "")
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row.dataset, []).append(_run_row(row, low, high))
    data = {
        "label": "Runs by AUC",
        "head": words.plain(head),
        "ends": ends(low, high, percent=False),
        "groups": [
            {"name": words.plain(name), "note": words.plain((notes or {}).get(name, "")), "rows": g}
            for name, g in groups.items()
        ],
    }
    run = mount("forest", data, key).clicked
    return run if run in {row.run for row in rows} else None


def dots(values: dict[str, float], mean: float, chosen: str, label: str, key: str) -> None:
    """Draw values on one scale, each a dot, their mean a dashed line, and who is the chosen one.

    Args:
        values: by the name of the run, 0 to 1.
        label: what they are, in words; read out in place of the picture.
    """
    low = math.floor(100 * min(values.values())) / 100  # what matters is how far they lie apart
    high = max(low + 0.02, math.ceil(100 * max(values.values())) / 100)
    drawn = [
        {
            "at": (value - low) / (high - low),
            "title": f"{words.plain(name)} {words.three_digits(value)}",
            "chosen": name == chosen,
        }
        for name, value in values.items()
    ]
    data = {"label": words.plain(label), "dots": drawn, "mean": (mean - low) / (high - low)}
    mount("dots", {**data, "ends": ends(low, high, percent=False)}, key)


CELLS = ("tn", "fp", "fn", "tp")


def confusion_matrix(
    tn: int,
    fp: int,
    fn: int,
    tp: int,
    class_names: tuple[str, str],
    key: str,
    chosen: str | None = None,
    choose: bool = True,
) -> str | None:
    """Draw the confusion matrix; the cell that was clicked ("tn", "fp", "fn", "tp"), or None.

    A cell's tint is its true class, its strength the cell's share of that class.

    Args:
        tn, fp, fn, tp: counts; class 1 is the positive one.
        class_names: of class 0 and class 1.
        key: of the component.
        chosen: the cell that is shown as pressed; the page keeps it.
        choose: whether cells are buttons; False where nothing would follow a click.
    """
    negative, positive = (words.plain(name, longest=24) for name in class_names)
    says = {
        "tn": f"{negative}, right",
        "fp": f"{negative} taken for {positive}",
        "fn": f"{positive} taken for {negative}",
        "tp": f"{positive}, right",
    }
    totals = {"tn": tn + fp, "fp": tn + fp, "fn": fn + tp, "tp": fn + tp}
    counts = dict(zip(CELLS, (tn, fp, fn, tp), strict=True))
    cells = {
        cell: {
            "id": cell,
            "count": words.count(n),
            "share": n / totals[cell] if totals[cell] else 0.0,
            "percent": words.percent(n / totals[cell] if totals[cell] else None),
            "says": says[cell],
            "pressed": cell == chosen,
        }
        for cell, n in counts.items()
    }
    rows = [
        {"name": negative, "color": 2, "cells": [cells["tn"], cells["fp"]]},
        {"name": positive, "color": 3, "cells": [cells["fn"], cells["tp"]]},
    ]
    data = {"label": "Confusion matrix", "names": [negative, positive], "rows": rows}
    cell = mount("matrix", {**data, "choose": choose}, key).clicked
    return cell if cell in CELLS else None


# --- plain data for the browser ------------------------------------------------------------------


_INTERVAL = re.compile(r"\d[\d.]*% (at (least|most) )?[−+\d]")  # as `words.interval` writes it
_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "camsight_evidence",
    html='<div class="root"></div>',
    css=(_HERE / "evidence.css").read_text(encoding="utf-8"),
    js=(_HERE / "evidence.js").read_text(encoding="utf-8"),
)


def mount(kind: str, data: dict, key: str):
    """Draw one of the kinds that evidence.js knows; its result, with what was clicked."""
    result = _component(
        key=key,
        data={"kind": kind, **data},
        on_clicked_change=lambda: None,
        on_theme_change=lambda: None,
    )
    if result.theme:  # also from inside a fragment: charts outside it need the new colors too
        st.rerun()
    return result


def _card(card: Card) -> dict:
    evidence = words.plain(card.evidence)
    strong, dot, rest = evidence.partition(" · ")
    if not _INTERVAL.match(strong):
        strong, dot, rest = "", "", evidence
    return {
        "label": words.plain(card.label),
        "remark": words.plain(card.remark),
        "value": words.plain(card.value),
        "interval": strong,
        "evidence": dot + rest,
        "track": positions(card.track) if card.track else None,
    }


def positions(t: Track) -> dict:
    """Positions as shares of the scale's width; what lies outside is drawn at its end."""

    def at(value: float) -> float:
        return min(1.0, max(0.0, (value - t.min) / (t.max - t.min)))

    return {
        "value": at(t.value),
        "low": at(t.low),
        "high": at(t.high),
        "reference": None if t.reference is None else at(t.reference),
        "ends": ends(t.min, t.max, t.percent),
    }


def ends(low: float, high: float, percent: bool) -> list[str]:
    texts = (f"{100 * v:g}%" if percent else f"{v:g}" for v in (low, high))
    return [text.replace("-", "\u2212") for text in texts]


def _run_row(row: RunRow, low: float, high: float) -> dict:
    chance = 0.5 if low < 0.5 else None
    return {
        "id": row.run,
        "run": words.plain(row.run),
        "remark": words.plain(row.remark),
        "auc": words.three_digits(row.auc),
        "bounds": words.bounds(row.low, row.high),
        "n": words.count(row.n),
        "started": words.plain(row.started),
        "track": positions(Track(row.auc, row.low, row.high, low, high, reference=chance)),
    }
