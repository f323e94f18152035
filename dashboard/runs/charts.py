"""Figures of several runs: validation curves over each other, hyperparameters against AUC."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard import words
from dashboard.parts import charts

# second run, factorisation and so on of the theme's categorical colors, each with a dash of its own
LINES = (
    (charts.ACCENT, "solid"), ("#000004", "dash"), ("#000005", "dashdot"),
    ("#000006", "longdash"), (charts.GRAY, "dot"),
)  # fmt: skip
MOST_CURVES = len(LINES)
APART = 15  # pixels between two names at the ends of lines


@dataclass(frozen=True)
class Curve:
    """Validation loss of a run by epoch."""

    run: str
    epochs: Sequence[int]
    losses: Sequence[float]
    best_epoch: int | None


def overlaid(curves: Sequence[Curve]) -> go.Figure:
    """At most `MOST_CURVES` runs' validation loss, each with its best epoch and its name."""
    figure = charts.blank(charts.CURVE_HEIGHT, left=52, right=88, hovermode="x unified")
    values = [charts.finite(one.losses, len(one.epochs)) for one in curves]
    charts.by_epoch(figure, max(max(one.epochs, default=1) for one in curves))
    low, high = charts.span([v for of in values for v in of], share=False)
    figure.update_yaxes(range=[low, high], nticks=6)
    ends = {}
    for curve, of, (color, dash) in zip(curves, values, LINES, strict=False):
        figure.add_scatter(
            x=list(curve.epochs), y=of, mode="lines+markers" if len(of) == 1 else "lines",
            line={"color": color, "width": 2.5, "dash": dash}, cliponaxis=False,
            name=curve.run, hovertemplate="%{y:.3f}",
        )  # fmt: skip
        if curve.best_epoch in curve.epochs:
            at = of[list(curve.epochs).index(curve.best_epoch)]
            if at is not None:
                best = charts.open_circle(curve.best_epoch, at, color)
                figure.add_trace(best.update(hoverinfo="skip", name=f"best epoch of {curve.run}"))
        known = [(x, y) for x, y in zip(curve.epochs, of, strict=True) if y is not None]
        if known:
            ends[curve.run] = (*known[-1], color)
    _name_ends(figure, ends, (low, high))
    return figure


def _name_ends(figure: go.Figure, ends: dict, limits: tuple[float, float]) -> None:
    """Each name beside the end of its line, all in one column, pushed up where they overlap."""
    height = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    last = max((x for x, _, _ in ends.values()), default=1)
    above = -math.inf
    for run, (_, y, color) in sorted(ends.items(), key=lambda item: item[1][1]):
        at = (y - limits[0]) / (limits[1] - limits[0]) * height
        above = max(at, above + APART)
        charts.label(figure, run, color, x=last, y=y, xanchor="left", xshift=9, yshift=above - at)


def parallel(settings: dict[str, list], aucs: Sequence[float]) -> go.Figure:
    """A line for each run through its settings to its AUC on validation.

    Args:
        settings: the hyperparameters that differ, each with a value for every run.
        aucs: of the runs.
    """
    figure = go.Figure()
    axes = [_axis(name, values) for name, values in settings.items()]
    axes.append({"label": "AUC on validation", "values": list(aucs), "tickformat": ".3f"})
    figure.add_parcoords(
        dimensions=axes,
        line={"color": list(aucs), "colorscale": [[0, charts.GRAY], [1, charts.ACCENT]]},
        labelfont={"size": 13, "color": charts.INK}, tickfont={"size": 12, "color": charts.INK},
        rangefont={"size": 12, "color": charts.INK},
    )  # fmt: skip
    figure.update_layout(
        height=300, margin={"l": 72, "r": 56, "t": 44, "b": 20},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip
    return figure


def _axis(name: str, values: list) -> dict:
    """Numbers at their place, rates by their powers; words at even steps."""
    label = words.plotly(name.replace("_", " "))
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if not numbers:
        known = list(dict.fromkeys(map(str, values)))
        return {
            "label": label, "values": [known.index(str(v)) for v in values],
            "tickvals": list(range(len(known))), "ticktext": [words.plotly(v, 16) for v in known],
        }  # fmt: skip
    powers = min(values) > 0 and max(values) / min(values) >= 10
    at = [math.log10(v) for v in values] if powers else [float(v) for v in values]
    ticks = sorted(dict(zip(at, values, strict=True)).items())
    step = math.ceil(len(ticks) / 6)
    return {
        "label": label, "values": at, "tickvals": [t for t, _ in ticks[::step]],
        "ticktext": [f"{v:g}" for _, v in ticks[::step]],
    }  # fmt: skip
