"""The split: of two classes as ever, of many alike, and no subject in two parts."""

import hashlib
from itertools import pairwise

import numpy as np
import pytest

from engine.commands.prepare import prepare
from engine.data.split import PARTS, SHARES, split, split_subjects
from engine.errors import DatasetError


def identities(n: int, seed: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([rng.bytes(32).hex() for _ in range(n)])


def counted(part_of: np.ndarray, labels: np.ndarray) -> list[list[int]]:
    """Pictures of each part and class."""
    classes = range(labels.max() + 1)
    return [[int(((part_of == p) & (labels == c)).sum()) for c in classes] for p in range(3)]


def test_the_split_is_80_10_10_of_each_class():
    labels = np.random.default_rng(2).permutation(np.repeat([0, 1], [130, 70])).astype(np.uint8)
    part_of = split(labels, identities(200), seed=1)
    assert counted(part_of, labels) == [[104, 56], [13, 7], [13, 7]]


def test_the_split_of_many_classes_is_80_10_10_of_each():
    sizes = [10, 14, 20, 100, 31]
    labels = np.random.default_rng(2).permutation(np.repeat(range(5), sizes)).astype(np.uint8)
    part_of = split(labels, identities(175), seed=1)
    assert counted(part_of, labels) == [[8, 12, 16, 80, 25], [1, 1, 2, 10, 3], [1, 1, 2, 10, 3]]


def test_another_seed_is_another_split_and_the_same_seed_the_same():
    labels = np.repeat([0, 1], 100).astype(np.uint8)
    pictures = identities(200)
    assert (split(labels, pictures, 1) == split(labels, pictures, 1)).all()
    assert (split(labels, pictures, 1) != split(labels, pictures, 2)).any()


@pytest.mark.parametrize(("seed", "digest"), [(1, "d2a5c13efeb1f6d1"), (7, "dbe35bfda8a1278b")])
def test_two_classes_are_split_as_before_there_were_more(seed, digest):
    """Digests of what the version with two classes gave, copies among the pictures."""
    labels = np.random.default_rng(5).permutation(np.repeat([0, 1], [130, 71])).astype(np.uint8)
    told = [hashlib.sha256(bytes([i, int(y)])).hexdigest() for i, y in enumerate(labels)]
    pictures = np.array(told)
    pictures[labels == 0] = pictures[labels == 0][np.r_[0:120, 0:10]]
    assert hashlib.sha256(split(labels, pictures, seed).tobytes()).hexdigest()[:16] == digest


def test_copies_of_a_picture_stay_in_one_part(place, tmp_path, two_classes, one_process):
    folder = two_classes(tmp_path / "pets", 20)
    for i in range(10):
        (folder / "cat" / f"copy of {i}.png").write_bytes((folder / f"cat/{i}.png").read_bytes())
    dataset = prepare(place, str(folder), "pets", image_size=32)
    assert (dataset.size, dataset.copies) == (50, 10)
    assert dataset.counts == {"train": (26, 16), "validation": (2, 2), "test": (2, 2)}
    parts = {}
    for image, part in zip(dataset.images, dataset.part_of, strict=True):
        parts.setdefault(image.tobytes(), set()).add(int(part))
    assert all(len(found) == 1 for found in parts.values())


def test_the_smallest_dataset_has_both_classes_in_every_part(
    place, tmp_path, two_classes, one_process
):
    dataset = prepare(place, str(two_classes(tmp_path / "pets", 10)), "pets", image_size=32)
    assert dataset.counts == {"train": (8, 8), "validation": (1, 1), "test": (1, 1)}


# --- subjects -------------------------------------------------------------------------------------


def grouped(sizes: dict[int, list[int]], rng=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, pictures and subjects: of each class, subjects with so many pictures."""
    rng = rng or np.random.default_rng(1)
    rows = [
        (label, f"{label}-{i}")
        for label, of_class in sizes.items()
        for i, size in enumerate(of_class)
        for _ in range(size)
    ]
    order = rng.permutation(len(rows))
    labels = np.array([rows[i][0] for i in order], np.uint8)
    groups = np.array([rows[i][1] for i in order])
    return labels, np.array([rng.bytes(32).hex() for _ in rows]), groups


def parts_of(part_of: np.ndarray, names: np.ndarray) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for part, name in zip(part_of, names, strict=True):
        found.setdefault(str(name), set()).add(int(part))
    return found


def random_source(seed: int):
    """A source of 2 to 12 classes with skewed subjects, some in several classes, some copies."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 13))
    sizes = {
        c: rng.integers(1, 1 + int(rng.choice([1, 5, 30])), int(rng.integers(3, 60))).tolist()
        for c in range(classes)
    }
    labels, pictures, groups = grouped(sizes, rng)
    spare = [n for n in np.unique(groups) if len(sizes[int(n.split("-")[0])]) > 5]
    for _ in range(int(rng.integers(0, 3)) if spare else 0):
        groups[groups == rng.choice(spare)] = rng.choice(spare)
    for _ in range(int(rng.integers(0, 3))):
        one, other = rng.integers(0, len(labels), 2)
        if labels[one] == labels[other] and {groups[one], groups[other]} <= set(spare):
            pictures[one] = pictures[other]
    return labels, pictures, groups


@pytest.mark.parametrize("seed", range(60))
def test_whatever_the_source_no_subject_is_in_two_parts_and_every_class_in_each(seed):
    labels, pictures, groups = random_source(seed)
    names = [f"class {c}" for c in range(labels.max() + 1)]
    part_of = split_subjects(labels, pictures, groups, seed, names)
    assert part_of.dtype == np.uint8
    assert all(len(found) == 1 for found in parts_of(part_of, groups).values())
    assert all(len(found) == 1 for found in parts_of(part_of, pictures).values())
    for label in range(len(names)):
        subjects = {p: set(groups[(part_of == p) & (labels == label)]) for p in range(3)}
        assert all(subjects.values())
        all_of_it = set().union(*subjects.values())
        for p in (1, 2):  # a tenth of the subjects, give or take those it shares with others
            assert abs(len(subjects[p]) - max(1, SHARES[p] * len(all_of_it))) <= 3


def test_subjects_are_split_80_10_10_and_so_are_their_pictures_where_they_can_be():
    rng = np.random.default_rng(3)
    sizes = {0: rng.integers(1, 31, 60).tolist(), 1: rng.integers(1, 31, 200).tolist()}
    labels, pictures, groups = grouped(sizes)
    part_of = split_subjects(labels, pictures, groups, 1, ("cat", "dog"))
    for label, n in ((0, 60), (1, 200)):
        of_class = labels == label
        for p in (1, 2):
            assert len(set(groups[of_class & (part_of == p)])) == n // 10
            assert (part_of[of_class] == p).mean() == pytest.approx(0.1, abs=0.01)


def test_a_subject_that_is_most_of_a_class_is_learnt_from():
    labels, pictures, groups = grouped({0: [200, 10, 12, 9], 1: [30, 20, 25]})
    part_of = split_subjects(labels, pictures, groups, 1, ("cat", "dog"))
    assert parts_of(part_of, groups)["0-0"] == {PARTS.index("train")}


def test_the_split_knows_no_order_and_no_names():
    labels, pictures, groups = grouped({0: [3, 5, 8, 2] * 5, 1: [1, 9, 4] * 9})
    before = split_subjects(labels, pictures, groups, 4, ("cat", "dog"))
    order = np.random.default_rng(9).permutation(len(labels))
    renamed = np.array([hashlib.sha256(name.encode()).hexdigest() for name in groups])
    after = split_subjects(labels[order], pictures[order], renamed[order], 4, ("cat", "dog"))
    assert (after == before[order]).all()
    assert (split_subjects(labels, pictures, groups, 5, ("cat", "dog")) != before).any()


def test_a_subject_of_two_classes_takes_both_to_its_part():
    labels, pictures, groups = grouped({0: [4] * 12, 1: [4] * 12})
    groups = np.array([f"animal {name[2:]}" for name in groups])
    part_of = split_subjects(labels, pictures, groups, 1, ("cat", "dog"))
    assert all(len(found) == 1 for found in parts_of(part_of, groups).values())
    assert counted(part_of, labels) == [[40, 40], [4, 4], [4, 4]]


def test_subjects_that_share_a_picture_are_one():
    labels, pictures, groups = grouped({0: [5] * 10, 1: [5] * 10})
    chain = [np.flatnonzero(groups == f"0-{i}") for i in range(4)]
    for one, other in pairwise(chain):
        pictures[other[0]] = pictures[one[1]]
    for seed in range(5):
        part_of = split_subjects(labels, pictures, groups, seed, ("cat", "dog"))
        assert len({int(part_of[rows[0]]) for rows in chain}) == 1


def test_too_few_subjects_are_named_and_copies_do_not_count():
    labels, pictures, groups = grouped({0: [5] * 6, 1: [5] * 3, 2: [9, 9]})
    with pytest.raises(DatasetError, match=r"of 3 subjects or more, .*: 'fox' has 2; add pictures"):
        split_subjects(labels, pictures, groups, 1, ("cat", "dog", "fox"))
    one, other = np.flatnonzero(groups == "1-0")[0], np.flatnonzero(groups == "1-1")[0]
    pictures[one] = pictures[other]
    with pytest.raises(DatasetError, match="a picture in common are one: 'dog' has 2, 'fox' has 2"):
        split_subjects(labels, pictures, groups, 1, ("cat", "dog", "fox"))


def test_classes_that_take_each_other_s_subjects_are_told():
    """Fano's plane: seven classes of three subjects each, of which no two parts can be made."""
    lines = [(0, 1, 2), (0, 3, 4), (0, 5, 6), (1, 3, 5), (1, 4, 6), (2, 3, 6), (2, 4, 5)]
    rows = [(label, f"s{point}") for label, line in enumerate(lines) for point in line]
    labels, groups = np.array([r[0] for r in rows], np.uint8), np.array([r[1] for r in rows])
    with pytest.raises(DatasetError, match="cannot be in training, validation and test at once"):
        split_subjects(labels, identities(21), groups, 1, list("abcdefg"))


def test_a_split_that_only_few_draws_find_is_found():
    """Three classes that share their subjects in a ring: one way in many leaves none out."""
    rows = [(0, "a"), (0, "ab"), (0, "ca"), (1, "ab"), (1, "b"), (1, "bc"), (2, "bc"), (2, "c"),
            (2, "ca")]  # fmt: skip
    labels, groups = np.array([r[0] for r in rows], np.uint8), np.array([r[1] for r in rows])
    for seed in range(20):
        part_of = split_subjects(labels, identities(9), groups, seed, "xyz")
        assert counted(part_of, labels) == [[1, 1, 1]] * 3
