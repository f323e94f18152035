"""Figures hold the numbers they were given, and no color of any theme."""

import json
import math
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import charts

NAMES = ("cat", "dog")


def trace(figure, name):
    return next(t for t in figure.data if t.name == name)


def texts(figure):
    return [a.text for a in figure.layout.annotations]


@pytest.fixture
def roc():
    return charts.roc(
        fpr=np.array([0.0, 0.0, 0.1, 1.0]),
        tpr=np.array([0.0, 0.6, 0.9, 1.0]),
        thresholds=np.array([np.inf, 0.8, 0.5, 0.1]),
        point=(0.1, 0.9, 0.5),
        class_names=NAMES,
    )


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
    point, two = (0.0, 1.0, 0.5), np.array([0.0, 1.0])
    yield charts.roc(two, two, two, point, NAMES)
    yield charts.scores_by_class(np.array([0, 1]), np.array([0.2, 0.9]), 0.5, NAMES)
    yield from charts.learning_curves(history(3), 2, 8)
    yield charts.learning_rate([0.1, 0.01])


def test_colors_are_placeholders_of_the_theme():
    placeholders = {charts.ACCENT, charts.CLASS_0, charts.CLASS_1}
    placeholders |= {charts.GRAY, charts.INK, charts.BACKGROUND}
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


def test_roc_is_a_square_with_the_curve_and_chance(roc):
    curve = trace(roc, "ROC curve")
    assert list(curve.x) == [0, 0, 0.1, 1]
    assert list(curve.y) == [0, 0.6, 0.9, 1]
    assert list(roc.data[0].x) == list(roc.data[0].y) == [0, 1]
    assert roc.layout.yaxis.scaleanchor == "x"
    assert roc.layout.xaxis.title.text == "1 − specificity: cats taken for dogs"
    assert roc.layout.yaxis.title.text == "sensitivity: dogs found"


def test_roc_hover_tells_threshold_and_both_rates(roc):
    curve = trace(roc, "ROC curve")
    assert list(curve.customdata) == ["above every score", "0.80", "0.50", "0.10"]
    assert "threshold %{customdata}" in curve.hovertemplate
    assert "sensitivity %{y:.1%}" in curve.hovertemplate
    assert "1 − specificity %{x:.1%}" in curve.hovertemplate


def test_roc_marks_the_chosen_threshold_by_an_open_circle(roc):
    ring = trace(roc, "threshold")
    assert (ring.x[0], ring.y[0]) == (0.1, 0.9)
    assert ring.marker.color == charts.BACKGROUND
    assert texts(roc) == ["threshold 0.50"]


@pytest.mark.parametrize("x", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("y", [0.0, 0.5, 1.0])
def test_roc_label_stays_inside_the_square(x, y):
    ends = np.array([0.0, 1.0])
    note = charts.roc(ends, ends, ends, (x, y, 0.5), NAMES).layout.annotations[0]
    assert note.xanchor == ("right" if x == 1.0 else "left")
    assert (note.yshift > 0) == (y == 0.0)


def test_a_class_name_is_text_and_not_markup():
    ends = np.array([0.0, 1.0])
    names = ("<b>cat</b>", "%{x} " + "long " * 30)
    figure = charts.roc(ends, ends, ends, (0, 1, 0.5), names)
    assert "&lt;b&gt;cat&lt;/b&gt;" in figure.layout.xaxis.title.text
    assert len(figure.layout.yaxis.title.text) < 60
    bars = charts.scores_by_class(np.array([0, 1]), np.array([0.2, 0.9]), 0.5, names).data
    assert "%{x}" not in "".join(bar.hovertemplate for bar in bars)


def test_scores_are_mirrored_counts_of_each_class():
    y_true = np.array([0, 0, 0, 1, 1])
    y_score = np.array([0.01, 0.02, 0.99, 0.99, 1.0])
    figure = charts.scores_by_class(y_true, y_score, 0.3, NAMES)
    dogs, cats = trace(figure, "dogs"), trace(figure, "cats")
    assert dogs.y[-1] == 2  # a score of exactly 1 is counted in the last bar
    assert sum(dogs.y) == 2
    assert (cats.y[0], cats.y[-1]) == (-2, -1)
    assert sum(cats.y) == -3
    assert list(cats.customdata[0]) == ["0–0.025", "2"]
    assert dogs.marker.color == charts.CLASS_1
    assert cats.marker.color == charts.CLASS_0
    line = figure.layout.shapes[0]
    assert line.x0 == line.x1 == 0.3
    assert texts(figure) == ["dogs above", "cats below"]
    above, below = figure.layout.annotations
    assert above.y > max(dogs.y)
    assert below.y < min(cats.y)


def test_scores_line_stands_above_the_sliders_thumb():
    figure = charts.scores_by_class(np.array([0, 1]), np.array([0.2, 0.9]), 0.5, NAMES)
    assert (figure.layout.margin.l, figure.layout.margin.r) == (8, 8)
    assert tuple(figure.layout.xaxis.range) == (0, 1)


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
        from dashboard import charts

        charts.show(charts.learning_rate([0.1, 0.01]), key="rate", alt="It falls tenfold.")

    at = AppTest.from_function(page, default_timeout=30).run()
    assert not at.exception
    (chart,) = at.get("plotly_chart")
    assert chart.proto.theme == "streamlit"
    assert chart.proto.alt == "It falls tenfold."
    assert json.loads(chart.proto.config)["displayModeBar"] is False
