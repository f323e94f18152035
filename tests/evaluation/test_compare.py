"""The paired test of two AUCs: by hand, by the definition, by resampling; and what it refuses."""

from math import sqrt

import numpy as np
import pytest

from engine.errors import ScoresError
from engine.evaluation.compare import delong
from engine.evaluation.roc import auc


def scores(seed: int, n: int = 200, decimals: int = 17):
    """Labels, and two models whose mistakes are alike."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    shared = rng.normal(labels, 1)
    a, b = (np.round(shared + rng.normal(0, of, n), decimals) for of in (0.5, 1.0))
    return labels, a, b


def test_a_case_solved_on_paper():
    # Positives A 0.9, 0.6, 0.4; B 0.8, 0.5, 0.7. Negatives A 0.5, 0.1; B 0.6, 0.2.
    # Placements of positives (share of negatives below): A 1, 1, 1/2; B 1, 1/2, 1.
    # AUC A 5/6, B 5/6, difference 0. d = 0, 1/2, -1/2: variance 1/4, over 3: 1/12.
    # Placements of negatives (share of positives above): A 2/3, 1; B 2/3, 1. d = 0, 0: nothing.
    found = delong(
        [1, 1, 1, 0, 0], [0.9, 0.6, 0.4, 0.5, 0.1], [0.8, 0.5, 0.7, 0.6, 0.2]
    )  # fmt: skip
    assert (found.auc_a, found.auc_b) == pytest.approx((5 / 6, 5 / 6))
    assert found.value == pytest.approx(0)
    assert found.standard_error == pytest.approx(sqrt(1 / 12))
    assert (found.low, found.high) == pytest.approx((-1.959964 / sqrt(12), 1.959964 / sqrt(12)))
    assert (found.z, found.p) == pytest.approx((0, 1))


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
    found = delong(labels, a, b)
    assert (found.auc_a, found.auc_b) == pytest.approx(tuple(aucs), abs=1e-12)
    assert found.standard_error == pytest.approx(error, rel=1e-9)
    assert found.auc_a == pytest.approx(auc(labels, a), abs=1e-12)


def test_resampling_the_pictures_gives_the_same_spread():
    labels, a, b = scores(5, n=400)
    rng, differences = np.random.default_rng(1), []
    by_class = [np.flatnonzero(labels == one) for one in (0, 1)]
    for _ in range(1500):
        at = np.concatenate([rng.choice(one, len(one)) for one in by_class])
        differences.append(auc(labels[at], a[at]) - auc(labels[at], b[at]))
    found = delong(labels, a, b)
    assert found.standard_error == pytest.approx(np.std(differences), rel=0.1)
    low, high = np.percentile(differences, [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)


def test_the_other_way_round_it_is_the_same_with_the_other_sign():
    labels, a, b = scores(2)
    one, other = delong(labels, a, b), delong(labels, b, a)
    assert (one.value, one.low, one.p) == pytest.approx((-other.value, -other.high, other.p))
    assert one.p == pytest.approx(delong(labels, np.exp(a), b).p)  # ranks count, and no more


def test_a_large_sample_takes_no_pairs():
    labels, a, b = scores(3, n=200_000)  # 10^10 pairs
    assert 0 < delong(labels, a, b).standard_error < 0.01


@pytest.mark.parametrize("b", [[4, 3, 2, 1], [9, 8, 2, 1], [1, 2, 3, 4]])
def test_no_spread_is_refused_and_no_certainty_claimed(b):
    with pytest.raises(ScoresError, match="no spread"):
        delong([1, 1, 0, 0], [4, 3, 2, 1], b)


def test_one_picture_of_a_class_is_too_few():
    with pytest.raises(ScoresError, match="1 positive and 3 negative pictures are too few"):
        delong([1, 0, 0, 0], [4, 3, 2, 1], [3, 4, 2, 1])


def test_scores_of_other_pictures_are_refused():
    with pytest.raises(ScoresError, match="do not belong together"):
        delong([1, 1, 0, 0], [4, 3, 2, 1], [4, 3, 2])
