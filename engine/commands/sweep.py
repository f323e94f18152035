"""sweep: what killed processes left in a workspace is removed, before anything new is begun."""

from engine import files, jobs
from engine.commands import prepare, trash
from engine.data import features
from engine.people import Role, require
from engine.runs import store
from engine.runs.record import Run
from engine.training import checkpoint
from engine.workspace import Workspace


def sweep(workspace: Workspace) -> None:
    """Clear every kind of leftover; whatever a living process holds is left to it.

    Staging folders and swaps that were cut short, half-written files, folders of runs without a
    name, checkpoints of runs that ended well, uploads without a job, jobs that ended long ago, runs
    that were deleted more than a week ago.

    Raises:
        AccessError: if whoever asks is no admin.
    """
    require(workspace.by, Role.ADMIN, "clear the workspace")
    prepare.sweep(workspace)
    features.sweep(workspace)
    store.sweep(workspace)
    _sweep_checkpoints(workspace)
    jobs.sweep(workspace)
    trash.sweep(workspace)
    files.sweep(workspace.path)


def _sweep_checkpoints(workspace: Workspace) -> None:
    """A process may be killed between the end of its run and the removal of its checkpoint."""
    for folder in store.run_folders(workspace):
        if checkpoint.exists(folder):
            run = store.read_folder(folder)
            if isinstance(run, Run) and run.status == "finished":
                checkpoint.remove(folder)
