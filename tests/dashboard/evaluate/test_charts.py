"""The ROC curve and the scores by class hold the numbers they were given."""

import numpy as np
import pytest

from dashboard.evaluate import charts
from dashboard.parts.charts import BACKGROUND, CLASS_0, CLASS_1

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
    assert ring.marker.color == BACKGROUND
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
    assert dogs.marker.color == CLASS_1
    assert cats.marker.color == CLASS_0
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
