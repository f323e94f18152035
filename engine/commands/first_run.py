"""first_run: an empty workspace gets the drawn pictures and a first training, once."""

from filelock import FileLock, Timeout

from engine.commands.prepare import DRAWN, prepare
from engine.commands.train import create_run, train_run
from engine.data.dataset import list_datasets
from engine.jobs import local
from engine.runs import store
from engine.settings import settings
from engine.training.config import train_config

JOB = "first-run"


def needs_first_run() -> bool:
    """Whether nobody has trained here yet, and no pictures of anyone's own wait to be used."""
    names = {dataset.name for dataset in list_datasets(settings().datasets)}
    return not store.list_runs() and names <= {DRAWN}


def start() -> None:
    """`first_run` in a process of its own, if there is anything to do."""
    local.forget_old()
    if needs_first_run():
        local.start(JOB, ["first-run"])


def look() -> local.Job | None:
    """That process, or None if none was ever started."""
    return local.look(JOB)


def first_run() -> str | None:
    """Prepare "drawn" and train `quick` on it, if nothing is there yet.

    Two that start together meet at a lock, and the second has nothing to do.

    Returns:
        The run's id, or None if there was nothing to do.
    """
    settings().workspace.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(settings().workspace / "first-run.lock", timeout=0):
            if not needs_first_run():
                return None
            prepare(DRAWN, DRAWN)
            run = create_run(DRAWN, train_config("quick"))
            train_run(run)
            return run.id
    except Timeout:
        return None
