"""delete and restore: a run that is deleted lies in the trash for a week.

A run in the trash is its folder, whole, under `trash/<id>.<second it was deleted>.<8 hex digits>`.
Deleting and restoring are one rename each, in a moment in which nobody makes a run, so that no
other can get its id meanwhile.
"""

import secrets
import shutil
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from engine import audit, records
from engine.errors import RecordError, RunError
from engine.people import require_own
from engine.runs import store
from engine.runs.about import read_about
from engine.runs.record import KIND, Run
from engine.runs.store import TRASHED
from engine.workspace import Workspace

DAYS_KEPT = 7
GONE = ".gone-"  # what is being removed for good


@dataclass(frozen=True)
class Trashed:
    """A deleted run. token: what restores it. deleted: when, as records write a moment."""

    token: str
    id: str
    deleted: str
    folder: Path


def delete(workspace: Workspace, run_id: str) -> str:
    """Move a run, readable or not, to the trash; the token that brings it back.

    Raises:
        RunError: if there is no such run, or it waits, trains or is judged.
        AccessError: if it is not theirs who ask; whose one is that cannot be read, nobody knows.
    """
    known = {folder.name: folder for folder in store.run_folders(workspace, named=False)}
    if run_id not in known:
        raise RunError(f"The run '{run_id}' does not exist, so there is nothing to delete.")
    found = store.read_folder(known[run_id])
    require_own(workspace.by, found.owner if isinstance(found, Run) else "", f"delete {run_id}")
    token = f"{run_id}.{int(time.time())}.{secrets.token_hex(4)}"
    workspace.trash.mkdir(parents=True, exist_ok=True)
    try:
        with store.naming(workspace), store.out_of_use(known[run_id]):
            audit.note(workspace, "delete", run_id, frees=True)
            known[run_id].rename(workspace.trash / token)
    except FileNotFoundError:
        raise RunError(f"The run '{run_id}' was deleted by somebody else meanwhile.") from None
    return token


def restore(workspace: Workspace, token: str) -> str:
    """Put a deleted run back under its id, which is returned.

    Raises:
        RunError: if it no longer lies in the trash, or a run of that id is there.
        AccessError: as `delete`.
    """
    with store.naming(workspace):
        found = next((one for one in trashed(workspace) if one.token == token), None)
        if found is None:
            raise RunError(
                "That run no longer lies in the trash: it was put back already, or deleted more "
                f"than {DAYS_KEPT} days ago."
            )
        run = about_of(found)
        require_own(workspace.by, run.owner if run else "", f"restore {found.id}")
        home = workspace.runs / found.id
        if home.exists():
            raise RunError(
                f"There is a run '{found.id}' again, so the deleted one stays in the trash; delete "
                "that one first, or rename its folder."
            )
        audit.note(workspace, "restore", found.id)
        found.folder.rename(home)
    return found.id


def restore_latest(workspace: Workspace, run_id: str) -> str:
    """Put back the run of that id that was deleted last.

    Raises:
        RunError: if none lies in the trash, or as `restore`.
    """
    found = [one for one in trashed(workspace) if one.id == run_id]
    if not found:
        ids = ", ".join(one.id for one in trashed(workspace)[:8]) or "nothing"
        raise RunError(f"The run '{run_id}' does not lie in the trash; there is: {ids}.")
    return restore(workspace, found[0].token)


def trashed(workspace: Workspace) -> list[Trashed]:
    """What lies in the trash, the last deleted first."""
    try:
        folders = list(workspace.trash.iterdir())
    except FileNotFoundError:
        return []
    found = [
        Trashed(folder.name, name["id"], _moment(int(name["at"])), folder)
        for folder in folders
        if (name := TRASHED.fullmatch(folder.name))
    ]
    return sorted(found, key=lambda one: (one.deleted, one.token), reverse=True)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def about_of(one: Trashed) -> Run | None:
    """The run as it lies in the trash; None where it cannot be read."""
    try:
        run = records.read(one.folder / "run.json", KIND)
    except (OSError, RecordError):
        return None
    return replace(run, id=one.id, about=read_about(one.folder))


def sweep(workspace: Workspace) -> None:
    """Remove for good what was deleted more than a week ago."""
    if not workspace.trash.is_dir():
        return
    with store.naming(workspace):  # a half removed run must not be put back
        for one in trashed(workspace):
            if time.time() - datetime.fromisoformat(one.deleted).timestamp() > DAYS_KEPT * 86400:
                one.folder.rename(one.folder.with_name(GONE + one.token))
    for folder in workspace.trash.glob(f"{GONE}*"):
        shutil.rmtree(folder, ignore_errors=True)
