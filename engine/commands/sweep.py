"""sweep: what killed processes left in a workspace is removed, before anything new is begun."""

from engine import files, jobs
from engine.commands import prepare, trash
from engine.runs import store
from engine.workspace import Workspace


def sweep(workspace: Workspace) -> None:
    """Clear every kind of leftover; whatever a living process holds is left to it.

    Staging folders and swaps that were cut short, half-written files, folders of runs without a
    name, uploads without a job, jobs that ended long ago, runs deleted more than a week ago.
    """
    prepare.sweep(workspace)
    store.sweep(workspace)
    jobs.sweep(workspace)
    trash.sweep(workspace)
    files.sweep(workspace.path)
