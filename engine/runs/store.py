"""A run is a folder. This room reads and writes it; it imports no Keras.

One process writes a run: the one that made it, then the one that trains it, which holds its lease.
A wish to stop is a file of its own, so that no two processes write one file. Looking writes
nothing.
"""

import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from filelock import FileLock

from engine import audit, files, lease, records
from engine.errors import RecordError, RunError
from engine.records import Unreadable
from engine.runs import about, outcome
from engine.runs.record import ACTIVE, KIND, Run, number_of
from engine.settings import PROJECT
from engine.workspace import Workspace

NAME = re.compile(r"[a-z][a-z0-9]*-[1-9][0-9]{0,6}")
TRASHED = re.compile(r"(?P<id>.+)\.(?P<at>[0-9]{1,12})\.[0-9a-f]{8}")  # a deleted run's folder
LOST_AFTER = 60  # seconds until a queued run that nobody took up counts as lost


# --- make and write -------------------------------------------------------------------------------


def create(workspace: Workspace, preset: str, named: str = "", **known) -> Run:
    """A queued run of whoever asks, with the next free number, which no run of any preset has, nor
    one that lies in the trash and may come back.

    Args:
        named: what its id begins with; the preset if empty.
    """
    with naming(workspace):
        taken = [p.name for p in run_folders(workspace)] + trashed_ids(workspace)
        last = max(map(number_of, filter(NAME.fullmatch, taken)), default=0)
        run_id = f"{named or preset}-{last + 1}"
        beside = workspace.runs / f".new-{run_id}-{secrets.token_hex(4)}"
        beside.mkdir()
        try:
            run = Run(
                id=run_id, preset=preset, status="queued", created=now(), folder=beside, resumed=0,
                owner=workspace.by.name, **known,
            )
            save(run)
            files.write_json(beside / "config.json", run.config)
            about = {"run": run.of} if run.of else {"series": run.series} if run.series else {}
            verb = "cross-validate" if run.of else "train"
            audit.note(workspace, verb, run_id, dataset=run.dataset, **about)
            beside.rename(workspace.runs / run_id)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return replace(run, folder=workspace.runs / run_id)


@contextmanager
def naming(workspace: Workspace) -> Iterator[None]:
    """A moment in which nobody else makes, deletes or restores a run."""
    workspace.runs.mkdir(parents=True, exist_ok=True)
    with FileLock(workspace.runs / ".new.lock", timeout=30):
        yield


def trashed_ids(workspace: Workspace) -> list[str]:
    try:
        names = [p.name for p in workspace.trash.iterdir()]
    except FileNotFoundError:
        return []
    return [found["id"] for name in names if (found := TRASHED.fullmatch(name))]


def save(run: Run, **changed) -> Run:
    """Write the run with what has changed; only the process that made or trains it may."""
    run = replace(run, **changed)
    records.write(run.folder / "run.json", KIND, run, without=("about",))
    return run


@contextmanager
def out_of_use(folder: Path) -> Iterator[None]:
    """A moment in which nobody can take up the run in `folder`, and nobody trains it.

    Raises:
        RunError: if it waits, trains or is judged.
    """
    with lease.moment(_lease_of(folder)):
        found = read_folder(folder)
        status = with_status(found).status if isinstance(found, Run) else ""
        if status in ACTIVE or lease.is_held(_lease_of(folder)):
            raise RunError(
                f"The run '{folder.name}' is {status or 'running'} and cannot be deleted; stop it, "
                "and delete it when it has ended."
            )
        yield


@contextmanager
def taken_up(run: Run) -> Iterator[None]:
    """Hold a queued run as the one process that trains it.

    Raises:
        RunError: if another process trains it, or it is not waiting to be trained.
    """
    try:
        with lease.hold(_lease_of(run.folder)):
            stored = records.read(run.folder / "run.json", KIND)
            if stored.status != "queued":
                was = _status_of(stored, held=False)
                raise RunError(
                    f"The run '{run.id}' is {was} and can be trained only once; start a new one."
                )
            yield
    except lease.Held:
        raise _held(run) from None


def queue_again(run: Run, **changed) -> Run:
    """A run that has ended, queued as it was when it was made, with what it has written so far.

    Raises:
        RunError: if it waits or is being trained.
    """
    # A moment and no lease: whoever only looks must not keep from it the process that trains it.
    with lease.moment(_lease_of(run.folder)):
        if lease.is_held(_lease_of(run.folder)):
            raise _held(run)
        stored = read_folder(run.folder)
        if not isinstance(stored, Run):
            raise RecordError(stored.why if stored else f"The run '{run.id}' has gone.")
        if _status_of(stored, held=False) == "queued":
            raise RunError(f"The run '{run.id}' is queued already; wait for its turn.")
        (run.folder / "progress.json").unlink(missing_ok=True)  # of what has ended
        return save(stored, status="queued", **changed)


def _held(run: Run) -> RunError:
    return RunError(
        f"The run '{run.id}' is being trained by another process; wait for it, or stop it first."
    )


def ask_to_stop(run: Run) -> None:
    """Let the run finish its batch, keep its best weights and be judged."""
    (run.folder / "stop").touch()


def forget_stop(run: Run) -> None:
    (run.folder / "stop").unlink(missing_ok=True)


def asked_to_stop(run: Run) -> bool:
    return (run.folder / "stop").exists()


# --- find and read --------------------------------------------------------------------------------


def open_run(workspace: Workspace, run_id: str) -> Run:
    """The run of that id, or for "latest" the newest one that does not wait in line and is no
    cross-validation.

    Raises:
        RunError: if there is none, naming those that are there.
        RecordError: if it cannot be read.
    """
    if run_id == "latest":
        runs = [run for run in list_runs(workspace) if not run.of]
        if not runs:
            raise RunError("There is no run yet; `python -m engine train` makes one.")
        return ([run for run in runs if run.status != "queued"] or runs)[-1]
    folder = workspace.runs / run_id
    if not NAME.fullmatch(run_id) or not folder.is_dir():
        known = ", ".join(p.name for p in run_folders(workspace)[-8:]) or "none yet"
        raise RunError(f"The run '{run_id}' does not exist; there is: {known}.")
    found = read_folder(folder)
    if isinstance(found, Unreadable):
        raise RecordError(f"The run '{run_id}' is unreadable: {found.why}")
    return with_status(found)


def read_runs(workspace: Workspace) -> tuple[list[Run], list[Unreadable]]:
    """Every run, oldest first, and every one that cannot be read."""
    found = [one for f in run_folders(workspace, named=False) if (one := read_folder(f))]
    runs = [with_status(one) for one in found if isinstance(one, Run)]
    return sort(runs), [one for one in found if isinstance(one, Unreadable)]


def list_runs(workspace: Workspace) -> list[Run]:
    """Every run that can be read, oldest first."""
    return read_runs(workspace)[0]


def sort(runs: list[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: (run.created, run.number))


def run_folders(workspace: Workspace, named: bool = True) -> list[Path]:
    """Folders of runs by number; with `named` false also those whose name is no run's id."""
    try:
        found = [p for p in workspace.runs.iterdir() if not p.name.startswith(".")]
    except FileNotFoundError:
        return []
    ids = sorted((p for p in found if NAME.fullmatch(p.name)), key=lambda p: number_of(p.name))
    if named:
        return ids
    return ids + sorted(p for p in found if not NAME.fullmatch(p.name) and p.is_dir())


def read_folder(folder: Path) -> Run | Unreadable | None:
    """The run in `folder` with the status that it wrote; None where nothing is (any more)."""
    path = folder / "run.json"
    try:
        run = records.read(path, KIND)
    except FileNotFoundError:
        return _without_record(folder)
    except RecordError as error:
        way_out = "remove its folder, or put its run.json back from a copy"
        return Unreadable(folder.name, f"{error}; {way_out}.", folder)
    if not NAME.fullmatch(folder.name):
        return Unreadable(
            folder.name,
            f"its folder was renamed, and '{folder.name}' is no run's name; rename it to "
            f"'{run.id}', or to another of that form.",
            folder,
        )
    return replace(run, id=folder.name, about=about.read_about(folder))


def _without_record(folder: Path) -> Unreadable | None:
    if not folder.is_dir():
        return None
    if not NAME.fullmatch(folder.name):
        return None  # nothing says that it is a run
    return Unreadable(folder.name, "its run.json is missing; remove its folder.", folder)


def with_status(run: Run) -> Run:
    """The run with the status as it is at this moment; looks and writes nothing."""
    if run.status not in ACTIVE:
        return run
    held = process(run) is not None
    status = _status_of(run, held)
    if status == "lost":  # it may have ended between the reading of its record and of its lease
        again = read_folder(run.folder)
        if isinstance(again, Run) and again.status not in ACTIVE:
            return again
    return replace(run, status=status)


def _status_of(run: Run, held: bool) -> str:
    """Of a run that says it is active: whether anybody still trains it, or was asked to stop."""
    if run.status not in ACTIVE:
        return run.status
    if not held:
        waits = run.status == "queued" and (_age(run) < LOST_AFTER or _in_line(run))
        return "queued" if waits else "lost"
    return "stopping" if run.status == "running" and asked_to_stop(run) else run.status


def _age(run: Run) -> float:
    try:
        return time.time() - (run.folder / "run.json").stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _in_line(run: Run) -> bool:
    """Whether a process lives that will start it: it has a ticket (see `engine.jobs.queue`)."""
    workspace = Workspace(run.folder.parents[1])
    return lease.is_held(workspace.dispatcher) and any(workspace.queue.glob(f"[0-9]*.{run.id}"))


def process(run: Run) -> lease.Holder | None:
    """The living process that trains it, or waits until it may; None if nobody has taken it up."""
    return lease.holder(_lease_of(run.folder))


def _lease_of(folder: Path) -> Path:
    return folder / "lease.json"


def require_training(run: Run) -> Run:
    """The run, if it is a training and no cross-validation.

    Raises:
        RunError: otherwise, naming the run that it cross-validates.
    """
    if not run.of:
        return run
    raise RunError(
        f"The run '{run.id}' is a cross-validation of '{run.of}', which trains many networks and "
        f"keeps none; choose '{run.of}'."
    )


def require_judged(run: Run) -> Run:
    """The run, if it has weights and predictions.

    Raises:
        RunError: otherwise, saying what it is doing.
    """
    require_training(run)
    if run.judged:
        return run
    way_out = "wait until it has finished" if run.active else "start it again"
    if run.status == "lost":
        way_out = "resume it (train --resume), or start it again"
    reason = f" ({run.error})" if run.error else ""
    raise RunError(f"The run '{run.id}' is {run.status} and has no figures{reason}; {way_out}.")


def predictions(run: Run, part: str) -> dict[str, np.ndarray]:
    """What the run said of each picture of "validation" or "test": see `read_predictions`.

    Raises:
        RunError: if the run has none, or there is no such part.
        RecordError: if they cannot be read.
    """
    require_judged(run)
    if part not in outcome.PARTS:
        raise RunError(f"There are no predictions on '{part}'; choose validation or test.")
    try:
        return outcome.read_predictions(run.folder, part, len(run.class_names))
    except RecordError as error:
        raise RecordError(
            f"The predictions of '{run.id}' cannot be read ({error}); train it again for figures."
        ) from error


def history(run: Run) -> dict[str, list[float]]:
    return outcome.read_history(run.folder)


def progress(run: Run) -> outcome.Progress | None:
    return outcome.read_progress(run.folder)


def sweep(workspace: Workspace) -> None:
    """Remove what killed processes left: folders of runs that were never named, half files."""
    if not workspace.runs.is_dir():
        return
    with naming(workspace):  # nobody is making one now
        for beside in workspace.runs.glob(".new-*-*"):
            shutil.rmtree(beside, ignore_errors=True)
    for folder in run_folders(workspace):
        files.sweep(folder)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def git_commit() -> str | None:
    """The commit of the code that runs, with "+" where files were changed since."""
    try:
        said = subprocess.run(  # nosec B603 B607 # our own words; git of the operator's PATH
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=PROJECT, capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return os.environ.get("CAMSIGHT_COMMIT") or None  # an image may have been built without
    return said.stdout.strip()
