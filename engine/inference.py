"""A run becomes a model; a model and pictures become logits and scores."""

import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import special

from engine import backend, files  # the backend before Keras: it keeps TensorFlow quiet
from engine.data.decode import resize_all
from engine.errors import RunError
from engine.models.apart import take_apart
from engine.models.build import build
from engine.runs import store
from engine.runs.record import Run

BATCH = 64
MANY = 512  # pictures, from which on it pays to compile the model for many passes


@dataclass(frozen=True)
class Loaded:
    """A run's model, read-only. Several threads may ask it at once; `saved` holds the lock."""

    run: Run
    model: backend.keras.Model
    lock: threading.Lock = field(default_factory=threading.Lock)


def load(run: Run) -> Loaded:
    """The run's network with its best weights, in exact float32 whatever it was trained in.

    Raises:
        RunError: if the run has no weights, or they are not those that it wrote.
    """
    store.require_judged(run)
    weights = run.folder / "best.weights.h5"
    if not weights.exists() or files.sha256(weights) != run.weights_sha256:
        raise RunError(
            f"The weights of '{run.id}' are missing or were changed after it ended; train it again."
        )
    model = build(
        run.preset, run.image_size, len(run.class_names),
        l2=run.config["l2"], backbone=run.config.get("backbone", ""),
    )  # fmt: skip
    model.load_weights(weights)
    return Loaded(run, model)


def saved(loaded: Loaded) -> bytes:
    """The model as a `.keras` file, which plain Keras loads."""
    with loaded.lock, tempfile.TemporaryDirectory() as place:
        path = Path(place) / "model.keras"
        loaded.model.save(path)
        return path.read_bytes()


def logits(
    model: backend.keras.Model,
    images: np.ndarray,
    rows: np.ndarray | None = None,
    progress: Callable[[int, int], None] = lambda done, n: None,
) -> np.ndarray:
    """Logits for `(n, h, w, 3)` uint8 of any size, float32: of class 1 `(n,)`, or of many `(n, k)`.

    The logit and not the probability, since float32's sigmoid is exactly 1 from 17 on, and ties
    among the surest pictures would bend the ROC curve.

    Args:
        rows: `(n,)`, which of the pictures; None for all. A mapped array is read a batch at a time.
    """
    head, size = take_apart(model), model.input_shape[1]
    rows = np.arange(len(images)) if rows is None else rows
    batches = (
        resize_all(images[rows[start : start + BATCH]], size).astype(np.float32)
        for start in range(0, len(rows), BATCH)
    )
    found = []
    for logit in head.many(batches) if len(rows) >= MANY else map(head.logits, batches):
        found.append(logit)
        progress(min(len(found) * BATCH, len(rows)), len(rows))
    logit = np.concatenate(found)
    return logit[:, 0] if head.units == 1 else logit


def probabilities(logit: np.ndarray) -> np.ndarray:
    """Sigmoid of `(n,)` or softmax of `(n, k)` in float64, which tells logits up to 36 from
    certainty."""
    logit = logit.astype(np.float64)
    if logit.ndim == 1:
        return np.exp(-np.logaddexp(0, -logit))
    return special.softmax(logit, axis=1)
