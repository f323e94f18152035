"""What a backbone makes of a dataset's pictures, computed once and stored with the dataset.

Rows are kept in chunks, `features/<key>/<part>-<number>-<pictures>.npy`, each written whole. So a
process that is killed loses one chunk at most, two that compute at once write the same, and the
next run of the same backbone finds all of them. A chunk is named by its pictures: one that is
written after other pictures took the dataset's name is of no use to them, and does them no harm.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from engine import files
from engine.data.dataset import Dataset
from engine.data.decode import resize_all
from engine.workspace import Workspace

CHUNK = 1000  # pictures: a second or a few
BATCH = 16
Pass = Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]]


@dataclass(frozen=True)
class Wanted:
    """Features of a part of a dataset.

    key: which backbone, weights, picture size and precision made them; safe as a folder's name.
    """

    dataset: Dataset
    part: str
    key: str
    image_size: int

    @cached_property
    def chunks(self) -> list[tuple[Path, np.ndarray]]:
        """Where each chunk is kept, and its rows of the dataset."""
        rows = self.dataset.indices(self.part)
        return [
            (self._path(at // CHUNK, rows[at : at + CHUNK]), rows[at : at + CHUNK])
            for at in range(0, len(rows), CHUNK)
        ]

    def _path(self, number: int, rows: np.ndarray) -> Path:
        pictures = hashlib.sha256("".join(self.dataset.pictures[rows]).encode()).hexdigest()[:12]
        name = f"{self.part}-{number:04d}-{pictures}.npy"
        return self.dataset.folder / "features" / self.key / name

    def missing(self) -> int:
        """How many pictures have none yet."""
        return sum(len(rows) for path, rows in self.chunks if not path.exists())


def compute(
    wanted: Wanted,
    run: Pass,
    report: Callable[[int, float], None],
    should_stop: Callable[[], bool],
) -> bool:
    """Make what is missing; False if a stop came first.

    Args:
        run: batches `(b, size, size, 3)` float32 to features `(b, k)`, in order.
        report: called about twice a second with how many pictures were done here, and a second.
    """
    done, began, told = 0, time.perf_counter(), 0.0
    for path, rows in wanted.chunks:
        if path.exists():
            continue
        made = []
        for found in run(batches(wanted, rows)):
            made.append(found)
            done, now = done + len(found), time.perf_counter()
            if now - told > 0.5:
                told = now
                report(done, done / (now - began))
            if should_stop():
                return False
        path.parent.mkdir(parents=True, exist_ok=True)
        array = np.concatenate(made)
        files.write(path, lambda beside, array=array: np.save(beside, array))
    if done:
        report(done, done / (time.perf_counter() - began))
    return True


def read(parts: Iterable[Wanted], rows: np.ndarray) -> np.ndarray:
    """Features `(len(rows), k)` float32 of those rows of the parts, all of which are stored."""
    chunks = [chunk for part in parts for chunk in part.chunks]
    there = np.concatenate([rows for _, rows in chunks])
    every = np.concatenate([np.load(path, allow_pickle=False) for path, _ in chunks])
    order = np.argsort(there)
    return every[order[np.searchsorted(there, rows, sorter=order)]]


def drop_damaged(wanted: Wanted) -> None:
    """Remove chunks that are not what they must be, so that they are computed again."""
    for path, rows in wanted.chunks:
        try:
            array = np.load(path, allow_pickle=False, mmap_mode="r")
            right = array.ndim == 2 and len(array) == len(rows) and array.dtype == np.float32
        except FileNotFoundError:
            continue
        except (OSError, ValueError, EOFError):
            right = False
        if not right:
            path.unlink(missing_ok=True)


def sweep(workspace: Workspace) -> None:
    """Remove what killed writers left beside chunks."""
    for folder in workspace.datasets.glob("*/features/*/"):
        files.sweep(folder)


def batches(wanted: Wanted, rows: np.ndarray) -> Iterator[np.ndarray]:
    for at in range(0, len(rows), BATCH):
        images = wanted.dataset.images[rows[at : at + BATCH]]
        yield resize_all(images, wanted.image_size).astype(np.float32)
