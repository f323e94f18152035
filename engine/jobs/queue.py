"""Who trains next: first come, first served, by numbered tickets; who waits may be moved.

A ticket is an empty file, `queue/<number>.<run>`, taken when the run joins the line. A run trains
when `is_turn` says so, and leaves when it has ended.

Why never two train: a ticket is taken, moved, and that of somebody dead removed, in one exclusive
moment, and a run asks for its turn only while it counts as active, which holding its lease makes
it. So the ticket of a run that waits or trains stays until it leaves. A run is told that it is its
turn when its ticket is the lowest of all, and it stays the lowest until the run leaves: a new
ticket has a number above every other, and a move exchanges the numbers of two tickets of which
neither is the lowest. Of two that train, both tickets would be the lowest: a contradiction. A run
that was taken for dead, and so lost its ticket, gets a new one at the end of the line.
"""

import re
from collections.abc import Callable
from pathlib import Path

from engine import lease
from engine.workspace import Workspace

TICKET = re.compile(r"([0-9]+)\.(.+)")


def join(workspace: Workspace, run_id: str) -> None:
    """Take a ticket for the run; one that it has already is kept."""
    with moment(workspace):
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
    with moment(workspace):
        _take(workspace, run_id)
        return _first(workspace, lambda other: other == run_id or active(other)) == run_id


def first(workspace: Workspace, active: Callable[[str], bool]) -> str | None:
    """The run that trains now, or whose turn it is; None if nobody is in line.

    Tickets before it whose runs no longer are active are removed.
    """
    with moment(workspace):
        return _first(workspace, active)


def move(
    workspace: Workspace,
    run_id: str,
    up: bool,
    active: Callable[[str], bool],
    about_to: Callable[[str], None] = lambda other: None,
) -> bool:
    """Let a waiting run change places with the next one that waits before or behind it.

    Args:
        about_to: called with that other one before they do; where it raises, they do not.

    Returns:
        whether it did: the first of all keeps its place, and so does whoever has no neighbour.
    """
    with moment(workspace):
        tickets = _tickets(workspace)
        waiting = [
            (number, path)
            for number, path in tickets
            if number > tickets[0][0] and (_run(path) == run_id or active(_run(path)))
        ]
        at = next((i for i, (_, path) in enumerate(waiting) if _run(path) == run_id), None)
        other = None if at is None else at - 1 if up else at + 1
        if other is None or not 0 <= other < len(waiting):
            return False
        (mine, ticket), (theirs, its) = waiting[at], waiting[other]
        about_to(_run(its))
        # cut short between the two, they share a number that is not the lowest
        ticket.rename(_ticket(workspace, theirs, run_id))
        its.rename(_ticket(workspace, mine, _run(its)))
        return True


def in_line(workspace: Workspace) -> list[str]:
    """The runs that hold a ticket, in their order, whatever became of them. Only reads."""
    return [_run(path) for _, path in _tickets(workspace)]


def ahead(workspace: Workspace, run_id: str) -> list[str]:
    """The runs with lower tickets, in their order; all of them if it has none. Only reads."""
    line = in_line(workspace)
    return line[: line.index(run_id)] if run_id in line else line


def moment(workspace: Workspace):
    """The exclusive moment in which the line changes; see `lease.moment`."""
    workspace.queue.mkdir(parents=True, exist_ok=True)
    return lease.moment(workspace.queue / ".tickets")


def _take(workspace: Workspace, run_id: str) -> None:
    tickets = _tickets(workspace)
    if run_id not in (_run(path) for _, path in tickets):
        number = 1 + max((number for number, _ in tickets), default=0)
        _ticket(workspace, number, run_id).touch(exist_ok=False)


def _first(workspace: Workspace, active: Callable[[str], bool]) -> str | None:
    for _, path in _tickets(workspace):
        if active(_run(path)):
            return _run(path)
        path.unlink(missing_ok=True)
    return None


def _tickets(workspace: Workspace) -> list[tuple[int, Path]]:
    try:
        paths = list(workspace.queue.iterdir())
    except FileNotFoundError:
        return []
    return sorted((int(m[1]), path) for path in paths if (m := TICKET.fullmatch(path.name)))


def _ticket(workspace: Workspace, number: int, run_id: str) -> Path:
    return workspace.queue / f"{number:09d}.{run_id}"


def _run(ticket: Path) -> str:
    return ticket.name.partition(".")[2]
