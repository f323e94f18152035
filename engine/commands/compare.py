"""Which runs may be compared and how, which of them is chosen, and where their pictures are."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.dataset import Dataset
from engine.errors import CamsightError, ConfigError
from engine.evaluation import roc
from engine.runs import outcome
from engine.runs.record import Run
from engine.training.config import OF_NO_USE, stored_config


def comparable(runs: Iterable[Run], run: Run) -> list[Run]:
    """The judged runs whose test part holds the very same pictures with the same labels.

    Of a run whose split is not known, nothing but itself.
    """
    return [
        one
        for one in runs
        if one.judged and (one.id == run.id or (one.split_id and one.split_id == run.split_id))
    ]


def elect(runs: Sequence[Run]) -> Run:
    """Of comparable runs the one with the highest AUC on validation; the older one of equals.

    Its AUC on test is then that of one run which was chosen without it: the highest of many test
    AUCs would owe part of its height to chance.
    """
    return max(runs, key=lambda run: (validation_auc(run), -run.number))


def validation_auc(run: Run) -> float:
    """The AUC by which runs are chosen; minus infinity where it cannot be known."""
    stored = (run.figures or {}).get("validation_auc")
    if isinstance(stored, float):
        return stored
    return _validation_auc(run.folder, run.weights_sha256)


@lru_cache(maxsize=4096)
def _validation_auc(folder: Path, weights_sha256: str | None) -> float:
    """Of a run of the first version, which did not store it."""
    try:
        told = outcome.read_predictions(folder, "validation", classes=2)
        return roc.auc(told["y_true"], told["y_score"])
    except CamsightError:
        return float("-inf")


def dataset_of(run: Run, datasets: Iterable[Dataset]) -> Dataset | None:
    """The dataset that holds the run's pictures: of the same content, by the same name if there is
    one; None if it is gone, or holds other pictures by now."""
    same = [one for one in datasets if one.fingerprint == run.dataset_fingerprint]
    return next((one for one in same if one.name == run.dataset), same[0] if same else None)


def rows(run: Run, told: dict[str, np.ndarray], dataset: Dataset) -> np.ndarray:
    """Rows of `dataset` that hold the pictures of the run's predictions; -1 where it does not.

    The first version stored rows. They are right as long as the dataset is the very one that the
    run was trained on: made before it, with these labels in these rows.
    """
    if "row" not in told:
        return dataset.rows_of(told["picture"])
    found = told["row"]
    right = dataset.created <= run.created and found.max() < dataset.size
    if right and (dataset.labels[found] == told["y_true"]).all():
        return found
    return np.full(len(found), -1)


# --- what they were told to do --------------------------------------------------------------------


def settings(run: Run) -> dict[str, Any]:
    """What the run was told to do: dataset, question and every hyperparameter by its name, with
    the defaults of those that an older version did not write; None for what had no part in it."""
    try:
        known = stored_config(run.config)
        config = run.config | known.model_dump()
        if known.head_alone:
            config |= dict.fromkeys(OF_NO_USE)
    except ConfigError:  # of a newer version: as it stands there
        config = dict(run.config)
    return {"dataset": run.dataset, "question": run.question, **config}


def what_differs(runs: Sequence[Run]) -> tuple[dict[str, list[Any]], int]:
    """The settings in which runs differ, each with the value of every run (None where it has no
    such setting), and how many further ones are the same."""
    told = [settings(run) for run in runs]
    names = dict.fromkeys(name for one in told for name in one)
    values = {name: [one.get(name) for one in told] for name in names}
    differ = {name: of for name, of in values.items() if any(one != of[0] for one in of)}
    return differ, len(values) - len(differ)
