"""What tests of Train share: a workspace to write into, nothing started, a run under way."""

import shutil
from collections.abc import Iterator

import pytest

from dashboard import state
from engine import jobs
from engine.commands import train
from engine.runs import outcome, store
from engine.runs.record import Run
from engine.training.config import train_config
from engine.workspace import Workspace


@pytest.fixture(autouse=True)
def on_any_machine(monkeypatch):
    """What computes here is asked once for each server, and a test's runs tell no device: with an
    answer from an earlier test they would be runs of another machine."""
    monkeypatch.setattr(state, "machine", lambda: None)


@pytest.fixture
def copied(workspace, tmp_path, use_workspace) -> Workspace:
    """A copy of the workspace with a finished run, to write into; without the jobs of others."""
    copy = shutil.copytree(workspace, tmp_path / "copy", ignore=shutil.ignore_patterns("jobs"))
    return Workspace(use_workspace(copy))


@pytest.fixture
def no_processes(monkeypatch) -> list:
    """What would have been started, in place of starting it: (label, verb and options)."""
    asked = []

    def submit(place, argv, *, label="", once=False, **_) -> str:
        asked.append((label or argv[0], argv))
        return f"{label or argv[0]}.0"

    monkeypatch.setattr(jobs, "submit", submit)
    return asked


@pytest.fixture
def training(copied) -> Iterator[Run]:
    """A run under way: somebody holds its lock, one epoch has ended."""
    run = train.create_run(copied, "drawn", train_config("quick", image_size=32))
    with store.taken_up(run):
        run = store.save(run, status="running", started=store.now())
        (run.folder / "history.csv").write_text(
            "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n"
            "1,0.7,0.5,0.69,0.625,0.003,2.0\n2,0.6,0.6,0.5,0.75,0.003,2.0\n"
            "3,0.5,0.7,0.6,0.70833,0.003,2.0\n"
        )
        outcome.write_progress(
            run.folder,
            {"phase": "training", "epoch": 4, "epochs": 8, "batch": 3, "batches": 6,
             "pictures_per_second": 226.0, "seconds_left": 340.0},
        )  # fmt: skip
        yield run
