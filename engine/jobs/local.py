"""A command line of ours, started as a process of its own that outlives a page and the server.

A job is a folder, `jobs/<id>/`: what was asked, what it printed, and a lock that the process holds
from its first moment to its last, so that anyone can see whether it lives.
"""

import fcntl
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine import files
from engine.settings import PROJECT, settings

KEPT_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Job:
    """A process and what became of it. result: the JSON value that it printed, if it ended well."""

    id: str
    argv: tuple[str, ...]
    alive: bool
    result: object | None
    error: str | None


def start(job_id: str, argv: Sequence[str]) -> str:
    """Start `python -m engine ARGV --json` under that id; an ended job of the same id gives way.

    Returns:
        The id. A job of that id that is still alive is left to its work.
    """
    folder = settings().jobs / job_id
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return job_id
    with lock, (folder / "out.json").open("w") as out, (folder / "log.txt").open("w") as log:
        files.write_json(folder / "job.json", {"argv": list(argv), "started": time.time()})
        subprocess.Popen(
            [sys.executable, "-m", "engine", *argv, "--json"],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            pass_fds=[lock.fileno()],  # the lock lives as long as the process does
            start_new_session=True,  # what ends the server does not end it
        )
    return job_id


def look(job_id: str) -> Job | None:
    """The job of that id, or None if there is none."""
    folder = settings().jobs / job_id
    asked = files.read_json(folder / "job.json")
    if asked is None:
        return None
    alive = _alive(folder)
    result = None if alive else _json(folder / "out.json")
    return Job(
        id=job_id,
        argv=tuple(asked["argv"]),
        alive=alive,
        result=result,
        error=None if alive or result is not None else _last_line(folder / "log.txt"),
    )


def forget_old() -> None:
    """Remove the folders of jobs that ended more than a week ago."""
    for path in settings().jobs.glob("*/job.json"):
        if time.time() - path.stat().st_mtime > KEPT_SECONDS and not _alive(path.parent):
            shutil.rmtree(path.parent, ignore_errors=True)


def _alive(folder: Path) -> bool:
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _json(path: Path) -> object | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None


def _last_line(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    return text.splitlines()[-1] if text else "The process ended without a word; try it again."
