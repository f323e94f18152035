"""restore --from: an empty workspace is filled with a backup; see `engine.commands.backup`."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine import audit, files, formats, lease
from engine.commands import backup as backups
from engine.commands.backup import INSIDE, MANIFEST, SCHEMA, Backup, Progress
from engine.errors import WorkspaceError
from engine.people import Role, require
from engine.workspace import Workspace

LONGEST = 255  # bytes of a file's name


def restore(workspace: Workspace, out: Path, progress: Progress = lambda done, all: None) -> Backup:
    """Fill the workspace, which must be empty, with the backup in `out`: whole, each file as its
    SHA-256 says, or not at all. An older format is brought up to date.

    Until its end everything lies in one hidden folder, which keeps everyone out of the workspace
    (see `engine.formats.check`); one that a kill left is removed by the next restore.

    Raises:
        AccessError: if whoever asks is no admin.
        WorkspaceError: if it is no backup, or one of a newer version, a file of it is missing or
            damaged, the workspace is not empty, or the disk too small; nothing is left then.
    """
    require(workspace.by, Role.ADMIN, "restore a backup")
    made = read(out.expanduser().absolute())
    was_there = workspace.path.is_dir()
    _require_empty(workspace, made)
    try:
        workspace.path.mkdir(parents=True, exist_ok=True)
        backups.require_space(workspace.path, made.size, "restored workspace")
        with lease.moment(workspace.path / formats.RESTORING):
            try:
                _require_empty(workspace, made)  # somebody else may have been first
                _fill(workspace, made, progress)
            finally:
                (workspace.path / f"{formats.RESTORING}.lock").unlink(missing_ok=True)
    except OSError as error:
        raise backups.not_written(workspace.path, error) from error
    finally:
        if not was_there:
            with suppress(OSError):  # where all went well it is not empty
                workspace.path.rmdir()
    return made


def read(out: Path) -> Backup:
    """What the manifest of a backup tells.

    Raises:
        WorkspaceError: if there is none, or it is damaged or of a newer version.
    """
    try:
        told: dict[str, Any] = files.read_json(out / MANIFEST)
        if told is None:
            raise WorkspaceError(
                f"'{out}' is no backup: it holds no {MANIFEST}; give a folder that `backup` made."
            )
        if told["schema"] > SCHEMA or told["format"] > formats.current():
            raise WorkspaceError(
                f"The backup '{out}' was made by a newer version of Camsight; restore it with that."
            )
        listed = {
            name: (int(one["bytes"]), one["sha256"]) for name, one in told["files"].items()
        }
        for name in listed:
            _check_name(out, name)
        return Backup(out, str(told["made"]), told["format"], listed)
    except (
        OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError,
    ) as error:  # fmt: skip
        raise WorkspaceError(
            f"{MANIFEST} of the backup '{out}' cannot be read ({error!r}); take another backup."
        ) from error


def _require_empty(workspace: Workspace, made: Backup) -> None:
    """lost+found is a disk's own, and what lies beside the folder of a restore is all from it."""
    try:
        there = {path.name for path in workspace.path.iterdir()}
    except FileNotFoundError:
        return
    except NotADirectoryError:
        there = {"a file"}
    if formats.RESTORING in there:
        there -= _tops(made)
    if held := sorted(there - {"lost+found", formats.RESTORING, f"{formats.RESTORING}.lock"}):
        raise WorkspaceError(
            f"The workspace '{workspace.path}' is not empty ({', '.join(held[:3])}); stop the "
            "dashboard, and name an empty folder in CAMSIGHT_WORKSPACE."
        )


def _tops(made: Backup) -> set[str]:
    """What a restore writes into the workspace's folder itself."""
    return {Path(name).parts[0] for name in made.files} | {
        formats.FILE, f"{formats.FILE}.lock", audit.FILE,
    }  # fmt: skip


def _fill(workspace: Workspace, made: Backup, progress: Progress) -> None:
    _clear(workspace, made)
    staging = workspace.path / formats.RESTORING
    staging.mkdir()
    try:
        _take_over(made, staging, progress)
        inside = Workspace(staging, workspace.by)
        formats.migrate(inside)
        audit.note(inside, "restore", made.folder.name, made=made.made)
        for path in sorted(staging.iterdir()):
            path.rename(workspace.path / path.name)
        staging.rmdir()  # from here on others may enter
    except BaseException:
        _clear(workspace, made)
        raise


def _clear(workspace: Workspace, made: Backup) -> None:
    """Remove what an unfinished restore has written; its folder last, which keeps others out."""
    if not (workspace.path / formats.RESTORING).exists():
        return
    for name in (*sorted(_tops(made)), formats.RESTORING):
        path = workspace.path / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _take_over(made: Backup, target: Path, progress: Progress) -> None:
    done = 0
    for name, (size, sha) in made.files.items():
        source, place = made.folder / INSIDE / name, target / name
        if not source.resolve().is_relative_to((made.folder / INSIDE).resolve()):  # by a link
            raise _leads_out(made.folder, name)
        place.parent.mkdir(parents=True, exist_ok=True)
        found = None
        if source.is_file():  # a pipe would be waited for
            with source.open("rb") as file:
                found = backups.copy(file, place)
        if found != (size, sha):
            raise WorkspaceError(
                f"'{name}' of the backup '{made.folder}' is {'damaged' if found else 'missing'}, "
                "and nothing of it was restored; take another backup."
            )
        done += size
        progress(done, made.size)


def _check_name(out: Path, name: str) -> None:
    """Whoever wrote the manifest chose the names; each lies in the workspace, below no hidden
    folder, or what is cleared after a failure could be somebody else's; and is one that a disk can
    have, or nothing could be cleared."""
    parts = Path(name).parts
    usable = parts and "\0" not in name and max(len(os.fsencode(part)) for part in parts) <= LONGEST
    if not usable or Path(name).is_absolute() or any(part.startswith(".") for part in parts):
        raise _leads_out(out, name)


def _leads_out(out: Path, name: str) -> WorkspaceError:
    return WorkspaceError(
        f"'{name}' leads out of the backup '{out}', so nothing of it was restored; take another "
        "backup."
    )
