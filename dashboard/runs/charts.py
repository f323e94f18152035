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
LETTERS = 64  # of what stands beside each other in parallel coordinates
LEAST_STEP = 0.08  # of an axis, between two ticks that can both be read


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


def parallel(runs: Sequence[str], settings: dict[str, list], aucs: Sequence[float]) -> go.Figure:
    """Parallel coordinates: a line for each run through its settings to its AUC on validation, the
    best one's in the accent.

    Drawn as plain lines: Plotly's own parallel coordinates need WebGL, and know no theme.

    Args:
        runs: ids.
        settings: the hyperparameters that differ, each with a value for every run.
        aucs: of the runs.
    """
    figure = charts.blank(charts.CURVE_HEIGHT, left=46, right=46, top=52, bottom=16)
    longest = LETTERS // (1 + len(settings))  # a word that is longer runs over the axis beside it
    axes = [_axis(name, values, longest) for name, values in settings.items()]
    axes.append(_axis("AUC on validation", [float(f"{auc:.3f}") for auc in aucs], longest))
    figure.update_xaxes(visible=False, range=[0, len(axes) - 1])
    figure.update_yaxes(visible=False, range=[-0.04, 1.04])
    for x, axis in enumerate(axes):
        _draw_axis(figure, x, axis, last=x == len(axes) - 1)
    best = max(range(len(runs)), key=lambda at: aucs[at])
    for at in sorted(range(len(runs)), key=lambda at: at == best):  # the best lies on top
        says = "<br>".join(f"{axis.label}: {axis.written[at]}" for axis in axes)
        figure.add_scatter(
            x=list(range(len(axes))), y=[axis.places[at] for axis in axes], mode="lines+markers",
            line={"color": charts.ACCENT if at == best else charts.GRAY,
                  "width": 3 if at == best else 1.5},
            marker={"size": 6}, opacity=1 if at == best else 0.7, cliponaxis=False,
            hovertemplate=f"{words.plotly(runs[at])}<br>{says}<extra></extra>",
        )  # fmt: skip
    return figure


@dataclass(frozen=True)
class _Axis:
    """places: of the runs, 0 to 1. ticks: places with what is written there."""

    label: str
    places: list[float]
    written: list[str]
    ticks: dict[float, str]


def _axis(name: str, values: list, longest: int) -> _Axis:
    """Numbers at their place, those over a tenfold range by their powers; words at even steps."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    written = [f"{v:g}" if numbers else words.plotly(v, longest) for v in values]
    if not numbers:
        known = list(dict.fromkeys(written))
        at = [known.index(one) for one in written]
    elif min(values) > 0 and max(values) / min(values) >= 10:
        at = [math.log10(v) for v in values]
    else:
        at = list(values)
    low, high = min(at), max(at)
    places = [(one - low) / (high - low) if high > low else 0.5 for one in at]
    ticks = {}
    for place, text in sorted(zip(places, written, strict=True)):
        if not ticks or place - max(ticks) >= LEAST_STEP:
            ticks[place] = text
    return _Axis(words.plotly(name.replace("_", " ")), places, written, ticks)


def _draw_axis(figure: go.Figure, x: int, axis: _Axis, last: bool) -> None:
    """The line, its ticks on the side where there is room, and its name above in short lines."""
    figure.add_shape(
        type="line", x0=x, x1=x, y0=0, y1=1, layer="below",
        line={"color": charts.GRAY, "width": 1},
    )  # fmt: skip
    side = {"xanchor": "left", "xshift": 7} if last else {"xanchor": "right", "xshift": -7}
    for place, text in axis.ticks.items():
        charts.label(figure, text, charts.INK, x=x, y=place, bgcolor=charts.BACKGROUND, **side)
    above = {"yanchor": "bottom", "yshift": 12}
    charts.label(figure, axis.label.replace(" ", "<br>", 1), charts.INK, x=x, y=1, **above)
