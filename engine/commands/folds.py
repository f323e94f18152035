"""folds: a run's configuration, trained and judged on each fold of its dataset.

What comes out is the AUC of a way of training, and no weights. A cross-validation is a run of its
own: it waits in line, is stopped, lost, resumed and deleted as any other, and goes on with the
first fold that is missing.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.commands import learn, line
from engine.data import folds
from engine.data.folds import USUAL
from engine.errors import RecordError, RunError
from engine.evaluation import multiclass
from engine.evaluation.folds import CrossValidated, cross_validated, cross_validated_mean
from engine.evaluation.level import LEVEL
from engine.evaluation.proportions import Proportion, wilson, wilson_by_subject
from engine.people import Role, require
from engine.runs import folded, store
from engine.runs.folded import Folded
from engine.runs.record import Run
from engine.training.config import stored_config
from engine.workspace import Workspace

log = logging.getLogger("camsight")
NAMED = "folds"  # what the id of a cross-validation begins with
FEW = 100  # test pictures of a class, under which a cross-validation is worth its time


@dataclass(frozen=True)
class CrossValidation:
    """What a way of training scores, from all folds.

    Attributes:
        auc: of two classes theirs, of more the mean over all pairs.
        accuracy: of what each fold's model said of its own pictures; of two classes, at the
            threshold that the fold's validation part chose.
        matrix: `(k, k)` counts over all repeats: truth in rows, what was said in columns.
        wrong: `(n,)` in which share of the repeats each picture was told wrongly.
    """

    run: Run
    folded: Folded
    auc: CrossValidated
    accuracy: Proportion
    matrix: np.ndarray
    wrong: np.ndarray

    @property
    def figures(self) -> dict:
        """What `--json` prints, apart from run and seconds."""
        auc = self.auc
        named = {"subjects": auc.subjects, "naive": auc.naive} if auc.subjects else {}
        return {
            "of": self.run.of,
            "folds": self.run.folds,
            "repeats": self.run.repeats,
            "auc": auc.value,
            "auc_low": auc.low,
            "auc_high": auc.high,
            "standard_error": auc.standard_error,
            "interval": auc.method,
            "corrected": auc.corrected,
            "level": auc.level,
            "n": len(self.folded.y_true),
            **named,
            "accuracy": self.accuracy.value,
            "fold_aucs": [one.value for one in auc.folds],
            "matrix": self.matrix.tolist(),
        }


# --- ask for one ----------------------------------------------------------------------------------


def create(workspace: Workspace, run_id: str, n: int = USUAL, repeats: int = 1) -> Run:
    """A queued cross-validation of a run, in n folds, the whole of it `repeats` times; it has no
    ticket yet, see `train.create_run`.

    Raises:
        RunError: if there is no such run, it is a cross-validation itself, or whoever asks would
            have too many runs in line.
        DatasetError: if its dataset is gone, or holds other pictures by now.
        ConfigError: as `engine.data.folds.deal`, or if its configuration cannot be read.
        AccessError: if whoever asks may not train.
    """
    require(workspace.by, Role.TRAINER, f"cross-validate {run_id}")
    run = store.require_training(store.open_run(workspace, run_id))
    config = stored_config(run.config)
    folds.deal(learn.task_of_run(workspace, run), n, repeats, config.seed)
    kept = (
        "dataset", "dataset_fingerprint", "split_id", "dataset_image_size", "dataset_fit",
        "class_names", "positive", "negative", "subjects", "image_size",
    )  # fmt: skip
    with line.room(workspace, 1):
        return store.create(
            workspace, run.preset, NAMED, of=run.id, folds=n, repeats=repeats,
            config=config.model_dump(), **{name: getattr(run, name) for name in kept},
        )  # fmt: skip


def start(workspace: Workspace, run_id: str, n: int = USUAL, repeats: int = 1) -> Run:
    """A new cross-validation in line, in a process of its own that outlives whoever asked for it.

    Raises:
        CamsightError: as `create`, or if it cannot be put in line.
    """
    run = create(workspace, run_id, n, repeats)
    line.put(workspace, [run])
    return run


def of_run(run: Run, runs: Iterable[Run]) -> list[Run]:
    """The cross-validations of a run, as they were made, the newest last."""
    return [one for one in runs if one.of == run.id]


def find(workspace: Workspace, run_id: str, n: int, repeats: int) -> Run | None:
    """A finished cross-validation of the run by so many folds and repeats, the newest; None if it
    has to be computed."""
    run = store.open_run(workspace, run_id)
    found = [
        one
        for one in of_run(run, store.list_runs(workspace))
        if one.crossed and (one.folds, one.repeats) == (n, repeats)
    ]
    return found[-1] if found else None


def outlook(run: Run) -> str:
    """What resuming it will do, in a sentence."""
    found = so_far(run)
    if found is None or not found.done:
        return "It begins anew, under the same name: no fold of it had ended."
    return (
        f"It goes on after {found.done} of {found.best_epoch.size} folds, as if nothing had ended "
        "it."
    )


def so_far(run: Run) -> Folded | None:
    """The folds that are judged; None where nothing of them can be read."""
    try:
        return folded.read(run.folder)
    except RecordError as error:
        log.warning("%s", error)
        return None


# --- what it found --------------------------------------------------------------------------------


def result(run: Run, level: float = LEVEL) -> CrossValidation:
    """What a finished cross-validation found.

    Raises:
        RunError: if it has not finished.
        RecordError: if its folds.npz cannot be read.
        ConfigError: a level outside (0, 1).
    """
    if not run.crossed:
        way_out = "wait until it has finished" if run.active else f"resume it, or evaluate {run.of}"
        reason = f" ({run.error})" if run.error else ""
        raise RunError(
            f"The cross-validation '{run.id}' is {run.status} and has no figures{reason}; "
            f"{way_out}."
        )
    try:
        found = folded.read(run.folder)
    except RecordError as error:
        raise RecordError(
            f"The folds of '{run.id}' cannot be read ({error}); cross-validate '{run.of}' again."
        ) from error
    if found is None or not found.whole:
        raise RecordError(
            f"The folds of '{run.id}' are missing; cross-validate '{run.of}' again."
        )
    return judge(run, found, level)


def judge(run: Run, found: Folded, level: float = LEVEL) -> CrossValidation:
    """Figures of all folds at hand."""
    k, repeats = len(run.class_names), len(found.fold)
    score = cross_validated if k == 2 else cross_validated_mean
    said = _said(found)
    right = said == found.y_true
    pictures = np.arange(len(found.y_true)) if found.groups is None else found.groups
    if repeats == 1 and found.groups is None:
        accuracy = wilson(int(right.sum()), right.size, level)
    else:  # a picture that is judged several times is no more pictures
        accuracy = wilson_by_subject(right.ravel(), np.tile(pictures, repeats), level)
    return CrossValidation(
        run=run,
        folded=found,
        auc=score(found.y_true, found.y_score, found.fold, level, found.groups),
        accuracy=accuracy,
        matrix=multiclass.confusion_matrix(np.tile(found.y_true, repeats), said.ravel(), k),
        wrong=1 - right.mean(axis=0),
    )


def _said(found: Folded) -> np.ndarray:
    """`(R, n)` classes: of two by the threshold of the picture's fold, of more the likeliest."""
    if found.y_score.ndim == 3:
        return found.y_score.argmax(axis=2)
    return (found.y_score >= np.take_along_axis(found.threshold, found.fold, 1)).astype(np.int64)
