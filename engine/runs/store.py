"""A run is a folder. This room reads and writes it; it imports no Keras.

One process writes a run: the one that trains it, holding `run.lock`. A wish to stop is a file of
its own, and so is what people edit, so that no two processes write one file.
"""

import csv
import os
import re
import subprocess
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from engine import files
from engine.errors import RunError
from engine.settings import PROJECT, settings

ACTIVE = ("queued", "running", "stopping")
JUDGED = ("finished", "stopped")
NAME = re.compile(r"[a-z][a-z0-9]*-[1-9][0-9]{0,6}")
LOST_AFTER = 60  # seconds until a queued run that nobody took up counts as lost


@dataclass(frozen=True)
class Run:
    """What `run.json` says, with the status as it is now."""

    id: str
    preset: str
    dataset: str
    dataset_fingerprint: str
    dataset_image_size: int
    class_names: tuple[str, str]
    image_size: int
    config: dict[str, Any]
    status: str  # queued, running, stopping, finished, stopped, failed, lost
    created: str
    started: str | None = None
    ended: str | None = None
    seconds: float | None = None  # of training alone
    best_epoch: int | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    weights_sha256: str | None = None
    pictures_per_second: float | None = None
    device: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    git_commit: str | None = None
    error: str | None = None
    name: str = ""
    note: str = ""

    @property
    def folder(self) -> Path:
        return settings().runs / self.id

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def judged(self) -> bool:
        """Whether there are weights and predictions to look at."""
        return bool(self.figures)


def create(preset: str, **known) -> Run:
    """A new run with the next free number; the id is taken by creating its folder."""
    settings().runs.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(p.name.rsplit("-", 1)[1]) for p in _folders()), default=0)
    while True:
        run_id = f"{preset}-{number}"
        try:
            (settings().runs / run_id).mkdir()
            break
        except FileExistsError:
            number += 1
    run = Run(id=run_id, preset=preset, status="queued", created=now(), **known)
    save(run)
    return run


def save(run: Run, **changed) -> Run:
    """Write the run with what has changed; only the process that made or trains it may."""
    run = replace(run, **changed)
    stored = asdict(run)
    del stored["name"], stored["note"]
    files.write_json(run.folder / "run.json", stored)
    return run


def open_run(run_id: str) -> Run:
    """The run of that id, or the newest one for "latest".

    Raises:
        RunError: if there is none, naming those that are there.
    """
    if run_id == "latest":
        runs = list_runs()
        if not runs:
            raise RunError("There is no run yet; `python -m engine train` makes one.")
        return runs[-1]
    folder = settings().runs / run_id
    stored = files.read_json(folder / "run.json") if NAME.fullmatch(run_id) else None
    if stored is None:
        known = ", ".join(p.name for p in _folders()[-8:]) or "none yet"
        raise RunError(f"The run '{run_id}' does not exist; there is: {known}.")
    stored |= files.read_json(folder / "labels.json") or {}
    stored["class_names"] = tuple(stored["class_names"])
    stored["layers"] = tuple(stored["layers"])
    run = Run(**stored)
    return replace(run, status=_status_now(run))


def list_runs() -> list[Run]:
    """Every run, oldest first."""
    runs = [open_run(folder.name) for folder in _folders() if (folder / "run.json").exists()]
    return sorted(runs, key=lambda run: (run.created, int(run.id.rsplit("-", 1)[1])))


def require_judged(run: Run) -> Run:
    """The run, if it has weights and predictions.

    Raises:
        RunError: otherwise, saying what it is doing.
    """
    if run.judged:
        return run
    way_out = "wait until it has finished" if run.active else "start it again"
    reason = f" ({run.error})" if run.error else ""
    raise RunError(f"The run '{run.id}' is {run.status} and has no figures{reason}; {way_out}.")


def trainer_lock(run: Run) -> FileLock:
    """Held by the process that trains the run; the system frees it if that process is killed."""
    return FileLock(run.folder / "run.lock")


def ask_to_stop(run: Run) -> None:
    """Let the run finish its batch, keep its best weights and be judged."""
    (run.folder / "stop").touch()


def asked_to_stop(run: Run) -> bool:
    return (run.folder / "stop").exists()


def history(run: Run) -> dict[str, list[float]]:
    """Columns of history.csv; empty lists before the first epoch has ended."""
    path = run.folder / "history.csv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        name: [int(row[name]) if name == "epoch" else float(row[name]) for row in rows]
        for name in (rows[0] if rows else ())
    }


def progress(run: Run) -> dict | None:
    """How far the training is, or None before it has begun."""
    return files.read_json(run.folder / "progress.json")


def write_progress(run: Run, told: dict) -> None:
    files.write_json(run.folder / "progress.json", told, sync=False)


def save_predictions(run: Run, parts: dict[str, dict[str, np.ndarray]]) -> None:
    """For each part: indices, y_true, logit, y_score, all `(n,)`."""
    arrays = {
        f"{part}_{name}": array for part, told in parts.items() for name, array in told.items()
    }
    files.write(run.folder / "predictions.npz", lambda beside: np.savez(beside, **arrays))


def predictions(run: Run, part: str) -> dict[str, np.ndarray]:
    """indices, y_true, logit and y_score of "validation" or "test".

    Raises:
        RunError: if the run has none, or there is no such part.
    """
    require_judged(run)
    if part not in ("validation", "test"):
        raise RunError(f"There are no predictions on '{part}'; choose validation or test.")
    with np.load(run.folder / "predictions.npz") as stored:
        names = ("indices", "y_true", "logit", "y_score")
        return {name: stored[f"{part}_{name}"] for name in names}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def git_commit() -> str | None:
    """The commit of the code that runs, with "+" where files were changed since."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=PROJECT, capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return os.environ.get("CAMSIGHT_COMMIT")
    return said.stdout.strip()


def _folders() -> list[Path]:
    found = [p for p in settings().runs.glob("*-*") if NAME.fullmatch(p.name)]
    return sorted(found, key=lambda p: int(p.name.rsplit("-", 1)[1]))


def _status_now(run: Run) -> str:
    """Of a run that says it is active: whether anybody still trains it, or was asked to stop."""
    if run.status not in ACTIVE:
        return run.status
    try:
        with trainer_lock(run).acquire(timeout=0):
            held = False
    except Timeout:
        held = True
    waited = time.time() - (run.folder / "run.json").stat().st_mtime
    if not held and not (run.status == "queued" and waited < LOST_AFTER):
        # it may have ended between the reading of its status and of its lock
        return _stored_status(run) if _stored_status(run) not in ACTIVE else "lost"
    if run.status == "running" and asked_to_stop(run):
        return "stopping"
    return run.status


def _stored_status(run: Run) -> str:
    return files.read_json(run.folder / "run.json")["status"]
