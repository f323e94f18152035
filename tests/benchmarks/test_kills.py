"""50 kills at random moments of trainings: what cannot be read after them, and what they cost.

Every session is a process of its own, ended by SIGKILL at a random moment, be it while it starts,
measures, trains, saves or judges. In the end each run's history is that of a run which nothing
ended. CAMSIGHT_KILLS sets another number of kills.
"""

import os
import random
import sys
from collections import Counter

import h5py
import numpy as np
import pytest

from engine.commands import resume, train
from engine.commands.prepare import prepare
from engine.errors import CamsightError
from engine.records import Unreadable
from engine.runs import outcome, store
from engine.training import checkpoint
from engine.training.config import train_config
from engine.workspace import Workspace
from tests import mortal

KILLS = int(os.environ.get("CAMSIGHT_KILLS", "50"))
EARLY = 0.2  # of the sessions end within 10 s of their start, the others within 3 s of training
CONFIG = train_config("quick", image_size=32, epochs=60)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "LOST_AFTER", 0)  # nobody else takes up what is killed in line
    workspace = Workspace(tmp_path / "workspace")
    prepare(workspace, "drawn", "drawn", count=400, image_size=32)
    return workspace


def trains(run) -> bool:
    told = store.progress(run)
    return told is not None and told.phase in ("training", "judging")


def history(run) -> dict:
    return {name: column for name, column in store.history(run).items() if name != "seconds"}


def unreadable(run) -> list[str]:
    """The files of a killed run that are there and cannot be read whole."""
    found = []

    def check(name: str, read) -> None:
        if (run.folder / name).exists():
            try:
                read()
            except (CamsightError, OSError, ValueError) as error:
                found.append(f"{name}: {error}")

    def rows() -> None:
        lines = (run.folder / "history.csv").read_text().splitlines()
        if len(store.history(run)["epoch"]) != len(lines) - 1:
            raise ValueError("a row is damaged")

    def weights() -> None:
        with h5py.File(run.folder / "best.weights.h5") as stored:
            stored.visititems(lambda name, one: one[()] if isinstance(one, h5py.Dataset) else None)

    def record() -> None:
        if isinstance(read := store.read_folder(run.folder), Unreadable):
            raise ValueError(read.why)

    def progress() -> None:
        if store.progress(run) is None:
            raise ValueError("it says nothing")

    check("run.json", record)
    check("history.csv", rows)
    check("checkpoint.npz", lambda: checkpoint.read(run.folder))
    check("best.weights.h5", weights)
    check("progress.json", progress)
    check("predictions.npz", lambda: outcome.read_predictions(run.folder, "test", 2))
    return found


def test_kills_at_random_moments_lose_nothing(place):
    undisturbed = train.create_run(place, "drawn", CONFIG)
    mortal.train_to_the_end(place, undisturbed.id)
    undisturbed = store.open_run(place, undisturbed.id)
    rng, kills, broken, lost = random.Random(1), 0, [], 0
    at, run, compared, equal = Counter(), None, 0, 0
    while kills < KILLS or run is not None:
        if run is None:
            run = train.create_run(place, "drawn", CONFIG)
        process = mortal.begin(place, run.id)
        if kills == KILLS:
            process.join(600)
        elif rng.random() < EARLY:
            process.join(rng.uniform(0, 10))
        else:
            while process.is_alive() and not trains(run):
                process.join(0.02)
            process.join(rng.uniform(0, 3))
        if process.exitcode is None:
            process.kill()
            process.join()
            kills += 1
            told = store.progress(run)
            at[told.phase if told else "before it began"] += 1
            broken += unreadable(run)
            run = store.open_run(place, run.id)
            seen, kept = len(store.history(run).get("epoch", [])), checkpoint.look(run.folder)
            if run.status != "finished":
                lost += max(0, seen - (kept.epoch if kept else 0))
        else:
            assert process.exitcode == 0
            run = store.open_run(place, run.id)
        if run.status == "finished":
            compared += 1
            equal += history(run) == history(undisturbed)
            for part in outcome.PARTS:
                for name, column in store.predictions(undisturbed, part).items():
                    np.testing.assert_array_equal(column, store.predictions(run, part)[name])
            run = None
        else:
            run = resume.put_back(place, run.id)
    moments = ", ".join(f"{phase} {n}" for phase, n in at.most_common())
    print(
        f"\n{kills} kills ({moments}): {len(broken)} unreadable files, {lost} lost epochs; "
        f"{equal} of {compared} runs of {CONFIG.epochs} epochs with the history and predictions "
        "of the undisturbed one",
        file=sys.stderr,
    )
    assert (broken, lost) == ([], 0)
    assert equal == compared > 0
