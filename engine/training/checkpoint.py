"""checkpoint.npz: a training after its last whole epoch, in one file that is whole or not there.

It is the one truth of a training that may be taken up again. Of the three files that an epoch
leaves, it is written first, then history.csv, then best.weights.h5; whoever takes the training up
makes the other two right from it, so that a kill between two of them loses nothing. Keras's own
callbacks write in place, and keep no state of random layers; here that state is no state at all,
but follows from seed and epoch (see `keeper.draw_anew`).

No Keras is imported here: pages look at checkpoints, too.
"""

import hashlib
import io
import json
import struct
import tokenize
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from engine import files
from engine.data.question import Task
from engine.errors import RecordError
from engine.training.config import TrainConfig

NAME = "checkpoint.npz"
SCHEMA = 1


@dataclass(frozen=True)
class Told:
    """What a checkpoint says of its training without its arrays.

    Attributes:
        belongs: the configuration and the pictures, with which alone it may go on.
        epoch: how many are whole.
        rows: of the history, by `keeper.HISTORY_COLUMNS`; one for each of them.
        best_epoch: counted from 1.
        seconds: of training, all sessions together.
    """

    belongs: dict[str, Any]
    epoch: int
    rows: list[list[float]]
    best_epoch: int
    best_loss: float
    seconds: float


@dataclass(frozen=True)
class Checkpoint:
    """All that a training needs to go on as if it had never been ended.

    Attributes:
        state: the values of all variables, the network's, then the optimizer's, in their order.
        best: best.weights.h5 as it has to be.
    """

    told: Told
    state: list[np.ndarray]
    best: bytes


def belongs(task: Task, config: TrainConfig) -> dict[str, Any]:
    """With what a training may go on: the same configuration on the same pictures, parted alike.

    In which precision it computes is told by the run's record, whoever chose it."""
    return {
        "config": config.model_dump(exclude={"precision"}),
        "fingerprint": task.dataset.fingerprint,
        "split_id": task.split_id,
    }


def exists(folder: Path) -> bool:
    return (folder / NAME).exists()


def remove(folder: Path) -> None:
    (folder / NAME).unlink(missing_ok=True)


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """One file, whole or as it was before; an OSError where the disk takes no more."""
    told = json.dumps({"schema": SCHEMA, **asdict(checkpoint.told)}).encode()
    arrays = {
        "told": np.frombuffer(told, np.uint8),
        "best": np.frombuffer(checkpoint.best, np.uint8),
    } | {f"state_{at:04}": value for at, value in enumerate(checkpoint.state)}
    memory = io.BytesIO()
    np.savez(memory, sha256=np.array(_sha256(arrays)), **arrays)
    files.write_bytes(folder / NAME, memory.getbuffer())


def read(folder: Path) -> Checkpoint | None:
    """The checkpoint in a run's folder, checked by its SHA-256; None where there is none.

    Raises:
        RecordError: if it is damaged or of a newer version.
    """
    with _damage_named():
        try:
            with np.load(folder / NAME, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in sorted(stored.files)}
        except FileNotFoundError:
            return None
        if str(arrays.pop("sha256")) != _sha256(arrays):
            raise ValueError("its checksum is another")
        return Checkpoint(
            told=_told(arrays["told"]),
            state=[arrays[name] for name in sorted(arrays) if name.startswith("state_")],
            best=arrays["best"].tobytes(),
        )


def look(folder: Path) -> Told | None:
    """What the checkpoint says, without reading its arrays; None where there is none.

    Raises:
        RecordError: if that part is damaged or of a newer version.
    """
    with _damage_named():
        try:
            with np.load(folder / NAME, allow_pickle=False) as stored:
                return _told(stored["told"])
        except FileNotFoundError:
            return None


def _told(array: np.ndarray) -> Told:
    stored = json.loads(array.tobytes())
    schema = stored.pop("schema")
    if schema > SCHEMA:
        raise RecordError(f"{NAME} was written by a newer version (schema {schema})")
    return Told(**stored)


def _sha256(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {arrays[name].shape} ".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()


DAMAGED = (
    OSError, EOFError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, MemoryError,
    OverflowError, RecursionError, SyntaxError, struct.error, tokenize.TokenError, BadZipFile,
    zlib.error,
)  # fmt: skip  # what a zip, an array's header and JSON raise on bytes that chance has changed


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise RecordError(f"{NAME} is damaged") from error
