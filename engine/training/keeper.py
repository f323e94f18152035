"""What watches a training: sets its rate, keeps what is best, tells how far it is, hears a stop."""

import csv
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

import keras

from engine import files
from engine.training.batches import Batches
from engine.training.config import TrainConfig
from engine.training.storage import DISK_IS_FULL, megabytes, weights_bytes

log = logging.getLogger("camsight")
HISTORY_COLUMNS = (
    "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
)  # fmt: skip
SECONDS_BETWEEN = 0.5  # two reports of how far it is
Report = Callable[[dict], None]


class Keeper(keras.callbacks.Callback):
    """Leaves best.weights.h5 and history.csv in `folder`.

    Args:
        needed: bytes that the whole run takes, for the sentence that a full disk gets.
    """

    def __init__(
        self,
        config: TrainConfig,
        folder: Path,
        training: Batches,
        needed: int,
        report: Report,
        should_stop: Callable[[], bool],
    ):
        super().__init__()
        self.config, self.folder, self.needed = config, folder, needed
        self.batches, self.n = len(training), len(training.indices)
        self.report, self.should_stop = report, should_stop
        self.epoch, self.batch, self.rows = 0, 0, []
        self.pictures, self.whole_epochs, self.reported = 0, 0, 0.0
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
        if not math.isfinite(logs.get("val_loss", math.nan)):
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
        patience = self.config.early_stopping
        if patience and epoch + 1 - self.best_epoch >= patience:
            self.model.stop_training = True

    def _keep(self, row: list[float], loss: float) -> None:
        """The row first: whoever finds weights finds their epoch in the history, too."""
        write_history(self.folder / "history.csv", [*self.rows, row])
        self.rows.append(row)
        if loss < self.best_loss:
            weights = weights_bytes(self.model)
            files.write_bytes(self.folder / "best.weights.h5", weights)
            self.best_loss, self.best_epoch = loss, self.epoch + 1

    def _report(self) -> None:
        """A full disk for a moment is no reason to end: only what the run is made of counts."""
        self.reported = time.perf_counter()
        try:
            self.report(self._progress(self.reported))
        except OSError as error:
            if error.errno not in DISK_IS_FULL:
                raise
            log.warning("how far it is could not be written: %s", error.strerror)

    def _progress(self, now: float) -> dict:
        done = self.config.work_at(self.epoch + self.batch / self.batches)
        seconds_left = (now - self.started) / done * (1 - done)
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
        self._end(
            f"The loss became NaN or infinite in epoch {self.epoch + 1}, so the run was ended; "
            f"{self._kept()}; try a learning rate of {self.rate / 3:.1g} or less."
        )

    def _end_as_not_written(self, error: OSError) -> None:
        what, way_out = "The run's folder cannot be written", "check it"
        if error.errno in DISK_IS_FULL:
            what, way_out = "The disk is full", f"free {megabytes(self.needed)} MB"
        self._end(
            f"{what} ({error.strerror}), so the run was ended in epoch {self.epoch + 1}; "
            f"{self._kept()}; {way_out} and start it again."
        )

    def _end(self, sentence: str) -> None:
        self.model.stop_training, self.error = True, sentence

    def _kept(self) -> str:
        if not self.best_epoch:
            return "no weights were kept"
        return f"the weights of epoch {self.best_epoch} were kept"


def write_history(path: Path, rows: list[list[float]]) -> None:
    """`rows` by `HISTORY_COLUMNS`, as text that anyone can read."""

    def fill(beside: Path) -> None:
        with beside.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HISTORY_COLUMNS, *rows])

    files.write(path, fill)
