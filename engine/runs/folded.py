"""folds.npz: what a cross-validation has found so far, in one file that is whole or not there.

It is written after each fold, so that a cross-validation that is ended goes on with the first fold
that is missing.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from engine import files
from engine.errors import RecordError

NAME = "folds.npz"
SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Folded:
    """A cross-validation of n pictures in V folds, R times, of k classes.

    Attributes:
        picture: `(n,)` identities.
        subject: `(n,)` names; `(0,)` where each picture is of a subject of its own.
        y_true: `(n,)` classes.
        fold: `(R, n)` in which fold each picture is judged.
        y_score: `(R, n)` or `(R, n, k)` probabilities by the model of that fold.
        threshold: `(R, V)` chosen on the fold's own validation part; NaN of many classes.
        best_epoch: `(R, V)`, counted from 1; 0 where the fold is not judged yet.
    """

    picture: np.ndarray
    subject: np.ndarray
    y_true: np.ndarray
    fold: np.ndarray
    y_score: np.ndarray
    threshold: np.ndarray
    best_epoch: np.ndarray

    @property
    def done(self) -> int:
        """How many folds are judged."""
        return int(np.count_nonzero(self.best_epoch))

    @property
    def whole(self) -> bool:
        return self.done == self.best_epoch.size

    @property
    def groups(self) -> np.ndarray | None:
        return self.subject if self.subject.size else None

    def begun_with(self, other: "Folded") -> bool:
        """Whether both are of the same pictures, dealt out alike."""
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("picture", "subject", "y_true", "fold")
        )


def begin(
    picture: np.ndarray, subject: np.ndarray | None, y_true: np.ndarray, fold: np.ndarray, k: int
) -> Folded:
    """One of which no fold is judged.

    Args:
        fold: `(R, n)`; k: classes.
    """
    repeats, folds = len(fold), int(fold.max()) + 1
    return Folded(
        picture=picture,
        subject=np.array([], "U1") if subject is None else subject,
        y_true=y_true,
        fold=fold,
        y_score=np.full(fold.shape if k == 2 else (*fold.shape, k), np.nan),
        threshold=np.full((repeats, folds), np.nan),
        best_epoch=np.zeros((repeats, folds), np.int64),
    )


def write(folder: Path, found: Folded) -> None:
    arrays = {field.name: getattr(found, field.name) for field in fields(found)}
    schema = np.array(SCHEMA)
    files.write(folder / NAME, lambda beside: np.savez(beside, schema=schema, **arrays))


def read(folder: Path) -> Folded | None:
    """What is in a run's folder; None where there is none.

    Raises:
        RecordError: if it is damaged or of a newer version.
    """
    try:
        with np.load(folder / NAME, allow_pickle=False) as stored:
            if int(stored["schema"]) > SCHEMA:
                raise RecordError(f"{NAME} was written by a newer version")
            found = Folded(**{field.name: stored[field.name] for field in fields(Folded)})
    except FileNotFoundError:
        return None
    except (OSError, EOFError, KeyError, ValueError, TypeError, BadZipFile) as error:
        raise RecordError(f"{NAME} is damaged") from error
    n, of_folds = len(found.y_true), found.best_epoch.shape
    fits = found.fold.shape == (of_folds[0], n) and found.y_score.shape[:2] == found.fold.shape
    if not n or not fits or found.picture.shape != (n,) or found.threshold.shape != of_folds:
        raise RecordError(f"{NAME} is damaged (its arrays do not belong together)")
    return found
