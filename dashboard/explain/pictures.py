"""Which pictures Explain shows: of the run's own dataset, by what the run said of them."""

from dataclasses import dataclass

import numpy as np

from dashboard import state
from dashboard.parts import pictures
from dashboard.parts.pictures import GONE
from engine import identity
from engine.evaluation import multiclass
from engine.runs.record import Run

MOST = 4  # right answers, and as many mistakes, of "one of each outcome"


@dataclass(frozen=True)
class Picture:
    """A picture at the dataset's size, with what is known of it."""

    name: str
    pixels: np.ndarray  # (s, s, 3) uint8
    truth: int | None  # None for one's own
    scores: np.ndarray | None  # (k,) probabilities of each class; None until a model has said
    id: str  # of its pixels

    @property
    def says(self) -> int:
        told = self.scores[1:] if len(self.scores) == 2 else self.scores[None]
        return int(multiclass.said(told)[0])


def of_run(run: Run, part: str, places: list[int]) -> list[Picture]:
    """Pictures by their places in the run's predictions on a part, with the scores it stored.

    Raises:
        CamsightError: if predictions or dataset cannot be read.
    """
    predicted = state.predictions(run, part)
    data, rows = pictures.where(run, predicted)
    y_score, found = multiclass.by_class(predicted["y_score"]), []
    for place in places:
        row = int(rows[place])
        name = data.file_names[row].rsplit("/", 1)[-1]
        truth, pixels = int(predicted["y_true"][place]), pictures.pixels(data, row)
        found.append(Picture(name, pixels, truth, y_score[place], identity.of_picture(pixels)))
    return found


def here(run: Run, part: str) -> np.ndarray:
    """Places of the pictures that the dataset still holds.

    Raises:
        CamsightError: if it is none, or predictions or dataset cannot be read.
    """
    return np.flatnonzero(pictures.where(run, state.predictions(run, part))[1] != GONE)


def one_of_each(predicted: dict, places: np.ndarray) -> list[int]:
    """Of `places` the surest right answer of each class, then the surest mistake of each.

    Of more than four classes: the right answers of those four that are found least often, and the
    four surest mistakes.
    """
    y_true, y_score = predicted["y_true"][places], predicted["y_score"][places]
    right = multiclass.said(y_score) == y_true
    sure = np.abs(y_score - 0.5) if y_score.ndim == 1 else y_score.max(axis=1)
    labels = np.unique(y_true)
    least_found = sorted(labels, key=lambda label: right[y_true == label].mean())
    answers = _surest(least_found, y_true, right, sure)
    mistakes = _surest(labels, y_true, ~right, sure)
    mistakes = sorted(mistakes, key=lambda at: -sure[at])
    by_class = [sorted(some[:MOST], key=lambda at: y_true[at]) for some in (answers, mistakes)]
    return [int(places[at]) for some in by_class for at in some]


def _surest(labels, y_true: np.ndarray, wanted: np.ndarray, sure: np.ndarray) -> list[int]:
    """Of each class the surest of those that are wanted, where there is one."""
    members = [np.flatnonzero((y_true == label) & wanted) for label in labels]
    return [int(some[np.argmax(sure[some])]) for some in members if len(some)]


def at_random(places: np.ndarray, count: int, seed: int) -> list[int]:
    """`count` of `places`, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [int(place) for place in rng.choice(places, min(count, len(places)), replace=False)]
