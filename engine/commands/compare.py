"""Which runs may be compared and how, which of them is chosen, and where their pictures are."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.dataset import Dataset
from engine.errors import CamsightError, ConfigError, RunError, ScoresError
from engine.evaluation import roc
from engine.evaluation.compare import Difference, delong
from engine.runs import outcome, store
from engine.runs.store import Run
from engine.training.config import OF_NO_USE, stored_config
from engine.workspace import Workspace


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


# --- two runs on the same pictures ----------------------------------------------------------------


def compare(workspace: Workspace, a: str, b: str) -> Difference:
    """The paired test of the AUCs of two runs, or of two CSV files as `auc` reads them, whose rows
    are of the same pictures in the same order.

    Raises:
        CamsightError: where there is no such run or file, or the two cannot be compared.
    """
    if not (a.endswith(".csv") and b.endswith(".csv")):
        return paired(store.open_run(workspace, a), store.open_run(workspace, b))
    (labels, score_a), (others, score_b) = roc.read_scores_csv(a), roc.read_scores_csv(b)
    if not np.array_equal(labels, others):
        raise ScoresError(
            f"{a} and {b} hold other labels, so their rows are not of the same pictures in the "
            "same order; write both from the same pictures."
        )
    return delong(labels, score_a, score_b)


def paired(a: Run, b: Run) -> Difference:
    """The AUC of `a` minus that of `b` on the test pictures that both were judged on.

    Raises:
        RunError: if they cannot be compared (see `why_not_paired`).
        ScoresError: if there are too few pictures, or no spread to measure by.
        RecordError: if predictions cannot be read.
    """
    for run in (a, b):
        store.require_judged(run)
    if why := why_not_paired(a, b):
        raise RunError(why)
    first, second = (_in_order(store.predictions(run, "test")) for run in (a, b))
    if not all(np.array_equal(first[at], second[at]) for at in (0, 1)):
        raise RunError(
            f"The stored predictions of '{a.id}' and '{b.id}' are not of the same pictures, though "
            "their records say so; train one of them again."
        )
    return delong(first[1], first[2], second[2])


def why_not_paired(a: Run, b: Run) -> str:
    """Why the AUCs of two judged runs cannot be tested against each other; "" where they can."""
    if a.id == b.id:
        return f"'{a.id}' cannot be compared with itself; choose two runs."
    if len(comparable([b], a)) == 0:
        known = "were" if a.split_id and b.split_id else "may have been"
        return (
            f"'{a.id}' and '{b.id}' {known} judged on other test pictures, so their AUCs are not "
            "compared; train one of them on the dataset of the other."
        )
    if len(a.class_names) > 2:
        return (
            f"'{a.id}' and '{b.id}' tell {len(a.class_names)} classes apart, and the difference of "
            "two mean AUCs is not tested yet; compare their intervals class by class on Evaluate."
        )
    return ""


def _in_order(told: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Identities, labels and scores, sorted so that two runs' stand beside each other; runs of the
    first version knew rows and no pictures."""
    which = told["row" if "row" in told else "picture"].astype("U64")
    order = np.lexsort((told["y_true"], which))  # copies of a picture have one score
    return which[order], told["y_true"][order], told["y_score"][order]


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
