"""Who trains next: first come, first served, by numbered tickets.

A ticket is an empty file, `queue/<number>.<run>`, taken when the run is made. A run trains when
`is_turn` says so, and leaves when it has ended.

Why never two train: a ticket is taken, and that of somebody dead removed, in one exclusive moment,
and a run asks for its turn only while it counts as active, which holding its lease makes it. So the
ticket of a run that waits or trains stays until it leaves. Of two that train, both tickets stand,
and the later one was taken while the earlier stood, with a higher number; it was told that it is
its turn when no lower one stood: a contradiction. A run that was taken for dead, and so lost its
ticket, gets a new one at the end of the line.
"""

import re
from collections.abc import Callable
from pathlib import Path

from engine import lease
from engine.workspace import Workspace

TICKET = re.compile(r"([0-9]+)\.(.+)")


def join(workspace: Workspace, run_id: str) -> None:
    """Take a ticket for the run; one that it has already is kept."""
    _folder(workspace).mkdir(parents=True, exist_ok=True)
    with _moment(workspace):
        _take(workspace, run_id)


def leave(workspace: Workspace, run_id: str) -> None:
    """Give the run's ticket back; nothing happens if it has none."""
    for _, path in _tickets(workspace):
        if _run(path) == run_id:
            path.unlink(missing_ok=True)


def is_turn(workspace: Workspace, run_id: str, active: Callable[[str], bool]) -> bool:
    """Whether the run may train now. Ask only while it counts as active.

    Tickets before it whose runs no longer are active are removed. If its own has gone, since it
    was taken for dead itself, it gets a new one.

    Args:
        active: whether the run of that id waits or trains, by its record and its lease.
    """
    _folder(workspace).mkdir(parents=True, exist_ok=True)
    with _moment(workspace):
        _take(workspace, run_id)
        for _, path in _tickets(workspace):
            if _run(path) == run_id:
                return True
            if active(_run(path)):
                return False
            path.unlink(missing_ok=True)
    return False


def in_line(workspace: Workspace) -> list[str]:
    """The runs that hold a ticket, oldest first, whatever became of them. Only reads."""
    return [_run(path) for _, path in _tickets(workspace)]


def ahead(workspace: Workspace, run_id: str) -> list[str]:
    """The runs with older tickets, oldest first; all of them if it has none. Only reads."""
    line = in_line(workspace)
    return line[: line.index(run_id)] if run_id in line else line


def _take(workspace: Workspace, run_id: str) -> None:
    tickets = _tickets(workspace)
    if run_id not in (_run(path) for _, path in tickets):
        number = 1 + max((number for number, _ in tickets), default=0)
        (_folder(workspace) / f"{number:09d}.{run_id}").touch(exist_ok=False)


def _tickets(workspace: Workspace) -> list[tuple[int, Path]]:
    try:
        paths = list(_folder(workspace).iterdir())
    except FileNotFoundError:
        return []
    return sorted((int(m[1]), path) for path in paths if (m := TICKET.fullmatch(path.name)))


def _run(ticket: Path) -> str:
    return ticket.name.partition(".")[2]


def _folder(workspace: Workspace) -> Path:
    return workspace.path / "queue"


def _moment(workspace: Workspace):
    return lease.moment(_folder(workspace) / ".tickets")
