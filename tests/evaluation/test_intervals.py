"""Intervals against values worked out by hand, by another road, and by simulation."""

from math import sqrt

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from engine.errors import ConfigError
from engine.evaluation.intervals import (
    INTERVALS,
    Z_95,
    Interval,
    Method,
    auc_interval,
    auc_standard_error,
    hanley_mcneil,
    newcombe,
    wilson,
)
from engine.evaluation.roc import auc

CASES = [(0.5, 3, 8), (0.75, 2, 3), (0.8, 40, 160), (0.931, 1250, 1250), (0.02, 30, 7), (1, 25, 60)]


def test_standard_error_worked_out_by_hand():
    # A = 3/4, P = 2, N = 3: Q1 = (3/4)/(5/4) = 3/5, Q2 = 2(9/16)/(7/4) = 9/14, A² = 9/16;
    # [3/16 + 1 (3/5 - 9/16) + 2 (9/14 - 9/16)] / 6 = (105 + 21 + 90) / 560 / 6 = 9/140.
    assert auc_standard_error(0.75, 2, 3) == pytest.approx(sqrt(9 / 140), rel=1e-12)
    # The other way round: [3/16 + 2 (3/80) + 1 (9/112)] / 6 = (105 + 42 + 45) / 560 / 6 = 2/35.
    assert auc_standard_error(0.75, 3, 2) == pytest.approx(sqrt(2 / 35), rel=1e-12)


@pytest.mark.parametrize(("a", "p", "n"), CASES)
def test_standard_error_is_equation_1_as_printed(a, p, n):
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    printed = (a * (1 - a) + (p - 1) * (q1 - a * a) + (n - 1) * (q2 - a * a)) / (p * n)
    assert auc_standard_error(a, p, n) == pytest.approx(sqrt(max(printed, 0)), rel=1e-9)


def test_standard_error_survives_millions_of_almost_perfect_scores():
    # One pair of 10^12 in the wrong order: as printed, rounding makes this variance negative.
    assert auc_standard_error(1 - 1e-12, 10**6, 10**6) == pytest.approx(7.1e-10, rel=0.01)


@pytest.mark.parametrize(
    ("a", "p", "n"), [(-0.1, 5, 5), (1.1, 5, 5), (float("nan"), 5, 5), (0.5, 0, 5), (0.5, 5, 0)]
)
def test_impossible_values_are_refused(a, p, n):
    for function in (auc_standard_error, hanley_mcneil, newcombe, auc_interval):
        with pytest.raises(ValueError):
            function(a, p, n)


def test_hanley_mcneil_is_196_standard_errors_cut_to_what_is_possible():
    inside = hanley_mcneil(0.75, 20, 30)
    assert inside.low == pytest.approx(0.75 - 1.96 * inside.standard_error, abs=1e-15)
    assert inside.high == pytest.approx(0.75 + 1.96 * inside.standard_error, abs=1e-15)
    assert hanley_mcneil(0.98, 5, 5).high == 1.0
    assert hanley_mcneil(0.02, 5, 5).low == 0.0


def quartic_bounds(a, m, n):
    """Newcombe's two bounds as roots of the polynomial that his equation is, times (2-θ)(1+θ)."""
    p = np.polynomial.Polynomial
    theta, extra = p([0, 1]), (m + n) / 2 - 1
    divisor = (2 - theta) * (1 + theta)
    shared = (1 - theta) * (1 + theta) + theta * (2 - theta)
    difference = (theta - a) ** 2 * divisor - Z_95**2 * theta * (1 - theta) * (
        divisor + extra * shared
    ) / (m * n)
    roots = np.sort(difference.roots().real)
    return roots[1], roots[2]


@pytest.mark.parametrize(("a", "p", "n"), CASES)
def test_newcombe_bounds_are_the_middle_roots_of_the_quartic(a, p, n):
    interval = newcombe(a, p, n)
    assert (interval.low, interval.high) == pytest.approx(quartic_bounds(a, p, n), abs=1e-9)


def test_newcombe_at_one_worked_out_by_hand():
    # One of each: V = θ(1 - θ), so (1 - θ)² = z² θ (1 - θ) and θ = 1 / (1 + z²).
    assert newcombe(1, 1, 1).low == pytest.approx(1 / (1 + Z_95**2), abs=1e-12)
    # m = 1, n = 3: V = θ(1-θ)/3 · (1 + (1 + 2θ - 2θ²)/((2-θ)(1+θ))), that is
    # θ(1-θ) (1+θ-θ²)/(2+θ-θ²), so 1 - θ = z² θ (1+θ-θ²)/(2+θ-θ²); at θ = 1/3 with
    # z² = 40/11 both sides are 2/3.
    low = newcombe(1, 1, 3).low
    assert 1 - low == pytest.approx(
        Z_95**2 * low * (1 + low - low**2) / (2 + low - low**2), abs=1e-12
    )
    assert low == pytest.approx(1 / 3, abs=0.02)  # z² is 3.84 and not 3.64


@pytest.mark.parametrize(("a", "p", "n"), CASES)
def test_newcombe_is_symmetric_in_classes_and_direction(a, p, n):
    here, there, mirrored = newcombe(a, p, n), newcombe(a, n, p), newcombe(1 - a, p, n)
    assert (here.low, here.high) == (there.low, there.high)
    assert (here.low, here.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-12)


@pytest.mark.parametrize(("a", "bounds"), [(1.0, (0.9, 1.0)), (0.0, (0.0, 0.1))])
def test_no_interval_of_width_zero(a, bounds):
    for asked in INTERVALS:
        interval = auc_interval(a, 60, 40, method=asked)
        assert interval.method == "newcombe"
        assert interval.standard_error == 0
        assert bounds[0] <= interval.low < interval.high <= bounds[1]
        assert a in (interval.low, interval.high)


@pytest.mark.parametrize("name", INTERVALS)
def test_every_interval_s_entry_names_it_and_makes_it(name):
    method = INTERVALS[name]
    assert method.name == name == auc_interval(0.8, 30, 40, method=name).method
    assert method.function(0.8, 30, 40) == auc_interval(0.8, 30, 40, method=name)
    assert all([method.title, method.short, method.paper, method.idea])


def test_a_further_entry_of_the_register_is_all_that_a_method_needs(monkeypatch):
    def certain(auc, n_positive, n_negative):
        return Interval(auc, auc - 0.1, auc + 0.1, 0.05, "certain", n_positive, n_negative)

    further = Method("certain", "Certain", "Certain", "nowhere", "ten points each way.", certain)
    monkeypatch.setitem(INTERVALS, "certain", further)
    assert auc_interval(0.5, 3, 3, method="certain") == certain(0.5, 3, 3)


def test_a_method_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(ConfigError, match=r"'delong'.*hanley-mcneil, newcombe"):
        auc_interval(0.9, 10, 10, method="delong")


@pytest.mark.parametrize(
    ("successes", "n"), [(0, 1), (1, 1), (0, 40), (40, 40), (7, 9), (861, 1000)]
)
def test_wilson_equals_scipy(successes, n):
    ours = wilson(successes, n)
    theirs = binomtest(successes, n).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert (ours.value, ours.n, ours.method) == (successes / n, n, "wilson")
    assert 0 <= ours.low <= ours.value <= ours.high <= 1


def test_wilson_s_bounds_at_none_and_all_are_exact_whatever_rounding_does():
    assert {wilson(0, n).low for n in range(1, 400)} == {0.0}
    assert {wilson(n, n).high for n in range(1, 400)} == {1.0}


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_what_is_no_proportion(successes, n):
    with pytest.raises(ValueError):
        wilson(successes, n)


def coverage(true_auc, p, n, seed, trials=2000):
    """Share of simulated binormal tests whose interval holds the true AUC, for each method."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [p, n])
    shift = norm.ppf(true_auc) * sqrt(2)
    hits = dict.fromkeys(INTERVALS, 0)
    for _ in range(trials):
        value = auc(labels, rng.normal(labels * shift))
        for method in INTERVALS:
            interval = auc_interval(value, p, n, method=method)
            hits[method] += interval.low <= true_auc <= interval.high
    return {method: hit / trials for method, hit in hits.items()}


@pytest.mark.parametrize("true_auc", [0.8, 0.95])
def test_intervals_cover_what_they_promise(true_auc):
    """Two standard errors of 2000 trials are 0.01; Newcombe's is known to err on the wide side."""
    covered = coverage(true_auc, 100, 100, seed=1)
    assert 0.935 < covered["hanley-mcneil"] < 0.97
    assert 0.945 < covered["newcombe"] < 0.985


def test_few_pictures_and_a_high_auc_are_where_newcombe_is_needed():
    covered = coverage(0.95, 20, 20, seed=1)
    assert covered["hanley-mcneil"] < 0.93
    assert covered["newcombe"] > 0.95
