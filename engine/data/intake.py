"""Pictures of a source, checked, decoded and written into one uint8 array on disk.

Worker processes write their rows straight into the memory-mapped file, so memory does not grow with
the number of pictures.
"""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np

from engine.data import drawn
from engine.data.decode import decode
from engine.data.sources import Source, reader
from engine.errors import PictureError, SourceError
from engine.settings import settings

CHUNK = 64
_reader = cache(reader)  # a zip's directory is read once a process
Progress = Callable[[int, int, int], None]  # pictures done, all, refused


@dataclass(frozen=True)
class IntakeReport:
    """What came of `n` candidates.

    kept: `(n,)` bool. hashes: `(n,)` of 32 bytes, SHA-256 of each kept picture's pixels.
    refused: (index, reason).
    """

    kept: np.ndarray
    hashes: np.ndarray
    refused: tuple[tuple[int, str], ...]


def take_in(source: Source, size: int, images: Path, progress: Progress) -> IntakeReport:
    """Decode every file of `source` into `images`, a .npy of `(n, size, size, 3)` uint8.

    Rows of refused files are left out, so that the array holds the kept ones in their order.
    """
    n = len(source.files)
    _allocate(images, (n, size, size, 3))
    work = partial(_decode_chunk, source.path, source.files, images, size)
    report = _without_contradictions(_in_processes(work, n, progress), source)
    if not report.kept.all():
        _compact(images, report.kept)
    return report


def _without_contradictions(report: IntakeReport, source: Source) -> IntakeReport:
    """The report with pictures refused that lie in both classes: what they show is unknown."""
    labels = np.array(source.labels)
    first = [
        {report.hashes[i]: i for i in np.flatnonzero(report.kept & (labels == label))[::-1]}
        for label in (0, 1)
    ]
    refused = {
        int(i): f"the same picture as {source.files[first[1 - labels[i]][report.hashes[i]]]}, "
        "which is in the other class"
        for i in np.flatnonzero(report.kept)
        if report.hashes[i] in first[1 - labels[i]]
    }
    kept = report.kept.copy()
    kept[list(refused)] = False
    return IntakeReport(kept, report.hashes, tuple(sorted([*report.refused, *refused.items()])))


def draw_in(count: int, size: int, seed: int, images: Path, masks: Path, progress: Progress):
    """Draw `count` cats and dogs into `images`, and their masks `(n, size, size)` into `masks`.

    Returns:
        The report, and the labels `(count,)` uint8.
    """
    labels = drawn.labels(count, seed)
    _allocate(images, (count, size, size, 3))
    _allocate(masks, (count, size, size))
    work = partial(_draw_chunk, seed, labels, images, masks, size)
    return _in_processes(work, count, progress), labels


def _in_processes(work: Callable, n: int, progress: Progress) -> IntakeReport:
    """Run `work(start, stop)` over all chunks in processes, and gather what each says."""
    kept, hashes, refused = np.zeros(n, bool), np.zeros(n, "S32"), []
    done = 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(settings().processes, context, _begin, (work,)) as pool:
        futures = [pool.submit(_go_on, a, min(a + CHUNK, n)) for a in range(0, n, CHUNK)]
        try:
            for future in as_completed(futures):
                for index, digest, reason in future.result():
                    kept[index], hashes[index] = digest is not None, digest or b""
                    if reason:
                        refused.append((index, reason))
                    done += 1
                progress(done, n, len(refused))
        except BrokenProcessPool as error:
            raise SourceError(
                "A process that decodes pictures was ended by the system, most likely for lack of "
                "memory or by a file that breaks the decoder; free memory, or set "
                "CAMSIGHT_PROCESSES=1 and try again."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
    return IntakeReport(kept, hashes, tuple(sorted(refused)))


def _begin(work: Callable) -> None:
    """In a new worker: what it does with every chunk, sent once."""
    global _work
    _work = work
    cv2.setNumThreads(1)  # the processes share the cores already


def _go_on(start: int, stop: int):
    return _work(start, stop)


def _decode_chunk(path: Path, files, images: Path, size: int, start: int, stop: int):
    read = _reader(path)
    rows = np.load(images, mmap_mode="r+")
    return [_decode_row(read, files[i], rows, i, size) for i in range(start, stop)]


def _decode_row(read: Callable, file: str, rows: np.ndarray, index: int, size: int):
    """(index, digest, None) or (index, None, reason)."""
    try:
        rows[index] = decode(read(file), size)
    except PictureError as error:
        return index, None, str(error)
    except Exception as error:  # a zip entry that is encrypted or damaged, a file without rights
        return index, None, f"cannot be read ({error})"
    return index, _digest(rows[index]), None


def _draw_chunk(seed: int, labels, images: Path, masks: Path, size: int, start: int, stop: int):
    rows, areas = np.load(images, mmap_mode="r+"), np.load(masks, mmap_mode="r+")
    told = []
    for i in range(start, stop):
        rows[i], areas[i] = drawn.draw_one(seed, i, int(labels[i]), size)
        told.append((i, _digest(rows[i]), None))
    return told


def _digest(pixels: np.ndarray) -> bytes:
    # NumPy's "S32" drops trailing zero bytes; the digest is only compared, so that is harmless.
    return hashlib.sha256(pixels.tobytes()).digest()


def _allocate(path: Path, shape: tuple[int, ...]) -> None:
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape).flush()


def _compact(path: Path, kept: np.ndarray) -> None:
    """Leave only the kept rows in the array, a chunk at a time."""
    rows = np.load(path, mmap_mode="r")
    beside = path.with_suffix(".kept.npy")
    shape = (int(kept.sum()), *rows.shape[1:])
    fewer = np.lib.format.open_memmap(beside, mode="w+", dtype=np.uint8, shape=shape)
    for at, indices in _chunks(np.flatnonzero(kept)):
        fewer[at : at + len(indices)] = rows[indices]
    fewer.flush()
    beside.replace(path)


def _chunks(indices: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for at in range(0, len(indices), CHUNK):
        yield at, indices[at : at + CHUNK]
