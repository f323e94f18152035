"""Precision and recall, against scikit-learn, derivatives and simulation."""

from statistics import NormalDist

import numpy as np
import pytest
from sklearn import metrics

from engine.errors import ConfigError
from engine.evaluation.precision import precision_recall


def drawn(n_positive, n_negative, distance, rng, digits=9):
    labels = np.repeat([1, 0], [n_positive, n_negative])
    return labels, np.round(rng.normal(distance * labels, 1), digits)


@pytest.mark.parametrize("digits", [9, 1, 0])
def test_curve_and_average_precision_are_scikit_learns(digits):
    labels, scores = drawn(40, 160, 1, np.random.default_rng(1), digits)
    found = precision_recall(labels, scores)
    precision, recall, thresholds = metrics.precision_recall_curve(labels, scores)
    assert found.thresholds[::-1] == pytest.approx(thresholds, abs=0)
    assert found.precision[::-1] == pytest.approx(precision[:-1], abs=1e-12)
    assert found.recall[::-1] == pytest.approx(recall[:-1], abs=1e-12)
    area = metrics.average_precision_score(labels, scores)
    assert found.average_precision.value == pytest.approx(area, abs=1e-12)
    assert found.baseline == 0.2


def test_the_standard_error_is_that_of_the_derivatives_of_scikit_learns_own_number():
    labels, scores = drawn(12, 18, 1, np.random.default_rng(2), digits=1)
    value = metrics.average_precision_score(labels, scores)
    added = np.empty(30)
    for at in range(30):
        weights = np.ones(30)
        weights[at] += 1e-6
        more = metrics.average_precision_score(labels, scores, sample_weight=weights)
        added[at] = (more - value) / 1e-6
    square = sum(
        np.var(added[labels == one], ddof=1) * np.count_nonzero(labels == one) for one in (0, 1)
    )
    found = precision_recall(labels, scores).average_precision
    odds = [np.log(p / (1 - p)) for p in (found.low, found.high)]
    error = (odds[1] - odds[0]) / 2 / 1.959963984540054 * value * (1 - value)
    assert error == pytest.approx(np.sqrt(square), rel=1e-4)


def test_pictures_that_are_shown_four_times_do_not_make_the_interval_narrower():
    labels, scores = drawn(30, 60, 1, np.random.default_rng(3))
    four = [np.repeat(of, 4) for of in (labels, scores)]
    once = precision_recall(labels, scores).average_precision
    naive = precision_recall(*four).average_precision
    found = precision_recall(*four, groups=np.repeat(np.arange(90), 4)).average_precision
    assert found.value == pytest.approx(once.value, abs=1e-12)
    assert found.low == pytest.approx(once.low, abs=1e-9)
    assert found.high == pytest.approx(once.high, abs=1e-9)
    assert found.subjects == 90
    assert naive.high - naive.low < 0.6 * (found.high - found.low)


def test_a_perfect_order_is_no_certainty():
    found = precision_recall([0] * 20 + [1] * 20, np.arange(40)).average_precision
    assert (found.value, found.high, found.method) == (1, 1, "wilson")
    assert 0.8 < found.low < 0.85


@pytest.mark.parametrize("labels", [[1, 0, 0], [1, 1, 0], [0, 1]])
def test_one_of_a_class_gives_a_wide_interval_and_no_crash(labels):
    found = precision_recall(labels, np.arange(len(labels))).average_precision
    assert 0 <= found.low < found.value <= found.high <= 1


def test_scores_that_are_all_equal_have_the_baseline_for_average_precision():
    found = precision_recall([0, 0, 0, 1], [0.5] * 4)
    assert found.average_precision.value == found.baseline == 0.25
    assert found.average_precision.low < 0.25 < found.average_precision.high


def test_a_level_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="confidence level"):
        precision_recall([0, 1], [0, 1], level=95)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng, distance = np.random.default_rng(4), NormalDist().inv_cdf(0.9) * 2**0.5
    truth = metrics.average_precision_score(*drawn(200_000, 200_000, distance, rng))
    held = 0
    for _ in range(500):
        found = precision_recall(*drawn(50, 50, distance, rng)).average_precision
        held += found.low <= truth <= found.high
    assert 0.915 < held / 500 < 0.98  # 93 to 95% of the time; 20% narrower, 86%
