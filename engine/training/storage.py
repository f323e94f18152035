"""What a training puts on the disk: weights as bytes, how much in all, and whether that fits.

HDF5 ends the process with a segmentation fault where a disk fills up under its hands. So weights
are made in memory and written as bytes, and "no space" is an OSError like any other.
"""

import io
import math
from pathlib import Path

import keras
import numpy as np

from engine import quota
from engine.data.question import Task
from engine.errors import RecordError, RunError
from engine.training.config import TrainConfig

EPOCH_BYTES = 500  # a row of the history and a line of the log
PICTURE_BYTES = 500  # identity, label, logit and score
CLASS_BYTES = 12  # logit and score of a further class
REST_BYTES = 1_000_000  # records, progress and the drawn curves


class _Memory(io.BytesIO):
    """Keras chooses a format by the name's end, so a file in memory needs one, too."""

    def __str__(self) -> str:
        return "memory.weights.h5"


def weights_bytes(model: keras.Model) -> bytes:
    """The model's weights as a `.weights.h5` file. The optimizer's state, twice as large with Adam,
    is left out: what a training goes on from is its checkpoint."""
    memory = _Memory()
    optimizer = [model.optimizer] if getattr(model, "optimizer", None) else []
    keras.saving.save_weights(model, memory, objects_to_skip=optimizer)
    return memory.getvalue()


def variables_of(model: keras.Model) -> list[keras.Variable]:
    """All that a training changes: the network's variables, moving averages and states of random
    layers included, then the optimizer's, which is built for it."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return model.variables
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    return [*model.variables, *optimizer.variables]


def state_of(model: keras.Model) -> list[np.ndarray]:
    """The values of `variables_of`, copied."""
    return [keras.ops.convert_to_numpy(variable).copy() for variable in variables_of(model)]


def put_back(model: keras.Model, state: list[np.ndarray]) -> None:
    """Give the variables the values of `state_of`.

    Raises:
        RecordError: if they are of another network or optimizer.
    """
    variables = variables_of(model)
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [value.shape for value in state]:
        raise RecordError(
            "The stored variables are of another network or optimizer; start a new run beside this."
        )
    for variable, value in zip(variables, state, strict=True):
        variable.assign(value)


def needed_bytes(model: keras.Model, task: Task, config: TrainConfig) -> int:
    """What a run's folder takes at most, a file and the one that replaces it side by side.

    The checkpoint holds the best weights, too."""
    judged = len(task.indices("validation")) + len(task.indices("test"))
    a_picture = PICTURE_BYTES + CLASS_BYTES * len(task.class_names)
    growing = config.epochs * EPOCH_BYTES + judged * a_picture
    state = sum(value.nbytes for value in state_of(model))
    return 2 * (2 * len(weights_bytes(model)) + state + growing) + REST_BYTES


def require_space(folder: Path, needed: int) -> None:
    """Look at the disk of `folder`, and at the quota, before a training writes `needed` bytes.

    Raises:
        RunError: if less is free, saying how much.
    """
    free = quota.free(folder)
    if free < needed:
        raise RunError(
            f"The disk of '{folder}' has {free / 1e6:.1f} MB free{quota.reason(folder)} and the "
            f"training needs {megabytes(needed)} MB for weights, history and predictions; free "
            f"{megabytes(needed - free)} MB or choose a smaller network."
        )


def megabytes(size: int) -> int:
    """In whole megabytes, rounded up."""
    return math.ceil(size / 1e6)
