"""resume: a run that ended before its end goes on after its last whole epoch, under its own name.

Whatever ended it: the history that it has in the end is that of a run which nothing ended.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from engine import audit
from engine.commands import folds, learn, line
from engine.errors import CamsightError, RecordError, RunError
from engine.jobs import queue
from engine.people import Role, require, require_own
from engine.runs import store
from engine.runs.record import Run
from engine.training import checkpoint
from engine.training.config import stored_config
from engine.workspace import Workspace

log = logging.getLogger("camsight")
BY_ITSELF = 1  # times; what is lost again waits for a person


def can_resume(run: Run) -> str:
    """Empty, or why the run cannot be resumed, in a sentence. Looks at the folder only: whether its
    pictures are still there is seen by `resume`."""
    anew = "start another with its configuration."
    if run.active:
        way_out = "wait for its turn" if run.status == "queued" else "wait for it, or stop it first"
        return f"The run '{run.id}' is {run.status}; {way_out}."
    if run.status == "finished":
        return f"The run '{run.id}' has finished, and nothing of it is left to train; {anew}"
    if run.diverged:
        return (
            f"The loss of '{run.id}' became NaN or infinite and would again; start another with a "
            "smaller learning rate."
        )
    try:
        told = checkpoint.look(run.folder)
    except RecordError as error:
        return f"The run '{run.id}' cannot be resumed ({error}); what it has is kept, so {anew}"
    if told is None and run.judged:
        return (
            f"The run '{run.id}' has no checkpoint: it was stopped in its first epoch or while its "
            f"head was trained, or an older version trained it; {anew}"
        )
    if told and run.judged and told.epoch >= run.config["epochs"]:
        return f"The run '{run.id}' has all its epochs behind it; {anew}"
    return ""


def outlook(run: Run) -> str:
    """What resuming a run that can be will do, in a sentence."""
    told = checkpoint.look(run.folder)
    epochs = run.config["epochs"]
    if run.of:
        return folds.outlook(run)
    if told is None:
        return "It begins anew, under the same name: no epoch of it had ended."
    if told.epoch >= epochs:
        return f"All its {epochs} epochs are kept: its best weights are judged."
    return (
        f"It goes on after epoch {told.epoch} of {epochs}, as if nothing had ended it: the same "
        "pictures in the same order."
    )


def resume(workspace: Workspace, run_id: str) -> Run:
    """Put the run in line again and have it trained in a process of its own, as `train.start` does.

    Raises:
        CamsightError: in a sentence, with the run as it was: if there is no such run, it waits or
            trains, nothing of it is left to train, its dataset has changed, its checkpoint is
            damaged, no process can be started, or it is not theirs who ask.
    """
    with _ones_own(workspace, run_id) as run:
        return _set_going(workspace, run)


def put_back(workspace: Workspace, run_id: str) -> Run:
    """Queue the run again for this very process, which trains it by `train.train_run`.

    Raises:
        CamsightError: as `resume` does.
    """
    with _ones_own(workspace, run_id) as run:
        queue.leave(workspace, run.id)  # its old ticket would call for another process
        queued = store.queue_again(run)
        store.forget_stop(run)
        return queued


def resume_lost(workspace: Workspace) -> list[Run]:
    """Resume what was lost while nobody looked, each run once; one that was asked to stop before is
    judged as it is. What cannot be resumed stays as it is, and so does what a version lost that
    resumed nothing: people have seen it lie there.

    Raises:
        AccessError: if whoever asks is no admin.
    """
    require(workspace.by, Role.ADMIN, "resume what was lost")
    resumed = []
    for run in store.list_runs(workspace):
        if run.status != "lost" or run.resumed is None or run.resumed >= BY_ITSELF:
            continue
        try:
            checked = _checked(workspace, run)
            audit.note(workspace, "resume", run.id)
            resumed.append(_set_going(workspace, checked, by_itself=True))
        except CamsightError as error:
            log.warning("%s", error)
    return resumed


@contextmanager
def _ones_own(workspace: Workspace, run_id: str) -> Iterator[Run]:
    """A run that can be resumed, and by whoever asks; noted, with room for it in line."""
    run = store.open_run(workspace, run_id)
    require_own(workspace.by, run.owner, f"resume {run.id}")
    _checked(workspace, run)
    with line.room(workspace, 1):
        audit.note(workspace, "resume", run.id)
        yield run


def _checked(workspace: Workspace, run: Run) -> Run:
    if why_not := can_resume(run):
        raise RunError(why_not)
    learn.checkpoint_of(run, learn.task_of_run(workspace, run), stored_config(run.config))
    return run


def _set_going(workspace: Workspace, run: Run, by_itself: bool = False) -> Run:
    """A wish to stop is forgotten where a person wants the run to go on."""
    queued = store.queue_again(run, resumed=(run.resumed or 0) + by_itself)
    if not by_itself:
        store.forget_stop(run)
    try:
        queue.join(workspace, run.id)
        line.ensure(workspace)
    except (CamsightError, OSError):
        store.save(run)  # as it was
        queue.leave(workspace, run.id)
        raise
    return queued
