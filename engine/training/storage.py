"""What a training puts on the disk: weights as bytes, how much in all, and whether that fits.

HDF5 ends the process with a segmentation fault where a disk fills up under its hands. So weights
are made in memory and written as bytes, and "no space" is an OSError like any other.
"""

import errno
import io
import math
import shutil
from pathlib import Path

import keras

from engine.data.question import Task
from engine.errors import RunError
from engine.training.config import TrainConfig

DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
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
    is left out: no training is taken up again."""
    memory = _Memory()
    optimizer = [model.optimizer] if getattr(model, "optimizer", None) else []
    keras.saving.save_weights(model, memory, objects_to_skip=optimizer)
    return memory.getvalue()


def needed_bytes(model: keras.Model, task: Task, config: TrainConfig) -> int:
    """What a run's folder takes at most, a file and the one that replaces it side by side."""
    judged = len(task.indices("validation")) + len(task.indices("test"))
    a_picture = PICTURE_BYTES + CLASS_BYTES * len(task.class_names)
    growing = config.epochs * EPOCH_BYTES + judged * a_picture
    return 2 * (len(weights_bytes(model)) + growing) + REST_BYTES


def require_space(folder: Path, needed: int) -> None:
    """Look at the disk of `folder` before a training writes `needed` bytes to it.

    Raises:
        RunError: if less is free, saying how much.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise RunError(
            f"The disk of '{folder}' has {free / 1e6:.1f} MB free and the training needs "
            f"{megabytes(needed)} MB for weights, history and predictions; free "
            f"{megabytes(needed - free)} MB or choose a smaller network."
        )


def megabytes(size: int) -> int:
    """In whole megabytes, rounded up."""
    return math.ceil(size / 1e6)
