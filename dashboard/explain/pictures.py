"""Which pictures Explain shows: of the run's own dataset, by what the run said of them."""

from dataclasses import dataclass

import numpy as np

from dashboard import state
from dashboard.parts import pictures
from dashboard.parts.pictures import GONE
from engine import identity
from engine.runs.store import Run


@dataclass(frozen=True)
class Picture:
    """A picture at the dataset's size, with what is known of it."""

    name: str
    pixels: np.ndarray  # (s, s, 3) uint8
    truth: int | None  # None for one's own
    score: float | None  # for class 1; None until a model has said
    id: str  # of its pixels

    @property
    def says(self) -> int:
        return int(self.score >= 0.5)


def of_run(run: Run, part: str, places: list[int]) -> list[Picture]:
    """Pictures by their places in the run's predictions on a part, with the scores it stored.

    Raises:
        CamsightError: if predictions or dataset cannot be read.
    """
    predicted = state.predictions(run, part)
    data, rows = pictures.where(run, predicted)
    found = []
    for place in places:
        row = int(rows[place])
        name = data.file_names[row].rsplit("/", 1)[-1]
        truth, score = int(predicted["y_true"][place]), float(predicted["y_score"][place])
        pixels = pictures.pixels(data, row)
        found.append(Picture(name, pixels, truth, score, identity.of_picture(pixels)))
    return found


def here(run: Run, part: str) -> np.ndarray:
    """Places of the pictures that the dataset still holds.

    Raises:
        CamsightError: if it is none, or predictions or dataset cannot be read.
    """
    return np.flatnonzero(pictures.where(run, state.predictions(run, part))[1] != GONE)


def one_of_each(predicted: dict, places: np.ndarray) -> list[int]:
    """Of `places` the surest right answer for each class, then the surest mistakes."""
    y_true, y_score = predicted["y_true"][places], predicted["y_score"][places]
    right, chosen = (y_score >= 0.5) == (y_true == 1), []
    for wanted in (True, False):
        for label in (0, 1):
            members = np.flatnonzero((y_true == label) & (right == wanted))
            if len(members):
                surest = members[np.argmax(np.abs(y_score[members] - 0.5))]
                chosen.append(int(places[surest]))
    return chosen


def at_random(places: np.ndarray, count: int, seed: int) -> list[int]:
    """`count` of `places`, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [int(place) for place in rng.choice(places, min(count, len(places)), replace=False)]
