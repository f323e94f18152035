"""server: what only those may see who run the dashboard."""

from engine import audit
from engine.people import Role, require
from engine.settings import Told, in_force, settings
from engine.workspace import Workspace

SHOWN = ("at", "by", "role", "verb", "of")


def audited(
    workspace: Workspace, count: int = 200, *, by: str | None = None, of: str | None = None
) -> list[dict[str, str]]:
    """The last lines of the audit log, newest first: at (UTC), by, role, verb, of, and further
    facts.

    Args:
        by: the name of a person; only what that person did.
        of: a run, dataset or job; only what was done to it.

    Raises:
        AccessError: if whoever asks is no admin.
        OSError: if it cannot be read.
    """
    require(workspace.by, Role.ADMIN, "read the audit log")

    def asked(line: dict[str, str]) -> bool:
        return by in (None, line.get("by")) and of in (None, line.get("of"))

    return audit.last(workspace, count, asked)


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
