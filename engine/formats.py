"""Of which version a workspace is: `workspace.json`, and how an older one is brought up to date.

The format says what lies where. Records carry schema numbers of their own (`engine.records`), and
what a migration of theirs can do is no step here. A workspace without the file is of format 1.
"""

from collections.abc import Callable
from pathlib import Path

from engine import files, lease
from engine.errors import WorkspaceError
from engine.workspace import Workspace

FILE = "workspace.json"
RESTORING = ".restoring"  # folder of a restore that is under way, or was cut short
Step = Callable[[Path], None]  # changes the folder; may be begun again after it was cut short


def _says_its_format(_: Path) -> None:
    """1 to 2: nothing but that the number stands there."""


STEPS: tuple[Step, ...] = (_says_its_format,)  # STEPS[i] makes format i + 2 of format i + 1


def current() -> int:
    """The format that this version writes."""
    return len(STEPS) + 1


def check(workspace: Workspace) -> int:
    """The format of a workspace that this version can read, or that is not there yet. Only reads.

    Raises:
        WorkspaceError: if a newer version wrote it, its number cannot be read, or a restore into it
            was cut short.
    """
    if (workspace.path / RESTORING).is_dir():
        raise WorkspaceError(
            f"A restore into the workspace '{workspace.path}' is under way or was cut short; wait "
            "for it, or run `restore --from` again, which begins it anew."
        )
    return _format_of(workspace.path)


def _format_of(folder: Path) -> int:
    try:
        told = files.read_json(folder / FILE)
        found = 1 if told is None else told["format"]
    except NotADirectoryError:
        return 1  # whoever writes there says so
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is empty or damaged"
        raise WorkspaceError(
            f"{FILE} of the workspace '{folder}' cannot be read ({reason}); put it back from a "
            "backup, or remove it where no newer version ever wrote."
        ) from error
    if type(found) is not int or found < 1:
        raise WorkspaceError(
            f"{FILE} of the workspace '{folder}' tells the format {found!r}, which is none; put it "
            "back from a backup."
        )
    if found > current():
        raise WorkspaceError(
            f"The workspace '{folder}' was written by a newer version of Camsight (format {found}, "
            f"and this one reads up to {current()}); use that version, or another workspace."
        )
    return found


def migrate(workspace: Workspace) -> None:
    """Bring the workspace to this version's format and write that down; called before anything new
    is begun in it, by whoever may write.

    The number is written after each step, so that one which was cut short is begun again.

    Raises:
        WorkspaceError: as `check` does.
        OSError: if it cannot be written; then it is of the format that it was, and can be read.
    """
    if check(workspace) == current():
        return
    with lease.moment(workspace.path / FILE):
        for at in range(_format_of(workspace.path), current()):
            STEPS[at - 1](workspace.path)
            files.write_json(workspace.path / FILE, {"format": at + 1})
