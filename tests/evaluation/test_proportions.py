"""Wilson's interval against scipy, by hand, and by subject."""

import numpy as np
import pytest
from scipy.stats import binomtest

from engine.evaluation.proportions import share, wilson, wilson_by_subject


@pytest.mark.parametrize("level", [0.95, 0.8])
@pytest.mark.parametrize(
    ("successes", "n"), [(0, 1), (1, 1), (0, 40), (40, 40), (7, 9), (861, 1000)]
)
def test_wilson_equals_scipy(successes, n, level):
    ours = wilson(successes, n, level)
    theirs = binomtest(successes, n).proportion_ci(level, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert (ours.value, ours.n, ours.method, ours.level) == (successes / n, n, "wilson", level)
    assert 0 <= ours.low <= ours.value <= ours.high <= 1


def test_wilson_s_bounds_at_none_and_all_are_exact_whatever_rounding_does():
    assert {wilson(0, n).low for n in range(1, 400)} == {0.0}
    assert {wilson(n, n).high for n in range(1, 400)} == {1.0}


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_what_is_no_proportion(successes, n):
    with pytest.raises(ValueError):
        wilson(successes, n)


def test_by_subject_worked_out_by_hand():
    # Three subjects with 2, 2 and 4 pictures, of which 2, 1 and 1 are right: p = 4/8. Deviations
    # r - m p: 1, 0, -1; v = 3/2 · 2 / 64 = 3/64; p (1 - p) / v = (1/4) (64/3) = 16/3.
    found = wilson_by_subject([1, 1, 1, 0, 1, 0, 0, 0], list("aabbcccc"))
    assert found.effective_n == pytest.approx(16 / 3, rel=1e-12)
    assert (found.value, found.n) == (0.5, 8)
    z2 = 1.959963984540054**2  # (n p + z²/2) / (n + z²) is 1/2, half width z √(n/4 + z²/4) / (n+z²)
    half = (z2 * (16 / 3 + z2) / 4) ** 0.5 / (16 / 3 + z2)
    assert found.high - 0.5 == pytest.approx(half, rel=1e-12)


def test_pictures_of_one_subject_that_tell_the_same_count_once():
    rng = np.random.default_rng(0)
    of_subjects = rng.random(60) < 0.7
    found = wilson_by_subject(np.repeat(of_subjects, 5), np.repeat(np.arange(60), 5))
    alone = wilson(int(of_subjects.sum()), 60)
    assert found.effective_n == pytest.approx(59)  # I - 1, as the variance is estimated
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=0.002)


@pytest.mark.parametrize("right", [0, 1])
def test_where_all_are_right_or_none_subjects_count_and_not_pictures(right):
    found = wilson_by_subject([right] * 12, np.repeat(range(4), 3))
    assert found.effective_n == 4
    assert (found.low, found.high) == pytest.approx(
        (wilson(4 * right, 4).low, wilson(4 * right, 4).high)
    )


def test_subjects_are_never_worth_more_than_their_pictures():
    # One right and one wrong of each: the share does not vary between subjects at all.
    assert wilson_by_subject([1, 0] * 10, np.repeat(range(10), 2)).effective_n == 20


def test_a_share_is_of_the_pictures_that_are_meant_and_none_of_none():
    right, meant = [1, 1, 0, 1], [1, 0, 1, 0]
    assert share(right, meant) == wilson(1, 2)
    assert share(right) == wilson(3, 4)
    assert share(right, [0, 0, 0, 0]) is None
    assert share(right, meant, groups=list("xxyy")) == wilson_by_subject([1, 0], list("xy"))
