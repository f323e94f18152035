"""Dealing pictures out into folds: by class, by subject, by content, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from engine.data import folds
from engine.data.dataset import PARTS, Dataset
from engine.data.question import Question, task_of
from engine.errors import ConfigError


def dataset(labels, pictures=None, groups=None, class_names=("cat", "dog")) -> Dataset:
    """Arrays in memory, of which nothing is on a disk."""
    labels = np.asarray(labels, np.uint8)
    names = [f"{at:064x}" for at in np.random.default_rng(9).permutation(len(labels))]
    made = Dataset(
        folder=None, name="pets", class_names=class_names, image_size=8, seed=1, fingerprint="f",
        split_id="s", source="", created="", candidates=0, refused=0, counts={},
        subjects=0 if groups is None else len(set(groups)),
    )  # fmt: skip
    arrays = {
        "labels": labels,
        "pictures": np.array(names) if pictures is None else np.asarray(pictures, "U64"),
        "part_of": np.zeros(len(labels), np.uint8),
        "groups": None if groups is None else np.asarray(groups),
    }
    made.__dict__.update(arrays)  # as its cached properties keep them
    return made


PETS = np.repeat([0, 1], (63, 40))


def test_every_picture_is_judged_once_in_each_repeat_and_classes_are_spread_evenly():
    dealt = folds.deal(task_of(dataset(PETS), None), 10, 3, seed=1)
    assert dealt.fold.shape == (3, 103)
    for repeat in dealt.fold:
        counts = np.bincount(repeat * 2 + dealt.labels).reshape(10, 2)
        assert set(counts[:, 0]) == {6, 7}
        assert set(counts[:, 1]) == {4}
    assert (dealt.fold[0] != dealt.fold[1]).any()  # another deal each time
    assert sorted(dealt.rows) == list(range(103))


def test_the_parts_of_a_fold_share_nothing_and_each_has_every_class():
    task = task_of(dataset(PETS), None)
    dealt = folds.deal(task, 10, 2, seed=1)
    for fold in (0, 9):
        task_of_fold = replace(task, fold=dealt.part_of(1, fold, 103, seed=1))
        rows = {part: task_of_fold.indices(part) for part in PARTS}
        assert sorted(np.concatenate(list(rows.values()))) == list(range(103))
        judged = dealt.rows[dealt.fold[1] == fold]
        assert set(rows["test"]) == set(judged)
        assert 8 <= len(rows["validation"]) <= 13  # a tenth, as in a split
        assert all(len(set(PETS[of])) == 2 for of in rows.values())


def test_the_deal_depends_on_the_content_and_the_seed_and_not_on_the_order():
    there = dataset(PETS)
    order = np.random.default_rng(2).permutation(103)
    other = dataset(PETS[order], there.pictures[order])
    one, two = (folds.deal(task_of(of, None), 5, 2, seed=4) for of in (there, other))
    assert (one.fold == two.fold).all()
    assert (there.pictures[one.rows] == other.pictures[two.rows]).all()
    parts = one.part_of(0, 3, 103, seed=4), two.part_of(0, 3, 103, seed=4)
    assert (parts[0][one.rows] == parts[1][two.rows]).all()
    assert (folds.deal(task_of(there, None), 5, 2, seed=5).fold != one.fold).any()


def test_subjects_and_copies_are_never_torn_apart():
    groups = np.array([f"s{at // 3}" for at in range(103)])
    pictures = np.array([f"{at:064x}" for at in range(103)])
    pictures[[0, 30]] = pictures[60]  # of three subjects, which are one unit then
    task = task_of(dataset(PETS, pictures, groups), None)
    dealt = folds.deal(task, 5, 2, seed=1)
    for repeat in range(2):
        of_subject = {}
        for row, fold in zip(dealt.rows, dealt.fold[repeat], strict=True):
            of_subject.setdefault(groups[row], set()).add(fold)
        assert all(len(of) == 1 for of in of_subject.values())
        assert of_subject["s0"] == of_subject["s10"] == of_subject["s20"]
        part_of = dealt.part_of(repeat, 2, 103, seed=1)
        for name in set(groups):
            assert len(set(part_of[groups == name])) == 1
        for part in range(3):
            assert set(PETS[part_of == part]) == {0, 1}


def test_what_a_question_leaves_out_is_in_no_fold():
    labels = np.repeat([0, 1, 2], (12, 15, 9))
    of = dataset(labels, class_names=("cat", "dog", "fox"))
    task = task_of(of, Question(("fox",), ("cat",)))
    dealt = folds.deal(task, 3, 1, seed=1)
    assert set(labels[dealt.rows]) == {0, 2}
    one = replace(task, fold=dealt.part_of(0, 1, len(labels), seed=1))
    rows = np.concatenate([one.indices(part) for part in PARTS])
    assert sorted(rows) == sorted(dealt.rows)


def test_classes_of_few_pictures_get_as_many_folds_as_they_allow():
    few = task_of(dataset(np.repeat([0, 1], (30, 4))), None)
    with pytest.raises(ConfigError, match=r"'dog' has 4 pictures, .* choose 4 folds or fewer"):
        folds.deal(few, 5, 1, seed=1)
    dealt = folds.deal(few, 4, 1, seed=1)
    for fold in range(4):
        part_of = dealt.part_of(0, fold, 34, seed=1)
        labels = np.repeat([0, 1], (30, 4))
        assert all(set(labels[part_of == part]) == {0, 1} for part in range(3))
    with pytest.raises(ConfigError, match=r"'dog' has 2 pictures, .* folds; add"):
        folds.deal(task_of(dataset(np.repeat([0, 1], (30, 2))), None), 3, 1, seed=1)


@pytest.mark.parametrize(
    ("n", "repeats", "sentence"), [(2, 1, "2 folds"), (21, 1, "21 folds"), (5, 0, "0 repeats")]
)
def test_numbers_out_of_bounds_are_refused(n, repeats, sentence):
    with pytest.raises(ConfigError, match=sentence):
        folds.deal(task_of(dataset(PETS), None), n, repeats, seed=1)


def test_subjects_that_cannot_be_dealt_out_are_refused_in_a_sentence():
    # Each class has three subjects, one for each fold, and any two of the four share a class.
    held = {"w": (0, 1, 2), "x": (0, 1), "y": (0, 2), "z": (1, 2)}
    labels = [label for of in held.values() for label in of]
    groups = [name for name, of in held.items() for _ in of]
    names = ("cat", "dog", "fox")
    with pytest.raises(ConfigError, match="No way was found to deal the subjects"):
        folds.deal(task_of(dataset(labels, groups=groups, class_names=names), None), 3, 1, seed=1)
    with pytest.raises(ConfigError, match="'cat' has 3 subjects, too few"):
        folds.deal(task_of(dataset(labels, groups=groups, class_names=names), None), 4, 1, seed=1)


def test_where_subjects_are_of_several_classes_validation_takes_more_than_a_tenth():
    """The deal was made, and the third fold failed for want of one in which validation had all."""
    held = ("dc", "cc", "cc", "c", "dc", "d", "d")
    labels = ["cd".index(picture) for of in held for picture in of]
    groups = np.repeat(list("ABCDEFG"), [len(of) for of in held])
    dealt = folds.deal(task_of(dataset(labels, groups=groups), None), 3, 1, seed=1)
    for fold in range(3):
        part_of = dealt.part_of(0, fold, len(labels), seed=1)
        assert all(set(np.array(labels)[part_of == part]) == {0, 1} for part in range(3))
        assert all(len(set(part_of[groups == name])) == 1 for name in groups)
