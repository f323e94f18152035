"""Trainings in processes of their own that end by SIGKILL, at a moment that a test chooses.

They are forked from one that has imported TensorFlow and computed nothing, so that a session takes
two seconds and not fifteen.
"""

import multiprocessing
import os
import signal
from contextlib import suppress
from multiprocessing.process import BaseProcess

from engine import files
from engine.commands import train
from engine.errors import CamsightError
from engine.runs import store
from engine.training import keeper
from engine.workspace import Workspace

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["engine.backend", "engine.training.fit", "engine.inference"])


def begin(place: Workspace, run_id: str, dies_at: tuple = ()) -> BaseProcess:
    """Train a queued run in a process that a test can kill, or that kills itself.

    Args:
        dies_at: ("measuring",) or another phase that it tells of itself; ("training", 2) in the
            middle of that epoch; ("half", NAME) when the file of that name is filled and not yet
            in its place; ("before", NAME) when it would be begun.
    """
    process = CONTEXT.Process(target=_train, args=(place, run_id, dies_at))
    process.start()
    return process


def train_and_die(place: Workspace, run_id: str, dies_at: tuple) -> None:
    process = begin(place, run_id, dies_at)
    process.join(120)
    assert process.exitcode == -signal.SIGKILL, f"it lived past {dies_at}"


def train_to_the_end(place: Workspace, run_id: str) -> None:
    process = begin(place, run_id)
    process.join(120)
    assert process.exitcode == 0


def _train(place: Workspace, run_id: str, dies_at: tuple) -> None:
    keeper.SECONDS_BETWEEN = 0.0
    if dies_at[:1] in (("half",), ("before",)):
        _die_at_file(*dies_at)

    def report(told: dict) -> None:
        in_mid_epoch = 0 < told.get("batch", 1) < told.get("batches", 2)
        if in_mid_epoch and dies_at in ((told["phase"],), (told["phase"], told.get("epoch"))):
            _die()

    with suppress(CamsightError):  # it is in the run's record
        train.train_run(place, store.open_run(place, run_id), report)


def _die_at_file(how: str, name: str) -> None:
    write = files.write

    def write_or_die(path, fill, *, sync=True) -> None:
        def fill_and_die(beside) -> None:
            fill(beside)
            _die()

        if path.name == name and how == "before":
            _die()
        write(path, fill_and_die if path.name == name else fill, sync=sync)

    files.write = write_or_die


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
