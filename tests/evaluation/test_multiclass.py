"""Many classes: the mean AUC, its interval, and what a model says."""

import tracemalloc
from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as sklearn_matrix
from sklearn.metrics import roc_auc_score

from engine.errors import ScoresError
from engine.evaluation import multiclass, roc
from engine.evaluation.multiclass import by_class, confusion_matrix, hand_till, mean_auc, said


def drawn(counts, skill=1.0, seed=1, digits=None):
    """Labels, and probabilities of each class by a softmax of noise that favours the truth."""
    rng = np.random.default_rng(seed)
    y_true = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    logit = rng.normal(0, 1, (len(y_true), len(counts)))
    logit[np.arange(len(y_true)), y_true] += skill
    y_score = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
    if digits is not None:  # ties, with sums of 1 for scikit-learn
        y_score = np.round(y_score, digits)
        y_score[:, -1] = 1 - y_score[:, :-1].sum(axis=1)
    return y_true, y_score


@pytest.mark.parametrize("counts", [(20, 30, 25), (3, 200, 9, 40), (2,) * 40, (150, 1, 1)])
@pytest.mark.parametrize("digits", [None, 1])
def test_the_mean_is_scikit_learn_s_over_pairs(counts, digits):
    y_true, y_score = drawn(counts, digits=digits)
    expected = roc_auc_score(y_true, y_score, multi_class="ovo", average="macro")
    assert hand_till(y_true, y_score) == pytest.approx(expected, abs=1e-6)
    assert mean_auc(y_true, y_score, resamples=10).value == pytest.approx(expected, abs=1e-6)


def test_the_mean_is_of_pairs_and_not_of_one_against_the_rest():
    """They differ where classes are of unequal size: scikit-learn's "ovr" is another mean."""
    y_true, y_score = drawn((10, 200, 15), seed=3)
    other = roc_auc_score(y_true, y_score, multi_class="ovr", average="macro")
    assert abs(hand_till(y_true, y_score) - other) > 1e-3


def test_a_resample_is_the_mean_of_the_pictures_drawn_again():
    """The weighted sums are what one gets by writing every picture as often as it was drawn."""
    y_true, y_score = drawn((12, 9, 15), digits=1)
    order, counts = multiclass._sorted(y_true, 3)
    times = multiclass._resampled(np.random.default_rng(5), counts, 4)
    found = multiclass._means(y_score[order], times, counts)
    for mean, often in zip(found, times.astype(int), strict=True):
        again = np.repeat(order, often)
        assert (np.bincount(y_true[again]) == counts).all()
        pairs = [
            roc.auc(y_true[again][both] == i, y_score[again][both, i])
            for i, j in permutations(range(3), 2)
            if (both := np.isin(y_true[again], (i, j))).any()
        ]
        assert mean == pytest.approx(np.mean(pairs), abs=1e-6)


def test_memory_does_not_grow_with_the_square_of_the_pictures():
    y_true, y_score = drawn((3000, 3000, 20), skill=0.1)
    tracemalloc.start()
    found = hand_till(y_true, y_score)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    expected = roc_auc_score(y_true, y_score, multi_class="ovo", average="macro")
    assert found == pytest.approx(expected, abs=1e-6)
    assert peak < 3000 * 6020 * 4  # one class's wins, were they all there at once


def test_the_interval_is_the_same_each_time_and_holds_the_value():
    y_true, y_score = drawn((30, 40, 20))
    found = mean_auc(y_true, y_score)
    assert found == mean_auc(y_true, y_score)
    assert found.low < found.value < found.high
    assert (found.method, found.n, found.classes) == ("bootstrap", 90, 3)
    assert found.high - found.low == pytest.approx(2 * 1.96 * found.standard_error, rel=0.1)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    true = hand_till(*drawn((4000, 4000, 4000), seed=0))
    held = [
        found.low <= true <= found.high
        for seed in range(200)
        for found in [mean_auc(*drawn((60, 40, 50), seed=seed + 1), resamples=200)]
    ]
    assert 0.89 <= np.mean(held) <= 0.99


def test_a_perfect_model_is_not_called_certain():
    y_true = np.repeat(np.arange(3), (10, 20, 30))
    found = mean_auc(y_true, np.eye(3)[y_true])
    assert found.value == found.high == 1.0
    assert found.method == "newcombe"
    assert 0.8 < found.low < 0.95


def test_by_subject_copies_of_pictures_make_the_interval_no_narrower():
    y_true, y_score = drawn((30, 40, 20))
    alone = mean_auc(y_true, y_score)
    four = [np.repeat(of, 4, axis=0) for of in (y_true, y_score, np.arange(90))]
    found, naive = mean_auc(*four[:2], groups=four[2]), mean_auc(*four[:2])
    assert (found.n, found.subjects, alone.subjects) == (360, 90, 0)
    assert found.value == pytest.approx(alone.value, abs=1e-6)
    assert found.standard_error == pytest.approx(alone.standard_error, rel=0.1)
    assert naive.standard_error == pytest.approx(found.standard_error / 2, rel=0.15)
    wide = mean_auc(*four[:2], groups=four[2], level=0.99)
    assert wide.low < found.low < found.high < wide.high


def test_subjects_with_pictures_of_several_classes_never_leave_a_class_without_any():
    y_true, y_score = drawn((4, 30, 30))
    groups = np.concatenate([[0, 0, 1, 2], np.arange(60) % 7])  # three have all classes
    found = mean_auc(y_true, y_score, groups=groups)
    assert 0 <= found.low < found.value < found.high <= 1
    with pytest.raises(ScoresError, match="All pictures are of one subject"):
        mean_auc(y_true, y_score, groups=np.zeros(64))


def test_a_perfect_model_by_subject_counts_subjects():
    y_true = np.repeat(np.arange(3), 20)
    ten = mean_auc(y_true, np.eye(3)[y_true], groups=np.arange(60) // 2)
    assert ten.low < mean_auc(y_true, np.eye(3)[y_true]).low
    assert ten.high == 1


def test_a_class_without_a_picture_is_named():
    y_true, y_score = drawn((10, 10, 10))
    with pytest.raises(ScoresError, match=r"Class 1 .* has no picture"):
        mean_auc(y_true[y_true != 1], y_score[y_true != 1])


def test_what_a_model_says_is_the_largest_probability_and_of_two_from_a_half_on():
    assert said(np.array([0.2, 0.5, 0.7])).tolist() == [0, 1, 1]
    assert said(np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])).tolist() == [1, 0]
    np.testing.assert_allclose(by_class(np.array([0.2])), [[0.8, 0.2]])


def test_the_confusion_matrix_has_the_truth_in_rows():
    rng = np.random.default_rng(2)
    y_true, y_said = rng.integers(0, 5, (2, 300)).astype(np.uint8)
    expected = sklearn_matrix(y_true, y_said, labels=range(6))
    assert (confusion_matrix(y_true, y_said, 6) == expected).all()
