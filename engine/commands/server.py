"""server: what only those may see who run the dashboard."""

from engine import audit
from engine.people import Role, require
from engine.settings import Told, in_force, settings
from engine.workspace import Workspace

SHOWN = ("at", "by", "role", "verb", "of")


def audited(workspace: Workspace, count: int = 200, find: str = "") -> list[dict[str, str]]:
    """The last lines of the audit log, newest first: at (UTC), by, role, verb, of, and further
    facts.

    Args:
        find: only those of whose values one holds this text, in whatever case.

    Raises:
        AccessError: if whoever asks is no admin.
        OSError: if it cannot be read.
    """
    require(workspace.by, Role.ADMIN, "read the audit log")
    wanted = find.strip().casefold()
    return audit.last(
        workspace, count, lambda line: any(wanted in str(one).casefold() for one in line.values())
    )


def facts(line: dict[str, str]) -> str:
    """What a line says beside who did what: "preset quick, dataset pets"."""
    return ", ".join(f"{name} {value}" for name, value in line.items() if name not in SHOWN)


def told(workspace: Workspace) -> list[Told]:
    """Every setting in force, without secrets.

    Raises:
        AccessError: if whoever asks is no admin.
    """
    require(workspace.by, Role.ADMIN, "see the settings")
    return in_force(settings())
