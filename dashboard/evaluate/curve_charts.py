"""Precision by recall, and whether scores are probabilities, as figures."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard import words
from dashboard.parts.charts import (
    ACCENT,
    BACKGROUND,
    GRAY,
    INK,
    SECOND,
    blank,
    label,
    open_circle,
)
from engine.evaluation.calibration import Bin
from engine.evaluation.precision import PrecisionRecall
from engine.evaluation.proportions import Proportion

HEIGHT = 410
_STEPS = 1000  # points of a curve at most: finer than its pixels
_LONGEST = 24  # characters of a class name in a chart
_UNIT = {"range": [-0.01, 1.01], "dtick": 0.2, "constrain": "domain", "showgrid": True}


def precision_recall(
    curve: PrecisionRecall,
    threshold: float,
    recall: Proportion,
    precision: Proportion | None,
    class_names: tuple[str, str],
) -> go.Figure:
    """The curve with the share of positives as its baseline, and the chosen threshold on it.

    Args:
        recall, precision: at the threshold, with their intervals; None where nothing is called
            positive, and then no threshold is marked.
        class_names: of class 0 and class 1.
    """
    positive = words.plotly(words.plural(class_names[1]), _LONGEST)
    called = words.plotly(class_names[1], _LONGEST)
    figure = blank(HEIGHT, left=56, bottom=48, hovermode="closest", hoverdistance=40)
    dotted = {"color": GRAY, "width": 1, "dash": "dot"}
    figure.add_scatter(
        x=[0, 1], y=[curve.baseline] * 2, mode="lines", line=dotted, hoverinfo="skip",
        name="baseline",
    )  # fmt: skip
    at = thinned(curve.recall)
    hover = "threshold %{customdata}<br>precision %{y:.1%}<br>recall %{x:.1%}<extra></extra>"
    figure.add_scatter(
        x=curve.recall[at], y=curve.precision[at], mode="lines", name="precision and recall",
        customdata=[words.threshold(t) for t in curve.thresholds[at].tolist()],
        line={"color": ACCENT, "width": 2.5}, hovertemplate=hover, cliponaxis=False,
    )  # fmt: skip
    if precision is not None:
        x, y = recall.value, precision.value
        figure.add_trace(_cross([x], [y], [recall], [precision], INK))
        text = words.threshold(threshold)
        ring = open_circle(x, y, customdata=[text], name="threshold", hovertemplate=hover)
        figure.add_trace(ring)
        side = {"xanchor": "left", "xshift": 12} if x < 0.7 else {"xanchor": "right", "xshift": -12}
        label(figure, f"threshold {text}", INK, x=x, y=y, yshift=20 if y < 0.85 else -20, **side)
    figure.update_xaxes(title_text=f"recall: {positive} found", **_UNIT)
    figure.update_yaxes(title_text=f"precision: said “{called}”, is {called}", **_UNIT)
    return figure


def thinned(recall: np.ndarray) -> np.ndarray:
    """Places of at most `_STEPS` points of a rising curve, the last one among them."""
    if len(recall) <= _STEPS:
        return np.arange(len(recall))
    first = np.searchsorted(recall, np.linspace(0, 1, _STEPS - 1))
    return np.unique(np.append(first.clip(0, len(recall) - 1), len(recall) - 1))


def reliability(
    bins: Sequence[Bin], class_names: tuple[str, str], mended: Sequence[Bin] = ()
) -> go.Figure:
    """The share of positives by score, each bin with its interval, beside what it should be.

    Args:
        class_names: of class 0 and class 1.
        mended: the bins at another temperature, drawn dashed.
    """
    positive = words.plotly(class_names[1], _LONGEST)
    figure = blank(HEIGHT, left=56, bottom=48, hovermode="closest", hoverdistance=40)
    dotted = {"color": GRAY, "width": 1, "dash": "dot"}
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line=dotted, hoverinfo="skip", name="calibrated"
    )
    as_found = {"color": ACCENT, "width": 2.5}, "as it is"
    dashed = {"color": SECOND, "width": 2.5, "dash": "dash"}, "at the temperature"
    for of, (line, name) in ((bins, as_found), (mended, dashed)):
        if not of:
            continue
        x, shares = [one.score for one in of], [one.positive for one in of]
        y = [share.value for share in shares]
        figure.add_trace(_cross(x, y, None, shares, line["color"]))
        figure.add_scatter(
            x=x, y=y, mode="lines+markers", line=line, name=name, cliponaxis=False,
            marker={"size": 8, "color": BACKGROUND, "line": {"color": line["color"], "width": 2}},
            customdata=[[words.count(s.n), words.bounds(s.low, s.high, words.percent)]
                        for s in shares],
            hovertemplate=f"score %{{x:.3f}}<br>{positive} %{{y:.1%}} (%{{customdata[1]}})<br>"
            "%{customdata[0]} pictures<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title_text=f"score for “{positive}”", **_UNIT)
    figure.update_yaxes(title_text=f"share that is {positive}", **_UNIT)
    return figure


def _cross(
    x: list[float], y: list[float], across: list | None, up: list[Proportion], color: str
) -> go.Scatter:
    """Intervals of points, under them; across: None where x is known."""
    line = {"type": "data", "color": color, "thickness": 1.5, "width": 4, "symmetric": False}
    bars = {"error_y": {**line, **_arms(y, up)}}
    if across is not None:
        bars["error_x"] = {**line, **_arms(x, across)}
    return go.Scatter(
        x=x, y=y, mode="markers", marker={"size": 1, "color": color}, hoverinfo="skip",
        cliponaxis=False, **bars,
    )  # fmt: skip


def _arms(values: list[float], shares: list[Proportion]) -> dict:
    return {
        "array": [s.high - v for v, s in zip(values, shares, strict=True)],
        "arrayminus": [v - s.low for v, s in zip(values, shares, strict=True)],
    }
