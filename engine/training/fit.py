"""fit(): a configuration and a dataset become trained weights in a run's folder."""

import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from engine import backend
from engine.data.question import Task
from engine.training import checkpoint
from engine.training.batches import Batches
from engine.training.checkpoint import Checkpoint
from engine.training.config import TrainConfig
from engine.training.keeper import Keeper, Report
from engine.training.muon import ConvolutionMuon
from engine.training.storage import needed_bytes, put_back, state_of

TIMED_BATCHES = 8  # the first one, which traces, is left out
BUSY = 0.75  # of the cores: a load above it comes from more than the start of a measurement


@dataclass(frozen=True)
class Estimate:
    """How long a training will take, from timed batches of this very model on this machine.

    Attributes:
        seconds: of training alone, all epochs.
        start_seconds: what comes before: loading, building, tracing and this measurement itself,
            with which every training begins.
        busy: whether the machine had other work meanwhile, so that it may be faster another time.
        first_seconds: what comes once before the epochs: a backbone's passes.
    """

    seconds: float
    seconds_per_epoch: float
    pictures_per_second: float
    start_seconds: float
    busy: bool
    first_seconds: float = 0.0


@dataclass(frozen=True)
class Fitted:
    """How a training went, all its sessions together.

    Attributes:
        best_epoch: the one of lowest validation loss, counted from 1, whose weights were kept; 0
            where no epoch gave weights.
        epochs: how many were whole; one that a stop cut short is in the history and not in here.
        pictures: training pictures that were really seen, each once an epoch.
        error: why it ended early.
        diverged: whether that is a loss which is no number, as it would be another time.
    """

    seconds: float
    best_epoch: int
    epochs: int
    pictures: int
    stopped: bool
    error: str | None
    diverged: bool = False


def compile_model(model: keras.Model, config: TrainConfig) -> None:
    """Give the model the configuration's optimizer, cross-entropy and accuracy."""
    rate, momentum = config.learning_rate, config.momentum
    optimizer = {
        "sgd": lambda: keras.optimizers.SGD(rate, momentum=momentum),
        "adam": lambda: keras.optimizers.Adam(rate, beta_1=momentum),
        "adamw": lambda: keras.optimizers.AdamW(rate, beta_1=momentum),
        "muon": lambda: ConvolutionMuon(rate, momentum),
    }[config.optimizer]()
    loss = _loss(model.output_shape[-1], config.label_smoothing)
    model.compile(optimizer, loss=loss, metrics=["accuracy"])


def _loss(units: int, smoothing: float):
    """Cross-entropy of labels `(n, 1)`; Keras's sparse one knows no smoothing."""
    if not smoothing:
        return "binary_crossentropy" if units == 1 else "sparse_categorical_crossentropy"
    if units == 1:
        return keras.losses.BinaryCrossentropy(label_smoothing=smoothing)

    def sparse_categorical_crossentropy(labels, probabilities):
        each = keras.ops.one_hot(keras.ops.cast(labels[:, 0], "int32"), units)
        return keras.losses.categorical_crossentropy(
            each, probabilities, label_smoothing=smoothing
        )

    return sparse_categorical_crossentropy


def batches_of(
    task: Task, config: TrainConfig, at_most: tuple[int, int] | None = None, epoch: int = 0
) -> tuple[Batches, Batches]:
    """Batches for training, as from `epoch` on (0 is the first), and for validation; all, or
    `at_most` so many of each, drawn by lot.

    Those that are drawn are for timing: where sizes grow, they take as long as a mean batch.
    """
    sizes = (config.batch_size, max(64, config.batch_size))
    rows = [task.indices(part) for part in ("train", "validation")]
    if at_most:
        lot = np.random.default_rng(config.seed)
        rows = [
            lot.permutation(every)[: most * size]
            for every, most, size in zip(rows, at_most, sizes, strict=True)
        ]
    size_at = config.mean_size_at if at_most else config.size_at
    training = Batches(
        task, rows[0], config.image_size, sizes[0], shuffled_by=config.seed,
        augment=config.augment, crop=config.crop, size_at=size_at if config.progressive else None,
        epoch=epoch,
    )  # fmt: skip
    return training, Batches(task, rows[1], config.image_size, sizes[1])


def estimate(
    model: keras.Model, task: Task, config: TrainConfig, *, began: float | None = None
) -> Estimate:
    """Time a few batches, then put weights and optimizer back as they were.

    They go through Keras's own loop, so that what is traced here is not traced again by `fit`.

    Args:
        began: `time.perf_counter()` of when the start began, such as before Keras was imported.
    """
    began = time.perf_counter() if began is None else began
    busy = os.getloadavg()[0] > BUSY * (os.cpu_count() or 1)
    every, every_judged = batches_of(task, config)
    training, validation = batches_of(task, config, at_most=(TIMED_BATCHES // 2, 2))
    before = state_of(model)
    clock = _Clock()
    model.fit(
        training,
        epochs=math.ceil(TIMED_BATCHES / len(training)),
        validation_data=validation,
        callbacks=[clock],
        shuffle=False,
        verbose=0,
    )
    put_back(model, before)
    model.reset_metrics()
    step, judging = np.median(clock.training[1:]), np.median(clock.judging[1:])
    epoch = float(step * len(every) + judging * len(every_judged))
    return Estimate(
        seconds=config.epochs * epoch,
        seconds_per_epoch=epoch,
        pictures_per_second=float(len(training.indices) / len(training) / step),
        start_seconds=time.perf_counter() - began,
        busy=busy,
    )


class _Clock(keras.callbacks.Callback):
    """Seconds of every batch of training and of judging, reading the pictures included."""

    def __init__(self):
        super().__init__()
        self.training, self.judging = [], []

    def on_train_batch_begin(self, batch: int, logs=None) -> None:
        self.started = time.perf_counter()

    on_test_batch_begin = on_train_batch_begin

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        float(logs["loss"])  # waits for the device
        self.training.append(time.perf_counter() - self.started)

    def on_test_batch_end(self, batch: int, logs=None) -> None:
        float(logs["loss"])
        self.judging.append(time.perf_counter() - self.started)


def fit(
    model: keras.Model,
    task: Task,
    config: TrainConfig,
    folder: Path,
    *,
    report: Report,
    should_stop: Callable[[], bool],
    since: Checkpoint | None = None,
    before: str = "no weights were kept",
) -> Fitted:
    """Train `model`, and leave checkpoint.npz, history.csv and best.weights.h5 in `folder`.

    The best epoch is the one of lowest validation loss. A stop is heard after every batch; the
    epoch that was under way is then judged as it is, and is the history's last row. A disk that
    takes no more, or memory that runs out, ends the training as a stop does, with the reason in
    `error`.

    `model` comes back with its last weights and without its optimizer, which no file but the
    checkpoint holds.

    Args:
        report: called about twice a second with epoch, batch, speed and time left. The last batch
            of an epoch is reported once the epoch's row is in the history.
        since: what the folder's checkpoint holds, to go on from there to the very end that the
            training would have had. A stop that was asked for before leaves it as it is.
        before: what is kept until an epoch has given weights, as an error says it.

    Raises:
        RecordError: if `since` is of another network or optimizer.
        OSError: if the folder's files cannot be made right by `since`.
    """
    training, validation = batches_of(task, config, epoch=since.told.epoch if since else 0)
    needed = needed_bytes(model, task, config)
    belongs = checkpoint.belongs(task, config)
    keeper = Keeper(config, folder, training, belongs, needed, report, should_stop, before)
    if since:
        put_back(model, since.state)
        keeper.take_up(since)
    if since and (keeper.over or should_stop()):
        keeper.stopped = not keeper.over
    else:
        _run(model, training, validation, keeper)
    model.optimizer = None
    return Fitted(
        seconds=keeper.seconds,
        best_epoch=keeper.best_epoch,
        epochs=keeper.whole_epochs,
        pictures=keeper.pictures,
        stopped=keeper.stopped,
        error=keeper.error,
        diverged=keeper.diverged,
    )


def _run(model: keras.Model, training: Batches, validation: Batches, keeper: Keeper) -> None:
    try:
        model.fit(
            training,
            initial_epoch=keeper.first,
            epochs=keeper.config.epochs,
            validation_data=validation,
            callbacks=[keeper],
            shuffle=False,  # the batches shuffle themselves, by the seed
            verbose=0,
        )
    except backend.OUT_OF_MEMORY:
        logging.getLogger("camsight").exception("the memory ran out")
        keeper.end_as_out_of_memory()
