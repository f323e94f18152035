"""A question about a dataset: which of its classes are told apart, and what that makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine import identity
from engine.data.dataset import PARTS, Dataset
from engine.data.layout import place_of
from engine.errors import ConfigError

LEFT_OUT = -1


@dataclass(frozen=True)
class Question:
    """Classes of a dataset by name: those of class 1 and those of class 0 that it is told from."""

    positive: tuple[str, ...]
    negative: tuple[str, ...]

    @property
    def class_names(self) -> tuple[str, str]:
        return ", ".join(self.negative), ", ".join(self.positive)


@dataclass(frozen=True)
class Task:
    """What a run learns: pictures of a dataset, with labels of the run's own."""

    dataset: Dataset
    class_names: tuple[str, ...]
    labels: np.ndarray  # (n,) places in class_names, LEFT_OUT where the question leaves it out
    fold: np.ndarray | None = None  # (n,) places in PARTS, of a cross-validation's fold

    @property
    def images(self) -> np.ndarray:
        return self.dataset.images

    def indices(self, part: str) -> np.ndarray:
        """Rows of the pictures of `part` that are asked for, ascending."""
        part_of = self.dataset.part_of if self.fold is None else self.fold
        return np.flatnonzero((part_of == PARTS.index(part)) & (self.labels >= 0))

    def subjects(self) -> dict[str, int]:
        """How many subjects each part is of; {} where they are not known."""
        groups = self.dataset.groups
        if groups is None:
            return {}
        return {part: len(np.unique(groups[self.indices(part)])) for part in PARTS}

    @cached_property
    def split_id(self) -> str:
        """What is in its test part: runs with the same one are judged on the same."""
        if self.class_names == self.dataset.class_names:
            return self.dataset.split_id
        test = self.indices("test")
        pictures = self.dataset.pictures[test]
        return identity.of_pictures(pictures, self.labels[test], self.class_names)


def ask(dataset: Dataset, positive: Sequence[str], negative: Sequence[str]) -> Question | None:
    """The question by names in whatever case; None where nothing is asked.

    Raises:
        ConfigError: for a side that is empty, a class that is not there or on both sides, and for
            a dataset of two classes.
    """
    if not positive and not negative:
        return None
    if len(dataset.class_names) == 2:
        raise ConfigError(
            f"'{dataset.name}' has two classes, which are told apart as they are; leave --positive "
            "and --negative out (prepare has a --positive that says which one is positive)."
        )
    for side, names in (("positive", positive), ("negative", negative)):
        if not names:
            raise ConfigError(f"The question has no {side} class; name at least one on each side.")
    sides = [{_named(dataset, name) for name in names} for names in (positive, negative)]
    both = sorted(sides[0] & sides[1])
    if both:
        raise ConfigError(
            f"'{both[0]}' stands on both sides of the question; leave it out on one of them."
        )
    # in the dataset's order, so that one question is one, however it was put
    found = Question(*(tuple(n for n in dataset.class_names if n in side) for side in sides))
    if len(set(found.class_names)) < 2:
        raise ConfigError(
            f"Both sides of the question would be called '{found.class_names[0]}'; leave one class "
            "out, or rename it."
        )
    return found


def _named(dataset: Dataset, asked: str) -> str:
    known = dataset.class_names
    place = place_of(known, asked)
    if place is not None:
        return known[place]
    listed = ", ".join(known[:8]) + (f" and {len(known) - 8} more" if len(known) > 8 else "")
    raise ConfigError(f"The class '{asked}' is not one of '{dataset.name}'; there are: {listed}.")


def task_of(dataset: Dataset, question: Question | None) -> Task:
    """The whole dataset, or the part of it that the question asks about."""
    if question is None:
        return Task(dataset, dataset.class_names, dataset.labels)
    by_class = np.full(len(dataset.class_names), LEFT_OUT, np.int16)
    for label, side in enumerate((question.negative, question.positive)):
        by_class[[dataset.class_names.index(name) for name in side]] = label
    return Task(dataset, question.class_names, by_class[dataset.labels])
