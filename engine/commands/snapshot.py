"""One look at the workspace for all who look: its runs, datasets, and what is being prepared.

A page with many viewers would otherwise read every record several times a second for each of them.
Records are read again when their files have changed; everything else of a look is asked for at
most once a second.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from engine import quota
from engine.commands.prepare import Preparing, preparing
from engine.data import dataset as datasets
from engine.data.dataset import Dataset
from engine.jobs import queue
from engine.records import Unreadable
from engine.runs import about, store
from engine.runs.record import Run
from engine.workspace import Workspace

FRESH = 1.0  # seconds for which a look serves everyone


@dataclass(frozen=True)
class Snapshot:
    """The workspace at one moment, oldest first; free_bytes of its disk, None if unknown."""

    runs: tuple[Run, ...]
    unreadable_runs: tuple[Unreadable, ...]
    datasets: tuple[Dataset, ...]
    unreadable_datasets: tuple[Unreadable, ...]
    preparing: tuple[Preparing, ...]
    free_bytes: int | None
    line: tuple[str, ...] = ()  # the ids of runs that wait or train, in the order of their turns


class _Records:
    """Folders' records by the file times of what they were read from.

    Args:
        files: of a folder; without the first there is no record.
    """

    def __init__(self, read: Callable[[Path], object], *files: str):
        self._read, self._files = read, files
        self._kept: dict[Path, tuple[tuple, object]] = {}

    def of(self, folders: Iterable[Path]) -> list:
        kept = {}
        for folder in folders:
            seen = tuple(_signature(folder / file) for file in self._files)
            before = self._kept.get(folder)
            same = before and seen[0] and before[0] == seen
            kept[folder] = before if same else (seen, self._read(folder))
        self._kept = kept
        return [record for _, record in kept.values() if record is not None]


def _signature(path: Path) -> tuple | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


class _Looker:
    """The one who looks at a workspace."""

    def __init__(self, workspace: Workspace):
        self._workspace = Workspace(workspace.path)  # not the first one's: it serves everybody
        self._lock = threading.Lock()
        self._runs = _Records(store.read_folder, "run.json", about.FILE)
        self._datasets = _Records(datasets.read_folder, "dataset.json")
        self._last, self._until = None, 0.0

    def look(self) -> Snapshot:
        with self._lock:
            if time.monotonic() >= self._until:
                self._last = self._take()
                self._until = time.monotonic() + FRESH
            return self._last

    def forget(self) -> None:
        self._until = 0.0

    def _take(self) -> Snapshot:
        runs = self._runs.of(store.run_folders(self._workspace, named=False))
        found = self._datasets.of(datasets.dataset_folders(self._workspace))
        current = [store.with_status(one) for one in runs if isinstance(one, Run)]
        return Snapshot(
            runs=tuple(store.sort(current)),
            unreadable_runs=tuple(one for one in runs if isinstance(one, Unreadable)),
            datasets=tuple(datasets.sort([one for one in found if isinstance(one, Dataset)])),
            unreadable_datasets=tuple(one for one in found if isinstance(one, Unreadable)),
            preparing=tuple(preparing(self._workspace)),
            free_bytes=free_bytes(self._workspace),
            line=tuple(queue.in_line(self._workspace)),
        )


_lookers: dict[Path, _Looker] = {}
_making = threading.Lock()


def _looker(workspace: Workspace) -> _Looker:
    with _making:
        return _lookers.setdefault(workspace.path, _Looker(workspace))


def look(workspace: Workspace) -> Snapshot:
    """The workspace as it is now, or was less than a second ago; for all threads of the process."""
    return _looker(workspace).look()


def forget(workspace: Workspace) -> None:
    """Let the next look be a new one; for whoever has just changed something."""
    _looker(workspace).forget()


def free_bytes(workspace: Workspace) -> int | None:
    """What may still be written to the workspace: of its disk, or of its quota."""
    for folder in (workspace.path, *workspace.path.parents):
        try:
            return quota.free(folder)
        except OSError:
            continue
    return None
