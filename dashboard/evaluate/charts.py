"""How good a run is, as figures: the ROC curve, and the scores of each class."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from dashboard import words
from dashboard.parts.charts import (
    ACCENT,
    BACKGROUND,
    CLASS_0,
    CLASS_1,
    FIFTH,
    GRAY,
    INK,
    SECOND,
    SIXTH,
    blank,
    label,
    open_circle,
)
from engine.evaluation.bands import Band
from engine.evaluation.roc import RocCurve

ROC_HEIGHT, SCORES_HEIGHT = 410, 262
BINS = 40
MOST = 4  # curves in one chart: more than that nobody tells apart
_STEPS = 1000  # points of a curve at most, each way: finer than its pixels
_LONGEST = 24  # characters of a class name in a chart
_LINES = (
    {"color": ACCENT, "width": 2.5},
    {"color": SECOND, "width": 2.5, "dash": "dash"},
    {"color": FIFTH, "width": 2.5, "dash": "dashdot"},
    {"color": SIXTH, "width": 2.5, "dash": "longdash"},
)


@dataclass(frozen=True, eq=False)
class Line:
    """A ROC curve as it is drawn: what it is of, shapes `(k,)`, and what a hover says.

    said: `(k, 2)` texts, of the threshold and of the specificity.
    """

    name: str
    fpr: np.ndarray
    tpr: np.ndarray
    said: np.ndarray


def line(name: str, curve: RocCurve) -> Line:
    """As many points of a curve as can be told apart: of a million all others are left out."""
    at = _thinned(curve.fpr, curve.tpr)
    fpr, tpr = curve.fpr[at], curve.tpr[at]
    said = [
        (_threshold(t), words.percent(1 - x))
        for t, x in zip(curve.thresholds[at].tolist(), fpr.tolist(), strict=True)
    ]
    return Line(name, fpr, tpr, np.array(said, object))


def _thinned(fpr: np.ndarray, tpr: np.ndarray) -> np.ndarray:
    """Places of the first point in each thousandth of the way along the curve, and of the last."""
    way = fpr + tpr  # rises from 0 to 2
    if len(way) <= 2 * _STEPS:
        return np.arange(len(way))
    first = np.searchsorted(way, np.linspace(0, 2, 2 * _STEPS, endpoint=False))
    return np.unique(np.append(first, len(way) - 1))


@dataclass(frozen=True)
class Point:
    """A threshold on the curve, with the intervals of both rates, each (value, low, high)."""

    threshold: float
    sensitivity: tuple[float, float, float]
    specificity: tuple[float, float, float]


def roc(
    lines: Sequence[Line],
    class_names: tuple[str, str],
    point: Point | None = None,
    band: Band | None = None,
) -> go.Figure:
    """ROC curves with chance as a diagonal, the chosen threshold of the first as an open circle.

    Args:
        lines: the first is solid and in the accent, others are dashed; `MOST` at most.
        class_names: of class 0 and class 1.
        band: in which the first curve lies.
    """
    negative, positive = (words.plotly(words.plural(name), _LONGEST) for name in class_names)
    long = len(negative) + len(positive) > 24  # then the title takes two lines, for a phone
    bottom = 64 if long else 48
    figure = blank(ROC_HEIGHT, left=56, bottom=bottom, hovermode="closest", hoverdistance=40)
    diagonal = {"color": GRAY, "width": 1, "dash": "dot"}
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line=diagonal, hoverinfo="skip", showlegend=False
    )
    if band is not None:
        figure.add_trace(_band(band))
    for one, look in reversed(list(zip(lines, _LINES, strict=False))):  # the first lies on top
        figure.add_trace(_line(one, look, named=len(lines) > 1))
    if point is not None:
        _add_point(figure, point)
    if len(lines) > 1:
        # On a phone the square is as small as it is narrow, and its lower edge lies higher.
        corner = {"x": 0.98, "y": 0.19, "xanchor": "right", "yanchor": "bottom"}
        figure.update_layout(
            showlegend=True,
            legend={**corner, "bgcolor": BACKGROUND, "font": {"size": 12, "color": INK},
                    "traceorder": "reversed", "itemclick": False, "itemdoubleclick": False},
        )  # fmt: skip
    square = {"range": [-0.01, 1.01], "dtick": 0.2, "constrain": "domain", "showgrid": True}
    title = f"1 − specificity:{'<br>' if long else ' '}{negative} taken for {positive}"
    figure.update_xaxes(title_text=title, **square)
    square |= {"scaleanchor": "x", "constraintoward": "top"}
    figure.update_yaxes(title_text=f"sensitivity: {positive} found", **square)
    return figure


_HOVER = "threshold %{customdata[0]}<br>sensitivity %{y:.1%}<br>specificity %{customdata[1]}"


def _line(one: Line, look: dict, named: bool) -> go.Scatter:
    name = words.plotly(one.name, _LONGEST)
    hover = (f"{name}<br>" if named else "") + _HOVER + "<extra></extra>"
    return go.Scatter(
        x=one.fpr, y=one.tpr, customdata=one.said, mode="lines", line=look, hovertemplate=hover,
        name=name, cliponaxis=False,
    )  # fmt: skip


def _band(band: Band) -> go.Scatter:
    """A trace of its own with an opacity, so that its color stays one of the theme's."""
    x, low, high = 1 - band.specificity, band.low, band.high
    there, back = (x, low), (x, high)
    if band.method == "rectangles":  # it has steps, and not where a line between two would go
        there = np.repeat(x, 2)[1:], np.repeat(low, 2)[:-1]
        back = np.repeat(x, 2)[:-1], np.repeat(high, 2)[1:]
    return go.Scatter(
        x=np.concatenate([there[0], back[0][::-1]]), y=np.concatenate([there[1], back[1][::-1]]),
        mode="lines", line={"width": 0}, fill="toself", fillcolor=ACCENT, opacity=0.22,
        hoverinfo="skip", name="band", showlegend=False,
    )  # fmt: skip


def _add_point(figure: go.Figure, point: Point) -> None:
    hit, low, high = point.sensitivity
    right, least, most = point.specificity
    x, text = 1 - right, words.threshold(point.threshold)
    figure.add_trace(_cross(x, hit, (1 - most, 1 - least, low, high)))
    ring = open_circle(x, hit, customdata=[(text, words.percent(right))], name="threshold")
    figure.add_trace(ring.update(hovertemplate=_HOVER + "<extra></extra>", showlegend=False))
    label(figure, f"threshold {text}", INK, x=x, y=hit, **_beside(x, hit))


def _cross(x: float, y: float, ends: tuple[float, float, float, float]) -> go.Scatter:
    """The intervals of a point in both directions, under its ring."""
    left, right, low, high = ends
    line = {"type": "data", "color": INK, "thickness": 1.5, "width": 4, "symmetric": False}
    return go.Scatter(
        x=[x], y=[y], mode="markers", marker={"size": 1, "color": INK}, hoverinfo="skip",
        error_x={**line, "array": [right - x], "arrayminus": [x - left]},
        error_y={**line, "array": [high - y], "arrayminus": [y - low]}, cliponaxis=False,
        showlegend=False,
    )  # fmt: skip


def _threshold(value: float) -> str:
    return words.threshold(value) if math.isfinite(value) else "above every score"


def _beside(x: float, y: float) -> dict:
    """Where the text of a point on the ROC stands: off the curve, inside the square."""
    side = {"xanchor": "left", "xshift": 12} if x < 0.7 else {"xanchor": "right", "xshift": -12}
    return {**side, "yshift": -20 if y > 0.12 else 20}


@dataclass(frozen=True, eq=False)
class Histogram:
    """Scores of each class, counted: edges `(BINS + 1,)`, counts `(BINS,)`."""

    edges: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray


def histogram(
    y_true: np.ndarray, y_score: np.ndarray, span: tuple[float, float] = (0.0, 1.0)
) -> Histogram:
    """Count the scores of each class.

    Args:
        y_true, y_score: labels 0 or 1 and scores, `(n,)` each.
        span: of all scores.
    """
    edges = np.linspace(*span, BINS + 1)
    positive = np.asarray(y_true) == 1
    counts = (np.histogram(np.asarray(y_score)[of], edges)[0] for of in (positive, ~positive))
    return Histogram(edges, *counts)


def scores_by_class(counts: Histogram, threshold: float, class_names: tuple[str, str]) -> go.Figure:
    """Scores of both classes as mirrored counts, with a line at the threshold.

    The margins make the plot as wide as the track of a slider under it, so that the line stands
    above the slider's thumb.

    Args:
        threshold: class 1 is said from this score on.
        class_names: of class 0 and class 1.
    """
    negative, positive = (words.plotly(words.plural(name), _LONGEST) for name in class_names)
    edges, above, below = counts.edges, counts.positives, counts.negatives
    start, end = float(edges[0]), float(edges[-1])
    figure = blank(SCORES_HEIGHT, left=8, top=4, hovermode="closest", bargap=0.1, barmode="overlay")
    spans = [f"{low:g}–{high:g}" for low, high in pairwise(edges)]
    middle = (edges[:-1] + edges[1:]) / 2
    for counted, sign, color, name in (
        (above, 1, CLASS_1, positive),
        (below, -1, CLASS_0, negative),
    ):
        says = [[span, words.count(int(n))] for span, n in zip(spans, counted, strict=True)]
        figure.add_bar(
            x=middle,
            y=sign * counted,
            width=0.9 * (end - start) / BINS,
            marker={"color": color, "line": {"width": 0}},
            customdata=says,
            hovertemplate=f"score %{{customdata[0]}}<br>%{{customdata[1]}} {name}<extra></extra>",
            name=name,
        )
    tallest = max(int(above.max()), int(below.max()), 1)
    figure.add_shape(
        type="line", x0=threshold, x1=threshold, y0=0, y1=1, yref="paper", layer="above",
        line={"color": INK, "width": 2},
    )  # fmt: skip
    # Both names stand beyond the tallest bar: on a weak run bars are everywhere else.
    edge = {"y": 1.18 * tallest, "bgcolor": BACKGROUND}
    label(figure, f"{positive} above", CLASS_1, x=start, xanchor="left", **edge)
    label(figure, f"{negative} below", CLASS_0, x=end, xanchor="right", **edge | {"y": -edge["y"]})
    name = words.plotly(class_names[1], _LONGEST)
    figure.update_xaxes(title_text=f"score for “{name}”", showgrid=False, range=[start, end])
    if (start, end) == (0, 1):
        figure.update_xaxes(tickvals=[0, 0.25, 0.5, 0.75, 1])
    figure.update_yaxes(range=[-1.28 * tallest, 1.28 * tallest], visible=False)
    return figure
