"""How good a run is, as figures: the ROC curve, and the scores of each class."""

import math
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from dashboard import words
from dashboard.parts.charts import (
    ACCENT,
    BACKGROUND,
    CLASS_0,
    CLASS_1,
    GRAY,
    INK,
    blank,
    label,
    open_circle,
)

ROC_HEIGHT, SCORES_HEIGHT = 410, 262
BINS = 40
_LONGEST = 24  # characters of a class name in a chart


def roc(
    fpr: np.ndarray,
    tpr: np.ndarray,
    thresholds: np.ndarray,
    point: tuple[float, float, float],
    class_names: tuple[str, str],
    cross: tuple[float, float, float, float] | None = None,
) -> go.Figure:
    """The ROC curve with chance as a diagonal and the chosen threshold as an open circle.

    Args:
        fpr, tpr, thresholds: of the curve, shapes (k,), as scikit-learn's `roc_curve` gives them;
            its first threshold is infinite.
        point: false and true positive rate at the chosen threshold, and that threshold.
        class_names: of class 0 and class 1.
        cross: the point's intervals, low and high of the false positive rate, then of the true one.
    """
    negative, positive = (words.plotly(words.plural(name), _LONGEST) for name in class_names)
    long = len(negative) + len(positive) > 24  # then the title takes two lines, for a phone
    bottom = 64 if long else 48
    figure = blank(ROC_HEIGHT, left=56, bottom=bottom, hovermode="closest", hoverdistance=40)
    diagonal = {"color": GRAY, "width": 1, "dash": "dot"}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=diagonal, hoverinfo="skip")
    hover = "threshold %{customdata}<br>sensitivity %{y:.1%}<br>1 − specificity %{x:.1%}"
    figure.add_scatter(
        x=np.asarray(fpr),
        y=np.asarray(tpr),
        customdata=[_threshold(t) for t in thresholds],
        mode="lines",
        line={"color": ACCENT, "width": 2.5},
        hovertemplate=hover + "<extra></extra>",
        name="ROC curve",
        cliponaxis=False,
    )
    x, y, threshold = point
    if cross:
        figure.add_trace(_cross(x, y, cross))
    ring = open_circle(x, y, customdata=[_threshold(threshold)], name="threshold")
    figure.add_trace(ring.update(hovertemplate=hover + "<extra></extra>"))
    label(figure, f"threshold {_threshold(threshold)}", INK, x=x, y=y, **_beside(x, y))
    square = {"range": [-0.01, 1.01], "dtick": 0.2, "constrain": "domain", "showgrid": True}
    title = f"1 − specificity:{'<br>' if long else ' '}{negative} taken for {positive}"
    figure.update_xaxes(title_text=title, **square)
    figure.update_yaxes(title_text=f"sensitivity: {positive} found", **square)
    figure.update_yaxes(scaleanchor="x", constraintoward="top")
    return figure


def _cross(x: float, y: float, ends: tuple[float, float, float, float]) -> go.Scatter:
    """The intervals of a point in both directions, under its ring."""
    left, right, low, high = ends
    line = {"type": "data", "color": INK, "thickness": 1.5, "width": 4, "symmetric": False}
    return go.Scatter(
        x=[x], y=[y], mode="markers", marker={"size": 1, "color": INK}, hoverinfo="skip",
        error_x={**line, "array": [right - x], "arrayminus": [x - left]},
        error_y={**line, "array": [high - y], "arrayminus": [y - low]}, cliponaxis=False,
    )  # fmt: skip


def _threshold(value: float) -> str:
    return words.threshold(value) if math.isfinite(value) else "above every score"


def _beside(x: float, y: float) -> dict:
    """Where the text of a point on the ROC stands: off the curve, inside the square."""
    side = {"xanchor": "left", "xshift": 12} if x < 0.7 else {"xanchor": "right", "xshift": -12}
    return {**side, "yshift": -20 if y > 0.12 else 20}


def scores_by_class(
    y_true: np.ndarray, y_score: np.ndarray, threshold: float, class_names: tuple[str, str]
) -> go.Figure:
    """Scores of both classes as mirrored counts, with a line at the threshold.

    The margins make the plot as wide as the track of a slider under it, so that the line stands
    above the slider's thumb.

    Args:
        y_true: labels 0 or 1, shape (n,).
        y_score: scores for class 1, from 0 to 1, shape (n,).
        threshold: class 1 is said from this score on.
        class_names: of class 0 and class 1.
    """
    negative, positive = (words.plotly(words.plural(name), _LONGEST) for name in class_names)
    y_true, y_score = np.asarray(y_true), np.asarray(y_score)
    edges = np.linspace(0, 1, BINS + 1)
    above = np.histogram(y_score[y_true == 1], edges)[0]
    below = np.histogram(y_score[y_true == 0], edges)[0]
    figure = blank(SCORES_HEIGHT, left=8, top=4, hovermode="closest", bargap=0.1, barmode="overlay")
    spans = [f"{low:g}–{high:g}" for low, high in pairwise(edges)]
    middle = (edges[:-1] + edges[1:]) / 2
    for counts, sign, color, name in (
        (above, 1, CLASS_1, positive),
        (below, -1, CLASS_0, negative),
    ):
        figure.add_bar(
            x=middle,
            y=sign * counts,
            width=0.9 / BINS,
            marker={"color": color, "line": {"width": 0}},
            customdata=[[span, words.count(int(n))] for span, n in zip(spans, counts, strict=True)],
            hovertemplate=f"score %{{customdata[0]}}<br>%{{customdata[1]}} {name}<extra></extra>",
            name=name,
        )
    tallest = max(int(above.max()), int(below.max()), 1)
    figure.add_shape(
        type="line", x0=threshold, x1=threshold, y0=0, y1=1, yref="paper", layer="above"
    )
    figure.update_shapes(line={"color": INK, "width": 2})
    # Both names stand beyond the tallest bar: on a weak run bars are everywhere else.
    edge = {"y": 1.18 * tallest, "bgcolor": BACKGROUND}
    label(figure, f"{positive} above", CLASS_1, x=0, xanchor="left", **edge)
    label(figure, f"{negative} below", CLASS_0, x=1, xanchor="right", **edge | {"y": -edge["y"]})
    ticks = {"tickvals": [0, 0.25, 0.5, 0.75, 1], "showgrid": False, "range": [0, 1]}
    name = words.plotly(class_names[1], _LONGEST)
    figure.update_xaxes(title_text=f"score for “{name}”", **ticks)
    figure.update_yaxes(range=[-1.28 * tallest, 1.28 * tallest], visible=False)
    return figure
