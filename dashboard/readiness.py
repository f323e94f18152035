"""Whether this server can do its work, at most as old as a few seconds, for whoever asks.

A disk that hangs would hold whoever tries it: each thing is tried by a thread of its own, nobody
begins a second try before the first has ended, and nobody waits for one longer than a moment.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from concurrent.futures import Future
from functools import cache

from engine import jobs
from engine.commands import ready
from engine.commands.ready import Check
from engine.errors import CamsightError
from engine.jobs import Job
from engine.serving import client
from engine.settings import settings
from engine.workspace import Workspace

FRESH = 5.0  # seconds for which what was found serves everyone
FRESH_PROVIDER = 60.0
PATIENCE = 5.0  # seconds


class Tried:
    """What `try_it` found less than `fresh` seconds ago; `name`: of what does not answer."""

    def __init__(self, name: str, try_it: Callable[[], list[Check]], fresh: float):
        self.name, self._try_it, self._fresh = name, try_it, fresh
        self._lock = threading.Lock()
        self._last: Future[list[Check]] | None = None
        self._ended = 0.0

    def ask(self) -> Future[list[Check]]:
        with self._lock:
            old = time.monotonic() - self._ended > self._fresh
            if self._last is None or (self._last.done() and old):
                self._last = Future()
                self._last.set_running_or_notify_cancel()
                threading.Thread(
                    target=self._try, args=(self._last,), name=f"try {self.name}", daemon=True
                ).start()
            return self._last

    def _try(self, told: Future[list[Check]]) -> None:
        try:
            found = self._try_it()
        except Exception as error:  # it is not ready, whatever that is
            found = [Check(self.name, False, f"it cannot be tried ({type(error).__name__})")]
        self._ended = time.monotonic()
        told.set_result(found)


@cache
def _asked() -> tuple[Workspace, str]:
    """`doctor` in a process of its own, once for each server: what computes here does not depend on
    the workspace."""
    place = Workspace(settings().workspace)
    return place, jobs.submit(place, ["doctor"])


_asking = threading.Lock()


def doctor() -> dict | None:
    """What it says; None while it has not answered, or cannot be asked."""
    job = _doctor()
    return job.result if job and isinstance(job.result, dict) else None


def _doctor() -> Job | None:
    try:
        with _asking:
            asked = _asked()
    except (CamsightError, OSError):  # a workspace that cannot be written
        return None
    return jobs.look(*asked)


def _device() -> list[Check]:
    """What `doctor` found; until it has, nobody knows that anything computes."""
    job = _doctor()
    if job and isinstance(job.result, dict):
        return [Check(**one) for one in job.result.get("checks", ()) if one["name"] == "device"]
    if job is None or job.alive:
        return [Check("device", False, "is being tried" if job else "could not be tried")]
    return [Check("device", False, f"could not be tried: {job.error}")]


def _models() -> list[Check]:
    """The process that holds the models is started anew when it died, so nobody need stay away."""
    holder = client.running()
    if holder is None:
        return []
    told = holder.figures()
    again = f", started anew {told.restarts} times" if told.restarts else ""
    if told.pid is None:
        why = f"the process that holds the models has ended{again}; it is started when it is asked"
        return [Check("models", False, why, needed=False)]
    return [Check("models", True, f"lives, as process {told.pid}{again}", needed=False)]


_store = Tried("disk", lambda: ready.checks(Workspace(settings().workspace)), FRESH)
_computes = Tried("device", _device, FRESH)
_holder = Tried("models", _models, 0.0)
_provider = Tried("provider", lambda: ready.provider(settings()), FRESH_PROVIDER)
ALL: Sequence[Tried] = (_store, _computes, _holder, _provider)


async def look() -> list[Check]:
    """All that was tried, on the event loop."""
    asked = [one.ask() for one in ALL]
    await asyncio.wait([asyncio.wrap_future(one) for one in asked], timeout=PATIENCE)
    return _told(asked)


def look_here() -> list[Check]:
    """All that was tried, for a thread that may wait."""
    asked = [one.ask() for one in ALL]
    futures.wait(asked, timeout=PATIENCE)
    return _told(asked)


def _told(asked: Sequence[Future[list[Check]]]) -> list[Check]:
    found = []
    for tried, future in zip(ALL, asked, strict=True):
        silent = Check(tried.name, False, f"has not answered for {PATIENCE:g} s; see its disk")
        found += future.result() if future.done() else [silent]
    return found
