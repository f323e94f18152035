"""Figures of a cross-validation, and of a plan: folds as dots, width and power against n."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard import words
from dashboard.parts.charts import ACCENT, GRAY, INK, blank, label
from engine.evaluation.folds import CrossValidated

ROW, FRAME = 26, 88  # pixels of a repeat, and of axis and margins
PLAN_HEIGHT = 300
TICKS = [20, 100, 500, 2000, 10000]  # so far apart that they fit on a phone


def folds(found: CrossValidated) -> go.Figure:
    """Each fold's AUC as a dot, a row for each repeat; their mean a line in its interval."""
    per = len(found.folds) // found.repeats
    values = np.array([one.value for one in found.folds])
    row = np.repeat(np.arange(found.repeats), per)
    # dots of equal folds would hide each other: those of a row lie a little apart
    height = -row + 0.24 * ((np.arange(len(values)) % per) / max(per - 1, 1) - 0.5) * 2
    figure = blank(FRAME + ROW * (found.repeats + 1), left=16, right=16, hovermode="closest")
    figure.add_vrect(x0=found.low, x1=found.high, fillcolor=ACCENT, opacity=0.14, line_width=0)
    figure.add_vline(x=found.value, line={"color": ACCENT, "width": 2})
    said = [
        (f"fold {at % per + 1}" + (f", repeat {at // per + 1}" if found.repeats > 1 else ""),
         words.bounds(one.low, one.high))
        for at, one in enumerate(found.folds)
    ]  # fmt: skip
    figure.add_scatter(
        x=values, y=height, mode="markers", customdata=said, cliponaxis=False,
        marker={"size": 10, "color": INK, "opacity": 0.65},
        hovertemplate="%{customdata[0]}: %{x:.3f}, alone %{customdata[1]}<extra></extra>",
    )  # fmt: skip
    low, high = min(values.min(), found.low), max(values.max(), found.high)
    room = max(0.01, 0.06 * (high - low))
    figure.update_xaxes(title_text="AUC", range=[low - room, min(high + room, 1 + room)], nticks=7)
    figure.update_yaxes(visible=False, range=[0.75 - found.repeats, 0.5])
    return figure


def against_n(
    n: Sequence[int],
    values: Sequence[float],
    title: str,
    wanted: float,
    needed: int | None,
    simulated: tuple[Sequence[int], Sequence[float]] | None = None,
    percent: bool = False,
) -> go.Figure:
    """A value against the number of pictures, with what is wanted of it and where that is had.

    Args:
        simulated: n and values, drawn as dots.
        needed: the fewest pictures that give what is wanted.
    """
    figure = blank(PLAN_HEIGHT, left=60, right=20, hovermode="x unified")
    form = ".0%" if percent else ".3f"
    figure.add_scatter(
        x=list(n), y=list(values), mode="lines", line={"color": ACCENT, "width": 2.5},
        name="formula", hovertemplate=f"%{{y:{form}}} by the formula<extra></extra>",
    )  # fmt: skip
    if simulated is not None:
        figure.add_scatter(
            x=simulated[0], y=simulated[1], mode="markers", marker={"size": 8, "color": INK},
            name="simulated", hovertemplate=f"%{{y:{form}}} simulated<extra></extra>",
        )  # fmt: skip
    figure.add_hline(y=wanted, line={"color": GRAY, "width": 1, "dash": "dot"})
    if needed is not None and min(n) <= needed <= max(n):
        figure.add_vline(x=needed, line={"color": GRAY, "width": 1, "dash": "dot"})
        place = {"x": float(np.log10(needed)), "y": 1, "yref": "paper", "yanchor": "top"}
        label(figure, words.count(needed), INK, xanchor="left", xshift=4, **place)
    figure.update_xaxes(
        type="log", title_text="pictures to judge on", tickvals=TICKS,
        ticktext=[words.count(one) for one in TICKS],
        unifiedhovertitle={"text": "%{x:,} pictures"},
    )  # fmt: skip
    top = 1.02 if percent else max(*values, wanted) * 1.05
    figure.update_yaxes(title_text=title, range=[0, top], tickformat="~%" if percent else "~g")
    return figure
