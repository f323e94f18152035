"""Batches out of the memory-mapped pictures, in an order and with an augmentation set by the seed.

Pixels travel as uint8 and are scaled by the model, on the device; nothing but the batches in flight
is in memory, however large the dataset is.
"""

import math
import mmap
from collections.abc import Callable

import keras
import numpy as np

from engine.data.decode import resize, resize_all
from engine.data.question import Task
from engine.models.presets import MIN_IMAGE_SIZE

SHIFT = 0.08  # of a picture's side, at most, when augmenting
WIDEST = 4 / 3  # a crop's width by its height, at most, and the other way round


class Batches(keras.utils.PyDataset):
    """Pictures and labels of some rows of a task's dataset, at the run's own size.

    Args:
        epoch: the one that comes first, counted from 0; order and augmentation follow from it.
        crop: with `augment`, the smallest share of a picture that is shown; see `cropped`.
        size_at: epoch, counted from 0 -> side of its pictures; None for `image_size` in all.
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
        crop: float = 1.0,
        size_at: Callable[[int], int] | None = None,
    ):
        super().__init__(workers=1, max_queue_size=8)
        self.task, self.indices = task, indices
        self.image_size, self.batch_size = image_size, batch_size
        self.seed, self.augment, self.epoch = shuffled_by, augment, epoch
        self.crop, self.size_at, self.begun = crop, size_at, False
        self.order = self._shuffled()

    def __len__(self) -> int:
        return -(-len(self.indices) // self.batch_size)

    def __getitem__(self, at: int):
        rows = self.order[at * self.batch_size : (at + 1) * self.batch_size]
        by_place = np.argsort(rows)  # reads the file in one direction
        images = np.empty((len(rows), *self.task.images.shape[1:]), np.uint8)
        images[by_place] = self.task.images[rows[by_place]]
        _let_go(self.task.images)
        images = self._shown(images, rows, at)
        return images, self.task.labels[rows].astype(np.float32)[:, None]

    def _shown(self, images: np.ndarray, rows: np.ndarray, at: int) -> np.ndarray:
        """The pictures as this epoch shows them."""
        size = self._size(at)
        if not self.augment:
            return resize_all(images, size)
        rng = np.random.default_rng([self.seed, self.epoch, at])
        if self.crop == 1:
            return augmented(resize_all(images, size), rng)
        mirrored = (self._first_mirrored()[rows] + self.epoch) % 2 == 1
        return cropped(images, rng, size, self.crop, mirrored)

    def _size(self, at: int) -> int:
        """Of the pictures in the batch `at`.

        Before the first epoch Keras looks at two batches: an axis in which they differ is one that
        may change later on.
        """
        if self.size_at is None or len(self) == 1:
            return self.image_size
        if not self.begun:
            return self.image_size if at else MIN_IMAGE_SIZE
        return self.size_at(self.epoch - 1)

    def _first_mirrored(self) -> np.ndarray:
        """0 or 1 for each of the dataset's pictures."""
        return np.random.default_rng(self.seed).integers(0, 2, len(self.task.labels))

    def on_epoch_end(self) -> None:
        self.begun = True
        self.epoch += 1
        self.order = self._shuffled()

    def _shuffled(self) -> np.ndarray:
        if self.seed is None:
            return self.indices
        return np.random.default_rng([self.seed, self.epoch]).permutation(self.indices)


def _let_go(images: np.ndarray) -> None:
    """Give back the pages of a mapped array that were read. They stay in the system's cache; here
    they would count as this process's memory, in the end the whole dataset."""
    if isinstance(images.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        images.base.madvise(mmap.MADV_DONTNEED)


def cropped(
    images: np.ndarray, rng: np.random.Generator, size: int, smallest: float, mirrored: np.ndarray
) -> np.ndarray:
    """Of each picture of `(n, h, h, 3)` a random part, stretched to `(size, size)`.

    Its area is a share of the picture's from `smallest` to 1, its width 3/4 to 4/3 of its height
    (Szegedy et al. 2015).

    Args:
        mirrored: `(n,)`, which of them are mirrored. A caller that mirrors a picture in every other
            epoch shows both sides of it as often (Jordan 2024, "alternating flip").
    """
    n, side = images.shape[:2]
    area, place = rng.uniform(smallest, 1, n), rng.random((n, 2))
    stretch = np.exp(rng.uniform(-0.5, 0.5, n) * math.log(WIDEST))
    sides = np.stack([np.sqrt(area) * stretch, np.sqrt(area) / stretch], axis=1)
    sides = np.clip(np.rint(side * sides), 1, side).astype(int)
    starts = (place * (side - sides + 1)).astype(int)
    shown = np.empty((n, size, size, 3), np.uint8)
    for i, ((row, column), (height, width)) in enumerate(zip(starts, sides, strict=True)):
        part = resize(images[i, row : row + height, column : column + width], size)
        shown[i] = part[:, ::-1] if mirrored[i] else part
    return shown


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
