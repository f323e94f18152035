"""Dealing pictures out into folds: each is judged once, by a model that learnt from others.

As with a split, folds depend on the content and a seed alone: pictures are ordered by identity
first. Copies of one picture, and pictures of one subject, are never in two folds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.data.dataset import PARTS
from engine.data.question import Task
from engine.data.split import SHARES, units
from engine.errors import ConfigError

FOLDS = (3, 20)
REPEATS = (1, 20)
USUAL = 10
ATTEMPTS = 50  # at folds that have every class, where subjects are of several classes
TRAIN, VALIDATION, TEST = range(len(PARTS))


@dataclass(frozen=True, eq=False)
class Dealt:
    """The pictures of a task, dealt out.

    Attributes:
        rows: `(n,)` of the dataset, by identity.
        fold: `(repeats, n)` in which fold each is judged, from 0 on.
        labels, unit: `(n,)` class of each, and a number that those share which stay together.
    """

    rows: NDArray[np.int64]
    fold: NDArray[np.int16]
    labels: NDArray[np.int64]
    unit: NDArray[np.int64]

    def part_of(self, repeat: int, fold: int, size: int, seed: int) -> NDArray[np.uint8]:
        """The part `(size,)` of each picture of the dataset while one fold is judged: that fold is
        the test part; of the others about a tenth of all, by class and by what stays together, is
        for validation, from which best epoch and threshold come. It is more than a tenth where few
        subjects of several classes leave no other way to have every class.

        What the task leaves out counts as training, where the task leaves it out again.

        Raises:
            ConfigError: if there is no such way at all.
        """
        judged = self.fold[repeat] == fold
        rest = np.flatnonzero(~judged)
        labels, unit = self.labels[rest], self.unit[rest]
        parts = max(2, round(len(rest) / (SHARES[VALIDATION] * len(judged))))
        parts = min(parts, fewest(labels, unit))
        for_validation = _apart(labels, unit, parts, [seed, repeat, fold])
        part_of = np.full(size, TRAIN, np.uint8)
        part_of[self.rows[judged]] = TEST
        part_of[self.rows[rest[for_validation]]] = VALIDATION
        return part_of


def deal(task: Task, folds: int, repeats: int, seed: int) -> Dealt:
    """Deal the pictures of a task out into folds, by scikit-learn's RepeatedStratifiedKFold; where
    pictures have to stay together, by its StratifiedGroupKFold.

    Raises:
        ConfigError: if there are not 3 to 20 folds and 1 to 20 repeats, a class has fewer pictures
            (or subjects) than there are folds, or no deal has every class in every fold.
    """
    for what, number, (least, most) in (("folds", folds, FOLDS), ("repeats", repeats, REPEATS)):
        if not least <= number <= most:
            raise ConfigError(f"{number} {what} cannot be used; choose {least} to {most}.")
    data = task.dataset
    asked = np.flatnonzero(task.labels >= 0)
    rows = asked[np.argsort(data.pictures[asked], kind="stable")]
    labels, pictures = task.labels[rows].astype(np.int64), data.pictures[rows]
    unit = units(pictures, pictures if data.groups is None else data.groups[rows])
    _check_enough(
        labels, unit, folds, task.class_names, "subjects" if data.subjects else "pictures"
    )
    return Dealt(rows, _rounds(labels, unit, folds, repeats, [seed]), labels, unit)


def fewest(labels: NDArray, unit: NDArray) -> int:
    """How many units the class has that has the fewest."""
    pairs = np.unique(np.stack([labels, unit]), axis=1)
    return int(np.unique(pairs[0], return_counts=True)[1].min())


def _check_enough(
    labels: NDArray, unit: NDArray, folds: int, class_names: Sequence[str], what: str
) -> None:
    pairs = np.unique(np.stack([labels, unit]), axis=1)
    counts = np.bincount(pairs[0], minlength=len(class_names))
    least = int(counts.argmin())
    if counts[least] < folds:
        most = f"; choose {counts[least]} folds or fewer, or" if counts[least] >= FOLDS[0] else ";"
        raise ConfigError(
            f"'{class_names[least]}' has {counts[least]} {what}, too few to be in each of {folds} "
            f"folds{most} add pictures."
        )


def _apart(labels: NDArray, unit: NDArray, parts: int, seed: list[int]) -> NDArray[np.bool_]:
    """`(n,)` which are one of `parts` parts, or of the most below that can all have every class."""
    for fewer in range(parts, 1, -1):
        try:
            return _rounds(labels, unit, fewer, 1, seed)[0] == 0
        except ConfigError:
            continue
    raise ConfigError(
        "No way was found to keep subjects of every class for validation beside a fold, since some "
        "are of several classes; choose other folds, or add pictures of other subjects."
    )


def _rounds(
    labels: NDArray, unit: NDArray, folds: int, repeats: int, seed: list[int]
) -> NDArray[np.int16]:
    """`(repeats, n)` numbers of folds, each of which has every class."""
    dealt = np.zeros((repeats, len(labels)), np.int16)
    if len(np.unique(unit)) == len(unit):
        for at, judged in enumerate(_one_by_one(labels, folds, repeats, seed)):
            dealt[at // folds, judged] = at % folds
        return dealt
    for repeat in range(repeats):
        for attempt in range(ATTEMPTS):
            for at, judged in enumerate(_together(labels, unit, folds, [*seed, repeat, attempt])):
                dealt[repeat, judged] = at
            if _whole(labels, dealt[repeat], folds):
                break
        else:
            raise ConfigError(
                f"No way was found to deal the subjects out into {folds} folds with every class in "
                "each, since some are of several classes; choose fewer folds, or add pictures of "
                "other subjects."
            )
    return dealt


def _one_by_one(labels, folds: int, repeats: int, seed: list[int]) -> Iterator[NDArray]:
    from sklearn.model_selection import RepeatedStratifiedKFold  # half a second

    made = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=_number(seed))
    return (judged for _, judged in made.split(labels, labels))


def _together(labels, unit, folds: int, seed: list[int]) -> Iterator[NDArray]:
    from sklearn.model_selection import StratifiedGroupKFold

    made = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=_number(seed))
    return (judged for _, judged in made.split(labels, labels, unit))


def _number(seed: list[int]) -> int:
    """What scikit-learn takes for a seed."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0])


def _whole(labels: NDArray, fold: NDArray, folds: int) -> bool:
    cells = np.bincount(labels * folds + fold, minlength=(labels.max() + 1) * folds)
    return bool(cells.all())
