"""Plotly figures: plain functions from numbers to a figure that knows no theme.

Colors are placeholders: in the browser, Streamlit replaces `#000001` to `#000010` by the theme's
`chartCategoricalColors` and `#000038` by the background. This is not documented; it stands in this
file alone, and a browser test holds it. Placeholders are resolved when a chart is mounted, so
`show` puts the theme into the chart's key: a switch between light and dark mounts it anew.

Shared settings go into the layout and not into a template, whose sizes Streamlit overwrites.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard import words

ACCENT, CLASS_0, CLASS_1 = "#000001", "#000002", "#000003"
GRAY, INK, BACKGROUND = "#000007", "#000010", "#000038"
_CLEAR = "rgba(0,0,0,0)"

ROC_HEIGHT, SCORES_HEIGHT, CURVE_HEIGHT, SMALL_HEIGHT = 410, 262, 270, 135
BINS = 40

_LAYOUT = {
    "showlegend": False,
    "dragmode": False,
    "uirevision": "keep",
    "font": {"size": 13},
    "paper_bgcolor": _CLEAR,
    "plot_bgcolor": _CLEAR,
    "hoverlabel": {"font": {"size": 13, "color": INK}, "bgcolor": BACKGROUND, "align": "left"},
}
_AXIS = {
    "gridcolor": "rgba(128,124,112,0.20)",
    "gridwidth": 1,
    "title": {"font": {"size": 13, "color": INK}, "standoff": 8},
    "tickfont": {"size": 12, "color": INK},
    "ticks": "",
    "zeroline": False,
    "showline": False,
    "automargin": False,
    "fixedrange": True,
}
_CONFIG = {"displaylogo": False, "displayModeBar": False}
_LONGEST = 24  # characters of a class name in a chart


def show(figure: go.Figure, key: str, alt: str) -> None:
    """Draw a figure; `alt` is its take-away in a sentence, for those who cannot see it."""
    theme = st.context.theme.type or "light"
    st.plotly_chart(figure, theme="streamlit", key=f"{key}-{theme}", config=_CONFIG, alt=alt)


def _figure(height: int, left: int = 48, right: int = 8, top: int = 8, bottom: int = 44, **layout):
    figure = go.Figure()
    margin = {"l": left, "r": right, "t": top, "b": bottom, "pad": 4}
    figure.update_layout(height=height, margin=margin, **_LAYOUT, **layout)
    figure.update_xaxes(**_AXIS)
    figure.update_yaxes(**_AXIS)
    return figure


def _open_circle(x: float, y: float, color: str = INK, **more) -> go.Scatter:
    """The marker of what is chosen: a ring on the line, filled with the background."""
    ring = {"size": 13, "color": BACKGROUND, "line": {"color": color, "width": 2.5}}
    return go.Scatter(x=[x], y=[y], mode="markers", marker=ring, cliponaxis=False, **more)


def _label(figure: go.Figure, text: str, color: str, **place) -> None:
    font = {"size": 12, "color": color}
    figure.add_annotation(text=text, font=font, showarrow=False, **place)


# --- how good: ROC and scores --------------------------------------------------------------------


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
    figure = _figure(ROC_HEIGHT, left=56, bottom=bottom, hovermode="closest", hoverdistance=40)
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
    ring = _open_circle(x, y, customdata=[_threshold(threshold)], name="threshold")
    figure.add_trace(ring.update(hovertemplate=hover + "<extra></extra>"))
    _label(figure, f"threshold {_threshold(threshold)}", INK, x=x, y=y, **_beside(x, y))
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
    return f"{value:.2f}" if math.isfinite(value) else "above every score"


def _beside(x: float, y: float) -> dict:
    """Where the text of a point on the ROC stands: off the curve, inside the square."""
    side = {"xanchor": "left", "xshift": 12} if x < 0.7 else {"xanchor": "right", "xshift": 10}
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
    figure = _figure(
        SCORES_HEIGHT, left=8, top=4, hovermode="closest", bargap=0.1, barmode="overlay"
    )
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
    _label(figure, f"{positive} above", CLASS_1, x=0, xanchor="left", **edge)
    _label(figure, f"{negative} below", CLASS_0, x=1, xanchor="right", **edge | {"y": -edge["y"]})
    ticks = {"tickvals": [0, 0.25, 0.5, 0.75, 1], "showgrid": False, "range": [0, 1]}
    name = words.plotly(class_names[1], _LONGEST)
    figure.update_xaxes(title_text=f"score for “{name}”", **ticks)
    figure.update_yaxes(range=[-1.28 * tallest, 1.28 * tallest], visible=False)
    return figure


# --- how it went: curves by epoch ----------------------------------------------------------------


def learning_curves(
    history: dict[str, Sequence[float]], best_epoch: int | None, epochs: int
) -> tuple[go.Figure, go.Figure]:
    """Loss and accuracy by epoch, with room for the epochs yet to come.

    Args:
        history: columns `epoch` (from 1), `loss`, `accuracy`, `val_loss`, `val_accuracy`.
        best_epoch: marked by an open circle; None before there is one.
        epochs: how many there will be.
    """
    loss = _curve(history, "loss", best_epoch, epochs, hover="%{y:.3f}")
    accuracy = _curve(history, "accuracy", best_epoch, epochs, hover="%{y:.1%}")
    accuracy.update_yaxes(tickformat="~%")
    return loss, accuracy


def _curve(
    history: dict, column: str, best_epoch: int | None, epochs: int, hover: str
) -> go.Figure:
    # The margin on the right holds the lines' names once the last epoch is there.
    figure = _figure(CURVE_HEIGHT, left=52, right=76, hovermode="x unified")
    at = [int(epoch) for epoch in history.get("epoch", [])]
    training, validation = (
        _finite(history.get(name, []), len(at)) for name in (column, f"val_{column}")
    )
    _by_epoch(figure, max(epochs, *at, 1))
    low, high = _range(training + validation, column == "accuracy")
    figure.update_yaxes(range=[low, high], nticks=6)
    if not at:
        place = {"x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
        _label(figure, "the first epoch is not done yet", INK, **place)
        figure.update_yaxes(showticklabels=False)
        return figure
    dot = "lines+markers" if len(at) == 1 else "lines"
    for name, values, line in (
        ("training", training, {"color": GRAY, "width": 2, "dash": "dot"}),
        ("validation", validation, {"color": ACCENT, "width": 2.5}),
    ):
        says = {"name": name, "hovertemplate": hover}
        figure.add_scatter(x=at, y=values, mode=dot, line=line, cliponaxis=False, **says)
    if best_epoch in at and validation[at.index(best_epoch)] is not None:
        best = _open_circle(best_epoch, validation[at.index(best_epoch)], ACCENT)
        figure.add_trace(best.update(hoverinfo="skip", name="best epoch"))
    _name_lines(figure, at, training, validation, (low, high))
    return figure


def _by_epoch(figure: go.Figure, last: int) -> None:
    """An axis from epoch 1 to the last, with at most eight whole numbers on it."""
    room = max(0.5 if last == 1 else 0.0, 0.02 * (last - 1))
    figure.update_xaxes(
        title_text="epoch",
        range=[1 - room, last + room],
        tickvals=list(range(1, last + 1, math.ceil(last / 8))),
        unifiedhovertitle={"text": "epoch %{x}"},
        spikecolor=GRAY,
        spikethickness=1,
        showgrid=False,
    )


def _finite(values: Sequence[float], n: int) -> list[float | None]:
    """The first n values; None, which Plotly leaves out, where a loss became NaN or infinite."""
    values = [float(v) for v in values][:n] + [math.nan] * (n - len(values))
    return [v if math.isfinite(v) else None for v in values]


def _range(values: list[float | None], share: bool) -> tuple[float, float]:
    """Room around the values, never so little that noise would fill the chart."""
    known = [v for v in values if v is not None] or [0.5, 1.0]
    low, high = min(known), max(known)
    room = max(0.07 * (high - low), 0.02)
    return max(0.0, low - room), min(1.005, high + room) if share else high + room


def _name_lines(
    figure: go.Figure, at: list[int], training: list, validation: list, span: tuple[float, float]
) -> None:
    """Write each line's name at its end, moved apart where the two would overlap."""
    ends = {}
    for name, values in (("training", training), ("validation", validation)):
        known = [(x, y) for x, y in zip(at, values, strict=True) if y is not None]
        if known:
            ends[name] = known[-1]
    shift = dict.fromkeys(ends, 0.0)
    if len(ends) == 2:
        height = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
        gap = (ends["validation"][1] - ends["training"][1]) / (span[1] - span[0]) * height
        if abs(gap) < 15:
            push = (15 - abs(gap)) / 2
            shift = {"validation": push, "training": -push}
            if gap < 0:
                shift = {name: -value for name, value in shift.items()}
    for name, (x, y) in ends.items():
        color = ACCENT if name == "validation" else GRAY
        place = {"xanchor": "left", "xshift": 9, "yshift": shift[name]}
        _label(figure, name, color, x=x, y=y, **place)


def learning_rate(rates: Sequence[float]) -> go.Figure:
    """The learning rate of every epoch, the first one's first: a preview before training."""
    figure = _figure(SMALL_HEIGHT, left=60, hovermode="x unified")
    _by_epoch(figure, max(len(rates), 1))
    figure.add_scatter(
        x=list(range(1, len(rates) + 1)),
        y=list(rates),
        mode="lines+markers" if len(rates) == 1 else "lines",
        line={"color": ACCENT, "width": 2.5},
        hovertemplate="%{y:.2~g}<extra></extra>",
        name="learning rate",
        cliponaxis=False,
    )
    top = max([rate for rate in rates if math.isfinite(rate)], default=1.0) or 1.0
    figure.update_yaxes(range=[0, 1.08 * top], nticks=4, tickformat="~g")
    return figure
