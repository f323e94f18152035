"""Partial AUCs, against pROC, scikit-learn and a sum over every pair."""

import numpy as np
import pytest
from sklearn import metrics

from engine.errors import ConfigError
from engine.evaluation.intervals import auc_interval
from engine.evaluation.partial import partial_auc
from tests.evaluation.asah import asah


@pytest.mark.parametrize(
    ("column", "of", "value", "corrected"),
    [  # auc(roc, partial.auc = c(1, .9), partial.auc.focus = of), then partial.auc.correct = TRUE
        ("s100b", "specificity", 0.032757452574525739, 0.64609185565539873),
        ("s100b", "sensitivity", 0.013763550135501347, 0.54612394808158604),
        ("ndka", "specificity", 0.01070460704607046, 0.53002424761089717),
        ("wfns", "specificity", 0.033441734417344153, 0.64969333903865345),
        ("wfns", "sensitivity", 0.04009993224932247, 0.6847364855227499),
    ],
)
def test_areas_and_mcclishs_correction_are_procs(column, of, value, corrected):
    labels, predictors = asah()
    found = partial_auc(labels, predictors[column], 0.9, 1, of)
    assert found.value == pytest.approx(value, abs=1e-12)
    assert found.corrected == pytest.approx(corrected, abs=1e-12)


def test_below_the_diagonal_the_correction_says_so_where_proc_gives_none():
    labels, predictors = asah()
    found = partial_auc(labels, predictors["ndka"], 0.9, 1, "sensitivity")
    assert found.value == pytest.approx(0.0037940379403794021, abs=1e-12)
    assert found.corrected < 0.5


@pytest.mark.parametrize("digits", [9, 1, 0])
@pytest.mark.parametrize("most", [0.05, 0.1, 0.5])
def test_the_corrected_area_is_scikit_learns_up_to_a_false_positive_rate(digits, most):
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 200)
    scores = np.round(rng.normal(labels, 1), digits)
    found = partial_auc(labels, scores, 1 - most, 1)
    assert found.corrected == pytest.approx(
        metrics.roc_auc_score(labels, scores, max_fpr=most), abs=1e-12
    )


@pytest.mark.parametrize("of", ["specificity", "sensitivity"])
@pytest.mark.parametrize("groups", [None, np.arange(113) % 40])
def test_over_the_whole_range_it_is_the_auc_with_delongs_interval(of, groups):
    labels, predictors = asah()
    found = partial_auc(labels, predictors["wfns"], 0, 1, of, groups=groups)
    whole = auc_interval(labels, predictors["wfns"], "delong-logit", groups=groups)
    assert found.value == found.corrected == pytest.approx(whole.value, abs=1e-12)
    assert found.low == pytest.approx(whole.low, abs=1e-9)
    assert found.high == pytest.approx(whole.high, abs=1e-9)


def test_neighbouring_ranges_add_up():
    labels, predictors = asah()
    ends = [0, 0.13, 0.5, 0.77, 1]
    parts = [
        partial_auc(labels, predictors["s100b"], *ends[at : at + 2]).value for at in range(4)
    ]
    assert sum(parts) == pytest.approx(metrics.roc_auc_score(labels, predictors["s100b"]))


def test_all_of_the_area_is_no_certainty():
    found = partial_auc([0] * 20 + [1] * 20, np.arange(40), 0.9, 1)
    assert (found.corrected, found.corrected_high, found.method) == (1, 1, "wilson")
    assert found.corrected_low < 0.95


@pytest.mark.parametrize(
    ("low", "high", "of", "says"),
    [
        (1, 0.9, "specificity", "no range"),
        (0.9, 0.9, "specificity", "no range"),
        (-0.1, 0.9, "specificity", "no range"),
        (0.9, float("nan"), "specificity", "no range"),
        (0.9, 1, "precision", "no partial AUC of 'precision'"),
    ],
)
def test_a_range_that_is_none_is_refused(low, high, of, says):
    with pytest.raises(ConfigError, match=says):
        partial_auc([0, 1], [0, 1], low, high, of)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng, held = np.random.default_rng(6), 0
    truth = 0.05261  # of 1 - Φ(Φ⁻¹(1 - u) - 1.8124) over u from 0 to 0.1: AUC 0.9
    labels = np.repeat([1, 0], 50)
    for _ in range(500):
        found = partial_auc(labels, rng.normal(1.8124 * labels, 1))
        held += found.low <= truth <= found.high
    assert 0.915 < held / 500 < 0.98
