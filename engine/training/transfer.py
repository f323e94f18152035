"""How `transfer` is trained: the backbone's features once, a head on them, then, where asked for,
the last blocks too."""

import hashlib
import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import keras
import numpy as np

from engine import backend, files
from engine.data import features
from engine.data.dataset import PARTS, Dataset
from engine.data.features import Wanted
from engine.data.question import Task
from engine.models import transfer as network
from engine.models.build import build
from engine.training import fit, logistic
from engine.training.checkpoint import Checkpoint
from engine.training.config import TrainConfig
from engine.training.fit import Estimate, Fitted, compile_model
from engine.training.keeper import Report, write_history
from engine.training.storage import require_space, weights_bytes

log = logging.getLogger("camsight")
VERSION = 1  # of what is done to pixels before the backbone; other features with another one
COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")
PASSES = {False: ("train",), True: ("validation", "test")}  # exact, or as fast as can be -> parts
FOLDED = {True: PARTS}  # where every picture is judged once
TIMED = (2, 6)  # batches before the clock starts, and under it
SAMPLE = 1000  # pictures on which a round of the head is timed


@dataclass(frozen=True)
class Transferred:
    """How it went, what computed the features, and what the head says of the judged pictures.

    logits: part -> `(n,)` or `(n, classes)` float32; {} where the backbone has changed since.
    """

    fitted: Fitted
    engine: str = ""
    logits: dict[str, np.ndarray] = field(default_factory=dict)


def fit_transfer(
    model: keras.Model,
    task: Task,
    config: TrainConfig,
    folder: Path,
    *,
    report: Report,
    should_stop: Callable[[], bool],
    since: Checkpoint | None = None,
) -> Transferred:
    """Train the head of `model`, whose backbone has its weights, and leave best.weights.h5 and
    history.csv in `folder`, as `fit` does.

    An epoch of the head is a few steps of L-BFGS. With `config.fine_tune` the epochs are those of
    the last blocks, which begin with the head's best weights, or go on from `since`. Where the
    first of them comes to no number, the head's weights are what is kept.
    """
    if since:
        return Transferred(_fine_tune(model, task, config, folder, report, should_stop, since))
    began = time.perf_counter()
    exact = _exact(model, task, config)
    passes = PASSES if task.fold is None else FOLDED
    computed = compute_features(exact, task.dataset, config, report, should_stop, passes)
    if computed is None:
        return Transferred(Fitted(time.perf_counter() - began, 0, 0, 0, True, None))
    parts, engine = computed
    fitted, logits = _fit_head(model, task, config, parts, folder, report, should_stop)
    fitted = replace(fitted, seconds=time.perf_counter() - began)
    if not config.fine_tune or fitted.stopped or not fitted.best_epoch:
        return Transferred(fitted, engine, logits)
    tuned = _fine_tune(model, task, config, folder, report, should_stop, None)
    seconds = tuned.seconds + fitted.seconds
    if tuned.best_epoch or not tuned.diverged:  # whatever else ended it can be resumed
        return Transferred(replace(tuned, seconds=seconds), engine)
    head = replace(fitted, seconds=seconds, error=tuned.error, diverged=True)
    return Transferred(head, engine, logits)


def fit_any(
    model: keras.Model, task: Task, config: TrainConfig, folder: Path, **how
) -> Transferred:
    """`fit_transfer` where there is a backbone, else `fit`, whose arguments both are."""
    if config.backbone:
        return fit_transfer(model, task, config, folder, **how)
    return Transferred(fit.fit(model, task, config, folder, **how))


def _fine_tune(
    model, task, config, folder, report: Report, should_stop, since: Checkpoint | None
) -> Fitted:
    network.unfreeze(model, config.backbone, config.fine_tune)
    compile_model(model, config)
    return fit.fit(
        model, task, config, folder, report=report, should_stop=should_stop, since=since,
        before="the head's weights were kept",
    )  # fmt: skip


def _exact(model: keras.Model, task: Task, config: TrainConfig) -> keras.Model:
    """The network with ImageNet's weights in float32, whatever it will be trained in: features are
    shared by all runs of the backbone, and those to judge by are exact."""
    if config.precision == "float32":
        return model
    made = build(
        config.preset, config.image_size, len(task.class_names), backbone=config.backbone
    )
    network.load_imagenet(made, config.backbone)
    return made


# --- features ---------------------------------------------------------------------------------


def compute_features(
    model: keras.Model,
    dataset: Dataset,
    config: TrainConfig,
    report: Report = lambda told: None,
    should_stop: Callable[[], bool] = lambda: False,
    passes: dict[bool, tuple[str, ...]] = PASSES,
) -> tuple[dict[str, Wanted], str] | None:
    """Where each part's features are, all of them stored now, and what computed those that were
    not; None if a stop came first.

    Those to judge by are exact, in float32 like every other score; those to train on are in what
    the processor is fastest in. Where `passes` are `FOLDED`, all are to judge by.
    """
    parts = parts_of(model, dataset, config, passes)
    total = sum(part.missing() for part in parts.values())
    if not total:
        return parts, "stored features"
    width = model.get_layer(network.FEATURES).output.shape[-1]
    require_space(dataset.folder, total * width * 4)
    before, engines, began = 0, [], time.perf_counter()
    for exact, names in passes.items():
        if not any(parts[name].missing() for name in names):
            continue
        through = backend.forward(network.features_of(model), exact=exact)
        engines.append(through.engine)
        if through.note:
            log.warning(through.note)
        for name in names:
            todo = parts[name].missing()

            def told(done: int, speed: float, before=before, engine=through.engine) -> None:
                report({
                    "phase": "features", "done": before + done, "total": total, "engine": engine,
                    "pictures_per_second": speed, "seconds_left": (total - before - done) / speed,
                })  # fmt: skip

            if not features.compute(parts[name], through.run, told, should_stop):
                return None
            before += todo
    seconds = time.perf_counter() - began
    engine = "; ".join(dict.fromkeys(engines))
    log.info("features of %d pictures in %.1f s by %s", total, seconds, engine)
    return parts, engine


def parts_of(
    model: keras.Model,
    dataset: Dataset,
    config: TrainConfig,
    passes: dict[bool, tuple[str, ...]] = PASSES,
) -> dict[str, Wanted]:
    """Where the features of each part are, or will be; the key holds a hash of the backbone's
    weights, so that other weights are other features."""
    told = hashlib.sha256()
    for layer in model.layers:
        if layer.name != "probability":
            for weight in layer.get_weights():
                told.update(weight.tobytes())
    made = f"{config.backbone}-{told.hexdigest()[:12]}-{config.image_size}px-v{VERSION}"
    found = {}
    for part in PARTS:
        dtype = "float32" if part in passes[True] else backend.passes_dtype()
        found[part] = Wanted(dataset, part, f"{made}-{dtype}", config.image_size)
        features.drop_damaged(found[part])
    return found


# --- the head ---------------------------------------------------------------------------------


def held_by(parts: dict[str, Wanted], part: str, task: Task) -> list[Wanted]:
    """Which parts of the dataset hold the pictures of a part of the task; of a fold, any."""
    return [parts[part]] if task.fold is None else list(parts.values())


def _fit_head(
    model: keras.Model,
    task: Task,
    config: TrainConfig,
    parts: dict[str, Wanted],
    folder: Path,
    report: Report,
    should_stop: Callable[[], bool],
) -> tuple[Fitted, dict[str, np.ndarray]]:
    rows = {part: task.indices(part) for part in PARTS}
    x = {part: features.read(held_by(parts, part, task), rows[part]) for part in PARTS}
    y = {part: task.labels[rows[part]].astype(int) for part in PARTS}

    def heard(told: list[logistic.Round]) -> bool:
        _write_rounds(folder / "history.csv", told)
        one = told[-1]
        log.info(
            "round %d of %d: loss %.4f, accuracy %.4f, validation loss %.4f, accuracy %.4f, %.1f s",
            len(told), config.epochs, one.loss, one.accuracy, one.val_loss, one.val_accuracy,
            one.seconds,
        )  # fmt: skip
        report({
            "phase": "training", "epoch": len(told), "epochs": config.epochs, "batch": 1,
            "batches": 1, "pictures_per_second": len(x["train"]) / one.seconds,
            "seconds_left": (config.epochs - len(told)) * one.seconds,
        })  # fmt: skip
        return should_stop()

    head = fit_head(x, y, config, heard)
    network.set_head(model, head.best.weights, head.best.bias)
    model.optimizer = None  # it has seen nothing, and no file holds it
    files.write_bytes(folder / "best.weights.h5", weights_bytes(model))
    fitted = Fitted(
        seconds=sum(one.seconds for one in head.told),
        best_epoch=head.best_epoch,
        epochs=len(head.told),
        pictures=len(head.told) * len(x["train"]),
        stopped=head.stopped,
        error=None,
    )
    return fitted, {part: head.logits(x[part]) for part in ("validation", "test")}


@dataclass(frozen=True)
class Head:
    """Rounds of a head, the best of which, by its validation loss, is what is kept."""

    told: list[logistic.Round]
    stopped: bool

    @property
    def best_epoch(self) -> int:
        """Counted from 1."""
        losses = [one.val_loss for one in self.told]
        return 1 + losses.index(min(losses))

    @property
    def best(self) -> logistic.Round:
        return self.told[self.best_epoch - 1]

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Of features `(n, k)`: `(n,)`, or `(n, classes)` of more than two."""
        logits = x @ self.best.weights + self.best.bias
        return logits[:, 0] if logits.shape[1] == 1 else logits


def fit_head(
    x: dict[str, np.ndarray],
    y: dict[str, np.ndarray],
    config: TrainConfig,
    heard: Callable[[list[logistic.Round]], bool] = lambda told: False,
) -> Head:
    """Fit a head on the features `x` and labels `y` of the parts train and validation.

    Args:
        heard: called after each round with all of them; whether to stop there.
    """
    told, stopped = [], False
    for one in logistic.rounds(
        x["train"], y["train"], x["validation"], y["validation"],
        l2=config.l2, most=config.epochs,
    ):  # fmt: skip
        told.append(one)
        stopped = heard(told)
        late = len(told) - Head(told, stopped).best_epoch
        if stopped or (config.early_stopping and late >= config.early_stopping):
            break
    return Head(told, stopped)


def _write_rounds(path: Path, told: list[logistic.Round]) -> None:
    rows = [
        [at, one.loss, one.accuracy, one.val_loss, one.val_accuracy, one.seconds]
        for at, one in enumerate(told, start=1)
    ]
    write_history(path, rows, COLUMNS)


# --- how long it will take --------------------------------------------------------------------


def estimate(model: keras.Model, task: Task, config: TrainConfig, *, began: float) -> Estimate:
    """How long a training will take: the passes that are missing and the head, each timed on a few
    pictures; with fine-tuning also its epochs, as `fit.estimate` times them. Nothing is stored."""
    busy = os.getloadavg()[0] > fit.BUSY * (os.cpu_count() or 1)
    exact = _exact(model, task, config)
    parts = parts_of(exact, task.dataset, config)
    passes, speed = 0.0, 0.0
    for judged, names in PASSES.items():
        missing = sum(parts[name].missing() for name in names)
        if missing:
            speed = _speed(exact, parts[names[0]], judged)
            passes += missing / speed
    each = _seconds_of_a_round(model, task)
    if config.fine_tune:
        network.unfreeze(model, config.backbone, config.fine_tune)
        compile_model(model, config)
        tuned = fit.estimate(model, task, config)
        each = tuned.seconds_per_epoch
        speed = tuned.pictures_per_second
    return Estimate(
        seconds=passes + config.epochs * each,
        seconds_per_epoch=each,
        pictures_per_second=speed or len(task.indices("train")) / each,
        start_seconds=time.perf_counter() - began,
        busy=busy,
        first_seconds=passes,
    )


def _speed(model: keras.Model, part: Wanted, exact: bool) -> float:
    """Pictures a second of passes through the backbone, on pictures of the part."""
    before, timed = TIMED
    rows = np.resize(part.dataset.indices(part.part), (before + timed) * features.BATCH)
    run = backend.forward(network.features_of(model), exact=exact).run
    found = run(features.batches(part, rows))
    for _ in islice(found, before):
        pass
    began = time.perf_counter()
    n = sum(len(one) for one in found)
    return n / (time.perf_counter() - began)


def _seconds_of_a_round(model: keras.Model, task: Task) -> float:
    """Of the head, on noise as wide as the features, from what a part of the pictures takes."""
    n = len(task.indices("train"))
    few = min(n, SAMPLE)
    width = model.get_layer(network.FEATURES).output.shape[-1]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(few, width)).astype(np.float32)
    y = np.arange(few) % len(task.class_names)
    one = next(logistic.rounds(x, y, x[:2].copy(), y[:2], l2=0.02, most=1))
    return math.ceil(n / few) * one.seconds
