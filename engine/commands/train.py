"""train: a dataset and a configuration become a run, in the process that calls this."""

import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np

from engine import files, jobs
from engine.commands.evaluate import THRESHOLD, Evaluation, Means, area, judge, judge_all
from engine.data.dataset import Dataset, open_dataset
from engine.data.question import Question, Task, task_of
from engine.errors import CamsightError, ConfigError, DatasetError, JobError, RunError
from engine.jobs import queue
from engine.models.presets import MIN_IMAGE_SIZE
from engine.runs import outcome, store
from engine.runs.store import Run
from engine.training.config import TrainConfig, stored_config
from engine.workspace import Workspace

log = logging.getLogger("camsight")
Report = Callable[[dict], None]
LOOK_AGAIN = 0.3  # seconds between two looks of a run that waits for its turn
BUSY_KEPT = 600  # seconds for which an estimate of a busy machine answers


def create_run(
    workspace: Workspace, dataset_name: str, config: TrainConfig, question: Question | None = None
) -> Run:
    """A queued run, in line behind those that are there, which `train_run` takes up in whichever
    process.

    Args:
        question: which classes of the dataset are told apart; None for all of them.

    Raises:
        DatasetError: if there is no such dataset.
        ConfigError: if the image size is above the dataset's.
    """
    dataset = open_dataset(workspace, dataset_name)
    check_size(config, dataset)
    task = task_of(dataset, question)
    run = store.create(
        workspace,
        config.preset,
        dataset=dataset.name,
        dataset_fingerprint=dataset.fingerprint,
        split_id=task.split_id,
        dataset_image_size=dataset.image_size,
        dataset_fit=dataset.fit,
        class_names=task.class_names,
        positive=question.positive if question else (),
        negative=question.negative if question else (),
        subjects=task.subjects(),
        image_size=config.image_size,
        config=config.model_dump(),
    )
    queue.join(workspace, run.id)
    return run


def check_size(config: TrainConfig, dataset: Dataset) -> None:
    if config.image_size > dataset.image_size:
        raise ConfigError(
            f"The image size {config.image_size} is above the {dataset.image_size} pixels of "
            f"'{dataset.name}'; choose one from {MIN_IMAGE_SIZE} to {dataset.image_size}, or "
            f"prepare the dataset with --image-size {config.image_size}."
        )


def question_of(run: Run) -> Question | None:
    """The question that the run was trained on; None where it knows all classes."""
    return Question(run.positive, run.negative) if run.positive else None


def start(
    workspace: Workspace, dataset_name: str, config: TrainConfig, question: Question | None = None
) -> Run:
    """A new run, trained in a process of its own that outlives whoever asked for it."""
    run = create_run(workspace, dataset_name, config, question)
    try:
        jobs.submit(workspace, ["train", "--queued", run.id], label=run.id)
    except JobError as error:
        _fail(run, str(error))
        queue.leave(workspace, run.id)
        raise
    return run


def start_estimate(
    workspace: Workspace, dataset_name: str, config: TrainConfig, question: Question | None = None
) -> None:
    """Measure in a process of its own how long a training would take, unless that is known."""
    found = find_estimate(workspace, dataset_name, config, question)
    if found is None or (not found.alive and found.result is None):
        options = [
            part for name, value in config.model_dump().items() for part in _option(name, value)
        ]
        for side in ("positive", "negative"):
            for name in getattr(question, side, ()):
                options += [f"--{side}", name]
        argv = ["train", "--estimate", "--dataset", dataset_name, *options]
        label = _estimate_label(workspace, dataset_name, config, question)
        jobs.submit(workspace, argv, label=label, once=True)


def find_estimate(
    workspace: Workspace, dataset_name: str, config: TrainConfig, question: Question | None = None
) -> jobs.Job | None:
    """The newest measurement of such a training, under way or ended; None if there is none, or
    only one of a busy machine that is out of date.

    Its result holds seconds, seconds_per_epoch and pictures_per_second.
    """
    job = jobs.find(workspace, _estimate_label(workspace, dataset_name, config, question))
    busy = job and isinstance(job.result, dict) and job.result.get("busy")
    return None if busy and time.time() - job.started > BUSY_KEPT else job


def _estimate_label(
    workspace: Workspace, dataset_name: str, config: TrainConfig, question: Question | None
) -> str:
    dataset = open_dataset(workspace, dataset_name)
    of = [dataset.fingerprint, timed(config), *([asdict(question)] if question else [])]
    asked = json.dumps(of, sort_keys=True)
    return f"estimate-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"


def timed(config: TrainConfig) -> dict:
    """What a training's speed depends on; trainings that agree in it take as long for an epoch."""
    names = ("preset", "image_size", "batch_size", "optimizer", "augment", "precision")
    return {name: getattr(config, name) for name in names}


def _option(name: str, value) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", str(value)]


def train_run(
    workspace: Workspace, run: Run, report: Report = lambda told: None
) -> Evaluation | Means | None:
    """Train a queued run to its end, and judge its best weights on validation and test.

    Waits while runs that came first train or wait. Every outcome ends up in the run's folder.

    Args:
        report: called with the progress, which is also written to the run's folder.

    Returns:
        The evaluation on the test part; None if the run was stopped before it had weights.

    Raises:
        CamsightError: if the run failed, in a sentence.
    """
    with store.taken_up(run), _logging_to(run):

        def told(progress: dict) -> None:
            outcome.write_progress(run.folder, progress)
            report(progress)

        try:
            if not _is_its_turn(workspace, run, told):
                store.save(run, status="stopped", ended=store.now())
                return None
            return _train(workspace, run, told)
        except CamsightError as error:
            _fail(run, str(error))
            raise
        except Exception as error:
            log.exception("the run failed")
            what = type(error).__name__
            reason = error.strerror if isinstance(error, OSError) else f"{what}: {error}"
            sentence = f"The run '{run.id}' failed ({reason}); its log.txt says where."
            _fail(run, sentence)
            raise RunError(sentence) from error
        finally:
            queue.leave(workspace, run.id)


def estimate(
    workspace: Workspace, dataset_name: str, config: TrainConfig, question: Question | None = None
):
    """How long a training would take here, from a short measurement; nothing is written."""
    began = time.perf_counter()
    dataset = open_dataset(workspace, dataset_name)
    check_size(config, dataset)
    from engine.training import fit

    task = task_of(dataset, question)
    return fit.estimate(_model(config, task), task, config, began=began)


def _train(workspace: Workspace, run: Run, told: Report) -> Evaluation | Means | None:
    began = time.perf_counter()
    told({"phase": "starting"})
    run = store.save(run, status="running", started=store.now())
    log.info("starting on %s", run.dataset)
    task = _task_of(workspace, run)
    config = stored_config(run.config)

    from engine import backend
    from engine.models.build import spatial_layers
    from engine.training import fit, storage

    model = _model(config, task)
    storage.require_space(run.folder, storage.needed_bytes(model, task, config))
    run = store.save(
        run,
        device=backend.device()["name"],
        versions=backend.versions() | {"python": platform.python_version()},
        git_commit=store.git_commit(),
        layers=tuple(spatial_layers(model)),
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


def _task_of(workspace: Workspace, run: Run) -> Task:
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


def _model(config: TrainConfig, task: Task):
    """The compiled network in a process made ready for it."""
    from engine import backend
    from engine.models.build import build
    from engine.training.fit import compile_model

    backend.prepare_process()
    backend.make_repeatable(config.seed)
    model = build(
        config.preset, config.image_size, len(task.class_names),
        l2=config.l2, precision=config.precision,
    )  # fmt: skip
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


def _fail(run: Run, sentence: str) -> None:
    """Write what went wrong, beside what the run has written meanwhile."""
    current = store.read_folder(run.folder)
    known = current if isinstance(current, Run) else run
    try:
        store.save(known, status="failed", ended=store.now(), error=sentence)
    except OSError as error:  # a disk that is full; the run then counts as lost
        log.warning("that the run failed could not be written: %s", error.strerror)


def _is_its_turn(workspace: Workspace, run: Run, told: Report) -> bool:
    """Wait until all that came first have ended; False if asked to stop meanwhile."""
    waiting = False
    while not queue.is_turn(workspace, run.id, lambda other: _is_active(workspace, other)):
        if store.asked_to_stop(run):
            return False
        if not waiting:
            waiting = True
            log.info("waiting for another run to end")
            told({"phase": "waiting"})
        time.sleep(LOOK_AGAIN)
    return not store.asked_to_stop(run)


def _is_active(workspace: Workspace, run_id: str) -> bool:
    """Whether that run trains or will; one that is gone or cannot be read does not."""
    try:
        return store.open_run(workspace, run_id).active
    except CamsightError:
        return False


@contextmanager
def _logging_to(run: Run) -> Iterator[None]:
    """What the engine logs goes to log.txt, too."""
    handler = logging.FileHandler(run.folder / "log.txt", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    log.info("%s, process %d, %s", run.id, os.getpid(), time.strftime("%z"))
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()
