"""Bands around a ROC curve, against pROC, equations and simulation."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import binomtest

from engine.errors import ConfigError
from engine.evaluation import bands
from engine.evaluation.operating import table
from engine.evaluation.proportions import wilson
from engine.evaluation.roc import roc_curve
from tests.evaluation.asah import asah

AT = np.linspace(0, 1, 201)[1:-1]


def drawn(p, n, auc, rng):
    labels = np.repeat([1, 0], [p, n])
    return labels, rng.normal(float(ndtri(auc)) * 2**0.5 * labels, 1)


# --- pointwise ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "low", "high"),
    [  # ci.se(roc, specificities = c(.5, .8, .9), boot.n = 5000), pROC 1.18.0
        ("s100b", [0.593, 0.341, 0.220], [0.902, 0.756, 0.615]),
        ("ndka", [0.488, 0.171, 0.049], [0.829, 0.537, 0.415]),
        ("wfns", [0.836, 0.488, 0.329], [1, 0.810, 0.707]),
    ],
)
def test_sensitivities_at_given_specificities_are_procs(column, low, high):
    labels, predictors = asah()
    found = bands.pointwise(labels, predictors[column], [0.5, 0.8, 0.9])
    assert found.low == pytest.approx(low, abs=0.03)  # both are drawn, and move in steps of 1/41
    assert found.high == pytest.approx(high, abs=0.03)


@pytest.mark.parametrize("digits", [9, 1, 0])
def test_one_curve_is_read_where_it_stands(digits):
    labels, scores = drawn(30, 40, 0.8, np.random.default_rng(1))
    scores = np.round(scores, digits)
    counts, curve = table(labels, scores), roc_curve(labels, scores)
    at = np.linspace(0, 1, 97)
    found = bands._sensitivities(counts.fp[None], counts.tp[None], at)[0]
    assert found == pytest.approx(np.interp(at, curve.fpr, curve.tpr))


def test_draws_that_agree_leave_wilsons_interval():
    found = bands.pointwise([0] * 20 + [1] * 20, np.arange(40), [0.9])
    assert (found.low[0], found.high[0]) == (wilson(20, 20).low, 1)


def test_pictures_that_are_shown_four_times_do_not_make_bands_narrower():
    labels, scores = drawn(40, 40, 0.85, np.random.default_rng(2))
    four, groups = [np.repeat(of, 4) for of in (labels, scores)], np.repeat(np.arange(80), 4)
    for band in (
        lambda *of, **more: bands.pointwise(*of, AT, **more),
        lambda *of, **more: bands.simultaneous(*of, specificities=AT, **more),
    ):
        once, naive, found = band(labels, scores), band(*four), band(*four, groups=groups)
        wide, narrow, right = ((of.high - of.low).mean() for of in (found, naive, once))
        assert wide == pytest.approx(right, rel=0.06)
        assert narrow < 0.75 * wide
        assert (once.subjects, found.subjects) == (0, 80)


@pytest.mark.parametrize("wrong", [[-0.1], [0.5, 1.1], [np.nan]])
def test_a_specificity_that_is_none_is_refused(wrong):
    with pytest.raises(ConfigError, match="specificity lies within 0 and 1"):
        bands.pointwise([0, 1], [0, 1], wrong)


# --- simultaneous ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [20, 3000])
def test_rectangles_are_clopper_and_pearsons(n):
    knots, low, high = bands.clopper_pearson(n, 0.01)
    for at in (0, 1, len(knots) // 2, len(knots) - 1):
        exact = binomtest(int(knots[at]), n).proportion_ci(0.99, "exact")
        assert (low[at], high[at]) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_the_band_is_what_the_rectangles_leave():
    labels, scores = drawn(15, 12, 0.8, np.random.default_rng(3))
    found = bands.simultaneous(labels, scores, specificities=1 - AT)
    area = np.mean(scores[labels == 1][:, None] > scores[labels == 0])
    pairs = 15 * 12
    odds = (area * pairs + 0.5) / ((1 - area) * pairs + 0.5)
    local = bands.local_level(15, 12, round(float(np.log(odds)), 1), 0.95)
    low, high = np.zeros(len(AT)), np.ones(len(AT))
    for threshold in scores:
        counts = (scores[labels == one] >= threshold for one in (0, 1))
        (left, right), (bottom, top) = (
            binomtest(int(of.sum()), len(of)).proportion_ci(1 - local, "exact")[:2]
            for of in counts
        )
        low[right <= AT] = np.maximum(low[right <= AT], bottom)
        high[left > AT] = np.minimum(high[left > AT], top)
    assert found.low == pytest.approx(low, abs=1e-9)
    assert found.high == pytest.approx(high, abs=1e-9)


def test_it_holds_the_curve_that_was_found_and_rises_with_it():
    labels, scores = drawn(60, 90, 0.9, np.random.default_rng(4))
    found, curve = bands.simultaneous(labels, scores), roc_curve(labels, scores)
    at = 1 - found.specificity
    middle = np.interp(at, curve.fpr, curve.tpr)
    assert (found.low <= middle + 1e-9).all()
    assert (middle <= found.high + 1e-9).all()
    assert (np.diff(found.low) >= 0).all()
    assert (np.diff(found.high) >= 0).all()
    assert (at[0], at[-1], found.low[0], found.high[-1]) == (0, 1, 0, 1)


@pytest.mark.parametrize("scores", [np.arange(40), -np.arange(40), np.zeros(40)])
def test_the_best_the_worst_and_no_curve_have_a_band(scores):
    found = bands.simultaneous([0] * 20 + [1] * 20, scores)
    assert (found.low <= found.high).all()
    assert (found.high - found.low).max() > 0.2


def test_one_of_a_class_gives_a_wide_band_and_no_crash():
    found = bands.simultaneous([0, 0, 0, 1], [1, 2, 3, 4])
    assert (found.high - found.low).mean() > 0.7


def test_more_scores_than_are_drawn_give_a_band_as_narrow_as_they_earn():
    rng, areas = np.random.default_rng(5), []
    for n in (400, 40_000):
        found = bands.simultaneous(*drawn(n, n, 0.9, rng))
        areas.append((found.high - found.low).mean())
    assert areas[1] < 0.14 * areas[0]  # a tenth, were it all sampling


def test_the_band_holds_the_whole_curve_as_often_as_it_says():
    rng, auc, held = np.random.default_rng(6), 0.9, 0
    truth = ndtr(ndtri(AT) + float(ndtri(auc)) * 2**0.5)
    for _ in range(200):
        found = bands.simultaneous(*drawn(50, 50, auc, rng), specificities=1 - AT)
        held += bool(((found.low <= truth) & (truth <= found.high)).all())
    assert 0.92 < held / 200 < 0.995
