"""Intervals against values worked out by hand, by pROC, by another road, and by simulation."""

import csv
from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm

from engine.errors import ConfigError, ScoresError
from engine.evaluation.bounds import auc_standard_error, hanley_mcneil, newcombe
from engine.evaluation.coverage import known_coverage, too_low
from engine.evaluation.intervals import (
    DEFAULT,
    INTERVALS,
    Interval,
    Method,
    auc_interval,
)

Z_95 = 1.959963984540054
CASES = [(0.5, 3, 8), (0.75, 2, 3), (0.8, 40, 160), (0.931, 1250, 1250), (0.02, 30, 7), (1, 25, 60)]
ASAH = Path(__file__).parents[1] / "fixtures" / "aSAH.csv"


def drawn(seed: int, n: int = 60, skill: float = 1.0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return labels, rng.normal(labels * skill)


# --- from counts ----------------------------------------------------------------------------------

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
    for function in (auc_standard_error, hanley_mcneil, newcombe):
        with pytest.raises(ValueError):
            function(a, p, n)


def test_hanley_mcneil_is_196_standard_errors_cut_to_what_is_possible():
    low, high, error = hanley_mcneil(0.75, 20, 30)
    assert low == pytest.approx(0.75 - 1.96 * error, abs=1e-15)
    assert high == pytest.approx(0.75 + 1.96 * error, abs=1e-15)
    low, high, error = hanley_mcneil(0.75, 20, 30, 0.8)
    assert high - low == pytest.approx(2 * norm.ppf(0.9) * error, abs=1e-12)
    assert hanley_mcneil(0.98, 5, 5)[1] == 1.0
    assert hanley_mcneil(0.02, 5, 5)[0] == 0.0


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
    low, high, error = newcombe(a, p, n)
    assert (low, high) == pytest.approx(quartic_bounds(a, p, n), abs=1e-9)
    assert error > 0


def test_newcombe_at_one_worked_out_by_hand():
    # One of each: V = θ(1 - θ), so (1 - θ)² = z² θ (1 - θ) and θ = 1 / (1 + z²).
    assert newcombe(1, 1, 1)[0] == pytest.approx(1 / (1 + Z_95**2), abs=1e-12)
    # m = 1, n = 3: V = θ(1-θ)/3 · (1 + (1 + 2θ - 2θ²)/((2-θ)(1+θ))), that is
    # θ(1-θ) (1+θ-θ²)/(2+θ-θ²), so 1 - θ = z² θ (1+θ-θ²)/(2+θ-θ²); at θ = 1/3 with
    # z² = 40/11 both sides are 2/3.
    low = newcombe(1, 1, 3)[0]
    assert 1 - low == pytest.approx(
        Z_95**2 * low * (1 + low - low**2) / (2 + low - low**2), abs=1e-12
    )
    assert low == pytest.approx(1 / 3, abs=0.02)  # z² is 3.84 and not 3.64


@pytest.mark.parametrize(("a", "p", "n"), CASES)
def test_newcombe_is_symmetric_in_classes_and_direction(a, p, n):
    here, there, mirrored = newcombe(a, p, n), newcombe(a, n, p), newcombe(1 - a, p, n)
    assert here == there
    assert here[:2] == pytest.approx((1 - mirrored[1], 1 - mirrored[0]), abs=1e-12)


# --- from scores ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asah():
    """Labels and the three scores of pROC's aSAH data (see the note beside it)."""
    with ASAH.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = np.array([row["outcome"] == "Poor" for row in rows])
    names = ("s100b", "ndka", "wfns")
    return labels, {name: np.array([float(row[name]) for row in rows]) for name in names}


# ci.auc(roc(...), method="delong"), pROC 1.18.0
PROC = [
    ("s100b", 0.95, 0.63011821176162264, 0.83261891560965107),
    ("s100b", 0.9, 0.64639658975856984, 0.81634053761270375),
    ("ndka", 0.95, 0.50124499927170263, 0.72267098988818901),
    ("ndka", 0.9, 0.51904471998925972, 0.70487126917063181),
    ("wfns", 0.95, 0.74853488781945288, 0.89882283575778299),
    ("wfns", 0.9, 0.76061605088919537, 0.88674167268804049),
]


@pytest.mark.parametrize(("name", "level", "low", "high"), PROC)
def test_delong_s_interval_is_proc_s(asah, name, level, low, high):
    found = auc_interval(asah[0], asah[1][name], "delong", level=level)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    if level == 0.9:  # its ends are the 95% bounds on one side
        labels, scores = asah[0], asah[1][name]
        lower = auc_interval(labels, scores, "delong", side="lower")
        upper = auc_interval(labels, scores, "delong", side="upper")
        assert (lower.low, lower.high, lower.side) == (pytest.approx(low, abs=1e-12), 1.0, "lower")
        assert (upper.low, upper.high, upper.level) == (0.0, pytest.approx(high, abs=1e-12), 0.95)


def test_the_logit_of_the_bounds_lies_even_about_that_of_the_auc(asah):
    found = auc_interval(asah[0], asah[1]["wfns"], "delong-logit")
    error = sqrt(0.0014699147088236264)  # pROC's variance of wfns
    assert found.standard_error == pytest.approx(error, abs=1e-12)
    odds = [log(of / (1 - of)) for of in (found.low, found.value, found.high)]
    half = Z_95 * error / (found.value * (1 - found.value))
    assert (odds[1] - odds[0], odds[2] - odds[1]) == pytest.approx((half, half), abs=1e-9)


def test_percentiles_are_proc_s_stratified_bootstrap(asah):
    """ci.auc(method="bootstrap", boot.n=20000) by pROC, of other draws."""
    found = auc_interval(asah[0], asah[1]["s100b"], "bootstrap")
    assert (found.low, found.high) == pytest.approx((0.62398, 0.82639), abs=0.012)


def test_bca_is_scipy_s(asah):
    labels, scores = asah[0], asah[1]["wfns"]

    def auc(positives, negatives, axis):
        above = positives[..., :, None] - negatives[..., None, :]
        return ((above > 0) + 0.5 * (above == 0)).mean(axis=(-2, -1))

    theirs = bootstrap(
        (scores[labels == 1], scores[labels == 0]), auc, method="BCa", n_resamples=2000,
        vectorized=True, axis=-1, rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    found = auc_interval(labels, scores, "bootstrap-bca")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.015)
    assert found.low < auc_interval(labels, scores, "bootstrap").low  # the correction goes down


@pytest.mark.parametrize("name", INTERVALS)
def test_every_interval_s_entry_names_it_and_makes_it(name):
    method = INTERVALS[name]
    found = auc_interval(*drawn(1), name)
    assert method.name == name == found.method
    assert 0 <= found.low < found.value < found.high <= 1
    assert 0 < found.standard_error < 0.1
    narrow = auc_interval(*drawn(1), name, level=0.5)
    assert found.low < narrow.low < narrow.value < narrow.high < found.high
    assert all([method.title, method.short, method.paper, method.idea])


def test_a_further_entry_of_the_register_is_all_that_a_method_needs(monkeypatch):
    further = Method("certain", "Certain", "Certain", "-", "-", lambda asked: (0.4, 0.6, asked.z))
    monkeypatch.setitem(INTERVALS, "certain", further)
    found = auc_interval([0, 1], [0.5, 0.5], "certain")
    assert found == Interval(0.5, 0.4, 0.6, pytest.approx(Z_95), "certain", 1, 1)


@pytest.mark.parametrize("asked", INTERVALS)
@pytest.mark.parametrize(("sign", "value"), [(1, 1.0), (-1, 0.0)])
def test_no_interval_of_width_zero(asked, sign, value):
    labels = np.repeat([0, 1], [40, 60])
    found = auc_interval(labels, sign * np.arange(100), asked)
    assert (found.method, found.value) == ("newcombe", value)
    assert 0.02 < found.high - found.low < 0.1
    assert value in (found.low, found.high)
    assert found.standard_error > 0
    wide = auc_interval(labels, sign * np.arange(100), asked, level=0.999)
    assert wide.standard_error == found.standard_error  # the level makes bounds, and no error
    assert wide.high - wide.low > found.high - found.low


@pytest.mark.parametrize("asked", INTERVALS)
@pytest.mark.parametrize(
    ("labels", "scores"),
    [([0, 1], [1, 2]), ([0, 1], [2, 1]), ([0, 1], [1, 1]), ([1, 0, 0, 0], [2, 1, 2, 3]),
     ([0, 1, 1, 1], [2, 1, 2, 3]), ([0, 0, 1, 1], [5, 5, 5, 5])],
)  # fmt: skip
def test_one_of_a_class_or_equal_scores_give_an_interval_within_what_is_possible(
    asked, labels, scores
):
    for side in ("both", "lower", "upper"):
        found = auc_interval(labels, scores, asked, side=side)
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.low < found.high


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"method": "wald"}, r"'wald'; choose one of delong-logit, delong, hanley-mcneil"),
        ({"level": 1.0}, "confidence level of 1 is not possible; give one between 0 and 1"),
        ({"level": 0.0}, "level of 0 is not possible"),
        ({"level": float("nan")}, "level of nan is not possible"),
        ({"side": "left"}, "no side 'left' of an interval; choose both or lower or upper"),
        ({"side": "lower", "level": 0.5}, "lies beyond the estimate"),
    ],
)
def test_what_is_asked_for_and_does_not_exist_is_refused_with_what_does(wrong, said):
    with pytest.raises(ConfigError, match=said):
        auc_interval(*drawn(2), **wrong)


SCORES = st.lists(st.tuples(st.booleans(), st.integers(-8, 8)), min_size=4, max_size=30)


@given(SCORES, st.sampled_from(["delong-logit", "delong", "hanley-mcneil", "newcombe"]))
@settings(max_examples=200)
def test_only_the_order_of_scores_counts_and_classes_may_be_swapped(rows, method):
    labels, scores = (np.array(column, float) for column in zip(*rows, strict=True))
    if not 0 < labels.sum() < len(labels):
        return
    found = auc_interval(labels, scores, method)
    bounds = found.low, found.value, found.high
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    stretched = auc_interval(labels, np.exp(scores) + 7, method)
    assert (stretched.low, stretched.value, stretched.high) == bounds
    flipped = auc_interval(1 - labels, scores, method)
    assert (1 - flipped.high, 1 - flipped.value, 1 - flipped.low) == pytest.approx(bounds, abs=1e-9)
    order = np.random.default_rng(0).permutation(len(labels))
    mixed = auc_interval(labels[order], scores[order], method)
    assert (mixed.low, mixed.value, mixed.high) == pytest.approx(bounds, abs=1e-12)


# --- by subject -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", INTERVALS)
def test_copies_of_a_picture_within_its_subject_make_no_interval_narrower(method):
    """Five copies of each: what independent pictures would claim is 1/√5 as wide."""
    labels, scores = drawn(7, 80)
    alone = auc_interval(labels, scores, method)
    five = [np.repeat(of, 5) for of in (labels, scores, np.arange(80))]
    found = auc_interval(*five[:2], method, groups=five[2])
    assert (found.subjects, found.n_positive, found.n_negative) == (80, 200, 200)
    assert found.value == alone.value
    assert found.high - found.low == pytest.approx(alone.high - alone.low, rel=0.06)
    assert found.naive[1] - found.naive[0] == pytest.approx(
        (found.high - found.low) / sqrt(5), rel=0.12
    )
    assert alone.naive is None
    assert alone.subjects == 0


@pytest.mark.parametrize("method", INTERVALS)
def test_two_subjects_or_a_perfect_order_still_give_an_interval(method):
    for groups, scores in (("ab" * 3, range(6)), ("aabbcc", [1, 2, 9, 3, 8, 7])):
        found = auc_interval([0, 1, 0, 1, 0, 1], scores, method, groups=list(groups))
        assert 0 <= found.low < found.high <= 1
    perfect = auc_interval([0, 0, 0, 1, 1, 1], range(6), method, groups=list("aabccd"))
    assert (perfect.method, perfect.high) == ("newcombe", 1)
    assert perfect.low < perfect.naive[0]  # by subjects and not by pictures


def test_one_subject_tells_nothing_of_others():
    with pytest.raises(ScoresError, match="All pictures are of one subject"):
        auc_interval([0, 1, 1], [1, 2, 3], groups=["a"] * 3)


# --- how often they hold the truth ----------------------------------------------------------------


def held(method: str, n: int, skill: float, trials: int, groups: int = 1, forget=False, **more):
    """Share of simulated tests whose interval holds the true AUC; groups: pictures of a subject,
    which then share half of the variance."""
    true, hits = norm.cdf(skill / sqrt(2)), 0
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        labels = np.repeat(np.arange(2 * n) % 2, groups)
        shared = np.repeat(rng.normal(size=2 * n), groups)
        own = rng.normal(size=len(labels))
        scores = labels * skill + (sqrt(0.5) * (shared + own) if groups > 1 else own)
        subjects = np.repeat(np.arange(2 * n), groups) if groups > 1 and not forget else None
        found = auc_interval(labels, scores, method, groups=subjects, **more)
        hits += found.low <= true <= found.high
    return hits / trials


@pytest.mark.parametrize("skill", [1.2, 2.3])  # AUCs of 0.80 and 0.95
def test_the_default_s_intervals_are_not_too_narrow(skill):
    """1,500 trials at 95% are within 0.014 (2.5 standard errors); an interval a fifth too narrow
    holds 88%, since 0.8 · 1.96 standard errors do."""
    assert 0.936 < held(DEFAULT, 50, skill, 1500) < 0.97
    assert 0.936 < held(DEFAULT, 50, skill, 1500, side="lower") < 0.97


def test_by_subject_too_and_without_them_it_would_be_far_too_narrow():
    assert 0.93 < held(DEFAULT, 40, 1.2, 800, groups=4) < 0.97
    assert held(DEFAULT, 40, 1.2, 300, groups=4, forget=True) < 0.85


def test_few_pictures_and_a_high_auc_are_where_delong_and_hanley_mcneil_fail():
    assert held("delong", 20, 2.3, 400) < 0.91
    assert held("hanley-mcneil", 20, 2.3, 400) < 0.93
    assert held("newcombe", 20, 2.3, 400) > 0.94


def test_the_measured_table_says_so_where_people_are_to_be_warned():
    assert known_coverage("delong", 25, 0.05) == known_coverage("delong", 20, 0.95) < 0.9
    assert known_coverage(DEFAULT, 10**6, 0.9) > 0.94
    assert known_coverage("newcombe", 3, 1.0) > 0.93
    assert known_coverage("certain", 50, 0.9) is None
    few = Interval(0.95, 0.88, 1.0, 0.03, "delong", 400, 20)  # the rarer class counts
    assert too_low(few) == known_coverage("delong", 20, 0.95)
    assert too_low(Interval(0.75, 0.6, 0.9, 0.03, "newcombe", 50, 50)) is None
    many = Interval(0.95, 0.9, 1.0, 0.03, "delong", 200, 200, subjects=40, naive=(0.93, 0.97))
    assert too_low(many) == known_coverage("delong", 20, 0.95, "subjects") < 0.9
    assert too_low(many) < known_coverage("delong", 200, 0.95)
