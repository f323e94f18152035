"""Placements and variances against brute force over all pairs, and on paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from engine.errors import ScoresError
from engine.evaluation import variance
from engine.evaluation.placements import placements


def drawn(seed: int, n: int = 300, ties: int = 0):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(int)
    scores = rng.normal(size=n) + labels
    return labels, np.round(scores, 1) if ties else scores


def brute_force(labels, scores):
    """Every pair: 1 where the positive is above, half for a tie: (P, N)."""
    positives, negatives = scores[labels == 1][:, None], scores[labels == 0][None]
    return (positives > negatives) + 0.5 * (positives == negatives)


@pytest.mark.parametrize("ties", [0, 1])
def test_placements_and_delong_s_variance_equal_brute_force_over_all_pairs(ties):
    labels, scores = drawn(3, ties=ties)
    wins, found = brute_force(labels, scores), placements(labels, scores)
    assert found.of_positives == pytest.approx(wins.mean(axis=1), abs=1e-12)
    assert found.of_negatives == pytest.approx(wins.mean(axis=0), abs=1e-12)
    assert found.value == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)
    a, (p, n) = wins.mean(), wins.shape  # the definition, by its double sums
    s10 = ((wins.mean(axis=1) - a) ** 2).sum() / (p - 1)
    s01 = ((wins.mean(axis=0) - a) ** 2).sum() / (n - 1)
    assert variance.delong(found) == pytest.approx(s10 / p + s01 / n, abs=1e-12)


def test_a_difference_of_nothing_is_exactly_nothing():
    """The AUC of both classes' placements is one number, whatever thirds and sevenths round to."""
    labels, scores = drawn(4, n=7 * 13)
    found = placements(labels, scores)
    again = placements(labels, np.exp(scores))
    assert found.value == again.value
    assert not (found.of_positives - again.of_positives).any()
    ties = placements([0, 0, 0, 1, 1, 1, 1], [0.1] * 7)
    assert ties.value == 0.5
    assert variance.delong(ties) == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40))
def test_ties_of_any_number_count_a_half(rows):
    labels, scores = (np.array(column, float) for column in zip(*rows, strict=True))
    if 0 < labels.sum() < len(labels):
        wins, found = brute_force(labels, scores), placements(labels, scores)
        assert found.of_positives == pytest.approx(wins.mean(axis=1), abs=1e-12)
        assert found.of_negatives == pytest.approx(wins.mean(axis=0), abs=1e-12)


def test_a_million_scores_overflow_nowhere():
    """P N is 2.5 · 10^11, and the sum of halves twice that; 32 bits end at 2 · 10^9."""
    n = 10**6
    labels = np.zeros(n, np.int8)
    labels[n // 2 :] = 1
    scores = np.arange(n, dtype=np.float64)
    scores[n // 2] = -1  # one positive below all negatives
    found = placements(labels, scores)
    assert found.value == pytest.approx(1 - 2 / n, abs=1e-15)
    assert 0 < variance.delong(found) < 1e-5


def test_obuchowski_where_each_subject_has_one_picture_is_delong():
    labels, scores = drawn(5)
    found = placements(labels, scores, np.arange(len(labels)))
    assert variance.obuchowski(found) == pytest.approx(
        # S11 is a sum of products of which one factor is 0
        variance.delong(found), rel=1e-12,
    )  # fmt: skip


def test_obuchowski_worked_out_by_hand():
    # Subject a: positives 4 and 2, negative 1; b: positive 5, negatives 3 and 2.
    # Placements of 4, 2, 5 among 1, 3, 2: 1, 1/2, 1 (2 ties 2), of mean 5/6: 1/6, -1/3, 1/6 off.
    # of 1, 3, 2 among 4, 2, 5: 1, 2/3, 5/6: deviations 1/6, -1/6, 0.
    # X = (-1/6, 1/6), Y = (1/6, -1/6): S10 = 2 (2/36) / 3 = 1/27, S01 the same, S11 = 2 (-2/36).
    # (1/27) / 3 + (1/27) / 3 - 2 (1/9) / 9 = 2/81 - 2/81 = 0.
    found = placements([1, 1, 0, 1, 0, 0], [4, 2, 1, 5, 3, 2], list("aaabbb"))
    assert found.value == pytest.approx(5 / 6)
    assert variance.obuchowski(found) == pytest.approx(0, abs=1e-15)
    # Without the positive 2 of a, and with subjects c for it: X = (1/6, 1/6, -1/3).
    found = placements([1, 1, 0, 1, 0, 0], [4, 2, 1, 5, 3, 2], list("acabbb"))
    s10, s01, s11 = 3 / 2 * (6 / 36) / 3, 2 * (2 / 36) / 3, 3 / 2 * (1 / 36 - 1 / 36)
    assert variance.obuchowski(found) == pytest.approx(s10 / 3 + s01 / 3 + 2 * s11 / 9, abs=1e-15)


def test_subjects_that_are_not_one_for_each_picture_are_refused():
    with pytest.raises(ScoresError, match=r"4 pictures and subjects of shape \(3,\)"):
        placements([0, 0, 1, 1], [1, 2, 3, 4], [1, 1, 2])
