"""The tabs Precision and recall, Calibration, Operating points: as the engine finds it."""

import csv
import io
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics
from streamlit.testing.v1 import AppTest

from dashboard import words
from dashboard.evaluate import curve_charts, made, operating_tab
from dashboard.parts import downloads
from engine.commands.evaluate import Evaluation
from engine.evaluation import operating
from engine.evaluation.calibration import calibration, temperature
from engine.evaluation.intervals import auc_interval
from engine.evaluation.operating import Table, at_prevalence, by_cost
from engine.evaluation.partial import partial_auc
from engine.evaluation.precision import precision_recall
from engine.evaluation.roc import roc_curve
from engine.evaluation.thresholds import Confusion, confusion, youden
from tests.dashboard.pages import cards, texts

NAMES = ("cat", "dog")


def judged(n=200, threshold=0.5, groups=None, seed=1, scale=lambda x: 1 / (1 + np.exp(-x)), **more):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(np.int8)
    scores = scale(rng.normal(2.4 * labels - 1.2, 1.5))
    return Evaluation(
        run=None, part="test", interval=auc_interval(labels, scores, groups=groups),
        threshold=threshold, confusion=confusion(labels, scores, threshold),
        picture=np.array([""] * n), y_true=labels, y_score=scores, class_names=NAMES,
        groups=groups, **more,
    )  # fmt: skip


@pytest.fixture
def tab(empty_workspace):
    """`tab("precision_tab", found)`: the tab, drawn alone."""

    def script(name, found) -> None:
        import importlib

        importlib.import_module(f"dashboard.evaluate.{name}").show(found)

    def draw(name: str, found: Evaluation, **query) -> AppTest:
        at = AppTest.from_function(
            script, default_timeout=60, kwargs={"name": name, "found": found}
        )  # fmt: skip
        for key, value in query.items():
            at.query_params[key.replace("_", "-")] = value
        at.run()
        assert not at.exception, at.exception
        return at

    return draw


# --- precision and recall -------------------------------------------------------------------------


def test_average_precision_stands_with_its_interval_beside_the_baseline(tab):
    found = judged()
    area = precision_recall(found.y_true, found.y_score)
    (card,) = cards(tab("precision_tab", found)).values()
    assert card["value"] == words.three_digits(area.average_precision.value)
    low, high = area.average_precision.low, area.average_precision.high
    assert card["interval"] == words.interval(low, high)
    assert card["remark"] == f"{words.three_digits(found.y_true.mean())} is chance"


def test_the_threshold_is_marked_on_the_precision_curve_with_both_intervals():
    found = judged()
    curve = precision_recall(found.y_true, found.y_score)
    rates = operating.rates_of(found.confusion)
    figure = curve_charts.precision_recall(
        curve, 0.5, rates["sensitivity"], rates["precision"], NAMES
    )
    ring = next(trace for trace in figure.data if trace.name == "threshold")
    assert (ring.x[0], ring.y[0]) == (found.confusion.sensitivity, found.confusion.precision)
    cross = next(trace for trace in figure.data if trace.error_y.array)
    assert ring.y[0] + cross.error_y.array[0] == pytest.approx(rates["precision"].high)
    assert ring.x[0] - cross.error_x.arrayminus[0] == pytest.approx(rates["sensitivity"].low)
    assert [a.text for a in figure.layout.annotations] == ["threshold 0.50"]
    never = curve_charts.precision_recall(curve, 2, rates["sensitivity"], None, NAMES)
    assert not [trace for trace in never.data if trace.name == "threshold"]


def test_a_threshold_that_calls_nothing_positive_draws_the_curve_without_it(tab):
    at = tab("precision_tab", judged(threshold=2))
    assert "precision –" in at.get("plotly_chart")[0].proto.alt


def test_a_million_thresholds_are_drawn_by_a_thousand_and_keep_their_ends():
    at = curve_charts.thinned(np.linspace(0, 1, 1_000_000) ** 3)
    assert len(at) <= 1000
    assert (at[0], at[-1]) == (0, 999_999)


# --- calibration ----------------------------------------------------------------------------------


def test_calibration_error_and_brier_stand_with_intervals_and_what_noise_would_show(tab):
    found = judged()
    made_of = calibration(found.y_true, found.y_score)
    shown = cards(tab("calibration_tab", found))
    assert shown["Calibration error"]["value"] == words.three_digits(made_of.ece.value)
    interval = words.interval(made_of.ece.low, made_of.ece.high)
    assert shown["Calibration error"]["interval"] == interval
    by_chance = words.three_digits(made_of.ece_by_chance)
    assert shown["Calibration error"]["remark"] == f"a calibrated model shows {by_chance}"
    brier = metrics.brier_score_loss(found.y_true, found.y_score)
    assert shown["Brier score"]["value"] == words.three_digits(brier)


def test_scores_that_are_no_probabilities_get_a_sentence_and_no_curve(tab):
    at = tab("calibration_tab", judged(scale=lambda x: 10 * x))
    assert "calibration asks for probabilities" in texts(at)
    assert not at.get("plotly_chart")


def test_each_bin_is_drawn_at_its_score_with_its_interval():
    found = judged()
    bins = calibration(found.y_true, found.y_score).bins
    figure = curve_charts.reliability(bins, NAMES, bins[:2])
    line = next(trace for trace in figure.data if trace.name == "as it is")
    assert list(line.x) == [one.score for one in bins]
    assert list(line.y) == [one.positive.value for one in bins]
    cross = next(trace for trace in figure.data if trace.error_y.array)
    assert cross.y[0] + cross.error_y.array[0] == pytest.approx(bins[0].positive.high)
    mended = next(trace for trace in figure.data if trace.name == "at the temperature")
    assert len(mended.x) == 2
    assert mended.line.dash == "dash"


@pytest.fixture
def of_a_run(monkeypatch, tmp_path):
    """An evaluation of a run whose scores are twice as sharp as they should be, by a seed."""
    run = SimpleNamespace(
        id="quick-1", folder=tmp_path, weights_sha256=str(tmp_path), class_names=NAMES
    )
    rng = np.random.default_rng(3)
    odds = rng.normal(0, 2, (2, 600))
    labels = (rng.random((2, 600)) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    scores = 1 / (1 + np.exp(-2 * odds))
    told = {"y_true": labels[1], "y_score": scores[1], "picture": np.array([""] * 600)}
    monkeypatch.setattr("dashboard.state.predictions", lambda run, part: told)
    found = Evaluation(
        run=run, part="test", interval=auc_interval(labels[0], scores[0]), threshold=0.5,
        confusion=confusion(labels[0], scores[0], 0.5), picture=told["picture"],
        y_true=labels[0], y_score=scores[0], class_names=NAMES,
    )  # fmt: skip
    return found, (labels[1], scores[1])


def test_a_temperature_that_was_fitted_on_validation_is_offered_and_mends(tab, of_a_run):
    found, validation = of_a_run
    fitted = temperature(*validation)
    at = tab("calibration_tab", found)
    (toggle,) = at.toggle
    assert toggle.label.startswith(f"Scale scores by the temperature {fitted.value:.2f}")
    toggle.set_value(True).run()
    assert not at.exception
    after = calibration(found.y_true, fitted.apply(found.y_score))
    shown = cards(at)["Calibration error"]  # the last of that label: at the temperature
    assert shown["value"] == words.three_digits(after.ece.value)
    assert after.ece.value < calibration(found.y_true, found.y_score).ece.value


def test_a_file_of_scores_has_no_validation_to_fit_a_temperature_on(tab):
    at = tab("calibration_tab", judged())
    assert not at.toggle
    assert "one set alone" in texts(at)


# --- operating points -----------------------------------------------------------------------------


def rows_of(at: AppTest) -> dict[str, dict]:
    rows = at.table[0].value.to_dict("records")
    return {row["Point"]: {k: v.replace("\\", "") for k, v in row.items()} for row in rows}


def test_points_are_those_of_the_curve_with_their_rates_and_cost(tab):
    found = judged()
    at = tab("operating_tab", found, cost_fp="1", cost_fn="5", prevalence="10")
    curve, rows = roc_curve(found.y_true, found.y_score), rows_of(at)
    assert rows["Youden"]["Threshold"] == words.threshold(youden(curve))
    best = by_cost(curve, 0.1, 1, 5)
    assert rows["Cheapest"]["Threshold"] == words.threshold(best)
    point = confusion(found.y_true, found.y_score, best)
    assert rows["Cheapest"]["Sensitivity"] == words.percent(point.sensitivity)
    cost = 1000 * (0.1 * 5 * (1 - point.sensitivity) + 0.9 * (1 - point.specificity))
    assert rows["Cheapest"]["Cost of 1,000"] == f"{cost:,.4g}"
    least = min(float(row["Cost of 1,000"].replace(",", "")) for row in rows.values())
    assert float(rows["Cheapest"]["Cost of 1,000"].replace(",", "")) == least


def test_a_button_takes_a_point_for_the_threshold(tab):
    found = judged()
    at = tab("operating_tab", found)
    at.button(key="take-Youden").click().run()
    assert at.session_state["t"] == youden(roc_curve(found.y_true, found.y_score))


def test_where_it_is_cheapest_never_to_say_it_that_is_said_and_no_threshold_taken(tab):
    found = judged()
    found.y_score[np.flatnonzero(found.y_true == 0)[0]] = 1.0  # the highest is a cat's
    at = tab("operating_tab", found, prevalence="0.001")
    assert "cheapest never to say “dog”" in texts(at)
    assert at.button(key="take-Cheapest").disabled


def test_what_an_answer_means_is_at_the_share_that_was_given(tab):
    found = judged()
    shown = cards(tab("operating_tab", found, prevalence="2"))
    of = at_prevalence(found.confusion, 0.02)
    assert shown["Said “dog”, is dog"]["value"] == words.percent(of.ppv.value)
    interval = words.interval(of.ppv.low, of.ppv.high, words.percent)
    assert shown["Said “dog”, is dog"]["interval"] == interval
    assert shown["Likelihood ratio +"]["value"] == operating_tab.ratio(of.lr_positive.value)
    here = cards(tab("operating_tab", found))
    assert here["Said “dog”, is dog"]["value"] == words.percent(found.confusion.precision)


def test_a_ratio_is_written_with_three_digits_whatever_its_size():
    values = (0.97, 0.00412, 0, 4.5, 312.4, np.inf)
    assert [operating_tab.ratio(value) for value in values] == [
        "0.970", "0.00412", "0.00", "4.50", "312", "∞",
    ]  # fmt: skip


def test_an_answer_that_is_never_wrong_or_never_given_has_honest_cards():
    sure, none = (
        at_prevalence(of, 0.3) for of in (Confusion(40, 0, 8, 32), Confusion(40, 0, 40, 0))
    )
    ppv, _, lr, _ = operating_tab.predictive_cards(sure, NAMES)
    assert (ppv.value, lr.value) == ("100.0%", "∞")
    assert "at least" in lr.evidence
    never = operating_tab.predictive_cards(none, NAMES)[0]
    assert (never.value, never.evidence) == (words.NOTHING, "never said at this threshold")


def test_the_partial_area_follows_its_range(tab):
    found = judged()
    shown = cards(tab("operating_tab", found, partial_from="0.8", partial_of="sensitivity"))
    of = partial_auc(found.y_true, found.y_score, 0.8, 1, "sensitivity")
    assert shown["Partial AUC, corrected"]["value"] == words.three_digits(of.corrected)
    assert shown["Partial AUC"]["value"] == words.three_digits(of.value)


def test_a_range_that_is_none_is_said_and_the_rest_stays(tab):
    at = tab("operating_tab", judged(), partial_from="1", partial_to="0.9")
    assert "is no range" in at.warning[0].value
    assert len(at.table) == 1


def test_every_threshold_has_a_row_of_counts_and_rates():
    counts = Table(np.array([0.9, 0.1]), *(np.array(of) for of in ([1, 0], [0, 1], [1, 0], [0, 1])))
    read = list(csv.DictReader(io.StringIO(downloads.written(operating_tab.columns_of(counts)))))
    assert [row["threshold"] for row in read] == ["0.9", "0.1"]
    assert read[1]["TP"] == "1"
    assert (float(read[1]["sensitivity"]), float(read[1]["precision"])) == (1, 0.5)
    assert read[0]["precision"] == "nan"


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["precision_tab", "calibration_tab", "operating_tab"])
def test_by_subject_the_tabs_count_subjects(tab, name):
    found = judged(groups=np.repeat(np.arange(50), 4).astype(str))
    shown = cards(tab(name, found))
    assert any("50 subjects, 200" in card["evidence"] for card in shown.values())
    if name == "operating_tab":
        rates = operating.rates(found.y_true, found.y_score, 0.5, found.groups)
        share = float(found.y_true.mean())
        of = at_prevalence(found.confusion, share, rates=rates).ppv
        interval = words.interval(of.low, of.high, words.percent)
        assert shown["Said “dog”, is dog"]["interval"] == interval


def test_other_scores_have_another_digest_and_the_same_ones_the_same():
    first = judged()
    groups = np.repeat(np.arange(50), 4)
    digests = {made.digest(one) for one in (first, judged(), judged(seed=2), judged(groups=groups))}
    assert len(digests) == 3
