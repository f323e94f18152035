"""The head of `transfer`: logistic regression on stored features, a few steps of L-BFGS a round.

Features are standardised with the mean and deviation of the training pictures. What is trained
stands on standardised features, and what the model holds stands on the backbone's own:
w · (f − μ) / σ + b  =  (w / σ) · f + (b − (w / σ) · μ).
"""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

STEPS = 3  # of L-BFGS in a round
FLAT = 1e-6  # a deviation below it: the feature is the same for all pictures


@dataclass(frozen=True)
class Round:
    """A row of the curves, and the head as it was then: weights `(k, units)`, bias `(units,)`."""

    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    weights: np.ndarray
    bias: np.ndarray


def rounds(
    x: np.ndarray,
    y: np.ndarray,
    val_x: np.ndarray,
    val_y: np.ndarray,
    *,
    l2: float,
    most: int,
) -> Iterator[Round]:
    """Yields a Round after each, until L-BFGS has converged or there were `most`.

    Args:
        x, val_x: features `(n, k)` float32; x is standardised in place.
        y, val_y: `(n,)` labels from 0 on.
        l2: penalty, in Keras's terms: mean cross-entropy + l2 · Σw². scikit-learn's C is
            1 / (2 · l2 · n), so that a dataset's size does not change what it means.
    """
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    deviation[deviation < FLAT] = 1.0
    x -= mean
    x /= deviation
    c = 1 / (2 * l2 * len(x)) if l2 else np.inf
    model = LogisticRegression(C=c, warm_start=True, max_iter=STEPS)
    for _ in range(most):
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(x, y)
        weights = (model.coef_ / deviation).T.astype(np.float32)
        bias = (model.intercept_ - mean @ weights).astype(np.float32)
        loss, accuracy = _judge(x @ model.coef_.T + model.intercept_, y)
        val_loss, val_accuracy = _judge(val_x @ weights + bias, val_y)
        seconds = time.perf_counter() - began
        yield Round(loss, accuracy, val_loss, val_accuracy, seconds, weights, bias)
        if model.n_iter_[0] < STEPS:
            return


def _judge(logits: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of logits `(n, units)`."""
    logits = logits.astype(np.float64)
    if logits.shape[1] == 1:
        logit = logits[:, 0]
        loss = np.logaddexp(0, np.where(y == 1, -logit, logit)).mean()
        return float(loss), float(((logit >= 0) == (y == 1)).mean())
    loss = -special.log_softmax(logits, axis=1)[np.arange(len(y)), y].mean()
    return float(loss), float((logits.argmax(axis=1) == y).mean())
