"""Plotly figures: what all of them share, and how a training went, from numbers to a figure.

A figure knows no theme. Colors are placeholders: in the browser, Streamlit replaces `#000001` to
`#000010` by the theme's `chartCategoricalColors` and `#000038` by the background. This is not
documented; it stands in this file alone, and a browser test holds it. Placeholders are resolved
when a chart is mounted, so `show` puts the theme into the chart's key: a switch between light and
dark mounts it anew.

Shared settings go into the layout and not into a template, whose sizes Streamlit overwrites.
"""

import math
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

ACCENT, CLASS_0, CLASS_1, SECOND = "#000001", "#000002", "#000003", "#000004"
FIFTH, SIXTH = "#000005", "#000006"  # where there are as many lines
GRAY, INK, BACKGROUND = "#000007", "#000010", "#000038"
_CLEAR = "rgba(0,0,0,0)"

CURVE_HEIGHT, SMALL_HEIGHT = 270, 135

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


def show(figure: go.Figure, key: str, alt: str) -> None:
    """Draw a figure; `alt` is its take-away in a sentence, for those who cannot see it."""
    st.plotly_chart(figure, theme="streamlit", key=themed(key), config=_CONFIG, alt=alt)


def theme() -> str:
    """ "light" or "dark"."""
    return st.context.theme.type or "light"


def themed(key: str) -> str:
    """The key of a chart as it is mounted."""
    return f"{key}-{theme()}"


def colored(text: str, theme: str) -> str:
    """A figure's JSON with the colors of a theme in place of placeholders, for a file."""
    for place, color in enumerate(st.get_option(f"theme.{theme}.chartCategoricalColors"), 1):
        text = text.replace(f"#{place:06d}", color)
    return text.replace(BACKGROUND, background(theme))


def background(theme: str) -> str:
    return st.get_option(f"theme.{theme}.backgroundColor")


def blank(height: int, left: int = 48, right: int = 8, top: int = 8, bottom: int = 44, **layout):
    """A figure with the look of all and nothing in it; margins are in pixels.

    All is given at once: to update a figure ten times costs ten times as much.
    """
    margin = {"l": left, "r": right, "t": top, "b": bottom, "pad": 4}
    own = {"height": height, "margin": margin, "xaxis": _AXIS, "yaxis": _AXIS}
    return go.Figure(layout={**_LAYOUT, **own, **layout})


def open_circle(x: float, y: float, color: str = INK, **more) -> go.Scatter:
    """The marker of what is chosen: a ring on the line, filled with the background."""
    ring = {"size": 13, "color": BACKGROUND, "line": {"color": color, "width": 2.5}}
    return go.Scatter(x=[x], y=[y], mode="markers", marker=ring, cliponaxis=False, **more)


def label(figure: go.Figure, text: str, color: str, **place) -> None:
    """Text in the figure; place: Plotly's, from x and y on."""
    font = {"size": 12, "color": color}
    figure.add_annotation(text=text, font=font, showarrow=False, **place)


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
    figure = blank(CURVE_HEIGHT, left=52, right=76, hovermode="x unified")
    at = [int(epoch) for epoch in history.get("epoch", [])]
    training, validation = (
        finite(history.get(name, []), len(at)) for name in (column, f"val_{column}")
    )
    by_epoch(figure, max(epochs, *at, 1))
    low, high = span(training + validation, column == "accuracy")
    figure.update_yaxes(range=[low, high], nticks=6)
    if not at:
        place = {"x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
        label(figure, "the first epoch is not done yet", INK, **place)
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
        best = open_circle(best_epoch, validation[at.index(best_epoch)], ACCENT)
        figure.add_trace(best.update(hoverinfo="skip", name="best epoch"))
    _name_lines(figure, at, training, validation, (low, high))
    return figure


def by_epoch(figure: go.Figure, last: int) -> None:
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


def finite(values: Sequence[float], n: int) -> list[float | None]:
    """The first n values; None, which Plotly leaves out, where a loss became NaN or infinite."""
    values = [float(v) for v in values][:n] + [math.nan] * (n - len(values))
    return [v if math.isfinite(v) else None for v in values]


def span(values: list[float | None], share: bool) -> tuple[float, float]:
    """Room around the values, never so little that noise would fill the chart."""
    known = [v for v in values if v is not None] or [0.5, 1.0]
    low, high = min(known), max(known)
    room = max(0.07 * (high - low), 0.02)
    return max(0.0, low - room), min(1.005, high + room) if share else high + room


def _name_lines(
    figure: go.Figure, at: list[int], training: list, validation: list, limits: tuple[float, float]
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
        gap = (ends["validation"][1] - ends["training"][1]) / (limits[1] - limits[0]) * height
        if abs(gap) < 15:
            push = (15 - abs(gap)) / 2
            shift = {"validation": push, "training": -push}
            if gap < 0:
                shift = {name: -value for name, value in shift.items()}
    for name, (x, y) in ends.items():
        color = ACCENT if name == "validation" else GRAY
        place = {"xanchor": "left", "xshift": 9, "yshift": shift[name]}
        label(figure, name, color, x=x, y=y, **place)


def learning_rate(rates: Sequence[float]) -> go.Figure:
    """The learning rate of every epoch, the first one's first: a preview before training."""
    figure = blank(SMALL_HEIGHT, left=60, hovermode="x unified")
    by_epoch(figure, max(len(rates), 1))
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
