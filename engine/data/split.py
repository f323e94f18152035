"""Which pictures a network learns from, and which it is chosen and judged by.

A split depends on the content and a seed alone: pictures are ordered by identity before they are
shuffled, so that a folder and its zip are split alike, whatever its files and subjects are called.
"""

from collections.abc import Sequence

import numpy as np

from engine.errors import DatasetError

PARTS = ("train", "validation", "test")
SHARES = (0.8, 0.1, 0.1)
VALIDATION, TEST = PARTS.index("validation"), PARTS.index("test")
DRAWS = 100  # of a class's subjects; the nearest to the shares is taken
ATTEMPTS = 200  # at a split with every class in every part, where subjects are in several classes


def split(labels: np.ndarray, pictures: np.ndarray, seed: int) -> np.ndarray:
    """A stratified split, 80 / 10 / 10, as `(n,)` uint8 places in `PARTS`.

    Copies of one picture stay in one part, in training as far as there are others: a model judged
    on a copy of what it learnt is flattered.

    Args:
        labels: `(n,)` class numbers; pictures: `(n,)` identities, none in two classes.
    """
    part_of = np.zeros(len(labels), np.uint8)
    rng = np.random.default_rng(seed)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        distinct, which, copies = np.unique(
            pictures[members], return_inverse=True, return_counts=True
        )
        order = rng.permutation(len(distinct))
        order = order[np.argsort(copies[order], kind="stable")]
        held_out = _held_out(len(distinct))
        part = np.zeros(len(distinct), np.uint8)
        part[order[:held_out]] = VALIDATION
        part[order[held_out : 2 * held_out]] = TEST
        part_of[members] = part[which]
    return part_of


def split_subjects(
    labels: np.ndarray,
    pictures: np.ndarray,
    groups: np.ndarray,
    seed: int,
    class_names: Sequence[str],
) -> np.ndarray:
    """A split that leaves no subject in two parts, as `(n,)` uint8 places in `PARTS`.

    Subjects that share a picture count as one. Of each class, a tenth of its subjects goes to
    validation and a tenth to test, at least one to each part; which ones is drawn, and of many
    draws the one is taken whose pictures are nearest to a tenth, too. Classes of few subjects come
    first: what a subject of theirs brings to other classes is then counted there.

    Args:
        groups: `(n,)` each picture's subject.
        class_names: for the error's sentence.

    Raises:
        DatasetError: if a class cannot be in every part.
    """
    unit_of = units(pictures, groups)
    held = np.zeros((unit_of.max() + 1, len(class_names)), np.int32)
    np.add.at(held, (unit_of, labels), 1)
    _check_enough(held, class_names)
    rng = np.random.default_rng(seed)
    part, missing = _draw(held, rng, DRAWS)
    for _ in range(ATTEMPTS):
        if missing is None:
            return part[unit_of]
        part, missing = _draw(held, rng, 1)
    raise DatasetError(
        f"The class '{class_names[missing]}' cannot be in training, validation and test at once, "
        "since other classes need the same subjects; add pictures of subjects of its own."
    )


def _check_enough(held: np.ndarray, class_names: Sequence[str]) -> None:
    """Refuse classes of fewer than three units, one for each part."""
    counts = (held > 0).sum(axis=0)
    few = [f"'{class_names[i]}' has {counts[i]}" for i in np.flatnonzero(counts < len(PARTS))]
    if few:
        more = f" and {len(few) - 6} more classes" if len(few) > 6 else ""
        raise DatasetError(
            f"A class needs usable pictures of {len(PARTS)} subjects or more, one for each part of "
            f"the split, where those with a picture in common are one: {', '.join(few[:6])}{more}; "
            "add pictures of others."
        )


def units(pictures: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """`(n,)` numbers of what has to stay together (pictures of one subject, copies of one picture),
    by the smallest identity in each."""
    from scipy.sparse import coo_array  # a tenth of a second that looking at datasets need not take
    from scipy.sparse.csgraph import connected_components

    distinct, picture = np.unique(pictures, return_inverse=True)
    names, subject = np.unique(groups, return_inverse=True)
    n = len(distinct) + len(names)
    edges = coo_array((np.ones(len(picture)), (picture, len(distinct) + subject)), shape=(n, n))
    _, component = connected_components(edges, directed=False)
    # numbered in the order in which their pictures come when these are sorted
    _, first, which = np.unique(component[: len(distinct)], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which][picture]


def _draw(held: np.ndarray, rng: np.random.Generator, draws: int):
    """`(units,)` parts, and the class that could not be in every part, or None.

    held: `(units, classes)` numbers of pictures.
    """
    part = np.full(len(held), -1)
    for label in np.argsort((held > 0).sum(axis=0), kind="stable"):
        sizes = held[:, label]
        units = np.flatnonzero(sizes)
        free = units[part[units] < 0]
        have = [int((part[units] == p).sum()) for p in range(len(PARTS))]
        wanted = _wanted(have, len(free), _held_out(len(units)))
        if wanted is None:
            return part, label
        told = [sizes[part == p].sum() for p in (VALIDATION, TEST)]
        validation, test = _nearest(sizes, free, wanted, told, rng, draws)
        part[free] = PARTS.index("train")
        part[validation], part[test] = VALIDATION, TEST
    return part.astype(np.uint8), None


def _wanted(have: list[int], free: int, target: int) -> tuple[int, int] | None:
    """How many of `free` units of a class go to validation and to test, where the parts `have` some
    already; None if a part stays without."""
    validation, test = (max(0, target - have[p]) for p in (VALIDATION, TEST))
    room = free if have[0] else max(0, free - 1)
    while validation + test > room:
        validation, test = (validation - 1, test) if validation > test else (validation, test - 1)
    whole = (have[0] + free - validation - test, have[VALIDATION] + validation, have[TEST] + test)
    return (validation, test) if all(whole) else None


def _nearest(sizes, free, wanted, told, rng, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Of some draws of `wanted` units, those whose pictures, with those `told` to the parts
    already, are nearest to the parts' shares."""
    best, distance = (free[:0], free[:0]), np.inf
    for _ in range(draws):
        order = rng.permutation(free)
        drawn = order[: wanted[0]], order[wanted[0] : sum(wanted)]
        shares = [
            (have + sizes[units].sum()) / sizes.sum() - share
            for have, units, share in zip(told, drawn, SHARES[1:], strict=True)
        ]
        if np.square(shares).sum() < distance:
            best, distance = drawn, np.square(shares).sum()
    return best


def _held_out(n: int) -> int:
    """How many of `n` go to validation, and to test."""
    return max(1, round(n * SHARES[1]))
