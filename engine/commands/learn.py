"""What happens in the process that trains a run: fit, keep the best weights, judge them."""

import logging
import pkgutil
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from engine import files
from engine.commands.evaluate import THRESHOLD, Evaluation, Means, area, judge, judge_all
from engine.data.dataset import open_dataset
from engine.data.decode import resize_all
from engine.data.question import Question, Task, task_of
from engine.errors import DatasetError, RecordError, RunError
from engine.models.presets import find_preset
from engine.runs import outcome, store
from engine.runs.record import Run
from engine.training import checkpoint
from engine.training.checkpoint import Checkpoint
from engine.training.config import TrainConfig, stored_config
from engine.workspace import Workspace

log = logging.getLogger("camsight")
Report = Callable[[dict], None]
STARTED_FROM = 500  # training pictures that a preset may take its first weights from


def learn(workspace: Workspace, run: Run, told: Report) -> Evaluation | Means | None:
    """Train the run, from its checkpoint where it has one, and judge its best weights.

    Raises:
        CamsightError: in a sentence; what the folder holds by then is kept.
    """
    began = time.perf_counter()
    told({"phase": "starting"})
    goes_on = checkpoint.exists(run.folder)
    started = run.started if goes_on and run.started else store.now()
    run = store.save(run, status="running", started=started)
    log.info("starting on %s", run.dataset)
    task = task_of_run(workspace, run)
    config = settled(workspace, stored_config(run.config), task, run.precision)

    from engine import backend
    from engine.models.build import spatial_layers
    from engine.training import storage

    since = checkpoint_of(run, task, config)
    model = model_of(config, task)
    storage.require_space(run.folder, storage.needed_bytes(model, task, config))
    run = store.save(
        run,
        device=backend.device()["name"],
        versions=backend.versions() | {"python": platform.python_version()},
        git_commit=store.git_commit(),
        layers=tuple(spatial_layers(model)),
        precision=config.precision,
        **_begun_anew(run, since),
    )
    done = _fit(model, task, config, run, since, told, began)
    fitted = done.fitted
    if fitted.stopped and not fitted.best_epoch and config.backbone:
        store.save(run, status="stopped", ended=store.now())
        return None
    run = store.save(
        run,
        features_by=done.engine or run.features_by,
        seconds=fitted.seconds,
        best_epoch=fitted.best_epoch,
        pictures_per_second=fitted.pictures / fitted.seconds or None,
        error=fitted.error,
        diverged=fitted.diverged,
    )
    if not fitted.best_epoch:
        raise RunError(fitted.error or f"The run '{run.id}' ended before it had weights.")
    told({"phase": "judging"})
    return _judge(run, model, task, config, fitted, done.logits)


def _fit(model, task: Task, config: TrainConfig, run: Run, since, told: Report, began: float):
    """`engine.training.transfer.Transferred`, of a network without a backbone, too."""
    from engine.training import fit, transfer

    how = {"report": told, "should_stop": lambda: store.asked_to_stop(run), "since": since}
    if since:
        told({"phase": "resuming", "epoch": since.told.epoch, "epochs": config.epochs})
        log.info("resumed after epoch %d of %d", since.told.epoch, config.epochs)
    elif not config.backbone:
        told({"phase": "measuring"})
        expected = fit.estimate(model, task, config, began=began)
        told({"phase": "estimated", **asdict(expected)})
        log.info("about %.0f s, from %d timed batches", expected.seconds, fit.TIMED_BATCHES)
    return transfer.fit_any(model, task, config, run.folder, **how)


def checkpoint_of(run: Run, task: Task, config: TrainConfig) -> Checkpoint | None:
    """What the run goes on from; None where no epoch of it has ended.

    Raises:
        RunError: if it cannot be read, or is of another configuration or of other pictures.
    """
    kept = "what it has is kept, so start a new one beside it."
    try:
        found = checkpoint.read(run.folder)
    except RecordError as error:
        raise RunError(f"The run '{run.id}' cannot be resumed ({error}); {kept}") from error
    if found is None:
        return None
    stored, belongs = found.told.belongs, checkpoint.belongs(task, config)
    written_for = stored_config(stored["config"]).model_dump(include=belongs["config"].keys())
    if stored | {"config": written_for} != belongs:  # by whichever version
        raise RunError(
            f"The run '{run.id}' cannot be resumed (its checkpoint is of another configuration, or "
            f"of other pictures); {kept}"
        )
    return found


def _begun_anew(run: Run, since: Checkpoint | None) -> dict:
    """What a record says once its run trains again: nothing of how it had ended before."""
    here = ((since.told.epoch + 1, store.now()),) if since else ()
    return {"figures": None, "weights_sha256": None, "ended": None, "error": None,
            "went_on": (*run.went_on, *here)}  # fmt: skip


def task_of_run(workspace: Workspace, run: Run) -> Task:
    """What the run was queued to learn, its arrays open.

    Raises:
        DatasetError: if other pictures, or another split of them, have its name by now.
    """
    dataset = open_dataset(workspace, run.dataset)
    arrays = (dataset.images, dataset.labels, dataset.part_of, dataset.pictures)
    again = open_dataset(workspace, run.dataset)  # it may have been replaced between two arrays
    question = question_of(run)
    for one in (dataset, again):
        same = one.fingerprint == run.dataset_fingerprint
        same = same and run.split_id in ("", task_of(one, question).split_id)
        if not same or not len(arrays[0]):
            raise DatasetError(
                f"The dataset '{run.dataset}' was replaced after '{run.id}' was queued; start "
                "anew."
            )
    return task_of(dataset, question)


def question_of(run: Run) -> Question | None:
    """The question that the run was trained on; None where it knows all classes."""
    return Question(run.positive, run.negative) if run.positive else None


def settled(
    workspace: Workspace, config: TrainConfig, task: Task, known: str | None = None
) -> TrainConfig:
    """The configuration with a precision that computes, where "auto" leaves it to the machine.

    A backbone that stays as it is is not trained: its features are exact where pictures are judged
    by them, and in what is fastest where a head learns from them.

    Args:
        known: what the run was begun with, and so goes on with.
    """
    if config.head_alone:
        return config.model_copy(update={"precision": "float32"})
    if config.precision != "auto":
        return config
    from engine import backend
    from engine.training.precision import faster

    backend.prepare_process()
    found = known or faster(workspace, config, len(task.class_names))
    return config.model_copy(update={"precision": found})


def model_of(config: TrainConfig, task: Task):
    """The compiled network, with the weights it starts from, in a process made ready for it."""
    from engine import backend
    from engine.models.build import build
    from engine.training.fit import compile_model

    backend.prepare_process()
    backend.make_repeatable(config.seed)
    model = build(
        config.preset, config.image_size, len(task.class_names),
        l2=config.l2, precision=config.precision, backbone=config.backbone,
    )  # fmt: skip
    if config.backbone:
        from engine.models.transfer import load_imagenet

        load_imagenet(model, config.backbone)
    how = find_preset(config.preset).start
    if how:
        rows = task.indices("train")
        rows = rows[:: -(-len(rows) // STARTED_FROM)]  # of every class, wherever it lies
        pkgutil.resolve_name(how)(model, resize_all(task.images[rows], config.image_size))
    compile_model(model, config)
    return model


def _judge(
    run: Run, model, task: Task, config: TrainConfig, fitted, known: dict[str, np.ndarray]
) -> Evaluation | Means:
    """Score validation and test with the best weights, and complete the run's folder.

    known: logits of a part that need not be computed again.
    """
    weights = run.folder / "best.weights.h5"
    parts = scored(model, task, config, weights, known)
    outcome.write_predictions(run.folder, parts)
    if len(task.class_names) > 2:
        evaluation = judge_all(run, "test", parts["test"])
    else:
        evaluation = judge(run, "test", parts["test"], THRESHOLD)
    chosen_by = area(parts["validation"])
    _draw_curves(run)
    run = store.save(
        run,
        status="failed" if fitted.error else "stopped" if fitted.stopped else "finished",
        ended=store.now(),
        figures=evaluation.figures | {"validation_auc": chosen_by},
        weights_sha256=files.sha256(weights),
    )
    if run.status == "finished" or run.diverged:
        checkpoint.remove(run.folder)  # nobody goes on from it
    log.info(evaluation.closing_line())
    return replace(evaluation, run=run)


def scored(
    model, task: Task, config: TrainConfig, weights: Path, known: dict[str, np.ndarray]
) -> dict[str, dict[str, np.ndarray]]:
    """What the weights say of validation and of test, as `outcome.write_predictions` takes it.

    model: the one that was trained; known: as of `_judge`.
    """
    from engine import inference
    from engine.models.build import build

    if config.precision != "float32":
        model = build(
            config.preset, config.image_size, len(task.class_names),
            l2=config.l2, backbone=config.backbone,
        )  # fmt: skip
    model.load_weights(weights)
    parts, groups = {}, task.dataset.groups
    subject = None if groups is None else np.unique(groups, return_inverse=True)[1]
    for part in outcome.PARTS:
        rows = task.indices(part)
        logit = known[part] if part in known else inference.logits(model, task.images, rows)
        parts[part] = {
            "picture": task.dataset.pictures[rows],
            "y_true": task.labels[rows].astype(np.uint8),
            "logit": logit,
            "y_score": inference.probabilities(logit),
        }
        if subject is not None:
            parts[part]["subject"] = subject[rows].astype(np.int32)
    return parts


def _draw_curves(run: Run) -> None:
    """Loss and accuracy by epoch as a PNG, for whoever opens the folder without us."""
    from matplotlib.figure import Figure

    told = store.history(run)
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(told["epoch"], told[name], ":", color="#7A7973", label="training")
        axes.plot(told["epoch"], told[f"val_{name}"], "-", color="#0B6B60", label="validation")
        best = run.best_epoch - 1
        axes.plot(run.best_epoch, told[f"val_{name}"][best], "o", mfc="white", color="#0B6B60")
        axes.set(xlabel="epoch", title=f"{run.id}: {name}")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    try:
        files.write(run.folder / "curves.png", lambda beside: figure.savefig(beside, dpi=110))
    except OSError as error:  # they are drawn from what is kept, and no reason for a run to fail
        log.warning("curves.png could not be written: %s", error.strerror)
