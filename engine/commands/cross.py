"""Compute a cross-validation: train and judge the run's configuration on each of its folds."""

import logging
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from engine.commands import learn
from engine.commands.folds import CrossValidation, judge, so_far
from engine.commands.learn import Report
from engine.data import folds
from engine.data.dataset import PARTS
from engine.data.folds import Dealt
from engine.data.question import Task
from engine.errors import RunError
from engine.evaluation import roc, thresholds
from engine.runs import folded, store
from engine.runs.folded import Folded
from engine.runs.record import Run
from engine.training.config import TrainConfig, stored_config
from engine.workspace import Workspace

log = logging.getLogger("camsight")

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
    found = so_far(run)
    return found if found is not None and found.begun_with(anew) else anew


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
