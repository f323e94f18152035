"""Workspaces for tests of commands: one of the first version, and runs made without training."""

import resource
import signal
import sys
import tarfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from engine import cli as command_line
from engine.commands import train
from engine.commands.evaluate import judge
from engine.commands.prepare import prepare
from engine.data.dataset import open_dataset
from engine.jobs import queue
from engine.runs import outcome, store
from engine.runs.record import Run
from engine.training.config import train_config
from engine.workspace import Workspace

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


@pytest.fixture
def first_version(tmp_path) -> Workspace:
    """A workspace that the first version wrote: "drawn", two judged runs, one never taken up."""
    with tarfile.open(FIXTURES / "workspace-1.tar.xz") as archive:
        archive.extractall(tmp_path / "first", filter="data")
    return Workspace(tmp_path / "first" / "workspace")


@pytest.fixture
def ready(workspace, tmp_path, copy_of) -> Workspace:
    """A workspace of this test's own with the dataset "drawn", and no run."""
    return copy_of(workspace, tmp_path)


@pytest.fixture(scope="session")
def judged_run() -> Callable[..., Run]:
    """`judged_run(workspace, "pets", seed=3)`: a finished run whose scores a seed made and no
    network; what becomes of a run's predictions does not depend on whose they are."""

    def make(workspace: Workspace, dataset_name: str, seed: int = 1, skill: float = 1.0) -> Run:
        dataset = open_dataset(workspace, dataset_name)
        run = train.create_run(workspace, dataset_name, train_config("quick", image_size=32))
        rng = np.random.default_rng(seed)
        parts = {}
        for part in outcome.PARTS:
            rows = dataset.indices(part)
            y_true = dataset.labels[rows]
            logit = rng.normal(skill * (2.0 * y_true - 1), 1).astype(np.float32)
            parts[part] = {
                "picture": dataset.pictures[rows], "y_true": y_true, "logit": logit,
                "y_score": 1 / (1 + np.exp(-logit.astype(float))),
            }  # fmt: skip
        outcome.write_predictions(run.folder, parts)
        figures = judge(run, "test", parts["test"], 0.5, "hanley-mcneil").figures
        chosen_by = judge(run, "validation", parts["validation"], 0.5, "newcombe").interval.value
        return store.save(
            run, status="finished", ended=store.now(), weights_sha256="0" * 64,
            figures=figures | {"validation_auc": chosen_by}, seconds=1.0, best_epoch=1,
        )  # fmt: skip

    return make


@pytest.fixture
def verb(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """`verb("runs", "--json")`: exit status, standard output and standard error of a line, run by
    `python -m engine`'s own function in this process: a process each would take a second each."""

    def run(*line: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["engine", *map(str, line)])
        streams = sys.stdout, sys.stderr
        handlers = {sign: signal.getsignal(sign) for sign in (signal.SIGINT, signal.SIGTERM)}
        try:
            with pytest.raises(SystemExit) as ended:  # Typer ends the process, well or not
                command_line.main()
        finally:
            sys.stdout, sys.stderr = streams
            for sign, handler in handlers.items():
                signal.signal(sign, handler)
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


@pytest.fixture
def used(tmp_path, two_classes, judged_run, decode_here) -> Workspace:
    """A dataset, two judged runs and one that waits in line."""
    place = Workspace(tmp_path / "workspace")
    prepare(place, str(two_classes(tmp_path / "pets", 20)), "pets", image_size=32)
    first = judged_run(place, "pets")
    judged_run(place, "pets", seed=2)
    store.create(place, "quick", dataset="pets", **_facts_of(first))
    queue.join(place, "quick-3")
    return place


def _facts_of(run: Run) -> dict:
    names = (
        "dataset_fingerprint", "split_id", "dataset_image_size", "class_names", "image_size",
        "config",
    )  # fmt: skip
    return {name: getattr(run, name) for name in names}


@pytest.fixture
def other(tmp_path) -> Workspace:
    """Where nothing is yet."""
    return Workspace(tmp_path / "machine" / "workspace")


@pytest.fixture(scope="session")
def files_of_at_most() -> Callable:
    """`with files_of_at_most(40_000)`: a disk that takes no larger file, for this process."""

    @contextmanager
    def small(size: int):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return small
