"""What watches a training: sets its rate, keeps what is best, tells how far it is, hears a stop."""

import csv
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from engine import files, quota
from engine.training import checkpoint
from engine.training.batches import Batches
from engine.training.checkpoint import Checkpoint, Told
from engine.training.config import TrainConfig
from engine.training.storage import megabytes, state_of, weights_bytes

log = logging.getLogger("camsight")
HISTORY_COLUMNS = (
    "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
)  # fmt: skip
SECONDS_BETWEEN = 0.5  # two reports of how far it is
Report = Callable[[dict], None]


class Keeper(keras.callbacks.Callback):
    """Leaves checkpoint.npz, history.csv and best.weights.h5 in `folder`.

    Args:
        belongs: what a checkpoint is told to belong to.
        needed: bytes that the whole run takes, for the sentence that a full disk gets.
        before: what is kept until an epoch has given weights, as a sentence says it.
    """

    def __init__(
        self,
        config: TrainConfig,
        folder: Path,
        training: Batches,
        belongs: dict[str, Any],
        needed: int,
        report: Report,
        should_stop: Callable[[], bool],
        before: str,
    ):
        super().__init__()
        self.config, self.folder, self.belongs, self.needed = config, folder, belongs, needed
        self.batches, self.n = len(training), len(training.indices)
        self.report, self.should_stop, self.before = report, should_stop, before
        self.epoch, self.batch, self.rows = 0, 0, []
        self.pictures, self.whole_epochs, self.reported = 0, 0, 0.0
        self.best_loss, self.best_epoch, self.best = math.inf, 0, b""
        self.stopped, self.error, self.diverged = False, None, False
        self.first, self.seconds_before, self.made = 0, 0.0, time.perf_counter()

    def take_up(self, since: Checkpoint) -> None:
        """Go on where the checkpoint was written, whose files are made right by it.

        Raises:
            OSError: if they cannot be written.
        """
        told = since.told
        self.first = self.whole_epochs = told.epoch
        self.rows, self.best, self.best_epoch = list(told.rows), since.best, told.best_epoch
        self.best_loss, self.seconds_before = told.best_loss, told.seconds
        self.pictures = told.epoch * self.n
        write_history(self.folder / "history.csv", self.rows)
        files.write_bytes(self.folder / "best.weights.h5", self.best)

    @property
    def over(self) -> bool:
        """Whether no epoch is left, be it that the loss has not fallen for long enough."""
        patience = self.config.early_stopping
        exhausted = patience and self.whole_epochs - self.best_epoch >= patience
        return bool(exhausted) or self.whole_epochs >= self.config.epochs

    @property
    def seconds(self) -> float:
        """Of training until now, those before it was taken up included."""
        return self.seconds_before + time.perf_counter() - self.made

    def on_train_begin(self, logs=None) -> None:
        self.started = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        self.epoch, self.batch, self.epoch_started = epoch, 0, time.perf_counter()
        draw_anew(self.model, self.config.seed, epoch)

    def on_train_batch_begin(self, batch: int, logs=None) -> None:
        self.rate = self.config.rate_at(self.epoch + batch / self.batches)
        self.model.optimizer.learning_rate = self.rate

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        self.batch = batch + 1
        self.pictures = self.epoch * self.n + min(self.n, self.batch * self.config.batch_size)
        self.trained_until = time.perf_counter()
        if self.should_stop():
            self.stopped = self.model.stop_training = True
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            self._end_as_not_finite()
        # what stands beside the curves may not be ahead of them: see `on_epoch_end`
        if self.batch < self.batches and self.trained_until - self.reported >= SECONDS_BETWEEN:
            self._report()

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        logs = logs or {}
        if not all(math.isfinite(logs.get(name, math.nan)) for name in ("loss", "val_loss")):
            self._end_as_not_finite()
            return
        if self.batch == self.batches:
            self.whole_epochs += 1
        seconds = time.perf_counter() - self.epoch_started
        figures = [logs[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")]
        log.info(
            "epoch %d of %d: loss %.4f, accuracy %.4f, validation loss %.4f, accuracy %.4f, %.1f s",
            epoch + 1, self.config.epochs, *figures, seconds,
        )  # fmt: skip
        try:
            self._keep([epoch + 1, *figures, self.rate, seconds], logs["val_loss"])
        except OSError as error:
            self._end_as_not_written(error)
            return
        self._report()
        if self.over:
            self.model.stop_training = True

    def _keep(self, row: list[float], loss: float) -> None:
        """The checkpoint first, which is the truth; then the row: whoever finds weights finds their
        epoch in the history, too. An epoch that a stop cut short gives no checkpoint: what is
        taken up begins it anew."""
        better = loss < self.best_loss
        best = weights_bytes(self.model) if better else self.best
        best_loss, best_epoch = (loss, row[0]) if better else (self.best_loss, self.best_epoch)
        rows = [*self.rows, row]
        quota.check(self.folder, len(best))
        if self.batch == self.batches:
            told = Told(self.belongs, row[0], rows, best_epoch, best_loss, self.seconds)
            checkpoint.write(self.folder, Checkpoint(told, state_of(self.model), best))
        write_history(self.folder / "history.csv", rows)
        self.rows = rows
        if better:
            files.write_bytes(self.folder / "best.weights.h5", best)
            self.best, self.best_loss, self.best_epoch = best, best_loss, best_epoch

    def _report(self) -> None:
        self.reported = time.perf_counter()
        self.report(self._progress(self.reported))

    def _progress(self, now: float) -> dict:
        before = self.config.work_at(self.first)
        done = self.config.work_at(self.epoch + self.batch / self.batches)
        seconds_left = (now - self.started) / (done - before) * (1 - done)
        in_epoch = max(self.trained_until - self.epoch_started, 1e-9)
        return {
            "phase": "training",
            "epoch": self.epoch + 1,
            "epochs": self.config.epochs,
            "batch": self.batch,
            "batches": self.batches,
            "pictures_per_second": (self.pictures - self.epoch * self.n) / in_epoch,
            "seconds_left": seconds_left,
        }

    def _end_as_not_finite(self) -> None:
        self.diverged = True
        self._end(
            f"The loss became NaN or infinite in epoch {self.epoch + 1}, so the run was ended; "
            f"{self._kept()}; try a learning rate of {self.rate / 3:.1g} or less."
        )

    def _end_as_not_written(self, error: OSError) -> None:
        what, way_out = "The run's folder cannot be written", "check it"
        if error.errno in files.DISK_IS_FULL:
            what, way_out = "The disk is full", f"free {megabytes(self.needed)} MB"
        self._end(
            f"{what} ({error.strerror}), so the run was ended in epoch {self.epoch + 1}; "
            f"{self._kept()}; {way_out} and resume it."
        )

    def end_as_out_of_memory(self) -> None:
        self._end(
            f"The memory ran out, so the run was ended in epoch {self.epoch + 1}; {self._kept()}; "
            "end other programs and resume it, or start another with smaller batches."
        )

    def _end(self, sentence: str) -> None:
        self.model.stop_training, self.error = True, sentence

    def _kept(self) -> str:
        if not self.best_epoch:
            return self.before
        return f"the weights of epoch {self.best_epoch} were kept"


def draw_anew(model: keras.Model, seed: int, epoch: int) -> None:
    """Give the layers that draw by lot (Dropout, augmentation) their state for an epoch, by seed,
    epoch and their place in the network alone, so that none has to be kept."""
    states = [one for one in model.variables if one.name == "seed_generator_state"]
    for at, state in enumerate(states):
        state.assign([np.random.default_rng([seed, epoch, at, 1]).integers(2**31), 0])


def write_history(
    path: Path, rows: list[list[float]], columns: tuple[str, ...] = HISTORY_COLUMNS
) -> None:
    """`rows` by `columns`, as text that anyone can read."""

    def fill(beside: Path) -> None:
        with beside.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([columns, *rows])

    files.write(path, fill)
