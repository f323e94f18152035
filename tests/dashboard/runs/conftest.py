"""Workspaces for tests of Runs."""

import numpy as np
import pytest

from engine.runs import outcome
from engine.workspace import Workspace

HISTORY = "epoch,loss,accuracy,val_loss,val_accuracy\n1,0.7,0.5,0.69,0.5\n2,0.6,0.6,0.61,0.65\n"


def predicted(seed: int, skill: float, start: int) -> dict[str, np.ndarray]:
    """What a run says of 120 test pictures, whose names count from `start`."""
    y_true = np.repeat([0, 1], 60)
    score = np.random.default_rng(seed).normal(skill * y_true, 1)
    names = np.array([f"{start + n:064}" for n in range(120)])
    return {"picture": names, "y_true": y_true, "logit": score, "y_score": 1 / (1 + np.exp(-score))}


@pytest.fixture
def place(empty_workspace) -> Workspace:
    return Workspace(empty_workspace)


@pytest.fixture
def judged(place, add_run):
    """`judged(seed=1, skill=1.0)`: a run with a history and predictions on 120 test pictures."""

    def make(seed: int = 1, skill: float = 1.0, start: int = 0, **known):
        run = add_run(place, **known)
        told = predicted(seed, skill, start)
        outcome.write_predictions(run.folder, {"test": told, "validation": told})
        (run.folder / "history.csv").write_text(HISTORY)
        return run

    return make
