"""Decisions at a threshold, against counts made by hand and by scikit-learn."""

from math import isnan

import numpy as np
import pytest
from sklearn import metrics

from engine.errors import ScoresError
from engine.evaluation.bounds import hanley_mcneil, newcombe
from engine.evaluation.intervals import Interval
from engine.evaluation.roc import roc_curve
from engine.evaluation.thresholds import (
    Confusion,
    classification_report,
    closest_to_corner,
    closing_line,
    confusion,
    youden,
    youden_in_the_middle,
)

LABELS = [0, 0, 0, 0, 1, 1, 1, 1, 1]
SCORES = [0.1, 0.2, 0.6, 0.3, 0.9, 0.6, 0.5, 0.8, 0.7]


def test_a_score_at_the_threshold_is_positive():
    # At 0.6: negatives 0.1 0.2 0.3 below, 0.6 at it; positives 0.5 below.
    assert confusion(LABELS, SCORES, 0.6) == Confusion(tn=3, fp=1, fn=1, tp=4)


def test_rates_worked_out_by_hand():
    matrix = Confusion(tn=3, fp=1, fn=1, tp=5)
    assert matrix.accuracy == 8 / 10
    assert matrix.sensitivity == 5 / 6
    assert matrix.specificity == 3 / 4
    assert matrix.precision == 5 / 6
    assert matrix.negative_predictive_value == 3 / 4


def test_rates_that_do_not_exist_are_nan_and_not_zero():
    assert isnan(confusion(LABELS, SCORES, 2).precision)
    assert isnan(confusion(LABELS, SCORES, -1).negative_predictive_value)
    assert confusion(LABELS, SCORES, 2).accuracy == 4 / 9


@pytest.mark.parametrize("threshold", [-1, 0, 0.37, 0.5, 1, 2])
def test_confusion_equals_scikit_learn(threshold):
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 400)
    scores = np.round(np.clip(rng.normal(0.3 + 0.3 * labels, 0.2), 0, 1), 2)
    ours = confusion(labels, scores, threshold)
    theirs = metrics.confusion_matrix(labels, scores >= threshold, labels=[0, 1])
    assert [ours.tn, ours.fp, ours.fn, ours.tp] == theirs.ravel().tolist()


def test_bad_scores_reach_no_decision():
    with pytest.raises(ScoresError):
        confusion([0, 1], [0.5, np.nan], 0.5)


def test_youden_and_corner_choose_different_thresholds_where_the_curve_says_so():
    # Points (fpr, tpr) by threshold: 4 (0, .6), 3 (.25, .8), 2 (.5, 1), 1 (1, 1).
    labels = [1, 1, 1, 1, 1, 0, 0, 0, 0]
    scores = [4, 4, 4, 3, 2, 3, 2, 1, 1]
    curve = roc_curve(labels, scores)
    assert youden(curve) == 4  # .6 against .55 and .5
    assert closest_to_corner(curve) == 3  # .32 against .4 and .5


def test_corner_inside_a_straight_stretch_is_found():
    # (0, .5), (.25, .75), (.5, 1) lie on one line: its middle is the closest to (0, 1).
    labels = [1, 1, 1, 1, 0, 0, 0, 0]
    scores = [4, 4, 3, 2, 3, 2, 1, 1]
    assert closest_to_corner(roc_curve(labels, scores)) == 3


def test_of_equal_merits_the_highest_threshold_is_chosen():
    # Points (fpr, tpr) by threshold: 3 (0, .5), 2 (.5, 1), 1 (1, 1): J is .5, .5 and 0, and the
    # first two lie .5 from the corner. scikit-learn would keep 3 and 1 only; ours keeps all.
    curve = roc_curve([1, 0, 1, 0], [3, 2, 2, 1])
    assert curve.thresholds.tolist() == [np.inf, 3, 2, 1]
    assert (curve.tpr - curve.fpr).tolist() == [0, 0.5, 0.5, 0]
    assert youden(curve) == 3
    assert closest_to_corner(curve) == 3


def test_where_every_score_is_wrong_calling_all_positive_is_the_least_evil():
    assert youden(roc_curve([1, 1, 0, 0], [1, 2, 3, 4])) == 1  # J is 0 there, and negative before


@pytest.mark.parametrize("choose", [youden, closest_to_corner])
def test_a_chosen_threshold_is_a_score_even_for_a_model_worse_than_chance(choose):
    assert choose(roc_curve(LABELS, [-score for score in SCORES])) in [-score for score in SCORES]


def test_chosen_threshold_gives_the_rates_of_its_point():
    curve = roc_curve(LABELS, SCORES)
    matrix = confusion(LABELS, SCORES, youden(curve))
    assert matrix.sensitivity + matrix.specificity - 1 == pytest.approx(
        max(curve.tpr - curve.fpr), abs=1e-12
    )


def test_report_holds_both_names_and_right_numbers():
    lines = classification_report(LABELS, SCORES, 0.6, ("猫", "dog")).splitlines()
    assert lines[2].split() == ["猫", "0.750", "0.750", "0.750", "4"]
    assert lines[3].split() == ["dog", "0.800", "0.800", "0.800", "5"]


def test_report_where_nothing_is_called_positive():
    lines = classification_report(LABELS, SCORES, 2, ("cat", "dog")).splitlines()
    assert lines[3].split()[:3] == ["dog", "nan", "0.000"]


def interval(function, auc: float, count: int) -> Interval:
    name = function.__name__.replace("_", "-")
    return Interval(auc, *function(auc, count, count), name, count, count)


def test_closing_line_of_the_blog_post():
    found = Interval(0.931, 0.924, 0.938, 0.0035, "hanley-mcneil", 2500, 2500)
    assert closing_line(found, accuracy=0.861, seconds=412) == (
        "AUC=0.931, Confidence_interval(95%)=±0.007 (hanley-mcneil), "
        "Detection_rate=0.861, Process_time=412.0sec"
    )


def test_closing_line_of_a_perfect_classifier_prints_bounds():
    assert "AUC=1.000, Confidence_interval(95%)=0.960–1.000 (newcombe)" in closing_line(
        interval(newcombe, 1.0, 50), accuracy=1, seconds=9.96
    )


def test_closing_line_of_another_level_says_which():
    found = Interval(0.931, 0.924, 0.938, 0.0035, "delong", 2500, 2500, level=0.995)
    assert "Confidence_interval(99.5%)=±0.007 (delong)" in closing_line(found, 0.861, 412)


@pytest.mark.parametrize(
    ("side", "said"), [("lower", "at least 0.924"), ("upper", "at most 0.938")]
)
def test_closing_line_of_one_bound_says_on_which_side_it_is(side, said):
    found = Interval(0.931, 0.924, 0.938, 0.0035, "delong", 2500, 2500, side=side)
    assert f"Confidence_interval(95%)={said} (delong)" in closing_line(found, 0.861, 412)


@pytest.mark.parametrize(
    ("auc", "count", "width"),
    [
        (0.722, 6, "0.423–1.000"),  # was ±0.299, which ends at 1.021
        (0.278, 6, "0.000–0.577"),
        (0.722, 60, "±0.091"),
        (0.99999, 1000, "0.9999–1.0000"),
    ],
)
def test_an_interval_that_is_cut_is_printed_by_its_bounds(auc, count, width):
    line = closing_line(interval(hanley_mcneil, auc, count), accuracy=0.7, seconds=1)
    assert f"Confidence_interval(95%)={width} (hanley-mcneil)" in line


@pytest.mark.parametrize("auc", [1.0, 1 - 1e-12, 0.99999, 0.0])
@pytest.mark.parametrize("count", [10, 10_000, 1_000_000])
def test_closing_line_never_claims_certainty(auc, count):
    line = closing_line(interval(newcombe, auc, count), accuracy=auc, seconds=1)
    width = line.split("=")[2].split(" (")[0]
    if width.startswith("±"):
        assert float(width[1:]) > 0
    else:
        low, high = width.split("–")
        assert float(low) < float(high)


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        ([0, 0, 1, 1], [0.2, 0.4, 0.9, 0.99], 0.5),  # and not 0.9, the lowest positive
        ([0, 0, 1, 1], [0.6, 0.7, 0.9, 0.99], 0.8),
        ([0, 0, 1, 1], [0.01, 0.1, 0.2, 0.3], 0.15),
        ([1, 1, 0, 0], [0.2, 0.3, 0.6, 0.8], 0.1),  # the wrong way round: all are positive
        # a positive alone below, two negatives alone above: 0.3 and 0.8 are as good, 0.55 between
        ([0, 1, 0, 1, 1, 0], [0.1, 0.2, 0.35, 0.75, 0.8, 0.9], 0.5),
    ],
)
def test_a_threshold_chosen_by_few_lies_in_the_middle_of_its_gap(labels, scores, expected):
    chosen = youden_in_the_middle(roc_curve(labels, scores))
    assert chosen == pytest.approx(expected)
    best = confusion(labels, scores, youden(roc_curve(labels, scores)))
    found = confusion(labels, scores, chosen)
    assert found.sensitivity + found.specificity == pytest.approx(
        best.sensitivity + best.specificity
    )


def test_between_neighbouring_numbers_the_upper_one_is_taken():
    low = 0.75
    high = np.nextafter(low, 1)
    chosen = youden_in_the_middle(roc_curve([0, 0, 1, 1], [0.1, low, high, 0.9]))
    assert chosen == high
