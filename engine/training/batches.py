"""Batches out of the memory-mapped pictures, in an order and with an augmentation set by the seed.

Pixels travel as uint8 and are scaled by the model, on the device; nothing but the batches in flight
is in memory, however large the dataset is.
"""

import keras
import numpy as np

from engine.data.decode import resize_all
from engine.data.question import Task

SHIFT = 0.08  # of a picture's side, at most, when augmenting


class Batches(keras.utils.PyDataset):
    """Pictures and labels of some rows of a task's dataset, at the run's own size.

    Args:
        epoch: the one that comes first, counted from 0; order and augmentation follow from it.
    """

    def __init__(
        self,
        task: Task,
        indices: np.ndarray,
        image_size: int,
        batch_size: int,
        *,
        shuffled_by: int | None = None,
        augment: bool = False,
        epoch: int = 0,
    ):
        super().__init__(workers=1, max_queue_size=8)
        self.task, self.indices = task, indices
        self.image_size, self.batch_size = image_size, batch_size
        self.seed, self.augment, self.epoch = shuffled_by, augment, epoch
        self.order = self._shuffled()

    def __len__(self) -> int:
        return -(-len(self.indices) // self.batch_size)

    def __getitem__(self, at: int):
        rows = self.order[at * self.batch_size : (at + 1) * self.batch_size]
        by_place = np.argsort(rows)  # reads the file in one direction
        images = np.empty((len(rows), *self.task.images.shape[1:]), np.uint8)
        images[by_place] = self.task.images[rows[by_place]]
        images = resize_all(images, self.image_size)
        if self.augment:
            images = augmented(images, np.random.default_rng([self.seed, self.epoch, at]))
        return images, self.task.labels[rows].astype(np.float32)[:, None]

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.order = self._shuffled()

    def _shuffled(self) -> np.ndarray:
        if self.seed is None:
            return self.indices
        return np.random.default_rng([self.seed, self.epoch]).permutation(self.indices)


def augmented(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each picture of `(n, h, w, 3)` mirrored or not, and shifted by up to 8% of its side.

    What a shift uncovers shows the mirrored edge.
    """
    n, size = len(images), images.shape[1]
    most = round(SHIFT * size)
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="reflect")
    rows, columns = rng.integers(0, 2 * most + 1, (2, n))
    mirrored = rng.random(n) < 0.5
    shifted = np.empty_like(images)
    for i in range(n):
        view = padded[i, rows[i] : rows[i] + size, columns[i] : columns[i] + size]
        shifted[i] = view[:, ::-1] if mirrored[i] else view
    return shifted
