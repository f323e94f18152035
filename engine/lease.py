"""Who holds a thing: a small file that its holder keeps, and that a look only reads.

A lease says which process holds it: its number, when it started, and on which machine. On that
machine it is held as long as that very process lives, however the process ends; on another one as
long as the holder's beat (the file's time) is young. So a look needs no right to write, disturbs
nobody, and no lease has to be freed after a kill.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from engine import files, processes
from engine.errors import CamsightError

BEAT_SECONDS = 5
SILENT_SECONDS = 30  # of a holder on another machine, until it counts as dead
MOMENT_SECONDS = 30


class Held(CamsightError):
    """A living process holds it."""


@dataclass(frozen=True)
class Holder:
    """A process: its number, its start (see `engine.processes`) and where both are true."""

    pid: int
    started: float
    machine: str


def is_held(path: Path) -> bool:
    """Whether a living process holds the lease. Only reads; a damaged lease is not held."""
    return holder(path) is not None


def holder(path: Path) -> Holder | None:
    """The living process that holds the lease, or None. Only reads."""
    found = _read(path)
    if found is None:
        return None
    if found.machine == processes.machine():
        return found if processes.started(found.pid) == found.started else None
    try:
        silent = time.time() - path.stat().st_mtime
    except OSError:
        return None
    return found if silent < SILENT_SECONDS else None


@contextmanager
def hold(path: Path, *, granted: bool = False) -> Iterator[None]:
    """Hold the lease for as long as the block runs. Its folder must exist.

    Args:
        granted: one that this process was given when it was started (see `grant`) is its own.

    Raises:
        Held: if a living process holds it, be it this one.
    """
    me = _process(os.getpid())
    with moment(path):
        other = holder(path)
        if other is not None and not (granted and other == me):
            raise Held(
                f"'{path.name}' is held by process {other.pid} on {other.machine.split()[0]}; "
                "wait until it has ended."
            )
        _write(path, me)
    try:
        with beating(path):
            yield
    finally:
        release(path)


def grant(path: Path, pid: int) -> None:
    """Write a lease for a process that was just started and not yet waited for.

    If it has ended already, there is no lease, as after its end.
    """
    if (child := _process(pid)) is not None:
        _write(path, child)


def release(path: Path) -> None:
    """Remove the lease if it is still this process's, be it before the end of its `hold`.

    Between the reading and the removing nobody else can take it: this process lives.
    """
    if _read(path) == _process(os.getpid()):
        path.unlink(missing_ok=True)


@contextmanager
def beating(path: Path) -> Iterator[None]:
    """Keep the beat of a lease that this process holds, for those who look from elsewhere."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT_SECONDS):
            with suppress(OSError):  # a disk that is full for a while must not end the holder
                if _read(path) == _process(os.getpid()):
                    os.utime(path)

    thread = threading.Thread(target=beat, name=f"beat of {path.name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def moment(path: Path) -> Iterator[None]:
    """A short exclusive moment among those who change `path`; who looks at it takes no part.

    The lock is `path` with ".lock" behind it. The system frees it when its process is killed.

    Raises:
        Held: if somebody else's moment does not end.
    """
    if not path.parent.is_dir():  # filelock would make it, and bring a deleted folder back
        raise FileNotFoundError(2, "no such folder", str(path.parent))
    try:
        lock = FileLock(path.with_name(f"{path.name}.lock")).acquire(timeout=MOMENT_SECONDS)
    except Timeout:
        raise Held(
            f"'{path.name}' has been in use by another process for {MOMENT_SECONDS} s; end that "
            "process, or try again."
        ) from None
    with lock:
        yield


def _process(pid: int) -> Holder | None:
    started = processes.started(pid)
    return None if started is None else Holder(pid, started, processes.machine())


def _read(path: Path) -> Holder | None:
    try:
        told = files.read_json(path)
        found = Holder(told["pid"], told["started"], told["machine"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    fits = isinstance(found.pid, int) and isinstance(found.machine, str)
    return found if fits else None


def _write(path: Path, held_by: Holder) -> None:
    # whole for every reader, but not synced: after a power cut the holder is gone, too
    files.write_json(path, {"schema": 1, **asdict(held_by)}, sync=False)
