"""Jobs as processes of this machine.

A job is a folder, `jobs/<id>/`: what was asked (job.json), what it printed (out.json, log.txt), and
the lease of its process. The folder appears complete, the lease in it, so that nobody ever sees a
job that has not begun and takes it for one that has ended.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine import audit, files, lease, people, processes
from engine.errors import JobError
from engine.people import Role
from engine.settings import PROJECT
from engine.workspace import Workspace

KEPT_SECONDS = 7 * 24 * 3600
LEFTOVER_SECONDS = 3600
LOG_BYTES = 64 * 1024
SILENCE = "The process ended without a word; try it again."
UPLOAD = "upload:"
LABEL = re.compile(r"[^\W_][\w.-]{0,99}")
ID = re.compile(r"[^\W_][\w.-]{0,149}")


@dataclass(frozen=True)
class Job:
    """A verb that was submitted, and what became of it.

    result: the JSON value that it printed, once it has ended. error: once it has ended without
    one, the last line that it said.
    """

    id: str
    label: str
    argv: tuple[str, ...]
    started: float  # seconds since 1970; 0 where its record cannot be read
    alive: bool
    result: object | None
    error: str | None
    owner: str = ""  # who asked for it; "" where nobody signed in


def submit(
    workspace: Workspace,
    argv: Sequence[str],
    *,
    label: str = "",
    once: bool = False,
    at_most: int | None = None,
) -> str:
    """Start `python -m engine ARGV --json` on the workspace, at a lower priority than ours and for
    whoever asks.

    Args:
        argv: a verb and its options; a zip that a browser sent is named `upload:TOKEN/NAME.zip`.
        label: what to find it by again; the verb if empty.
        once: leave a living job of that label to its work instead.
        at_most: how many living jobs whoever asks may have with this one, where people sign in.

    Returns:
        The job's id, `<label>.<token>`, which is safe as a folder's name and in a URL.

    Raises:
        JobError: if it could not be started, the label cannot name a folder, or they have so many.
        AccessError: if whoever asks may only look.
    """
    people.require(workspace.by, Role.TRAINER, "start a job")
    label = label or argv[0]
    if not LABEL.fullmatch(label):
        raise JobError(
            f"'{label}' cannot label a job; take up to 100 letters, digits, '.', '_' or '-', with "
            "a letter or digit first."
        )
    try:
        workspace.jobs.mkdir(parents=True, exist_ok=True)
        with lease.moment(workspace.jobs / ".once"):
            living = [job for job in _labelled(workspace, label) if job.alive] if once else []
            if living:
                return living[-1].id
            if at_most is not None and workspace.by.name:
                _check_room(workspace, at_most)
            return _start(workspace, argv, label)
    except OSError as error:
        raise JobError(
            f"The job '{label}' could not be started ({error.strerror or error}); check the "
            "workspace's rights and the free space."
        ) from error


def look(workspace: Workspace, job_id: str) -> Job | None:
    """The job of that id; None if there is none.

    One whose record is damaged is there, with what is known of it and the damage as its error.
    """
    if not ID.fullmatch(job_id):
        return None
    folder = workspace.jobs / job_id
    try:
        asked = files.read_json(folder / "job.json")
        if asked is None:
            return None
        label = str(asked.get("label", job_id))  # the first version's id was its label
        argv, started = tuple(map(str, asked["argv"])), float(asked["started"])
        owner = str(asked.get("owner", ""))
        damage = None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        label, argv, started, owner = job_id.rpartition(".")[0] or job_id, (), 0.0, ""
        why = f"{type(error).__name__}: {error}"
        damage = f"The record of the job '{job_id}' cannot be read ({why}); start it again."
    alive = lease.is_held(folder / "lease.json")  # before its answer, which is whole by its end
    result = None if alive else _json(folder / "out.json")
    error = None if alive or result is not None else damage or _last_line(folder / "log.txt")
    return Job(job_id, label, argv, started, alive, result, error, owner)


def find(workspace: Workspace, label: str) -> Job | None:
    """The newest job of that label, or None."""
    found = _labelled(workspace, label)
    return found[-1] if found else None


def log(workspace: Workspace, job_id: str) -> str:
    """What the job wrote on standard error, its last 64 KB; empty if it is silent or unknown."""
    return _tail(workspace.jobs / job_id / "log.txt") if ID.fullmatch(job_id) else ""


def stop(workspace: Workspace, job_id: str) -> None:
    """Ask a living job to end (SIGTERM); nothing happens if it has ended or never was.

    Raises:
        JobError: if it runs on another machine.
        AccessError: if it is not theirs who ask.
    """
    job, found = look(workspace, job_id), process(workspace, job_id)
    if job is None or found is None:
        return
    people.require_own(workspace.by, job.owner, f"stop the job {job_id}")
    audit.note(workspace, "stop", job_id, frees=True)
    if found.machine != processes.machine():
        where = found.machine.split()[0]
        raise JobError(f"The job '{job_id}' runs on another machine ({where}); stop it there.")
    with suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGTERM)


def process(workspace: Workspace, job_id: str) -> lease.Holder | None:
    """The living process of a job; None if it has ended or never was. Only reads."""
    if not ID.fullmatch(job_id):
        return None
    return lease.holder(workspace.jobs / job_id / "lease.json")


def sweep(workspace: Workspace) -> None:
    """Remove what has served: jobs that ended and were started more than a week ago, folders of
    jobs that never began, uploads older than an hour that no living job names, and what browsers
    sent to servers that have ended."""
    living = []
    for folder in _folders(workspace.jobs):
        if lease.is_held(folder / "lease.json"):
            living.append(folder)
        elif _age(folder) > (LEFTOVER_SECONDS if folder.name.startswith(".") else KEPT_SECONDS):
            shutil.rmtree(folder, ignore_errors=True)
    jobs = (look(workspace, folder.name) for folder in living)
    named = {token for job in jobs if job is not None for token in _uploads(job.argv)}
    for folder in _folders(workspace.uploads):
        held = folder / "lease.json"  # of a server, as long as it runs
        left = not lease.is_held(held) if held.exists() else _age(folder) > LEFTOVER_SECONDS
        if folder.name not in named and left:
            shutil.rmtree(folder, ignore_errors=True)


def _check_room(workspace: Workspace, most: int) -> None:
    folders = _folders(workspace.jobs)
    living = (folder for folder in folders if lease.is_held(folder / "lease.json"))
    jobs = (look(workspace, folder.name) for folder in living)
    if sum(job is not None and job.owner == workspace.by.name for job in jobs) >= most:
        raise JobError(
            f"{workspace.by.name} has {most} jobs at work, which is as many as one person may have "
            "(CAMSIGHT_JOBS_AT_ONCE); wait until one of them has ended."
        )


def _start(workspace: Workspace, argv: Sequence[str], label: str) -> str:
    job_id = f"{label}.{secrets.token_hex(6)}"
    place = workspace.jobs.resolve() / job_id
    new = place.with_name(f".new-{job_id}")
    new.mkdir()
    child = None
    try:
        asked = {"argv": list(argv), "label": label, "started": time.time()}
        asked |= {"owner": workspace.by.name}
        files.write_json(new / "job.json", {"schema": 1, **asked})
        child = _process(workspace, argv, new, place)
        lease.grant(new / "lease.json", child.pid)
        new.rename(place)
    except BaseException:  # what nobody can look at must not run
        if child is not None:
            child.kill()
            child.wait()
        shutil.rmtree(new, ignore_errors=True)
        raise
    # somebody has to ask how it ended, or it stays in the system's list
    threading.Thread(target=child.wait, name=f"wait for {job_id}", daemon=True).start()
    return job_id


def _process(workspace: Workspace, argv: Sequence[str], new: Path, place: Path) -> subprocess.Popen:
    with (new / "out.json").open("w") as out, (new / "log.txt").open("w") as log:
        return subprocess.Popen(  # nosec B603 # no shell; Typer reads what people chose as values
            [sys.executable, "-m", "engine.jobs.child", place / "lease.json", *argv, "--json"],
            cwd=PROJECT,
            env=os.environ
            | {"CAMSIGHT_WORKSPACE": str(workspace.path.resolve())}
            | people.environment(workspace.by),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            start_new_session=True,  # what ends the server does not end it
        )


def _labelled(workspace: Workspace, label: str) -> list[Job]:
    """The jobs of that label, oldest first."""
    names = [path.name for path in _folders(workspace.jobs) if path.name.startswith(label)]
    jobs = [job for name in names if (job := look(workspace, name)) and job.label == label]
    return sorted(jobs, key=lambda job: job.started)


def _folders(parent: Path) -> list[Path]:
    try:
        return [path for path in parent.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []


def _age(folder: Path) -> float:
    """Seconds since anything in it was written; 0 if it has just gone."""
    try:
        newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except FileNotFoundError:
        return 0.0
    return time.time() - newest


def _uploads(argv: Sequence[str]) -> list[str]:
    """The tokens of the uploads that are named."""
    return [part.removeprefix(UPLOAD).split("/")[0] for part in argv if part.startswith(UPLOAD)]


def _json(path: Path) -> object | None:
    try:
        return files.read_json(path)
    except (OSError, ValueError, RecursionError):
        return None


def _last_line(path: Path) -> str:
    lines = _tail(path).strip().splitlines()
    return lines[-1] if lines else SILENCE


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LOG_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
