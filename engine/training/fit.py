"""fit(): a configuration and a dataset become trained weights in a run's folder."""

import csv
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from engine import files
from engine.data.dataset import Dataset
from engine.training.batches import Batches
from engine.training.config import TrainConfig

log = logging.getLogger("camsight")
HISTORY_COLUMNS = (
    "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
)  # fmt: skip
WARM_UP_BATCHES, TIMED_BATCHES = 2, 6
Report = Callable[[dict], None]


@dataclass(frozen=True)
class Estimate:
    """How long a training will take, from timed batches of this very model on this machine."""

    seconds: float
    seconds_per_epoch: float
    pictures_per_second: float


@dataclass(frozen=True)
class Fitted:
    """best_epoch counts from 1; 0 means that no epoch gave weights. error: why it ended early."""

    seconds: float
    best_epoch: int
    stopped: bool
    error: str | None


def compile_model(model: keras.Model, config: TrainConfig) -> None:
    """Give the model the configuration's optimizer, binary cross-entropy and accuracy."""
    rate, momentum = config.learning_rate, config.momentum
    optimizer = {
        "sgd": lambda: keras.optimizers.SGD(rate, momentum=momentum),
        "adam": lambda: keras.optimizers.Adam(rate, beta_1=momentum),
        "adamw": lambda: keras.optimizers.AdamW(rate, beta_1=momentum),
    }[config.optimizer]()
    model.compile(optimizer, loss="binary_crossentropy", metrics=["accuracy"])


def batches_of(dataset: Dataset, config: TrainConfig) -> tuple[Batches, Batches]:
    """Batches for training and for validation."""
    training = Batches(
        dataset,
        dataset.indices("train"),
        config.image_size,
        config.batch_size,
        shuffled_by=config.seed,
        augment=config.augment,
    )
    validation = Batches(
        dataset, dataset.indices("validation"), config.image_size, max(64, config.batch_size)
    )
    return training, validation


def estimate(model: keras.Model, dataset: Dataset, config: TrainConfig) -> Estimate:
    """Time a few batches, then put weights and optimizer back as they were."""
    training, validation = batches_of(dataset, config)
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    before = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]
    for _ in range(WARM_UP_BATCHES):
        model.train_on_batch(*training[0])
    model.test_on_batch(*validation[0])
    training_seconds = _seconds(lambda at: model.train_on_batch(*training[at % len(training)]))
    judging_seconds = _seconds(lambda at: model.test_on_batch(*validation[0]))
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    model.reset_metrics()
    epoch = training_seconds * len(training) + judging_seconds * len(validation)
    return Estimate(config.epochs * epoch, epoch, config.batch_size / training_seconds)


def _seconds(step: Callable[[int], object]) -> float:
    """Median seconds of a step."""
    times = []
    for at in range(TIMED_BATCHES):
        started = time.perf_counter()
        step(at)
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def fit(
    model: keras.Model,
    dataset: Dataset,
    config: TrainConfig,
    folder: Path,
    *,
    report: Report,
    should_stop: Callable[[], bool],
) -> Fitted:
    """Train `model`, and leave best.weights.h5 and history.csv in `folder`.

    Best is the lowest validation loss. A stop is heard after every batch; the epoch that was
    under way is then judged as it is.

    Args:
        report: called about twice a second with epoch, batch, speed and time left.
    """
    training, validation = batches_of(dataset, config)
    keeper = _Keeper(config, folder, len(training), report, should_stop)
    started = time.perf_counter()
    model.fit(
        training,
        epochs=config.epochs,
        validation_data=validation,
        callbacks=[keeper],
        shuffle=False,  # the batches shuffle themselves, by the seed
        verbose=0,
    )
    seconds = time.perf_counter() - started
    return Fitted(seconds, keeper.best_epoch, keeper.stopped, keeper.error)


class _Keeper(keras.callbacks.Callback):
    """Sets the rate, keeps the best weights and the history, tells how far it is, hears a stop."""

    def __init__(self, config: TrainConfig, folder: Path, batches: int, report, should_stop):
        super().__init__()
        self.config, self.folder, self.batches = config, folder, batches
        self.report, self.should_stop = report, should_stop
        self.epoch, self.rows, self.told = 0, [], 0.0
        self.best_loss, self.best_epoch = math.inf, 0
        self.stopped, self.error = False, None

    def on_train_begin(self, logs=None) -> None:
        self.started = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        self.epoch, self.epoch_started = epoch, time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs=None) -> None:
        self.rate = self.config.rate_at(self.epoch + batch / self.batches)
        self.model.optimizer.learning_rate = self.rate

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        if self.should_stop():
            self.stopped = self.model.stop_training = True
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            self._end_as_not_finite()
        now = time.perf_counter()
        if now - self.told >= 0.5 or batch + 1 == self.batches:
            self.told = now
            self.report(self._progress(batch + 1, now))

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        logs = logs or {}
        if not math.isfinite(logs.get("val_loss", math.nan)):
            self._end_as_not_finite()
            return
        seconds = time.perf_counter() - self.epoch_started
        figures = [logs[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")]
        self.rows.append([epoch + 1, *figures, self.rate, seconds])
        write_history(self.folder / "history.csv", self.rows)
        log.info(
            "epoch %d of %d: loss %.4f, accuracy %.4f, validation loss %.4f, accuracy %.4f, %.1f s",
            epoch + 1, self.config.epochs, *figures, seconds,
        )  # fmt: skip
        if logs["val_loss"] < self.best_loss:
            self.best_loss, self.best_epoch = logs["val_loss"], epoch + 1
            files.write(self.folder / "best.weights.h5", self.model.save_weights)
        patience = self.config.early_stopping
        if patience and epoch + 1 - self.best_epoch >= patience:
            self.model.stop_training = True

    def _progress(self, batch: int, now: float) -> dict:
        done = self.epoch * self.batches + batch
        seconds_left = (now - self.started) / done * (self.config.epochs * self.batches - done)
        in_epoch = max(now - self.epoch_started, 1e-9)
        return {
            "phase": "training",
            "epoch": self.epoch + 1,
            "epochs": self.config.epochs,
            "batch": batch,
            "batches": self.batches,
            "pictures_per_second": batch * self.config.batch_size / in_epoch,
            "seconds_left": seconds_left,
        }

    def _end_as_not_finite(self) -> None:
        self.model.stop_training = True
        kept = (
            f"the weights of epoch {self.best_epoch} were kept"
            if self.best_epoch
            else "no weights were kept"
        )
        self.error = (
            f"The loss became NaN or infinite in epoch {self.epoch + 1}, so the run was ended; "
            f"{kept}; try a learning rate of {self.rate / 3:.1g} or less."
        )


def write_history(path: Path, rows: list[list[float]]) -> None:
    """`rows` by `HISTORY_COLUMNS`, as text that anyone can read."""

    def fill(beside: Path) -> None:
        with beside.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HISTORY_COLUMNS, *rows])

    files.write(path, fill)
