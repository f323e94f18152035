"""What a run has written of itself while it trained: progress, history, predictions.

Each is read as it is found: a damaged file is an absence or a sentence, never a crash of whoever
looks.
"""

import csv
import math
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from pydantic import BaseModel, ValidationError

from engine import files
from engine.errors import RecordError

PARTS = ("validation", "test")


class Progress(BaseModel):
    """How far a training is. phase: starting, waiting, measuring, estimated, or in their place
    resuming; any with `done` of `total` pictures, as features; then training, judging. engine: what
    computes there, if known. fold, folds: which of how many, of a cross-validation, whose seconds
    left are those of all."""

    phase: str
    epoch: int | None = None
    epochs: int | None = None
    batch: int | None = None
    batches: int | None = None
    pictures_per_second: float | None = None
    seconds_left: float | None = None
    seconds: float | None = None
    done: int | None = None
    total: int | None = None
    engine: str | None = None
    fold: int | None = None
    folds: int | None = None


def read_progress(folder: Path) -> Progress | None:
    """None before it has begun, or where the file says nothing that can be read."""
    try:
        return Progress.model_validate_json((folder / "progress.json").read_bytes())
    except (OSError, ValidationError):
        return None


def write_progress(folder: Path, progress: dict) -> None:
    files.write_json(folder / "progress.json", progress, sync=False)


def read_history(folder: Path) -> dict[str, list[float]]:
    """Columns of history.csv up to its first damaged row; {} before the first epoch has ended."""
    try:
        with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    columns: dict[str, list[float]] = {}
    for row in rows:
        try:
            values = {name: float(value) for name, value in row.items()}
            values["epoch"] = int(values["epoch"])
        except (TypeError, ValueError, KeyError):
            break
        if not all(map(math.isfinite, values.values())):
            break
        for name, value in values.items():
            columns.setdefault(name, []).append(value)
    return columns


def write_predictions(folder: Path, parts: dict[str, dict[str, np.ndarray]]) -> None:
    """For each part: picture (identities), y_true and, where known, subject (numbers) `(n,)`; logit
    and y_score `(n,)`, or of many classes `(n, k)`, which versions up to schema 2 do not know."""
    many = any(columns["logit"].ndim == 2 for columns in parts.values())
    arrays = {"schema": np.array(3 if many else 2)}
    for part, columns in parts.items():
        for name, array in columns.items():
            arrays[f"{part}_{name}"] = array.astype("S64") if name == "picture" else array
    files.write(folder / "predictions.npz", lambda beside: np.savez(beside, **arrays))


def read_predictions(folder: Path, part: str, classes: int) -> dict[str, np.ndarray]:
    """picture, y_true, logit and y_score of "validation" or "test", all `(n,)`; of more than two
    classes logit and y_score are `(n, classes)`. subject is there where it was stored: numbers that
    tell the subjects of the run's pictures from each other.

    Runs of the first version knew rows of their dataset and no pictures: theirs are "", and `row`
    is there as well.

    Raises:
        RecordError: if the file is missing, damaged or of a newer version.
    """
    path = folder / "predictions.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            schema = int(stored["schema"]) if "schema" in stored else 1
            if schema > 3:
                raise RecordError(f"{path.name} was written by a newer version (schema {schema})")
            columns = {
                name: stored[f"{part}_{name}"] for name in ("y_true", "logit", "y_score")
            }
            if f"{part}_subject" in stored:
                columns["subject"] = stored[f"{part}_subject"]
            if schema == 1:
                columns["row"] = stored[f"{part}_indices"]
                columns["picture"] = np.full(len(columns["row"]), "")
            else:
                columns["picture"] = stored[f"{part}_picture"].astype("U64")
    except FileNotFoundError:
        raise RecordError(f"{path.name} is missing") from None
    except (OSError, EOFError, KeyError, ValueError, TypeError, BadZipFile) as error:
        raise RecordError(f"{path.name} is damaged") from error
    _check(columns, classes, path.name)
    return columns


def _check(columns: dict[str, np.ndarray], classes: int, name: str) -> None:
    n = columns["y_true"].size
    wide = (n,) if classes == 2 else (n, classes)
    shapes = {"logit": wide, "y_score": wide}
    if not n or any(column.shape != shapes.get(key, (n,)) for key, column in columns.items()):
        raise RecordError(f"{name} is damaged (its columns do not belong together)")
    numbers = all(np.issubdtype(columns[c].dtype, np.number) for c in ("y_true", "y_score"))
    if not numbers or not np.isin(columns["y_true"], range(classes)).all():
        raise RecordError(f"{name} is damaged (its labels are not 0 to {classes - 1})")
    if not np.isfinite(columns["y_score"]).all():
        raise RecordError(f"{name} is damaged (a score is no finite number)")
