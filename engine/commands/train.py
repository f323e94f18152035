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

from filelock import FileLock, Timeout

from engine import files
from engine.commands.evaluate import THRESHOLD, Evaluation, judge
from engine.data.dataset import Dataset, open_dataset
from engine.errors import CamsightError, ConfigError, DatasetError, RunError
from engine.jobs import local
from engine.models.presets import MIN_IMAGE_SIZE
from engine.runs import store
from engine.runs.store import Run
from engine.settings import settings
from engine.training.config import TrainConfig

log = logging.getLogger("camsight")
Report = Callable[[dict], None]


def create_run(dataset_name: str, config: TrainConfig) -> Run:
    """A queued run, which `train_run` takes up in whichever process.

    Raises:
        DatasetError: if there is no such dataset.
        ConfigError: if the image size is above the dataset's.
    """
    dataset = open_dataset(settings().datasets / dataset_name)
    check_size(config, dataset)
    run = store.create(
        config.preset,
        dataset=dataset.name,
        dataset_fingerprint=dataset.fingerprint,
        dataset_image_size=dataset.image_size,
        class_names=dataset.class_names,
        image_size=config.image_size,
        config=config.model_dump(),
    )
    files.write_json(run.folder / "config.json", run.config)
    return run


def check_size(config: TrainConfig, dataset: Dataset) -> None:
    if config.image_size > dataset.image_size:
        raise ConfigError(
            f"The image size {config.image_size} is above the {dataset.image_size} pixels of "
            f"'{dataset.name}'; choose one from {MIN_IMAGE_SIZE} to {dataset.image_size}, or "
            f"prepare the dataset with --image-size {config.image_size}."
        )


def start(dataset_name: str, config: TrainConfig) -> Run:
    """A new run, trained in a process of its own that outlives whoever asked for it."""
    run = create_run(dataset_name, config)
    local.start(run.id, ["train", "--queued", run.id])
    return run


def start_estimate(dataset_name: str, config: TrainConfig) -> str:
    """Measure in a process of its own how long a training would take.

    Returns:
        The job's id, for `jobs.local.look`: its result holds seconds, seconds_per_epoch and
        pictures_per_second. The same question gets the same id, and is not asked twice while its
        answer is kept.
    """
    job_id = estimate_id(dataset_name, config)
    found = local.look(job_id)
    if found is None or (not found.alive and found.result is None):
        options = [
            part for name, value in config.model_dump().items() for part in _option(name, value)
        ]
        local.start(job_id, ["train", "--estimate", "--dataset", dataset_name, *options])
    return job_id


def estimate_id(dataset_name: str, config: TrainConfig) -> str:
    """The job that measures it, started or not."""
    dataset = open_dataset(settings().datasets / dataset_name)
    asked = json.dumps([dataset.fingerprint, timed(config)], sort_keys=True)
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


def train_run(run: Run, report: Report = lambda told: None) -> Evaluation | None:
    """Train a queued run to its end, and judge its best weights on validation and test.

    Waits while another run trains on this machine. Every outcome ends up in the run's folder.

    Args:
        report: called with the progress, which is also written to the run's folder.

    Returns:
        The evaluation on the test part; None if the run was stopped before it had weights.

    Raises:
        CamsightError: if the run failed, in a sentence.
    """
    with store.trainer_lock(run).acquire(timeout=5), _logging_to(run):

        def told(progress: dict) -> None:
            store.write_progress(run, progress)
            report(progress)

        try:
            with _device_of_ones_own(run, told) as free:
                if not free:
                    store.save(run, status="stopped", ended=store.now())
                    return None
                return _train(run, told)
        except CamsightError as error:
            _fail(run, str(error))
            raise
        except Exception as error:
            log.exception("the run failed")
            sentence = (
                f"The run '{run.id}' failed ({type(error).__name__}: {error}); its log.txt says "
                "where."
            )
            _fail(run, sentence)
            raise RunError(sentence) from error


def estimate(dataset_name: str, config: TrainConfig):
    """How long a training would take here, from a short measurement; nothing is written."""
    dataset = open_dataset(settings().datasets / dataset_name)
    check_size(config, dataset)
    from engine.training import fit

    return fit.estimate(_model(config), dataset, config)


def _train(run: Run, told: Report) -> Evaluation | None:
    told({"phase": "starting"})
    run = store.save(run, status="running", started=store.now())
    log.info("starting on %s", run.dataset)
    dataset = open_dataset(settings().datasets / run.dataset)
    if dataset.fingerprint != run.dataset_fingerprint:
        raise DatasetError(
            f"The dataset '{run.dataset}' was replaced after '{run.id}' was queued; start anew."
        )
    config = TrainConfig(**run.config)

    from engine import backend
    from engine.models.build import spatial_layers
    from engine.training import fit

    model = _model(config)
    run = store.save(
        run,
        device=backend.device()["name"],
        versions=backend.versions() | {"python": platform.python_version()},
        git_commit=store.git_commit(),
        layers=tuple(spatial_layers(model)),
    )
    told({"phase": "measuring"})
    expected = fit.estimate(model, dataset, config)
    told({"phase": "estimated", **asdict(expected)})
    log.info("about %.0f s, from %d timed batches", expected.seconds, fit.TIMED_BATCHES)

    fitted = fit.fit(
        model,
        dataset,
        config,
        run.folder,
        report=told,
        should_stop=lambda: store.asked_to_stop(run),
    )
    seen = len(store.history(run).get("epoch", [])) * len(dataset.indices("train"))
    run = store.save(
        run,
        seconds=fitted.seconds,
        best_epoch=fitted.best_epoch,
        pictures_per_second=seen / fitted.seconds if seen else None,
        error=fitted.error,
    )
    if not fitted.best_epoch:
        raise RunError(fitted.error or f"The run '{run.id}' ended before it had weights.")
    told({"phase": "judging"})
    return _judge(run, model, dataset, config, fitted)


def _model(config: TrainConfig):
    """The compiled network in a process made ready for it."""
    from engine import backend
    from engine.models.build import build
    from engine.training.fit import compile_model

    backend.prepare_process()
    backend.make_repeatable(config.seed)
    model = build(config.preset, config.image_size, l2=config.l2, precision=config.precision)
    compile_model(model, config)
    return model


def _judge(run: Run, model, dataset: Dataset, config: TrainConfig, fitted) -> Evaluation:
    """Score validation and test with the best weights, and complete the run's folder."""
    from engine import inference
    from engine.models.build import build

    weights = run.folder / "best.weights.h5"
    if config.precision != "float32":
        model = build(config.preset, config.image_size, l2=config.l2)
    model.load_weights(weights)
    parts = {}
    for part in ("validation", "test"):
        indices = dataset.indices(part)
        logit = inference.logits(model, dataset.images[indices])
        parts[part] = {
            "indices": indices,
            "y_true": dataset.labels[indices],
            "logit": logit,
            "y_score": inference.probabilities(logit),
        }
    store.save_predictions(run, parts)
    evaluation = judge(run, "test", parts["test"], THRESHOLD, "hanley-mcneil")
    _draw_curves(run)
    run = store.save(
        run,
        status="failed" if fitted.error else "stopped" if fitted.stopped else "finished",
        ended=store.now(),
        figures=evaluation.figures,
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
    current = store.open_run(run.id)
    store.save(current, status="failed", ended=store.now(), error=sentence)


@contextmanager
def _device_of_ones_own(run: Run, told: Report) -> Iterator[bool]:
    """Wait until no other run trains on this machine; False if asked to stop meanwhile."""
    lock = FileLock(settings().workspace / "trainer.lock")
    waiting = False
    while True:
        try:
            lock.acquire(timeout=0.5)
            break
        except Timeout:
            if not waiting:
                waiting = True
                log.info("waiting for another run to end")
                told({"phase": "waiting"})
            if store.asked_to_stop(run):
                yield False
                return
    try:
        yield True
    finally:
        lock.release()


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
