"""Figures hold the numbers they were given, and no color of any theme."""

import json
import math
import re

import numpy as np
from streamlit.testing.v1 import AppTest

from dashboard.evaluate import charts as how_good
from dashboard.parts import charts
from engine.evaluation.bands import Band
from engine.evaluation.roc import RocCurve

NAMES = ("cat", "dog")


def trace(figure, name):
    return next(t for t in figure.data if t.name == name)


def texts(figure):
    return [a.text for a in figure.layout.annotations]


def history(n):
    return {
        "epoch": list(range(1, n + 1)),
        "loss": [0.6 / (i + 1) for i in range(n)],
        "accuracy": [0.6 + 0.02 * i for i in range(n)],
        "val_loss": [0.7 / (i + 1) for i in range(n)],
        "val_accuracy": [0.55 + 0.02 * i for i in range(n)],
        "learning_rate": [0.01] * n,
        "seconds": [1.0] * n,
    }


def every_figure():
    two = np.array([0.0, 1.0])
    line = how_good.line("a", RocCurve(two, two, two))
    point = how_good.Point(0.5, (1.0, 0.9, 1.0), (1.0, 0.9, 1.0))
    yield how_good.roc([line] * how_good.MOST, NAMES, point, band=Band(two, two, two, "bootstrap"))
    counts = how_good.histogram(np.array([0, 1]), np.array([0.2, 0.9]))
    yield how_good.scores_by_class(counts, 0.5, NAMES)
    yield from charts.learning_curves(history(3), 2, 8)
    yield charts.learning_rate([0.1, 0.01])


def test_colors_are_placeholders_of_the_theme():
    placeholders = {charts.ACCENT, charts.CLASS_0, charts.CLASS_1}
    placeholders |= {charts.GRAY, charts.INK, charts.BACKGROUND, charts.SECOND}
    placeholders |= {charts.FIFTH, charts.SIXTH}
    for figure in every_figure():
        drawn = json.loads(figure.to_json())
        drawn["layout"].pop("template", None)  # Plotly's own; Streamlit puts its theme over it
        colors = set(re.findall(r"#[0-9a-fA-F]{6}", json.dumps(drawn)))
        assert colors
        assert colors <= placeholders


def test_no_figure_zooms_or_catches_the_scrolling_page():
    for figure in every_figure():
        assert figure.layout.dragmode is False
        assert figure.layout.xaxis.fixedrange
        assert figure.layout.yaxis.fixedrange
        assert figure.layout.height


def test_curves_show_validation_solid_training_dotted_and_the_best_epoch():
    for figure, column in zip(
        charts.learning_curves(history(3), 2, 8), ("loss", "accuracy"), strict=True
    ):
        validation, training = trace(figure, "validation"), trace(figure, "training")
        assert list(validation.y) == history(3)[f"val_{column}"]
        assert list(training.y) == history(3)[column]
        assert validation.line.color == charts.ACCENT
        assert validation.line.dash is None
        assert (training.line.color, training.line.dash) == (charts.GRAY, "dot")
        best = trace(figure, "best epoch")
        assert (best.x[0], best.y[0]) == (2, history(3)[f"val_{column}"][1])
        assert best.hoverinfo == "skip"
        assert best.hovertemplate is None
        assert sorted(texts(figure)) == ["training", "validation"]


def test_curves_leave_room_for_the_epochs_to_come():
    loss, _ = charts.learning_curves(history(3), 2, 20)
    assert loss.layout.xaxis.range[1] >= 20
    assert list(loss.layout.xaxis.tickvals) == [1, 4, 7, 10, 13, 16, 19]


def test_one_epoch_is_a_point_that_can_be_seen():
    loss, _ = charts.learning_curves(history(1), 1, 1)
    assert trace(loss, "training").mode == "lines+markers"
    low, high = loss.layout.xaxis.range
    assert low < 1 < high
    low, high = loss.layout.yaxis.range
    assert low < 0.6 < 0.7 < high


def test_names_of_lines_that_end_together_are_moved_apart():
    together = {**history(3), "val_loss": history(3)["loss"]}
    loss, _ = charts.learning_curves(together, 2, 3)
    shifts = [a.yshift for a in loss.layout.annotations]
    assert abs(shifts[0] - shifts[1]) >= 15


def test_no_epoch_yet_says_so():
    for figure in charts.learning_curves({}, None, 8):
        assert texts(figure) == ["the first epoch is not done yet"]
        assert not figure.data


def test_a_loss_that_became_nan_leaves_the_rest_in_sight():
    broken = {**history(2), "loss": [0.6, math.nan], "val_loss": [0.7, math.inf]}
    loss, _ = charts.learning_curves(broken, 1, 8)
    assert list(trace(loss, "validation").y) == [0.7, None]
    assert all(map(math.isfinite, loss.layout.yaxis.range))
    assert [a.x for a in loss.layout.annotations] == [1, 1]


def test_learning_rate_begins_with_epoch_one():
    figure = charts.learning_rate([0.1, 0.01])
    assert list(figure.data[0].x) == [1, 2]
    assert list(figure.data[0].y) == [0.1, 0.01]
    assert figure.layout.yaxis.tickformat == "~g"
    assert charts.learning_rate([0.1]).data[0].mode == "lines+markers"


def test_show_draws_with_the_theme_and_an_alternative_text():
    def page():
        from dashboard.parts import charts

        charts.show(charts.learning_rate([0.1, 0.01]), key="rate", alt="It falls tenfold.")

    at = AppTest.from_function(page, default_timeout=30).run()
    assert not at.exception
    (chart,) = at.get("plotly_chart")
    assert chart.proto.theme == "streamlit"
    assert chart.proto.alt == "It falls tenfold."
    assert json.loads(chart.proto.config)["displayModeBar"] is False
