"""first_run: an empty workspace gets the drawn pictures and a first training, once."""

from engine import jobs, lease
from engine.commands.prepare import DRAWN, prepare
from engine.commands.train import create_run, train_run
from engine.data import dataset as datasets
from engine.people import Role, require
from engine.runs import store
from engine.training.config import train_config
from engine.workspace import Workspace

JOB = "first-run"


def needs_first_run(workspace: Workspace) -> bool:
    """Whether nobody has trained here yet, and no pictures of anyone's own wait to be used.

    A run or dataset that cannot be read counts, too: somebody made it.
    """
    names = {folder.name for folder in datasets.dataset_folders(workspace)}
    return not store.run_folders(workspace) and names <= {DRAWN}


def start(workspace: Workspace) -> None:
    """`first_run` in a process of its own, if there is anything to do.

    Raises:
        AccessError: if whoever asks may not train.
    """
    require(workspace.by, Role.TRAINER, "start the first run")
    if needs_first_run(workspace):
        jobs.submit(workspace, ["first-run"], label=JOB, once=True)


def look(workspace: Workspace) -> jobs.Job | None:
    """That process, or None if none was ever started."""
    return jobs.find(workspace, JOB)


def first_run(workspace: Workspace) -> str | None:
    """Prepare "drawn" and train `quick` on it, if nothing is there yet.

    Of two that start together, the second has nothing to do.

    Returns:
        The run's id, or None if there was nothing to do.
    """
    workspace.path.mkdir(parents=True, exist_ok=True)
    try:
        with lease.hold(workspace.path / "first-run.lease.json"):
            if not needs_first_run(workspace):
                return None
            prepare(workspace, DRAWN, DRAWN)
            run = create_run(workspace, DRAWN, train_config("quick"))
            train_run(workspace, run)
            return run.id
    except lease.Held:
        return None
