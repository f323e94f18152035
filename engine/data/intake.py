"""Pictures of a source, checked, decoded and written into one uint8 array on disk.

Worker processes write their rows straight into the memory-mapped file, so memory does not grow with
the number of pictures. Its room on the disk is taken before the first of them begins.
"""

import errno
import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from engine import quota
from engine.data import drawn, workers
from engine.data.decode import DECODE_SECONDS, decode
from engine.data.sources import Source, reader
from engine.errors import PictureError, SourceError
from engine.settings import settings

_reader = cache(reader)  # a zip's directory is read once a process
Progress = Callable[[int, int, int], None]  # pictures done, all, refused


@dataclass(frozen=True)
class IntakeReport:
    """What came of `n` candidates.

    kept: `(n,)` bool. hashes: `(n,)` str, SHA-256 of each decoded picture's pixels as 64
    hexadecimal digits, "" for others. refused: (index, reason). remarks: (index, what was changed)
    of kept ones, as `decode.Decoded` has it.
    """

    kept: np.ndarray
    hashes: np.ndarray
    refused: tuple[tuple[int, str], ...]
    remarks: tuple[tuple[int, str], ...] = ()


def take_in(
    source: Source, size: int, images: Path, progress: Progress, fit: str = "stretch"
) -> IntakeReport:
    """Decode every file of `source` into `images`, a .npy of `(n, size, size, 3)` uint8.

    Rows of refused files are left out, so that the array holds the kept ones in their order.
    """
    n = len(source.files)
    _allocate(images, (n, size, size, 3))
    work = partial(_decode_chunk, source.path, source.files, images, size, fit)
    report = _without_contradictions(_in_processes(work, n, progress), source)
    if not report.kept.all():
        _compact(images, report.kept)
    return report


def _without_contradictions(report: IntakeReport, source: Source) -> IntakeReport:
    """The report with pictures refused that lie in several classes: what they show is unknown."""
    first: dict[str, dict[int, int]] = defaultdict(dict)  # picture -> class -> its first file there
    for i in np.flatnonzero(report.kept):
        first[report.hashes[i]].setdefault(source.labels[i], int(i))
    refused = {}
    for i in map(int, np.flatnonzero(report.kept)):
        elsewhere = [at for y, at in first[report.hashes[i]].items() if y != source.labels[i]]
        if elsewhere:
            other = source.class_names[source.labels[min(elsewhere)]]
            where = "the other class" if len(source.class_names) == 2 else f"the class '{other}'"
            file = source.files[min(elsewhere)]
            refused[i] = f"the same picture as {file}, which is in {where}"
    kept = report.kept.copy()
    kept[list(refused)] = False
    return IntakeReport(
        kept,
        report.hashes,
        tuple(sorted([*report.refused, *refused.items()])),
        tuple((i, remark) for i, remark in report.remarks if kept[i]),
    )


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
    """Gather what `work(start, stop)` yields, a (digest, reason, remarks) for each picture."""
    kept, hashes, refused, remarks = np.zeros(n, bool), np.zeros(n, "U64"), [], []
    answers = workers.each(work, n, settings().processes, DECODE_SECONDS)
    for done, (index, answer, broken) in enumerate(answers, 1):
        digest, reason, changed = answer or (None, broken, ())
        kept[index], hashes[index] = digest is not None, digest or ""
        if reason:
            refused.append((index, reason))
        remarks += [(index, remark) for remark in changed]
        if done % workers.CHUNK == 0 or done == n:
            progress(done, n, len(refused))
    return IntakeReport(kept, hashes, tuple(sorted(refused)), tuple(sorted(remarks)))


def _decode_chunk(path: Path, files, images: Path, size: int, fit: str, start: int, stop: int):
    read = _reader(path)
    rows = np.load(images, mmap_mode="r+")
    for i in range(start, stop):
        yield _decode_row(read, files[i], rows, i, size, fit)


def _decode_row(read: Callable, file: str, rows: np.ndarray, index: int, size: int, fit: str):
    """(digest, None, remarks) or (None, reason, ())."""
    try:
        decoded = decode(read(file), size, fit)
    except PictureError as error:
        return None, str(error), ()
    except Exception as error:  # a zip entry that is encrypted or damaged, a file without rights
        return None, f"cannot be read ({error})", ()
    rows[index] = decoded.pixels
    return _digest(rows[index]), None, decoded.remarks


def _draw_chunk(seed: int, labels, images: Path, masks: Path, size: int, start: int, stop: int):
    rows, areas = np.load(images, mmap_mode="r+"), np.load(masks, mmap_mode="r+")
    for i in range(start, stop):
        rows[i], areas[i] = drawn.draw_one(seed, i, int(labels[i]), size)
        yield _digest(rows[i]), None, ()


def _digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(pixels).hexdigest()


def _allocate(path: Path, shape: tuple[int, ...]) -> None:
    """An array of zeros in a file whose room on the disk is really taken: a page of a mapped file
    that the disk has no room for ends the process that writes it, without a word."""
    needed = int(np.prod(shape))
    try:
        quota.check(path.parent, needed)
        if shutil.disk_usage(path.parent).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape).flush()
        with path.open("r+b") as file:
            if hasattr(os, "posix_fallocate"):  # not on macOS
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        free = quota.free(path.parent)
        raise SourceError(
            f"'{path.parent}' has no room for {shape[0]:,} pictures of {shape[1]} pixels "
            f"({error.strerror}): {needed / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB free; "
            "free some, or choose a smaller image size."
        ) from error


def _compact(path: Path, kept: np.ndarray) -> None:
    """Leave only the kept rows in the array, in place, a few at a time."""
    rows = np.load(path, mmap_mode="r+")
    where = np.flatnonzero(kept)
    for at, some in _chunks(where):
        rows[at : at + len(some)] = rows[some]
    rows.flush()
    shape = (len(where), *rows.shape[1:])
    with path.open("r+b") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)  # as long as before: NumPy leaves room
        file.truncate(rows.offset + int(np.prod(shape)))


def _chunks(indices: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for at in range(0, len(indices), workers.CHUNK):
        yield at, indices[at : at + workers.CHUNK]
