"""Calibration, against scikit-learn, scipy and simulation."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn import metrics
from sklearn.calibration import calibration_curve

from engine.errors import ScoresError
from engine.evaluation.calibration import calibration, temperature
from engine.evaluation.proportions import wilson


def drawn(n, rng, sharper=1.0, shift=0.0):
    """Labels, and scores that are `sharper` than they should be."""
    odds = rng.normal(0, 2, n)
    return (rng.random(n) < expit(odds)).astype(int), expit(sharper * odds + shift)


@pytest.fixture(scope="module")
def scores():
    return drawn(400, np.random.default_rng(1), sharper=2)


# --- what is found --------------------------------------------------------------------------------


def test_the_curve_is_scikit_learns_with_bins_of_equal_numbers(scores):
    found = calibration(*scores, bins=8)
    positive, score = calibration_curve(*scores, n_bins=8, strategy="quantile")
    assert [one.positive.value for one in found.bins] == pytest.approx(positive)
    assert [one.score for one in found.bins] == pytest.approx(score)
    assert [one.positive.n for one in found.bins] == [50] * 8


def test_the_error_is_the_mean_distance_over_bins(scores):
    found = calibration(*scores)
    expected = sum(abs(one.score - one.positive.value) * one.positive.n for one in found.bins)
    assert found.ece.value == pytest.approx(expected / 400)
    assert found.ece.low < found.ece.value <= found.ece.high


def test_brier_is_scikit_learns(scores):
    found = calibration(*scores)
    assert found.brier.value == pytest.approx(metrics.brier_score_loss(*scores))
    assert 0 < found.brier.low < found.brier.value < found.brier.high < 1


def test_equal_scores_share_a_bin_and_all_equal_make_one():
    labels = np.array([0, 1] * 30)
    found = calibration(labels, np.where(np.arange(60) < 40, 0.5, 0.9))
    assert [one.positive.n for one in found.bins] == [40, 20]
    (only,) = calibration(labels, np.full(60, 0.5)).bins
    assert (only.score, only.positive.value, only.positive.n) == (0.5, 0.5, 60)


def test_scores_that_are_all_right_and_sure_are_no_certainty():
    labels = np.array([0] * 20 + [1] * 20)
    found = calibration(labels, labels.astype(float))
    assert (found.brier.value, found.brier.low) == (0, 0)
    assert 0.05 < found.brier.high < 0.1
    assert found.ece.value == 0


def test_two_pictures_are_enough_for_numbers():
    found = calibration([0, 1], [0.2, 0.7])
    assert found.ece.value == pytest.approx(0.25)
    assert 0 <= found.ece.low <= found.ece.high <= 1


@pytest.mark.parametrize(("wrong", "says"), [(1.7, "Score 2 of 3 is 1.7"), (-0.2, "is -0.2")])
def test_scores_that_are_no_probabilities_are_refused(wrong, says):
    for of in (calibration, temperature):
        with pytest.raises(ScoresError, match=says):
            of([0, 1, 1], [0.5, wrong, 0.7])


# --- how far it is known --------------------------------------------------------------------------


def test_pictures_that_are_shown_four_times_do_not_make_intervals_narrower(scores):
    four = [np.repeat(of, 4) for of in scores]
    once, naive = calibration(*scores), calibration(*four)
    found = calibration(*four, groups=np.repeat(np.arange(400), 4))
    for name in ("brier", "ece"):
        one, wide, narrow = (getattr(of, name) for of in (once, found, naive))
        assert wide.value == pytest.approx(one.value)
        assert wide.high - wide.low == pytest.approx(one.high - one.low, rel=0.15)
        assert narrow.high - narrow.low < 0.65 * (wide.high - wide.low)
        assert wide.subjects == 400
    assert found.ece_by_chance == pytest.approx(once.ece_by_chance, rel=0.15)
    assert found.bins[0].positive.low == pytest.approx(once.bins[0].positive.low, abs=0.01)


def test_a_calibrated_model_is_not_called_miscalibrated_by_its_noise():
    rng = np.random.default_rng(2)
    found = [calibration(*drawn(100, rng)) for _ in range(200)]
    assert sum(one.ece.low > 0 for one in found) < 12  # 2.5% of 200 are 5
    shown, expected = (
        np.mean([one.ece.value for one in found]),
        np.mean([one.ece_by_chance for one in found]),
    )
    assert shown == pytest.approx(expected, rel=0.06)  # and not 0, which noise never shows


@pytest.mark.parametrize(("sharper", "shift"), [(2, 0), (1, 0.7)])
def test_intervals_hold_the_truth_as_often_as_they_say(sharper, shift):
    rng = np.random.default_rng(3)
    odds = np.linspace(-9, 9, 4001)
    weight = np.exp(-(odds**2) / 8) / np.exp(-(odds**2) / 8).sum()
    said, is_so = expit(sharper * odds + shift), expit(odds)
    error = np.abs(said - is_so) @ weight
    brier = (is_so * (1 - said) ** 2 + (1 - is_so) * said**2) @ weight
    held = np.zeros(2)
    for _ in range(300):
        found = calibration(*drawn(200, rng, sharper, shift))
        held += [one.low <= true <= one.high
                 for one, true in ((found.ece, error), (found.brier, brier))]  # fmt: skip
    assert (held / 300 > 0.9).all()
    assert held[1] / 300 < 0.99


# --- temperature ----------------------------------------------------------------------------------


def test_the_temperature_is_that_of_the_smallest_log_loss(scores):
    labels, values = scores
    found = temperature(labels, values)
    best = minimize_scalar(
        lambda t: metrics.log_loss(labels, expit(logit(values) / t)), bounds=(0.1, 10)
    )
    assert found.value == pytest.approx(best.x, rel=1e-4)
    assert 1.5 < found.value < 2.6  # they were made twice too sharp


def test_a_temperature_keeps_the_order_and_the_side_and_mends_the_error(scores):
    labels, values = scores
    tested = drawn(4000, np.random.default_rng(4), sharper=2)
    mended = temperature(labels, values).apply(tested[1])
    assert metrics.roc_auc_score(tested[0], mended) == metrics.roc_auc_score(*tested)
    assert ((mended >= 0.5) == (tested[1] >= 0.5)).all()
    before, after = calibration(*tested), calibration(tested[0], mended)
    assert after.ece.value < 0.4 * before.ece.value
    assert after.brier.value < before.brier.value


def test_scores_of_exactly_0_and_1_have_a_temperature():
    found = temperature([0, 0, 1, 1, 0, 1], [0, 0.3, 0.8, 1, 1, 0.9])
    assert found.value > 5  # one that was sure is wrong
    assert np.isfinite(found.apply([0, 0.5, 1])).all()


@pytest.mark.parametrize(
    ("values", "says"), [([0.1, 0.9], "right side of 0.5"), ([0.9, 0.1], "no better than 0.5")]
)
def test_where_no_temperature_is_best_it_is_said_why(values, says):
    with pytest.raises(ScoresError, match=says):
        temperature([0, 1], values)


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("groups", [None, np.arange(40) // 4])
def test_scores_of_0_and_1_alone_do_not_make_the_error_certain(right, groups):
    labels = np.arange(40) % 2
    found = calibration(labels, np.where(right, labels, 1 - labels), groups=groups)
    n = 40 if groups is None else 10
    expected = wilson(n * (not right), n)
    assert (found.ece.value, found.ece.low, found.ece.high) == pytest.approx(
        (float(not right), expected.low, expected.high)
    )
