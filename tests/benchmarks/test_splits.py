"""How near splits by subject come to a tenth: ours and scikit-learn's (docs/decisions/010)."""

import sys
import warnings

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from engine.data.split import split_subjects

SOURCES = 20


def even(rng):
    return [(g, g % 2, rng.integers(1, 31)) for g in range(120)]


def few_against_many(rng):
    return [(g, int(g > 2), rng.integers(5, 31)) for g in range(303)]


def in_several_classes(rng):
    return [
        (g, label, rng.integers(1, 16))
        for g in range(100)
        for label in rng.choice(5, rng.integers(1, 4), replace=False)
    ]


def many_classes(rng):
    sizes = [
        (label, rng.integers(1, 31)) for label in range(40) for _ in range(rng.integers(4, 13))
    ]
    return [(g, label, size) for g, (label, size) in enumerate(sizes)]


def one_large(rng):
    return [(g, g % 2, rng.integers(1, 11)) for g in range(40)] + [(40, 0, 100)]


def ours(labels, groups, seed):
    order = np.random.default_rng(seed).permutation(len(labels))
    pictures = np.array([f"{i:064x}" for i in order])
    names = [str(label) for label in range(labels.max() + 1)]
    return split_subjects(labels, pictures, groups, seed, names)


def theirs(labels, groups, seed):
    part_of = np.zeros(len(labels), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a class has fewer subjects than there are folds
        folds = list(StratifiedGroupKFold(10, shuffle=True, random_state=seed).split(
            labels, labels, groups
        ))  # fmt: skip
    part_of[folds[0][1]], part_of[folds[1][1]] = 1, 2
    return part_of


@pytest.mark.parametrize(
    "source", [even, few_against_many, in_several_classes, many_classes, one_large]
)
def test_splits_by_subject(source):
    said = []
    for split in (ours, theirs):
        missing, distances = 0, []
        for seed in range(SOURCES):
            rows = source(np.random.default_rng(seed))
            groups, labels = (np.repeat([row[i] for row in rows], [n for *_, n in rows])
                              for i in (0, 1))  # fmt: skip
            part_of = split(labels, groups, seed)
            held = np.zeros((3, labels.max() + 1))
            np.add.at(held, (part_of, labels), 1)
            missing += bool((held == 0).any())
            distances.append(np.abs(held[1:] / held.sum(axis=0) - 0.1).mean())
        said.append(f"{split.__name__}: {np.mean(distances):.3f} off, a class left out {missing}×")
    print(f"\n{source.__name__}, {SOURCES} sources: {'; '.join(said)}", file=sys.stderr)
