"""line: runs that wait are trained one after the other, each in a process of its own.

One process, the dispatcher, starts the first in line that no process has taken up, waits until it
has ended, and ends itself when nobody waits. It imports neither a network nor statistics, so that
fifty runs in line take the memory of one small process.

Why no run stays behind: whoever puts a run in line takes its ticket first and looks for a living
dispatcher then. The dispatcher looks for waiting runs a last time, and gives its lease back, within
one exclusive moment of the tickets. A ticket taken before that moment is seen in it; one taken
after it finds no dispatcher, and its owner starts another. The new one is given the lease at its
start, within an exclusive moment of the lease, so that of two who look, one starts it.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial

from engine import audit, jobs, lease
from engine.errors import CamsightError, JobError, RunError
from engine.jobs import queue
from engine.people import WHOEVER, Person, Role, require, require_own
from engine.runs import store
from engine.runs.record import Run
from engine.settings import settings
from engine.workspace import Workspace

log = logging.getLogger("camsight")
LOOK_AGAIN = 0.3  # seconds between two looks of whoever waits


@contextmanager
def room(workspace: Workspace, n: int) -> Iterator[None]:
    """A moment in which whoever asks may put n more runs in line, and nobody else does.

    Where nobody signs in, there is room for any number.

    Raises:
        RunError: if they would have more runs waiting or training than one person may.
    """
    name, most = workspace.by.name, settings().queued_runs
    if not name:
        yield
        return
    workspace.queue.mkdir(parents=True, exist_ok=True)
    with lease.moment(workspace.queue / ".room"):
        has = sum(run.active for run in store.list_runs(workspace) if run.owner == name)
        if has + n > most:
            raise RunError(
                f"{name} has {has} runs that wait or train, and {has + n} would be more than the "
                f"{most} that one person may have (CAMSIGHT_QUEUED_RUNS); wait until some have "
                "ended, or cancel some."
            )
        yield


def put(workspace: Workspace, runs: Sequence[Run]) -> None:
    """Put runs that no process trains in line, in this order, and have them trained.

    Raises:
        CamsightError: if the line cannot be written or the dispatcher not be started; the runs have
            failed then.
    """
    try:
        for run in runs:
            queue.join(workspace, run.id)
        ensure(workspace)
    except (CamsightError, OSError) as error:
        why = error
        if isinstance(error, OSError):
            why = JobError(
                f"The line of runs cannot be written ({error.strerror}); check the workspace's "
                "rights and the free space, and start the run again."
            )
        for run in runs:
            fail(run, str(why))
            queue.leave(workspace, run.id)
        raise why from error


def ensure(workspace: Workspace) -> None:
    """Have a dispatcher work where runs wait for one; also after it was killed.

    Raises:
        JobError: if it could not be started.
    """
    if not _waiting(workspace):
        return
    with lease.moment(workspace.dispatcher):
        if lease.is_held(workspace.dispatcher):
            return
        # everybody's runs are started by it, so it works for nobody in particular
        job_id = jobs.submit(replace(workspace, by=WHOEVER), ["work"], label="work")
        process = jobs.process(workspace, job_id)
        if process:
            lease.grant(workspace.dispatcher, process.pid)


def work(workspace: Workspace) -> list[str]:
    """Be the dispatcher until nobody waits; nothing happens if another one works.

    Returns:
        The runs that it started.

    Raises:
        AccessError: if whoever asks is no admin: everybody's runs are started.
    """
    require(workspace.by, Role.ADMIN, "start the runs in line")
    workspace.queue.mkdir(parents=True, exist_ok=True)
    started = []
    with ExitStack() as held:
        try:
            held.enter_context(lease.hold(workspace.dispatcher, granted=True))
        except lease.Held:
            return started
        while (run_id := _next(workspace)) is not None:
            if run_id:
                started.append(run_id)
                _train(workspace, run_id)
            else:
                time.sleep(LOOK_AGAIN)
    return started


def cancel(workspace: Workspace, run_id: str) -> None:
    """Let a run that has not begun be stopped where it stands; one that a process has taken up is
    asked to stop.

    Raises:
        RunError: if there is no such run.
        AccessError: if it is not theirs who ask.
    """
    run = store.open_run(workspace, run_id)
    require_own(workspace.by, run.owner, f"stop {run.id}")
    audit.note(workspace, "stop", run.id)
    try:
        with store.taken_up(run):
            store.save(run, status="stopped", ended=store.now())
        queue.leave(workspace, run_id)
    except RunError:  # its process holds it, or it has ended
        if run.active:
            store.ask_to_stop(run)


def move(workspace: Workspace, run_id: str, up: bool) -> bool:
    """Let a waiting run change places with its neighbour; see `queue.move`.

    Raises:
        RunError: if there is no such run.
        AccessError: if it is not theirs who ask, or would go before one that is not.
    """
    run, by = store.open_run(workspace, run_id), workspace.by
    require_own(by, run.owner, f"move {run.id}")

    def change(other: str) -> None:
        if up:
            passed = store.open_run(workspace, other)
            require_own(by, passed.owner, f"let {run.id} train before {other}")
        audit.note(workspace, "move", run.id, **{"before" if up else "behind": other})

    return queue.move(workspace, run.id, up, partial(is_active, workspace), change)


def is_active(workspace: Workspace, run_id: str) -> bool:
    """Whether that run trains or will; one that is gone or cannot be read does not."""
    try:
        return store.open_run(workspace, run_id).active
    except CamsightError:
        return False


def fail(run: Run, sentence: str) -> None:
    """Write what went wrong, beside what the run has written meanwhile."""
    current = store.read_folder(run.folder)
    known = current if isinstance(current, Run) else run
    try:
        store.save(known, status="failed", ended=store.now(), error=sentence)
    except OSError as error:  # a disk that is full; the run then counts as lost
        log.warning("that the run failed could not be written: %s", error.strerror)


def _waiting(workspace: Workspace) -> list[str]:
    """The runs in line that no process has taken up, in their order."""
    return [run_id for run_id in queue.in_line(workspace) if _waits(workspace, run_id)]


def _waits(workspace: Workspace, run_id: str) -> bool:
    run = store.read_folder(workspace.runs / run_id)
    return isinstance(run, Run) and run.status == "queued" and not store.process(run)


def _next(workspace: Workspace) -> str | None:
    """The run to start now; "" while it is another one's turn; None once nobody waits, with the
    lease given back."""
    with queue.moment(workspace):
        if not _waiting(workspace):
            lease.release(workspace.dispatcher)
            return None
    first = queue.first(workspace, partial(is_active, workspace))
    return first if first and _waits(workspace, first) else ""


def _train(workspace: Workspace, run_id: str) -> None:
    """Start a run's process and wait for its end; a run that it never took up has failed."""
    run = store.read_folder(workspace.runs / run_id)
    owner = run.owner if isinstance(run, Run) else ""
    by = Person(owner, Role.TRAINER) if owner else WHOEVER
    try:
        argv = ["train", "--queued", run_id]
        job_id = jobs.submit(replace(workspace, by=by), argv, label=run_id)
        while (job := jobs.look(workspace, job_id)) and job.alive:
            time.sleep(LOOK_AGAIN)
        said = job.error.rstrip(".") if job and job.error else "it said nothing"
        why = (
            f"The process of '{run_id}' ended before it could train ({said}); mend that and start "
            "the run again."
        )
    except JobError as error:
        why = str(error)
    if _waits(workspace, run_id):
        run = store.read_folder(workspace.runs / run_id)
        with suppress(RunError, OSError), store.taken_up(run):  # somebody else may just take it up
            fail(run, why)
        queue.leave(workspace, run_id)
