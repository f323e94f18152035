"""How many pictures are needed: formulas against cases on paper and against what is simulated."""

from math import asin, sqrt
from statistics import NormalDist

import numpy as np
import pytest

from engine.errors import ConfigError
from engine.evaluation import power
from engine.evaluation.roc import auc


def test_a_width_worked_out_by_hand():
    # A = 3/4, P = 2, N = 3: SE² = 9/140 (see test_intervals).
    assert power.width(0.75, 2, 3) == pytest.approx(2 * 1.9599640 * sqrt(9 / 140), rel=1e-7)
    # A = 1/2, P = N = 50: SE² = (1/4 + 98/12) / 2500.
    error = sqrt((1 / 4 + 98 / 12) / 2500)
    assert power.width(0.5, 50, 50, level=0.9) == pytest.approx(2 * 1.6448536 * error, rel=1e-6)
    # By Newcombe with P = N = 1: V(θ) = θ(1 - θ), so a bound d from 1/2 has d² = z² (1/4 - d²).
    for level, z in ((0.95, 1.9599640), (0.9, 1.6448536)):
        expected = z / sqrt(1 + z**2)
        assert power.newcombe_width(0.5, 1, 1, level) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("auc", [0.6, 0.9, 0.995])
def test_few_pictures_are_promised_no_narrow_interval_near_an_auc_of_one(auc):
    simulated = power.simulated_width(auc, 10, 10, times=60)
    assert power.newcombe_width(auc, 10, 10) == pytest.approx(simulated, rel=0.2)
    assert sum(power.needed(lambda p, n: power.newcombe_width(0.995, p, n) <= 0.1)) > 40


def test_the_formula_and_the_simulated_width_agree_on_large_sets():
    formula = power.width(0.85, 300, 300)
    assert power.simulated_width(0.85, 300, 300, method="delong", times=60) == pytest.approx(
        formula, rel=0.08
    )


def test_of_useless_models_aucs_correlate_by_arcsines():
    # At AUC 1/2, C(ρ) = arcsin ρ / 2π. P = N = 2: Cov = (asin .6 + 2 asin .3) / 2π over 4 pairs,
    # variance (1/4 + 2 · 1/12) / 4.
    expected = (asin(0.6) + 2 * asin(0.3)) / (2 * np.pi) / (1 / 4 + 2 / 12)
    assert power.correlation_of_aucs(0.5, 0.5, 0.6, 2, 2) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("a", "b", "rho"), [(0.7, 0.7, 0.5), (0.8, 0.95, 0.8), (0.6, 0.9, 0.2)])
def test_aucs_of_two_models_correlate_as_much_as_simulated_ones(a, b, rho):
    rng, p, n, times = np.random.default_rng(1), 15, 25, 8000
    away = [sqrt(2) * NormalDist().inv_cdf(one) for one in (a, b)]
    noise = rng.normal(size=(2, times, p + n))
    scores = [noise[0], rho * noise[0] + sqrt(1 - rho**2) * noise[1]]
    aucs = [
        ((one[:, :p, None] + move) > one[:, None, p:]).mean(axis=(1, 2))
        for one, move in zip(scores, away, strict=True)
    ]
    simulated = np.corrcoef(aucs)[0, 1]
    # the standard error of a correlation from 8,000 draws is 0.011 at most
    assert power.correlation_of_aucs(a, b, rho, p, n) == pytest.approx(simulated, abs=0.035)


def test_models_whose_scores_go_together_are_told_apart_sooner():
    given = (0.85, 0.9, 150, 150)
    unpaired, *paired = (
        power.power_of_difference(*given, paired=False),
        *(power.power_of_difference(*given, correlation=rho) for rho in (0.0, 0.5, 0.9)),
    )
    assert unpaired == paired[0] < paired[1] < paired[2]
    assert power.power_of_difference(0.9, 0.85, 150, 150) == pytest.approx(paired[1], rel=1e-12)
    # 5% of tests find what is not there
    assert power.power_of_difference(0.8, 0.8, 9, 9) == pytest.approx(0.05)


@pytest.mark.parametrize("paired", [True, False])
def test_the_formula_foretells_how_often_delongs_test_finds_a_difference(paired):
    given = (0.8, 0.88, 150, 150)
    simulated = power.simulated_power(*given, paired=paired, level=0.95, times=300)
    assert simulated.n == 300
    assert simulated.low - 0.03 < power.power_of_difference(*given, paired=paired) < (
        simulated.high + 0.03
    )


def test_the_fewest_that_are_enough_are_enough_and_one_less_is_not():
    p, n = power.needed(lambda p, n: power.width(0.9, p, n) <= 0.1)
    assert power.width(0.9, p, n) <= 0.1 < power.width(0.9, *power.counts(p + n - 1))
    p, n = power.needed(lambda p, n: power.power_of_difference(0.9, 0.93, p, n) >= 0.8, 0.2)
    assert n == pytest.approx(4 * p, abs=4)
    assert power.power_of_difference(0.9, 0.93, p, n) >= 0.8
    assert power.power_of_difference(0.9, 0.93, *power.counts(p + n - 6, 0.2)) < 0.8


def test_simulated_scores_have_the_auc_that_is_assumed():
    labels = np.repeat([1, 0], 4000)
    found = auc(labels, power._scores(labels, 0.9, np.random.default_rng(0)))
    assert found == pytest.approx(0.9, abs=0.012)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: power.width(1.0, 10, 10), "assumed AUC of 1"),
        (lambda: power.width(float("nan"), 10, 10), "assumed AUC"),
        (lambda: power.width(0.9, 0, 10), "one of each"),
        (lambda: power.width(0.9, 10, 10, level=95), "confidence level"),
        (lambda: power.power_of_difference(0.8, 0.9, 9, 9, correlation=1.0), "correlation"),
        (lambda: power.counts(10, 1.5), "share of positives"),
        (lambda: power.needed(lambda p, n: False), "not enough"),
        (lambda: power.simulated_width(0.9, 5, 5, method="guess", times=1), "no interval method"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_a_sentence(call, sentence):
    with pytest.raises(ConfigError, match=sentence):
        call()
