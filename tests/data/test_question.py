"""A question about a dataset: which pictures a run learns, and what they are called."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engine import identity
from engine.data.dataset import Dataset
from engine.data.question import Question, ask, task_of
from engine.errors import ConfigError

NAMES = ("cat", "Dog", "fox", "wolf")


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    """12 pictures, three of each class: one in each part."""
    labels, parts = np.repeat(np.arange(4, dtype=np.uint8), 3), np.tile([0, 1, 2], 4)
    pictures = np.array([identity.of_picture(np.full((1, 1, 3), i, np.uint8)) for i in range(12)])
    np.save(tmp_path / "labels.npy", labels)
    np.save(tmp_path / "split.npy", parts.astype(np.uint8))
    np.save(tmp_path / "pictures.npy", pictures.astype("S64"))
    return Dataset(
        folder=tmp_path, name="pets", class_names=NAMES, image_size=1, seed=1, fingerprint="f",
        split_id="s", source="pets", created="2026-01-01T00:00:00+00:00", candidates=12, refused=0,
        counts=dict.fromkeys(("train", "validation", "test"), (1, 1, 1, 1)),
    )  # fmt: skip


def test_without_a_question_a_run_learns_the_dataset_as_it_is(dataset):
    task = task_of(dataset, ask(dataset, (), ()))
    assert task.class_names == NAMES
    assert (task.labels == dataset.labels).all()
    assert task.split_id == dataset.split_id
    assert task.indices("test").tolist() == [2, 5, 8, 11]


def test_classes_that_are_not_named_are_left_out(dataset):
    question = ask(dataset, ["dog"], ["CAT", "fox"])
    assert question == Question(("Dog",), ("cat", "fox"))
    task = task_of(dataset, question)
    assert task.class_names == ("cat, fox", "Dog")
    assert task.labels.tolist() == [0] * 3 + [1] * 3 + [0] * 3 + [-1] * 3
    assert task.indices("train").tolist() == [0, 3, 6]


def test_runs_with_other_questions_are_not_judged_on_the_same(dataset):
    asked = [("dog", "cat"), ("cat", "dog"), ("dog", "fox")]
    ids = [task_of(dataset, ask(dataset, [p], [n])).split_id for p, n in asked]
    assert len({*ids, dataset.split_id}) == 4


def test_one_question_is_one_however_it_is_put(dataset):
    ways = (["fox", "cat"], ["CAT", "fox", "cat"])
    one, other = (ask(dataset, ["wolf"], names) for names in ways)
    assert one == other
    assert task_of(dataset, one).split_id == task_of(dataset, other).split_id


@pytest.mark.parametrize(
    ("positive", "negative", "says"),
    [
        (["dog"], [], "no negative class"),
        ([], ["dog"], "no positive class"),
        (["dog", "cat"], ["fox", "CAT"], "'cat' stands on both sides"),
        (["cow"], ["dog"], "The class 'cow' is not one of 'pets'; there are: cat, Dog, fox, wolf"),
    ],
)
def test_a_question_that_cannot_be_asked_is_a_sentence(dataset, positive, negative, says):
    with pytest.raises(ConfigError, match=says):
        ask(dataset, positive, negative)


def test_two_sides_of_one_name_are_refused(dataset):
    alike = replace(dataset, class_names=("a", "a, b", "b", "c"))
    with pytest.raises(ConfigError, match="Both sides of the question would be called 'a, b'"):
        ask(alike, ["a", "b"], ["a, b"])


def test_two_classes_need_no_question(dataset):
    two = replace(dataset, class_names=("cat", "dog"))
    with pytest.raises(ConfigError, match="has two classes, which are told apart as they are"):
        ask(two, ["cat"], ["dog"])


def test_a_class_that_is_missing_among_many_is_told_without_naming_all():
    many = SimpleNamespace(name="breeds", class_names=tuple(f"breed {i}" for i in range(40)))
    with pytest.raises(ConfigError, match="breed 7 and 32 more"):
        ask(many, ["cow"], ["breed 1"])
