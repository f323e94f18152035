"""The AUC of pictures that were drawn again: stratified by class, or by subject.

A replicate is told by how often each picture was drawn. With the negatives sorted, the running sum
of their numbers says how many lie below each positive, so a replicate costs two draws, one running
sum and one look-up, and no sort.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.evaluation.placements import subjects_of
from engine.evaluation.roc import validate

REPLICATES, FEWEST = 2000, 200
DRAWS = 2 * 10**8  # of pictures in all, beyond which replicates are fewer: near half a minute
BLOCK = 1 << 16  # numbers at a time, so that they stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Sorted:
    """Positives by where they lie among the sorted negatives.

    below, up_to: `(P,)` how many negatives lie below each positive, and below or beside it.
    positives, negatives: places in the pictures that were given, in the order of their scores.
    """

    below: NDArray[np.int64]
    up_to: NDArray[np.int64]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]


def sort(labels: NDArray, scores: NDArray) -> Sorted:
    order = np.argsort(scores)
    positives, negatives = order[labels[order] == 1], order[labels[order] == 0]
    among = scores[negatives]
    return Sorted(
        np.searchsorted(among, scores[positives], "left"),
        np.searchsorted(among, scores[positives], "right"),
        positives,
        negatives,
    )


def replicates(
    y_true: ArrayLike,
    *y_scores: ArrayLike,
    groups: ArrayLike | None = None,
    times: int | None = None,
    seed: int = 1,
) -> NDArray[np.float64]:
    """AUCs `(times, k)` of k models on the same pictures, drawn again with replacement.

    Without groups, as many of each class are drawn as there are (the stratified bootstrap: Efron &
    Tibshirani 1993, section 16.2). With groups whole subjects are drawn: of those with positives
    only, with negatives only and with both as many each as there are, so that no replicate lacks a
    class. All models are judged on the same draws, which keeps what is paired paired.

    Args:
        y_true: `(n,)`; y_scores: k times `(n,)`; see `roc.validate`.
        times: how many; None for `REPLICATES`, or above 100,000 pictures as many as make `DRAWS`,
            and `FEWEST` at least.

    Raises:
        ScoresError: as `roc.validate`, or where groups are not one for each picture.
    """
    labels, _ = validate(y_true, y_scores[0])
    models = [sort(*validate(y_true, scores)) for scores in y_scores]
    of = subjects_of(labels == 1, groups)
    rng = np.random.default_rng(seed)
    if times is None:
        times = times_for(len(labels), DRAWS)
    again = _by_class(labels, rng, times) if of is None else by_subject(labels, groups, rng, times)
    found = [[_aucs(one, counts) for one in models] for counts in again]
    return np.concatenate([np.stack(columns, axis=1) for columns in found])


def times_for(n: int, draws: int) -> int:
    """How many replicates of n pictures make about so many draws: `REPLICATES` at most, and
    `FEWEST` at least."""
    return max(FEWEST, min(REPLICATES, draws // n))


def _aucs(model: Sorted, counts: NDArray[np.int32]) -> NDArray[np.float64]:
    """`(b,)` of replicates whose pictures were drawn `counts` `(b, n)` times."""
    positives, negatives = counts[:, model.positives], counts[:, model.negatives]
    up_to = np.zeros((len(counts), len(model.negatives) + 1), np.int64)
    np.cumsum(negatives, axis=1, out=up_to[:, 1:])
    halves = up_to[:, model.below] + up_to[:, model.up_to]
    wins = np.einsum("bp,bp->b", positives, halves, dtype=np.float64)
    return wins / (2.0 * positives.sum(axis=1) * up_to[:, -1])


def _by_class(labels: NDArray, rng: np.random.Generator, times: int) -> Iterator[NDArray]:
    members = [np.flatnonzero(labels == label) for label in (0, 1)]
    for b in _blocks(times, len(labels)):
        counts = np.empty((b, len(labels)), np.int32)
        for of in members:
            counts[:, of] = drawn(rng, b, len(of))
        yield counts


def by_subject(
    labels: NDArray, groups: ArrayLike, rng: np.random.Generator, times: int
) -> Iterator[NDArray]:
    names, subject = np.unique(np.asarray(groups), return_inverse=True)
    held = np.zeros((len(names), 2), bool)
    held[subject, labels] = True
    kind = held @ (1, 2)  # with negatives only, with positives only, with both
    strata = [np.flatnonzero(kind == one) for one in np.unique(kind)]
    for b in _blocks(times, len(labels)):
        counts = np.empty((b, len(names)), np.int32)
        for of in strata:
            counts[:, of] = drawn(rng, b, len(of))
        yield counts[:, subject]


def drawn(rng: np.random.Generator, times: int, n: int) -> NDArray[np.int64]:
    """How often each of n was drawn `(times, n)`, in n draws with replacement."""
    at = rng.integers(0, n, (times, n), np.uint16 if n <= 1 << 16 else np.int64).astype(np.int64)
    at += n * np.arange(times)[:, None]
    return np.bincount(at.ravel(), minlength=times * n).reshape(times, n)


def _blocks(times: int, n: int) -> Iterator[int]:
    size = max(1, BLOCK // n)
    for at in range(0, times, size):
        yield min(size, times - at)
