"""Where the pictures are that a run was judged on: by what is in them, not by their place."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dashboard import state, words
from engine.commands import compare, heat_files
from engine.data.dataset import Dataset
from engine.errors import DatasetError
from engine.runs.record import Run

PARTS = ("test", "validation")
GONE = -1  # the row of a picture that its dataset does not hold
_SHORT = re.compile(r"[0-9a-f]{8,64}")
_ROW = re.compile(r"row-([0-9]{1,9})")  # as the first version wrote links


def where(run: Run, predicted: dict[str, np.ndarray]) -> tuple[Dataset, np.ndarray]:
    """The dataset of a run's predictions and each picture's row in it, GONE where there is none.

    Raises:
        DatasetError: if none of them can be shown, saying why.
    """
    data = state.dataset_of(run)
    if data is not None:
        rows = compare.rows(run, predicted, data)
        if (rows != GONE).any():
            return data, rows
    raise DatasetError(
        f"The pictures that {run.id} was judged on are not here: the dataset '{run.dataset}' is "
        "gone, or holds others now. All numbers stay as they were; prepare the same pictures "
        "again under that name to see them."
    )


def identities(data: Dataset, rows: np.ndarray, predicted: dict[str, np.ndarray]) -> np.ndarray:
    """Of all pictures of the predictions, `(n,)`; "" where it cannot be known any more."""
    if "row" not in predicted:
        return predicted["picture"]
    return np.where(rows == GONE, "", data.pictures[rows])


def pixels(data: Dataset, row: int) -> np.ndarray:
    """A picture, `(s, s, 3)` uint8, from a file that is opened for it alone.

    The dataset of a look is kept, and so would be the map of its file. Where that file is cut short
    later, a look through the old map ends the whole process; a new one is an error.

    Raises:
        DatasetError: if it cannot be read.
    """
    return np.array(replace(data).images[row])


def jpeg(key: tuple, draw: Callable[[], np.ndarray]) -> bytes:
    """What `draw` makes, `(h, w, 3)` uint8, as a JPEG file. It is kept: each click draws all
    pictures of a page anew, and to encode them took most of that.

    Args:
        key: all that the picture depends on, each by name or SHA-256.
    """
    found = state.kept().get(("jpeg", *key))
    if found is None:
        found = heat_files.jpeg(draw())
        state.kept().put(("jpeg", *key), found, len(found))
    return found


def find(run: Run, asked: str) -> tuple[str, int] | None:
    """The part and the place in its predictions of the picture that a link asks for, or None.

    Links of the first version hold rows. They mean what they meant as long as the dataset is the
    very one that the run was trained on.

    Raises:
        CamsightError: if predictions or dataset cannot be read.
    """
    for part in PARTS:
        predicted = state.predictions(run, part)
        data, rows = where(run, predicted)
        if row := _ROW.fullmatch(asked):
            found = (rows == int(row[1])) & (data.created <= run.created)
        elif _SHORT.fullmatch(asked):
            found = np.char.startswith(identities(data, rows, predicted), asked)
        else:
            return None
        if found.any():
            return part, int(np.argmax(found))
    return None


def name(data: Dataset, row: int, longest: int = 40) -> str:
    """A picture's file name, to be written in Markdown."""
    return words.markdown(data.file_names[row].rsplit("/", 1)[-1], longest)
