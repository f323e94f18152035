"""The difference of two AUCs: by hand, by the definition, by pROC, by simulation; and of many."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ConfigError, ScoresError
from engine.evaluation.compare import DIFFERENCES, all_pairs, holm, paired, unpaired
from engine.evaluation.intervals import auc_interval
from engine.evaluation.roc import auc
from tests.benchmarks.coverage_difference import scores as binormal
from tests.evaluation.asah import asah


def scores(seed: int, n: int = 200, decimals: int = 17):
    """Labels, and two models whose mistakes are alike."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    shared = rng.normal(labels, 1)
    a, b = (np.round(shared + rng.normal(0, of, n), decimals) for of in (0.5, 1.0))
    return labels, a, b


# --- paired ---------------------------------------------------------------------------------------


def test_a_case_solved_on_paper():
    # Positives A 0.9, 0.6, 0.4; B 0.8, 0.5, 0.7. Negatives A 0.5, 0.1; B 0.6, 0.2.
    # Placements of positives (share of negatives below): A 1, 1, 1/2; B 1, 1/2, 1.
    # AUC A 5/6, B 5/6, difference 0. d = 0, 1/2, -1/2: variance 1/4, over 3: 1/12.
    # Placements of negatives (share of positives above): A 2/3, 1; B 2/3, 1. d = 0, 0: nothing.
    found = paired([1, 1, 1, 0, 0], [0.9, 0.6, 0.4, 0.5, 0.1], [0.8, 0.5, 0.7, 0.6, 0.2])
    assert (found.auc_a, found.auc_b) == pytest.approx((5 / 6, 5 / 6))
    assert found.difference == pytest.approx(0)
    assert found.standard_error == pytest.approx(sqrt(1 / 12))
    assert (found.low, found.high) == pytest.approx((-1.959964 / sqrt(12), 1.959964 / sqrt(12)))
    assert (found.z, found.p) == pytest.approx((0, 1))
    assert (found.n, found.n_positive, found.n_negative, found.fewest) == (5, 3, 2, 2)


def by_definition(labels, a, b):
    """DeLong's covariance matrix (1988, eq. 4 to 6) from the kernel of every pair."""
    kernels = []
    for score in (a, b):
        positive, negative = score[labels == 1][:, None], score[labels == 0][None, :]
        kernels.append((positive > negative) + 0.5 * (positive == negative))
    rows = np.array([kernel.mean(axis=1) for kernel in kernels])
    columns = np.array([kernel.mean(axis=0) for kernel in kernels])
    covariance = np.cov(rows) / rows.shape[1] + np.cov(columns) / columns.shape[1]
    contrast = np.array([1, -1])
    return rows.mean(axis=1), sqrt(contrast @ covariance @ contrast)


@pytest.mark.parametrize("decimals", [0, 1, 17])
def test_it_is_the_definition_however_many_ties(decimals):
    labels, a, b = scores(decimals, decimals=decimals)
    aucs, error = by_definition(labels, a, b)
    found = paired(labels, a, b)
    assert (found.auc_a, found.auc_b) == pytest.approx(tuple(aucs), abs=1e-12)
    assert found.standard_error == pytest.approx(error, abs=1e-12)
    assert found.auc_a == pytest.approx(auc(labels, a), abs=1e-12)


# roc.test of pROC 1.18.0 in R 4.2.2 with direction "<": z, p, low, high, p of "greater"
PAIRED = {
    ("s100b", "ndka"): (
        1.3907700257355771, 0.16429517522305448, -0.048870606422809354, 0.287691744634191449,
        0.08214758761152724,
    ),
    ("s100b", "wfns"): (
        -2.2089835914409077, 0.02717578222918815, -0.174214419249477559, -0.010406176956484617,
        0.98641210888540587,
    ),
    ("wfns", "ndka"): (
        2.7977759186890387, 0.0051455797069109776, 0.063401170933987644, 0.360040563483356557,
        0.0025727898534554888,
    ),
}  # fmt: skip


@pytest.mark.parametrize("names", PAIRED)
def test_delong_s_paired_test_is_that_of_proc(names):
    labels, of = asah()
    z, p, low, high, greater = PAIRED[names]
    found = paired(labels, of[names[0]], of[names[1]])
    assert (found.z, found.p) == pytest.approx((z, p), rel=1e-12)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    one = paired(labels, of[names[0]], of[names[1]], side="lower")
    assert one.p == pytest.approx(greater, rel=1e-12)
    assert one.high == 1
    other = paired(labels, of[names[1]], of[names[0]], side="upper")
    assert (other.p, other.low, other.high) == pytest.approx((one.p, -1, -one.low))


@pytest.mark.parametrize(
    ("names", "z"),  # roc.test(method="bootstrap", boot.n=5000) of pROC
    [(("s100b", "ndka"), 1.3933), (("s100b", "wfns"), -2.2289), (("wfns", "ndka"), 2.7888)],
)
def test_the_bootstrap_is_that_of_proc_but_for_what_is_drawn(names, z):
    labels, of = asah()
    found = paired(labels, of[names[0]], of[names[1]], method="bootstrap")
    assert found.z == pytest.approx(z, rel=0.05)
    exact = paired(labels, of[names[0]], of[names[1]])
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.02)
    again = paired(labels, of[names[0]], of[names[1]], method="bootstrap", seed=2)
    assert again.low != found.low


def test_resampling_the_pictures_gives_the_same_spread():
    labels, a, b = scores(5, n=400)
    found, drawn = (paired(labels, a, b, method=m) for m in ("delong", "bootstrap"))
    assert found.standard_error == pytest.approx(drawn.standard_error, rel=0.1)
    assert (found.low, found.high) == pytest.approx((drawn.low, drawn.high), abs=0.006)


def test_a_large_sample_takes_no_pairs():
    labels, a, b = scores(3, n=200_000)  # 10^10 pairs
    assert 0 < paired(labels, a, b).standard_error < 0.01


# --- unpaired -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "t", "freedom", "p"),  # roc.test(paired=FALSE) of pROC
    [
        (("s100b", "ndka"), 1.5599574338968532, 222.23539595127096, 0.12019283243084519),
        (("s100b", "wfns"), -1.4349064092690753, 206.6610637877825, 0.15282537880879596),
        (("wfns", "ndka"), 3.1012509677896891, 197.12525063121768, 0.0022095079175645685),
    ],
)
def test_the_unpaired_test_is_that_of_proc(names, t, freedom, p):
    labels, of = asah()
    found = unpaired(labels, of[names[0]], labels, of[names[1]])
    assert not found.paired
    assert (found.z, found.degrees_of_freedom, found.p) == pytest.approx((t, freedom, p), rel=1e-12)
    assert (found.n, found.n_positive, found.fewest) == (226, 82, 41)
    assert found.low < found.difference < found.high
    for other in ("mover", "bootstrap"):
        alike = unpaired(labels, of[names[0]], labels, of[names[1]], method=other)
        assert alike.p == pytest.approx(p, abs=0.02)
        assert (alike.low, alike.high) == pytest.approx((found.low, found.high), abs=0.02)


def test_unpaired_models_may_have_judged_sets_of_any_size():
    labels, a, _ = scores(7, n=60)
    others, _, b = scores(8, n=300)
    found, drawn = (
        unpaired(labels, a, others, b, method=method) for method in ("delong", "bootstrap")
    )
    assert found.n == 360
    assert found.standard_error == pytest.approx(drawn.standard_error, rel=0.1)
    apart = [auc_interval(*one, "delong").standard_error for one in ((labels, a), (others, b))]
    assert found.standard_error == pytest.approx(sqrt(apart[0] ** 2 + apart[1] ** 2))


# --- by subject -----------------------------------------------------------------------------------


def test_subjects_of_one_picture_are_none():
    labels, a, b = scores(4)
    alone, with_subjects = paired(labels, a, b), paired(labels, a, b, groups=np.arange(200))
    assert with_subjects.standard_error == pytest.approx(alone.standard_error, rel=0.01)
    assert with_subjects.subjects == 200
    assert with_subjects.naive == pytest.approx((alone.low, alone.high))


@pytest.mark.parametrize("method", DIFFERENCES)
def test_pictures_shown_four_times_tell_no_more_than_once(method):
    """The naive interval would halve."""
    labels, a, b = scores(9, n=120)
    once = paired(labels, a, b, method=method)
    told = [np.repeat(one, 4) for one in (labels, a, b)]
    often = paired(*told, method=method, groups=np.repeat(np.arange(120), 4))
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.1)
    assert often.naive[1] - often.naive[0] == pytest.approx((once.high - once.low) / 2, rel=0.1)
    assert often.subjects == 120


def test_subjects_widen_an_unpaired_interval_too():
    labels, a, b = scores(10, n=200)
    groups = np.arange(200) // 2 * 2 + labels  # up to two alike, of one class
    found = unpaired(labels, a, labels, b, groups_a=groups, groups_b=groups)
    assert found.subjects == 2 * len(np.unique(groups))
    assert found.naive != (found.low, found.high)
    assert unpaired(labels, a, labels, b, groups_a=groups).subjects == found.subjects / 2 + 200


def test_one_subject_tells_nothing_of_others():
    with pytest.raises(ScoresError, match="of one subject"):
        paired([1, 0, 1], [1, 2, 3], [3, 2, 1], groups=["a"] * 3)


# --- where there is no width ----------------------------------------------------------------------


@pytest.mark.parametrize("b", [[4, 3, 2, 1], [9, 8, 2, 1], [1, 2, 3, 4]])
@pytest.mark.parametrize("method", DIFFERENCES)
def test_no_spread_claims_no_certainty(method, b):
    """Both right or one right and one wrong at each picture: "± 0" would be certain of it."""
    found = paired([1, 1, 0, 0], [4, 3, 2, 1], b, method=method)
    assert found.method == "mover"
    assert found.high - found.low > 0.5
    assert found.low <= found.difference <= found.high
    assert found.p > 0.01


def test_one_picture_of_a_class_has_an_interval_all_the_same():
    found = paired([1, 0, 0, 0], [4, 3, 2, 1], [3, 4, 2, 1])
    assert found.method == "mover"
    assert -1 <= found.low < found.difference < found.high <= 1


def test_identical_predictions_do_not_differ():
    labels, a, _ = scores(6)
    found = paired(labels, a, a)
    assert (found.difference, found.z, found.p) == (0, 0, 1)
    assert found.low < 0 < found.high


def test_variance_recovery_is_zou_s_formula():
    labels, a, b = scores(11, n=60)
    found, delong = (paired(labels, a, b, method=method) for method in ("mover", "delong"))
    one, two = (auc_interval(labels, of, "delong-logit") for of in (a, b))
    errors = one.standard_error, two.standard_error
    r = (errors[0] ** 2 + errors[1] ** 2 - delong.standard_error**2) / (2 * errors[0] * errors[1])
    x, y = one.value - one.low, two.high - two.value
    assert found.low == pytest.approx(found.difference - sqrt(x * x + y * y - 2 * r * x * y))
    x, y = one.high - one.value, two.value - two.low
    assert found.high == pytest.approx(found.difference + sqrt(x * x + y * y - 2 * r * x * y))
    just = paired(labels, a, b, method="mover", level=1 - found.p)  # its test fits its interval
    assert min(abs(just.low), abs(just.high)) < 1e-6


# --- whatever is compared -------------------------------------------------------------------------

PICTURES = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 4)), min_size=4, max_size=30
)


@settings(max_examples=60)
@given(PICTURES, st.sampled_from(["delong", "mover"]), st.randoms(use_true_random=False))
def test_order_direction_and_scale_of_the_scores_do_not_matter(pictures, method, random):
    told = [(at % 2, *scored) for at, scored in enumerate(pictures)]
    labels, a, b, groups = np.array(told).T
    if len(set(groups)) == 1:
        groups[0] += 1
    found = paired(labels, a, b, method=method, groups=groups)
    assert -1 <= found.low <= found.difference <= found.high <= 1
    assert 0 <= found.p <= 1
    assert found.high > found.low

    def same(other, sign=1):
        bounds = (found.low, found.high) if sign == 1 else (-found.high, -found.low)
        assert (other.difference, other.low, other.high, other.p) == pytest.approx(
            (sign * found.difference, *bounds, found.p), abs=1e-6
        )

    same(paired(labels, b, a, method=method, groups=groups), -1)
    same(paired(labels, np.exp(a), 3.0 * b - 1, method=method, groups=groups))
    same(paired(1 - labels, -a, -b, method=method, groups=groups))
    random.shuffle(told)
    at = random.sample(range(len(labels)), len(labels))
    same(paired(labels[at], a[at], b[at], method=method, groups=groups[at]))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"method": "delongg"}, "no method 'delongg'.* delong, mover, bootstrap"),
        ({"level": 1.0}, "level of 1 is not possible"),
        ({"side": "left"}, "no side 'left'"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(asked, says):
    with pytest.raises(ConfigError, match=says):
        paired([1, 0], [1, 2], [2, 1], **asked)


def test_scores_of_other_pictures_are_refused():
    with pytest.raises(ScoresError, match="do not belong together"):
        paired([1, 1, 0, 0], [4, 3, 2, 1], [4, 3, 2])


@pytest.mark.parametrize(("method", "icc"), [("delong", 0.0), ("mover", 0.0), ("delong", 0.7)])
def test_intervals_hold_the_truth_as_often_as_they_say(method, icc):
    """400 draws: one that is 20% too narrow holds it in 88%, which is below this bound."""
    rng, labels = np.random.default_rng(1), np.repeat([1, 0], 60)
    subject = np.arange(120) // 3 if icc else None
    held = 0
    for _ in range(400):
        a, b = binormal(rng, labels, (0.8, 0.7), 0.5, subject, icc)
        found = paired(labels, a, b, method=method, groups=subject)
        held += found.low <= 0.1 <= found.high
    assert 0.925 < held / 400 < 0.98


# --- many -----------------------------------------------------------------------------------------


def test_holm_s_correction_is_r_s():
    """p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.6), "holm")"""
    assert holm([0.01, 0.04, 0.03, 0.005, 0.6]) == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.6])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


def test_many_lucky_models_are_not_told_apart():
    """Of 12 models of pure noise the best differs from the worst at 5%, and not after Holm."""
    rng = np.random.default_rng(3)
    labels = np.repeat([1, 0], 50)
    pairs = all_pairs(labels, {f"m{at}": rng.normal(size=100) for at in range(12)})
    assert len(pairs) == 66
    assert min(pair.found.p for pair in pairs) < 0.05
    assert min(pair.p_holm for pair in pairs) > 0.05
    assert (pairs[0].a, pairs[0].b, pairs[-1].b) == ("m0", "m1", "m11")
