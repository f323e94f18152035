"""The ROC curve and the scores by class hold the numbers they were given."""

import numpy as np
import pytest

from dashboard.evaluate import charts
from dashboard.parts.charts import BACKGROUND, CLASS_0, CLASS_1
from engine.evaluation.bands import Band
from engine.evaluation.roc import RocCurve

NAMES = ("cat", "dog")


def trace(figure, name):
    return next(t for t in figure.data if t.name == name)


def texts(figure):
    return [a.text for a in figure.layout.annotations]


def curve(fpr, tpr, thresholds) -> RocCurve:
    return RocCurve(*(np.array(of, float) for of in (fpr, tpr, thresholds)))


CURVE = curve([0, 0, 0.1, 1], [0, 0.6, 0.9, 1], [np.inf, 0.8, 0.5, 0.1])
POINT = charts.Point(0.5, (0.9, 0.8, 0.95), (0.9, 0.85, 0.96))


@pytest.fixture
def roc():
    return charts.roc([charts.line("quick-1", CURVE)], NAMES, POINT)


def test_roc_is_a_square_with_the_curve_and_chance(roc):
    drawn = trace(roc, "quick-1")
    assert list(drawn.x) == [0, 0, 0.1, 1]
    assert list(drawn.y) == [0, 0.6, 0.9, 1]
    assert list(roc.data[0].x) == list(roc.data[0].y) == [0, 1]
    assert roc.layout.yaxis.scaleanchor == "x"
    assert roc.layout.xaxis.title.text == "1 − specificity: cats taken for dogs"
    assert roc.layout.yaxis.title.text == "sensitivity: dogs found"
    assert not roc.layout.showlegend


def test_roc_hover_tells_threshold_and_both_rates(roc):
    drawn = trace(roc, "quick-1")
    assert [tuple(one) for one in drawn.customdata] == [
        ("above every score", "100.0%"), ("0.80", "100.0%"), ("0.50", "90.0%"), ("0.10", "0.0%"),
    ]  # fmt: skip
    assert "threshold %{customdata[0]}" in drawn.hovertemplate
    assert "sensitivity %{y:.1%}" in drawn.hovertemplate
    assert "specificity %{customdata[1]}" in drawn.hovertemplate


def test_roc_marks_the_chosen_threshold_by_an_open_circle_and_how_sure_both_rates_are(roc):
    ring = trace(roc, "threshold")
    assert (ring.x[0], ring.y[0]) == (pytest.approx(0.1), 0.9)
    assert ring.marker.color == BACKGROUND
    assert texts(roc) == ["threshold 0.50"]
    cross = next(one for one in roc.data if one.error_x.array is not None)
    assert ring.x[0] - cross.error_x.arrayminus[0] == pytest.approx(1 - 0.96)
    assert ring.x[0] + cross.error_x.array[0] == pytest.approx(1 - 0.85)
    assert ring.y[0] - cross.error_y.arrayminus[0] == pytest.approx(0.8)
    assert ring.y[0] + cross.error_y.array[0] == pytest.approx(0.95)


def test_a_second_curve_is_dashed_and_named_and_the_first_lies_on_top():
    other = charts.line("<b>classic-2", curve([0, 1], [0, 1], [np.inf, 0.5]))
    figure = charts.roc([charts.line("quick-1", CURVE), other], NAMES)
    assert trace(figure, "&lt;b&gt;classic-2").line.dash == "dash"
    assert trace(figure, "quick-1").line.dash is None
    assert figure.data[-1].name == "quick-1"
    assert figure.layout.showlegend
    assert [one.name for one in figure.data if one.showlegend is not False] == [
        "&lt;b&gt;classic-2", "quick-1",
    ]  # fmt: skip


def drawn_band(method: str) -> list[tuple[float, float]]:
    band = Band(*(np.array(of) for of in ([1, 0.5], [0, 0.8], [0.4, 1])), method)
    trace_of = trace(charts.roc([charts.line("a", CURVE)], NAMES, band=band), "band")
    assert trace_of.fill == "toself"
    return [(float(x), float(y)) for x, y in zip(trace_of.x, trace_of.y, strict=True)]


def test_a_band_goes_along_its_lower_end_and_back_along_its_upper_one():
    assert drawn_band("bootstrap") == [(0, 0), (0.5, 0.8), (0.5, 1), (0, 0.4)]


def test_a_band_of_rectangles_has_steps_that_leave_nothing_of_it_out():
    assert drawn_band("rectangles") == [
        (0, 0), (0.5, 0), (0.5, 0.8), (0.5, 1), (0, 1), (0, 0.4),
    ]  # fmt: skip


def test_a_curve_of_a_million_scores_is_thinned_to_what_can_be_seen():
    """Every point was sent to the browser, 100 MB of them."""
    rng = np.random.default_rng(1)
    steps = rng.random(1_000_000) < 0.5
    whole = curve(
        np.cumsum(~steps) / (~steps).sum(), np.cumsum(steps) / steps.sum(),
        np.linspace(1, 0, len(steps)),
    )  # fmt: skip
    drawn = charts.line("a", whole)
    assert len(drawn.fpr) <= 2001
    assert len(drawn.said) == len(drawn.fpr)
    assert (drawn.fpr[-1], drawn.tpr[-1]) == (1, 1)
    gaps = np.diff(drawn.fpr + drawn.tpr)
    assert gaps.max() < 0.0011
    assert charts.line("a", CURVE).fpr.tolist() == CURVE.fpr.tolist()


@pytest.mark.parametrize("x", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("y", [0.0, 0.5, 1.0])
def test_roc_label_stays_inside_the_square(x, y):
    point = charts.Point(0.5, (y, y, y), (1 - x, 1 - x, 1 - x))
    note = charts.roc([charts.line("a", CURVE)], NAMES, point).layout.annotations[0]
    assert note.xanchor == ("right" if x == 1.0 else "left")
    assert (note.yshift > 0) == (y == 0.0)


def test_a_class_name_is_text_and_not_markup():
    names = ("<b>cat</b>", "%{x} " + "long " * 30)
    figure = charts.roc([charts.line("a", CURVE)], names, POINT)
    assert "&lt;b&gt;cat&lt;/b&gt;" in figure.layout.xaxis.title.text
    assert len(figure.layout.yaxis.title.text) < 60
    bars = charts.scores_by_class(counts([0, 1], [0.2, 0.9]), 0.5, names).data
    assert "%{x}" not in "".join(bar.hovertemplate for bar in bars)


def counts(y_true, y_score, span=(0.0, 1.0)) -> charts.Histogram:
    return charts.histogram(np.array(y_true), np.array(y_score), span)


def test_scores_on_any_scale_are_counted_from_the_lowest_to_the_highest():
    figure = charts.scores_by_class(counts([0, 1, 1], [-8, 8, 12], (-8, 12)), 0, NAMES)
    assert tuple(figure.layout.xaxis.range) == (-8, 12)
    assert sum(trace(figure, "dogs").y) == 2
    assert trace(figure, "cats").y[0] == -1
    assert trace(figure, "dogs").width == pytest.approx(0.9 * 20 / charts.BINS)


def test_scores_are_mirrored_counts_of_each_class():
    figure = charts.scores_by_class(
        counts([0, 0, 0, 1, 1], [0.01, 0.02, 0.99, 0.99, 1.0]), 0.3, NAMES
    )
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
    figure = charts.scores_by_class(counts([0, 1], [0.2, 0.9]), 0.5, NAMES)
    assert (figure.layout.margin.l, figure.layout.margin.r) == (8, 8)
    assert tuple(figure.layout.xaxis.range) == (0, 1)
