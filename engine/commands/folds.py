"""folds: a run's configuration, trained and judged on each fold of its dataset.

What comes out is the AUC of a way of training, and no weights. A cross-validation is a run of its
own: it waits in line, is stopped, lost, resumed and deleted as any other, and goes on with the
first fold that is missing.
"""

import logging
import platform
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from engine.commands import learn, line
from engine.commands.learn import Report
from engine.data import folds
from engine.data.dataset import PARTS
from engine.data.folds import USUAL, Dealt
from engine.data.question import Task
from engine.errors import RecordError, RunError
from engine.evaluation import multiclass, roc, thresholds
from engine.evaluation.folds import CrossValidated, cross_validated, cross_validated_mean
from engine.evaluation.level import LEVEL
from engine.evaluation.proportions import Proportion, wilson, wilson_by_subject
from engine.runs import folded, store
from engine.runs.folded import Folded
from engine.runs.store import Run
from engine.training.config import TrainConfig, stored_config
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
        RunError: if there is no such run, or it is a cross-validation itself.
        DatasetError: if its dataset is gone, or holds other pictures by now.
        ConfigError: as `engine.data.folds.deal`, or if its configuration cannot be read.
    """
    run = store.require_training(store.open_run(workspace, run_id))
    config = stored_config(run.config)
    folds.deal(learn.task_of_run(workspace, run), n, repeats, config.seed)
    kept = (
        "dataset", "dataset_fingerprint", "split_id", "dataset_image_size", "dataset_fit",
        "class_names", "positive", "negative", "subjects", "image_size",
    )  # fmt: skip
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
    found = _read(run)
    if found is None or not found.done:
        return "It begins anew, under the same name: no fold of it had ended."
    return (
        f"It goes on after {found.done} of {found.best_epoch.size} folds, as if nothing had ended "
        "it."
    )


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


# --- compute it -----------------------------------------------------------------------------------

# From a task whose parts are those of a fold, and what to report by: what its model says of
# validation and test, as `learn.scored` gives it, and the best epoch; None if a stop came first.
Judge = Callable[[Task, Report], tuple[dict, int] | None]


def cross(workspace: Workspace, run: Run, told: Report) -> CrossValidation | None:
    """Train and judge the folds that are missing; None if a stop came first.

    Raises:
        CamsightError: in a sentence; the folds that are judged are kept.
    """
    told({"phase": "starting"})
    run = store.save(
        run, status="running", started=run.started or store.now(), ended=None, error=None,
        crossed=None,
    )  # fmt: skip
    log.info("cross-validating %s on %s", run.of, run.dataset)
    task = learn.task_of_run(workspace, run)
    config = learn.settled(workspace, stored_config(run.config), task, run.precision)
    dealt = folds.deal(task, run.folds, run.repeats, config.seed)
    found = _begun(run, task, dealt)

    from engine import backend

    run = store.save(
        run,
        device=backend.device()["name"],
        versions=backend.versions() | {"python": platform.python_version()},
        git_commit=store.git_commit(),
        precision=config.precision,
    )
    before, began = run.seconds or 0.0, time.perf_counter()
    judge_fold = _by_heads(task, config, run, told) if config.head_alone else _by_network(
        config, run
    )
    for at in np.flatnonzero(found.best_epoch.ravel() == 0) if judge_fold else ():
        if store.asked_to_stop(run):
            break
        repeat, fold = divmod(int(at), run.folds)
        part_of = dealt.part_of(repeat, fold, task.dataset.size, config.seed)
        done = judge_fold(replace(task, fold=part_of), _of_fold(told, int(at), found))
        if done is None:
            break
        _keep(run, found, dealt, repeat, fold, *done)
    run = store.save(run, seconds=before + time.perf_counter() - began)
    if not found.whole:
        store.save(run, status="stopped", ended=store.now())
        return None
    crossed = judge(run, found)
    names = (
        "auc", "auc_low", "auc_high", "standard_error", "interval", "n", "subjects", "accuracy",
    )  # fmt: skip
    figures = crossed.figures
    run = store.save(
        run, status="finished", ended=store.now(),
        crossed={name: figures[name] for name in names if name in figures},
    )  # fmt: skip
    log.info("AUC of %d folds %.3f, %.3f to %.3f", len(crossed.auc.folds), crossed.auc.value,
             crossed.auc.low, crossed.auc.high)  # fmt: skip
    return replace(crossed, run=run)


def _begun(run: Run, task: Task, dealt: Dealt) -> Folded:
    """What is there, or nothing yet; what cannot be read, or was dealt out in another way, is
    computed again."""
    data = task.dataset
    anew = folded.begin(
        data.pictures[dealt.rows], None if data.groups is None else data.groups[dealt.rows],
        dealt.labels, dealt.fold, len(task.class_names),
    )  # fmt: skip
    found = _read(run)
    return found if found is not None and found.begun_with(anew) else anew


def _read(run: Run) -> Folded | None:
    try:
        return folded.read(run.folder)
    except RecordError as error:
        log.warning("%s", error)
        return None


def _keep(
    run: Run, found: Folded, dealt: Dealt, repeat: int, fold: int, parts: dict, best_epoch: int
) -> None:
    """Put a fold's scores in their places, and write them."""
    judged = np.flatnonzero(dealt.fold[repeat] == fold)
    # dealt by identity, judged by row
    found.y_score[repeat, judged[np.argsort(dealt.rows[judged])]] = parts["test"]["y_score"]
    if found.y_score.ndim == 2:
        told = parts["validation"]
        found.threshold[repeat, fold] = thresholds.youden_in_the_middle(
            roc.roc_curve(told["y_true"], told["y_score"])
        )
    found.best_epoch[repeat, fold] = best_epoch
    folded.write(run.folder, found)
    log.info("fold %d of %d judged, best epoch %d", found.done, found.best_epoch.size, best_epoch)


def _of_fold(told: Report, at: int, found: Folded) -> Report:
    """Reports that say which fold it is, and how long all of them will take."""
    began, left = time.perf_counter(), found.best_epoch.size - found.done - 1

    def report(progress: dict) -> None:
        here = progress.get("seconds_left")
        if here is not None:
            progress = progress | {
                "seconds_left": here + left * (time.perf_counter() - began + here)
            }
        told(progress | {"fold": at + 1, "folds": found.best_epoch.size})

    return report


def _by_heads(task: Task, config: TrainConfig, run: Run, told: Report) -> Judge | None:
    """Heads on features that are found once for all pictures; None if a stop came first."""
    from engine import inference
    from engine.data import features
    from engine.training import transfer

    model = learn.model_of(config, task)
    computed = transfer.compute_features(
        model, task.dataset, config, told, lambda: store.asked_to_stop(run), transfer.FOLDED
    )
    if computed is None:
        return None
    parts, _ = computed
    rows = np.flatnonzero(task.labels >= 0)
    x, y = features.read(parts.values(), rows), task.labels[rows].astype(np.int64)

    def judge_fold(fold: Task, report: Report) -> tuple[dict, int]:
        began = time.perf_counter()
        at = {part: np.searchsorted(rows, fold.indices(part)) for part in PARTS}
        head = transfer.fit_head(
            {part: x[of] for part, of in at.items()}, {part: y[of] for part, of in at.items()},
            config,
        )  # fmt: skip
        said = {
            part: {
                "y_true": y[at[part]],
                "y_score": inference.probabilities(head.logits(x[at[part]])),
            }
            for part in ("validation", "test")
        }
        report({
            "phase": "training", "epoch": head.best_epoch, "epochs": config.epochs, "batch": 1,
            "batches": 1, "seconds_left": 0.0,
            "pictures_per_second": len(at["train"]) / (time.perf_counter() - began),
        })  # fmt: skip
        return said, head.best_epoch

    return judge_fold


def _by_network(config: TrainConfig, run: Run) -> Judge:
    """A network from its beginning for each fold, in a folder that is removed after it."""

    def judge_fold(fold: Task, report: Report) -> tuple[dict, int] | None:
        from engine import backend
        from engine.training import storage, transfer

        scratch = run.folder / "fold"
        shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
        scratch.mkdir()
        try:
            backend.keras.utils.clear_session()  # the last fold's network would stay in memory
            model = learn.model_of(config, fold)
            storage.require_space(run.folder, storage.needed_bytes(model, fold, config))
            done = transfer.fit_any(
                model, fold, config, scratch,
                report=report, should_stop=lambda: store.asked_to_stop(run),
            )  # fmt: skip
            fitted = done.fitted
            if fitted.error:
                store.save(run, diverged=fitted.diverged)
                raise RunError(f"A fold could not be trained to its end: {fitted.error}")
            if fitted.stopped:
                return None
            report({"phase": "judging"})
            weights = scratch / "best.weights.h5"
            return learn.scored(model, fold, config, weights, done.logits), fitted.best_epoch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    return judge_fold
