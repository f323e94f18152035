"""What happens in the process that trains a run: fit, keep the best weights, judge them."""

import logging
import pkgutil
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np

from engine import files
from engine.commands.evaluate import THRESHOLD, Evaluation, Means, area, judge, judge_all
from engine.data.dataset import open_dataset
from engine.data.decode import resize_all
from engine.data.question import Question, Task, task_of
from engine.errors import DatasetError, RunError
from engine.models.presets import find_preset
from engine.runs import outcome, store
from engine.runs.store import Run
from engine.training.config import TrainConfig, stored_config
from engine.workspace import Workspace

log = logging.getLogger("camsight")
Report = Callable[[dict], None]
STARTED_FROM = 500  # training pictures that a preset may take its first weights from


def learn(workspace: Workspace, run: Run, told: Report) -> Evaluation | Means | None:
    began = time.perf_counter()
    told({"phase": "starting"})
    run = store.save(run, status="running", started=store.now())
    log.info("starting on %s", run.dataset)
    task = task_of_run(workspace, run)
    config = settled(workspace, stored_config(run.config), task, run.precision)

    from engine import backend
    from engine.models.build import spatial_layers
    from engine.training import fit, storage

    model = model_of(config, task)
    storage.require_space(run.folder, storage.needed_bytes(model, task, config))
    run = store.save(
        run,
        device=backend.device()["name"],
        versions=backend.versions() | {"python": platform.python_version()},
        git_commit=store.git_commit(),
        layers=tuple(spatial_layers(model)),
        precision=config.precision,
    )
    told({"phase": "measuring"})
    expected = fit.estimate(model, task, config, began=began)
    told({"phase": "estimated", **asdict(expected)})
    log.info("about %.0f s, from %d timed batches", expected.seconds, fit.TIMED_BATCHES)

    fitted = fit.fit(
        model,
        task,
        config,
        run.folder,
        report=told,
        should_stop=lambda: store.asked_to_stop(run),
    )
    run = store.save(
        run,
        seconds=fitted.seconds,
        best_epoch=fitted.best_epoch,
        pictures_per_second=fitted.pictures / fitted.seconds or None,
        error=fitted.error,
    )
    if not fitted.best_epoch:
        raise RunError(fitted.error or f"The run '{run.id}' ended before it had weights.")
    told({"phase": "judging"})
    return _judge(run, model, task, config, fitted)


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

    Args:
        known: what the run was begun with, and so goes on with.
    """
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
        l2=config.l2, precision=config.precision,
    )  # fmt: skip
    how = find_preset(config.preset).start
    if how:
        rows = task.indices("train")
        rows = rows[:: -(-len(rows) // STARTED_FROM)]  # of every class, wherever it lies
        pkgutil.resolve_name(how)(model, resize_all(task.images[rows], config.image_size))
    compile_model(model, config)
    return model


def _judge(run: Run, model, task: Task, config: TrainConfig, fitted) -> Evaluation | Means:
    """Score validation and test with the best weights, and complete the run's folder."""
    from engine import inference
    from engine.models.build import build

    weights = run.folder / "best.weights.h5"
    if config.precision != "float32":
        model = build(config.preset, config.image_size, len(task.class_names), l2=config.l2)
    model.load_weights(weights)
    parts = {}
    for part in ("validation", "test"):
        rows = task.indices(part)
        logit = inference.logits(model, task.images, rows)
        parts[part] = {
            "picture": task.dataset.pictures[rows],
            "y_true": task.labels[rows].astype(np.uint8),
            "logit": logit,
            "y_score": inference.probabilities(logit),
        }
    outcome.write_predictions(run.folder, parts)
    if len(task.class_names) > 2:
        evaluation = judge_all(run, "test", parts["test"], "hanley-mcneil")
    else:
        evaluation = judge(run, "test", parts["test"], THRESHOLD, "hanley-mcneil")
    chosen_by = area(parts["validation"])
    _draw_curves(run)
    run = store.save(
        run,
        status="failed" if fitted.error else "stopped" if fitted.stopped else "finished",
        ended=store.now(),
        figures=evaluation.figures | {"validation_auc": chosen_by},
        weights_sha256=files.sha256(weights),
    )
    log.info(evaluation.closing_line())
    return replace(evaluation, run=run)


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
    files.write(run.folder / "curves.png", lambda beside: figure.savefig(beside, dpi=110))
