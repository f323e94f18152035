"""Counts, rates and predictive values, against scikit-learn, pROC and cases on paper."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from engine.errors import ConfigError, ScoresError
from engine.evaluation import operating
from engine.evaluation.roc import roc_curve
from engine.evaluation.thresholds import Confusion, confusion, youden
from tests.evaluation.asah import asah


@pytest.fixture(scope="module")
def scores():
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 300)
    return labels, np.round(rng.normal(labels, 1), 1)  # many ties


# --- the table ------------------------------------------------------------------------------------


def test_looking_a_threshold_up_gives_the_counts_that_scikit_learn_counts(scores):
    labels, values = scores
    table = operating.table(labels, values)
    for threshold in [-9, *np.unique(values), *(np.unique(values) + 0.03), 9]:
        tn, fp, fn, tp = metrics.confusion_matrix(labels, values >= threshold).ravel().tolist()
        assert table.at(threshold) == Confusion(tn, fp, fn, tp)


def test_the_table_has_a_row_for_each_distinct_score_from_the_strictest_on(scores):
    labels, values = scores
    table = operating.table(labels, values)
    assert table.thresholds.tolist() == sorted(set(values.tolist()), reverse=True)
    assert (table.tp + table.fn == labels.sum()).all()
    assert (table.tn + table.fp == (labels == 0).sum()).all()


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3)), min_size=1), st.integers(-4, 4))
def test_a_look_up_is_the_count(rows, threshold):
    rows = [(0, 0), (1, 0), *rows]
    labels, values = zip(*rows, strict=True)
    expected = confusion(labels, values, threshold)
    assert operating.table(labels, values).at(threshold) == expected


# --- rates ----------------------------------------------------------------------------------------


def test_rates_of_pictures_are_those_of_their_counts(scores):
    labels, values = scores
    expected = operating.rates_of(confusion(labels, values, 0.5), 0.9)
    found = operating.rates(labels, values, 0.5, level=0.9)
    assert found == expected
    matrix = confusion(labels, values, 0.5)
    assert {name: rate.value for name, rate in found.items()} == {
        name: getattr(matrix, name) for name in operating.RATES
    }


def test_a_rate_of_nothing_is_none_and_no_number(scores):
    found = operating.rates(*scores, threshold=99)
    assert found["precision"] is None
    assert found["sensitivity"].value == 0


def test_pictures_of_one_subject_widen_every_rate(scores):
    labels, values = scores
    four = [np.repeat(of, 4) for of in (labels, values)]  # each picture, four times
    subjects = np.repeat(np.arange(300), 4)
    once, by_subject = (
        operating.rates(labels, values, 0.5),
        operating.rates(*four, 0.5, groups=subjects),
    )
    for name in operating.RATES:
        assert by_subject[name].value == pytest.approx(once[name].value, abs=1e-12)
        assert by_subject[name].low == pytest.approx(once[name].low, abs=2e-3)
        assert by_subject[name].high == pytest.approx(once[name].high, abs=2e-3)


def test_subjects_that_are_not_one_for_each_picture_are_refused(scores):
    with pytest.raises(ScoresError, match="give the subject of each picture"):
        operating.rates(*scores, 0.5, groups=["a"])


# --- costs ----------------------------------------------------------------------------------------


def test_the_cheapest_threshold_worked_out_by_hand():
    # Points (fpr, tpr) by threshold: 4 (0, .6), 3 (.25, .8), 2 (.5, 1), 1 (1, 1).
    curve = roc_curve([1, 1, 1, 1, 1, 0, 0, 0, 0], [4, 4, 4, 3, 2, 3, 2, 1, 1])
    assert operating.by_cost(curve, 0.5) == 4  # .2, .225, .25
    assert operating.by_cost(curve, 0.5, 1, 2) == 2  # .4, .325, .25
    assert operating.by_cost(curve, 0.5, 10, 1) == 4


def test_equal_costs_where_half_are_positive_is_youden(scores):
    curve = roc_curve(*scores)
    assert operating.by_cost(curve, 0.5) == youden(curve)


def test_a_rare_class_can_make_it_cheapest_never_to_say_it(scores):
    labels, values = (np.append(of, one) for of, one in zip(scores, (0, 9), strict=True))
    curve = roc_curve(labels, values)  # its highest score is a negative's
    assert operating.by_cost(curve, 1e-6) == inf
    assert operating.by_cost(curve, 0.5) == youden(curve)


@pytest.mark.parametrize(
    ("column", "specificity", "sensitivity"),
    [
        ("s100b", 0.805555555556, 0.634146341463),
        ("ndka", 0.861111111111, 0.317073170732),
        ("wfns", 0.833333333333, 0.634146341463),
    ],
)
def test_a_cost_of_3_at_a_prevalence_of_a_fifth_chooses_as_proc_does(
    column, specificity, sensitivity
):
    # coords(roc, "best", best.method = "youden", best.weights = c(3, 0.2)), pROC 1.18.0
    labels, predictors = asah()
    threshold = operating.by_cost(roc_curve(labels, predictors[column]), 0.2, 1, 3)
    found = confusion(labels, predictors[column], threshold)
    assert found.specificity == pytest.approx(specificity, abs=1e-11)
    assert found.sensitivity == pytest.approx(sensitivity, abs=1e-11)


@pytest.mark.parametrize("wrong", [0, -1, inf, float("nan")])
def test_a_cost_that_is_none_is_refused(scores, wrong):
    with pytest.raises(ConfigError, match="A false positive cannot cost"):
        operating.by_cost(roc_curve(*scores), 0.5, wrong, 1)
    with pytest.raises(ConfigError, match="A false negative cannot cost"):
        operating.by_cost(roc_curve(*scores), 0.5, 1, wrong)


@pytest.mark.parametrize("wrong", [0, 1, -0.1, 5, float("nan")])
def test_a_prevalence_that_is_none_is_refused(scores, wrong):
    with pytest.raises(ConfigError, match="prevalence"):
        operating.by_cost(roc_curve(*scores), wrong)
    with pytest.raises(ConfigError, match="prevalence"):
        operating.at_prevalence(Confusion(1, 1, 1, 1), wrong)


# --- predictive values ----------------------------------------------------------------------------


def test_predictive_values_at_the_prevalence_of_the_pictures_are_those_of_the_pictures():
    counts = Confusion(tn=150, fp=50, fn=20, tp=80)
    found = operating.at_prevalence(counts, 1 / 3)
    assert found.ppv.value == pytest.approx(counts.precision, abs=1e-12)
    assert found.npv.value == pytest.approx(counts.negative_predictive_value, abs=1e-12)


def test_bounds_of_a_likelihood_ratio_solve_the_equation_they_come_from():
    # (a - b x)² = (a - end_a)² + x² (b - end_b)², at both ends
    counts = Confusion(tn=35, fp=5, fn=8, tp=32)
    found = operating.at_prevalence(counts, 0.2).lr_positive
    rates = operating.rates_of(counts)
    a, b = rates["sensitivity"], rates["specificity"]
    wrong, low, high = 1 - b.value, 1 - b.high, 1 - b.low
    for x, end_a, end_b in ((found.low, a.low, high), (found.high, a.high, low)):
        far = (a.value - end_a) ** 2 + x**2 * (wrong - end_b) ** 2
        assert (a.value - wrong * x) ** 2 == pytest.approx(far, rel=1e-9)


def test_predictive_bounds_are_the_ratios_bounds_by_bayes():
    found = operating.at_prevalence(Confusion(tn=35, fp=5, fn=8, tp=32), 0.2)
    ratio, odds = found.lr_positive, 0.25
    assert found.ppv.low == pytest.approx(ratio.low * odds / (1 + ratio.low * odds))
    assert found.ppv.high == pytest.approx(ratio.high * odds / (1 + ratio.high * odds))
    assert found.npv.low == pytest.approx(1 / (1 + odds * found.lr_negative.high))


def test_no_mistake_gives_no_certainty_and_no_crash():
    found = operating.at_prevalence(Confusion(tn=20, fp=0, fn=0, tp=20), 0.1)
    assert (found.lr_positive.value, found.lr_positive.high) == (inf, inf)
    assert 1 < found.lr_positive.low < inf
    assert (found.ppv.value, found.npv.value) == (1, 1)
    assert found.ppv.low < 0.9
    assert 0 == found.lr_negative.low < found.lr_negative.high


def test_a_call_that_is_never_made_has_no_predictive_value():
    never = operating.at_prevalence(Confusion(tn=20, fp=0, fn=20, tp=0), 0.1)
    assert (never.ppv, never.lr_positive) == (None, None)
    assert never.npv.value == pytest.approx(0.9)
    always = operating.at_prevalence(Confusion(tn=0, fp=20, fn=0, tp=20), 0.1)
    assert (always.npv, always.lr_negative) == (None, None)
    assert always.ppv.value == pytest.approx(0.1)


@given(*(st.integers(0, 30) for _ in range(4)), st.floats(0.001, 0.999))
def test_every_bound_holds_its_value(tn, fp, fn, tp, prevalence):
    if tn + fp == 0 or fn + tp == 0:
        return
    found = operating.at_prevalence(Confusion(tn, fp, fn, tp), prevalence)
    for one in (found.ppv, found.npv, found.lr_positive, found.lr_negative):
        if one is not None:
            assert 0 <= one.low <= one.value * (1 + 1e-9) + 1e-12
            assert one.value <= one.high * (1 + 1e-9) + 1e-12
    for one in (found.ppv, found.npv):
        assert one is None or one.high <= 1


def test_predictive_bounds_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(7)
    odds = 0.9 / 0.1 * 0.1 / 0.9
    held = 0
    for tp, fp in zip(rng.binomial(50, 0.9, 800), rng.binomial(50, 0.1, 800), strict=True):
        ppv = operating.at_prevalence(Confusion(50 - fp, fp, 50 - tp, tp), 0.1).ppv
        held += ppv.low <= odds / (1 + odds) <= ppv.high
    assert 0.93 < held / 800 < 0.98  # an interval 20% too narrow holds it in 89%
