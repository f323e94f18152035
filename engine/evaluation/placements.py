"""Where each score lies among those of the other class: what every statistic of an AUC is made of.

The placement of a positive is the share of negatives that score below it, that of a negative the
share of positives that score above it; ties count a half. An AUC is the mean of either. DeLong,
DeLong & Clarke-Pearson, Biometrics 44 (1988), call them structural components, V10 and V01.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import ScoresError
from engine.evaluation.roc import validate


@dataclass(frozen=True, eq=False)
class Subjects:
    """Whose picture each is, as numbers from 0 on.

    Attributes:
        of_positives, of_negatives: `(P,)` and `(N,)`, in the order of the placements.
        count: how many subjects there are.
    """

    of_positives: NDArray[np.int64]
    of_negatives: NDArray[np.int64]
    count: int

    @property
    def with_positives(self) -> int:
        """How many have a positive picture at least."""
        return len(np.unique(self.of_positives))

    @property
    def with_negatives(self) -> int:
        return len(np.unique(self.of_negatives))


@dataclass(frozen=True, eq=False)
class Placements:
    """Placements of all pictures, each class in the order in which it was given.

    Attributes:
        value: the AUC.
        of_positives, of_negatives: `(P,)` and `(N,)`, from 0 to 1.
        subjects: None where each picture is of a subject of its own.
    """

    value: float
    of_positives: NDArray[np.float64]
    of_negatives: NDArray[np.float64]
    subjects: Subjects | None = None

    @property
    def n_positive(self) -> int:
        return len(self.of_positives)

    @property
    def n_negative(self) -> int:
        return len(self.of_negatives)


def placements(
    y_true: ArrayLike, y_score: ArrayLike, groups: ArrayLike | None = None
) -> Placements:
    """Placements by one sort: Sun & Xu, IEEE Signal Processing Letters 21 (2014), 1389-1393.

    They count the pairs by differences of mid-ranks; here the numbers of both classes up to each
    place of the sorted scores do, which needs one sort and not three. Pairs are counted in halves,
    as whole numbers: exact up to 10⁹ pictures, so that a difference that is 0 is 0.

    Args:
        y_true, y_score: `(n,)` each, see `roc.validate`.
        groups: `(n,)` names of subjects; None where each picture is of one of its own.

    Raises:
        ScoresError: as `roc.validate`, or where `groups` are not one for each picture.

    >>> found = placements([0, 0, 1, 1], [1, 2, 2, 3])
    >>> found.value, found.of_positives.tolist(), found.of_negatives.tolist()
    (0.875, [0.75, 1.0], [1.0, 0.75])
    """
    labels, scores = validate(y_true, y_score)
    positive = labels == 1
    halves = _halves(positive, scores)
    p = int(np.count_nonzero(positive))
    n = len(labels) - p
    of_positives, of_negatives = halves[positive], halves[~positive]
    value = int(of_positives.sum()) / (2 * p * n)
    return Placements(
        value, of_positives / (2 * n), of_negatives / (2 * p), subjects_of(positive, groups)
    )


def _halves(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """`(n,)`: twice the number of the other class that lies on the right side of each picture, a
    tie counting one."""
    order = np.argsort(scores)
    ranked = scores[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # of each tied run
    up_to = np.cumsum(positive[order])[last]
    positives = np.diff(up_to, prepend=0)
    sizes = np.diff(last, prepend=-1)
    negatives_up_to = last + 1 - up_to
    below = 2 * negatives_up_to - (sizes - positives)  # of a positive: below, and below or tied
    above = 2 * (up_to[-1] - up_to) + positives  # of a negative
    found = np.empty(len(scores), np.int64)
    in_order = positive[order]
    found[order] = np.where(in_order, np.repeat(below, sizes), np.repeat(above, sizes))
    return found


def subjects_of(positive: NDArray[np.bool_], groups: ArrayLike | None) -> Subjects | None:
    """Whose picture each is, of each class; None where no subjects are known.

    Args:
        positive: `(n,)` whether it is one.

    Raises:
        ScoresError: where `groups` are not one for each picture.
    """
    if groups is None:
        return None
    groups = np.asarray(groups)
    if groups.shape != positive.shape:
        raise ScoresError(
            f"{len(positive)} pictures and subjects of shape {groups.shape} do not belong "
            "together; give the subject of each picture."
        )
    names, codes = np.unique(groups, return_inverse=True)
    return Subjects(codes[positive], codes[~positive], len(names))
