"""The head is scikit-learn's logistic regression, written for the backbone's own features."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from engine.training.logistic import rounds


def drawn(n: int = 120, classes: int = 2, seed: int = 0):
    """Eight features, one of them the same for all and one of another scale."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.normal(0, 1, (n, 8)) + y[:, None] * np.linspace(0, 1, 8)
    x[:, 3], x[:, 5] = 7.0, 1000 * x[:, 5]
    return x.astype(np.float32), y


@pytest.mark.parametrize("classes", [2, 3])
def test_the_last_round_is_what_scikit_learn_finds_on_standardised_features(classes):
    x, y = drawn(classes=classes)
    last = list(rounds(x.copy(), y, x, y, l2=0.02, most=40))[-1]
    scaled = StandardScaler().fit_transform(x)
    theirs = LogisticRegression(C=1 / (2 * 0.02 * len(x)), tol=1e-6).fit(scaled, y)
    assert np.allclose(x @ last.weights + last.bias, theirs.decision_function(scaled).reshape(
        len(x), -1), atol=0.05)  # fmt: skip
    assert last.val_loss == pytest.approx(log_loss(y, theirs.predict_proba(scaled)), abs=2e-3)
    assert last.accuracy == pytest.approx(theirs.score(scaled, y), abs=0.02)
    assert last.weights.shape == (8, 1 if classes == 2 else 3)


def test_a_feature_that_never_changes_has_no_weight():
    x, y = drawn()
    last = list(rounds(x.copy(), y, x, y, l2=0.02, most=20))[-1]
    assert last.weights[3, 0] == 0


def test_of_two_points_the_penalty_is_keras_s():
    """By hand: features −1 and +1, w their one weight, b = 0 by symmetry. The mean cross-entropy is
    log(1 + exp(−w)), with Keras's penalty l2 · w²; at its lowest 1 / (1 + exp(w)) = 2 · l2 · w,
    which w = 1 solves for l2 = 1 / (2 · (1 + e)) = 0.13447."""
    x, y = np.array([[-1.0], [1.0]], np.float32), np.array([0, 1])
    last = list(rounds(x.copy(), y, x, y, l2=1 / (2 * (1 + np.e)), most=20))[-1]
    assert last.weights[0, 0] == pytest.approx(1.0, abs=1e-3)
    assert last.bias[0] == pytest.approx(0.0, abs=1e-3)


def test_twice_the_same_pictures_mean_the_same_penalty():
    x, y = drawn(60)
    once = list(rounds(x.copy(), y, x, y, l2=0.05, most=30))[-1]
    twice = list(rounds(np.tile(x, (2, 1)), np.tile(y, 2), x, y, l2=0.05, most=30))[-1]
    assert np.allclose(once.weights, twice.weights, atol=1e-2 * np.abs(once.weights).max())


def test_it_ends_when_it_has_converged():
    x, y = drawn()
    assert 1 < len(list(rounds(x.copy(), y, x, y, l2=0.5, most=200))) < 50
