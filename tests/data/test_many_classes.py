"""Datasets of many classes, of a chosen positive one, and of subjects that are known."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine import identity
from engine.commands.prepare import look_alike, prepare
from engine.data.dataset import PARTS, open_dataset
from engine.data.subjects import Alike
from engine.errors import ConfigError, DatasetError, SourceError

pytestmark = pytest.mark.usefixtures("decode_here")

WORDS = ("ant", "bee", "cat", "dog")


@pytest.fixture(scope="module")
def animals(tmp_path_factory, draw_files) -> Path:
    """Four classes of 12 pictures each, two of each of six animals: `ant/3-1.png`."""
    folder = tmp_path_factory.mktemp("sources") / "animals"
    for word in WORDS:
        for i, path in enumerate(draw_files(folder / word, word, 12, "old {i}.png")):
            path.rename(path.with_name(f"{word} {i // 2}-{i % 2}.png"))
    return folder


@pytest.fixture
def pair(animals, tmp_path) -> Path:
    """Two of the classes, in a folder of their own."""
    for word in ("ant", "bee"):
        shutil.copytree(animals / word, tmp_path / "pair" / word)
    return tmp_path / "pair"


def table_of(dataset) -> list[dict[str, str]]:
    with (dataset.folder / "pictures.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_many_classes_are_stored_counted_and_split(animals, place):
    dataset = prepare(place, str(animals), "animals", image_size=32)
    assert dataset.class_names == WORDS
    assert dataset.counts == {"train": (10,) * 4, "validation": (1,) * 4, "test": (1,) * 4}
    assert np.bincount(dataset.labels).tolist() == [12] * 4
    assert (dataset.groups, dataset.subjects, dataset.grouped_by) == (None, 0, "")
    assert dataset.fingerprint == identity.of_pictures(dataset.pictures, dataset.labels, WORDS)


def test_the_table_says_of_each_picture_what_the_arrays_say(animals, place):
    dataset = prepare(place, str(animals), "animals", image_size=32, group_by=r"(\w+ \d+)-")
    rows = table_of(dataset)
    assert list(rows[0]) == ["file", "class", "group", "part"]
    assert [row["file"] for row in rows] == dataset.file_names
    assert [row["class"] for row in rows] == [dataset.class_names[y] for y in dataset.labels]
    assert [row["part"] for row in rows] == [PARTS[part] for part in dataset.part_of]
    assert [row["group"] for row in rows] == dataset.groups.tolist()
    assert all(
        row["file"] == f"{row['class']}/{row['group']}-{row['file'][-5]}.png" for row in rows
    )
    assert (dataset.subjects, dataset.grouped_by) == (24, r"(\w+ \d+)-")


def test_class_names_of_several_lines_leave_the_table_a_line_a_picture(place, tmp_path, draw_files):
    for word in ("ant", "wild\rbee", "old\ncat"):
        draw_files(tmp_path / "odd" / word, word, 10)
    dataset = prepare(place, str(tmp_path / "odd"), "odd", image_size=32)
    assert dataset.class_names == ("ant", "old\ncat", "wild\rbee")
    assert len((dataset.folder / "pictures.csv").read_text().splitlines()) == 31
    assert {row["class"] for row in table_of(dataset)} == {"ant", "old cat", "wild bee"}
    assert dataset.file_names[-1] == "wild bee/9.png"


def test_subjects_are_part_of_the_fingerprint_and_stay_in_one_part(animals, place):
    one = prepare(place, str(animals), "one", image_size=32)
    two = prepare(place, str(animals), "two", image_size=32, group_by=r"(\w+ \d+)-")
    assert one.fingerprint != two.fingerprint
    assert two.split_id == identity.of_pictures(
        two.pictures[two.part_of == 2], two.labels[two.part_of == 2], WORDS
    )
    assert two.counts == {"train": (8,) * 4, "validation": (2,) * 4, "test": (2,) * 4}
    for subject in np.unique(two.groups):
        assert len(set(two.part_of[two.groups == subject])) == 1


def test_a_table_tells_the_subjects_of_what_was_kept(animals, place, tmp_path):
    folder = shutil.copytree(animals, tmp_path / "animals")
    (folder / "ant" / "broken.png").write_bytes(b"")
    files = [path.relative_to(folder).as_posix() for path in folder.glob("*/*.png")]
    lines = [f"{file},{file.split('-')[0].replace('/', ' of ')}" for file in files]
    (folder / "groups.csv").write_text("file,group\n" + "\n".join(lines))
    dataset = prepare(place, str(folder), "animals", image_size=32, group_by="folder")
    assert (dataset.size, dataset.refused, dataset.candidates) == (48, 1, 49)
    assert (dataset.subjects, dataset.grouped_by) == (24, "groups.csv")
    assert set(dataset.groups) == {f"{word} of {word} {i}" for word in WORDS for i in range(6)}


def test_a_missing_table_takes_the_subjects_with_it(animals, place):
    dataset = prepare(place, str(animals), "animals", image_size=32, group_by=r"(\w+ \d+)-")
    (dataset.folder / "pictures.csv").unlink()
    with pytest.raises(DatasetError, match=r"pictures.csv of the dataset 'animals' is missing"):
        _ = open_dataset(place, "animals").groups


def test_pictures_in_several_of_many_classes_are_refused_in_each(animals, place, tmp_path):
    folder = shutil.copytree(animals, tmp_path / "animals")
    for word in ("bee", "dog"):
        shutil.copy(folder / "ant" / "ant 0-0.png", folder / word / "again.png")
    dataset = prepare(place, str(folder), "animals", image_size=32)
    same = "the same picture as"
    assert dict(dataset.refused_files()) == {
        "ant/ant 0-0.png": f"{same} bee/again.png, which is in the class 'bee'",
        "bee/again.png": f"{same} ant/ant 0-0.png, which is in the class 'ant'",
        "dog/again.png": f"{same} ant/ant 0-0.png, which is in the class 'ant'",
    }
    assert np.bincount(dataset.labels).tolist() == [11, 12, 12, 12]


def test_classes_with_too_few_pictures_are_named(animals, place, tmp_path, listing):
    folder = shutil.copytree(animals, tmp_path / "animals")
    for word in ("bee", "dog"):
        for path in list((folder / word).iterdir())[:4]:
            path.unlink()
    says = "The class 'bee' has 8 usable pictures and at least 10 are needed; so it is with 'dog'; "
    with pytest.raises(DatasetError, match=says):
        prepare(place, str(folder), "animals", image_size=32)
    assert listing(place.path) == []


def test_the_positive_class_is_chosen_and_the_others_pictures_stay(pair, place):
    one = prepare(place, str(pair), "one", image_size=32)
    two = prepare(place, str(pair), "two", image_size=32, positive="ANT")
    assert (one.class_names, two.class_names) == (("ant", "bee"), ("bee", "ant"))
    assert (one.labels == 1 - two.labels).all()
    assert (one.pictures == two.pictures).all()
    assert one.fingerprint != two.fingerprint
    assert prepare(place, str(pair), "one", image_size=32, positive="bee") == one


def test_drawn_pictures_have_the_positive_class_that_is_asked_for(place, listing):
    one = prepare(place, "drawn", "one", image_size=32, count=40)
    two = prepare(place, "drawn", "two", image_size=32, count=40, positive="Cat")
    assert two.class_names == ("dog", "cat")
    assert (one.labels == 1 - two.labels).all()
    assert two.file_names == one.file_names
    assert all(name.startswith(two.class_names[y])
               for name, y in zip(two.file_names, two.labels, strict=True))  # fmt: skip
    before = listing(place.path)
    with pytest.raises(SourceError, match="'fox' is no class of 'drawn'"):
        prepare(place, "drawn", "three", image_size=32, count=40, positive="fox")
    with pytest.raises(ConfigError, match="Drawn pictures are each of an animal of its own"):
        prepare(place, "drawn", "three", image_size=32, count=40, group_by="folder")
    assert listing(place.path) == before


GROUPED, COARSE = {"group_by": r"(\w+ \d+)-"}, {"group_by": r"(\w+ [012345])"}
DIFFERENCES = {
    "subjects": ({}, GROUPED, "exists and keeps no subjects together"),
    "no subjects": (GROUPED, {}, r"keeps 12 subjects together, as \(.*\)- tells them"),
    "other subjects": (GROUPED, {"group_by": r"(\d)-"}, r"keeps 12 subjects together, as \(.*\)-"),
    "the positive class": ({}, {"positive": "ant"}, "exists and takes bee for the positive class"),
    "seed": (GROUPED, GROUPED | {"seed": 3}, "exists and is split by the seed 1"),
    "size": (GROUPED, GROUPED | {"image_size": 40}, "exists and holds other pictures"),
}


@pytest.mark.parametrize("difference", DIFFERENCES.values(), ids=DIFFERENCES)
def test_what_tells_two_datasets_of_one_name_apart_is_said(pair, place, difference):
    stored, asked, says = difference
    one = prepare(place, str(pair), "pair", **{"image_size": 32} | stored)
    with pytest.raises(DatasetError, match=f"'pair' .*{says}.*; choose another name"):
        prepare(place, str(pair), "pair", **{"image_size": 32} | asked)
    assert prepare(place, str(pair), "pair", **{"image_size": 32} | stored) == one


def test_the_same_subjects_told_in_another_way_are_the_same_dataset(pair, place):
    one = prepare(place, str(pair), "pair", image_size=32, **GROUPED)
    assert prepare(place, str(pair), "pair", image_size=32, **COARSE) == one


def test_other_names_of_many_classes_are_said_shortly(animals, place, tmp_path, draw_files):
    folder = shutil.copytree(animals, tmp_path / "animals")
    draw_files(folder / "eel", "eel", 12)
    prepare(place, str(folder), "animals", image_size=32)
    (folder / "eel").rename(folder / "elk")
    with pytest.raises(DatasetError, match="calls its classes ant, bee, cat and 2 more; choose"):
        prepare(place, str(folder), "animals", image_size=32)


def test_names_that_look_like_subjects_are_pointed_out_where_none_are_known(animals, pair, place):
    dataset = prepare(place, str(pair), "pair", image_size=32)
    assert look_alike(dataset) == Alike("ant 0-0.png", "ant 0-1.png", r"^(\D*\d+)")
    assert look_alike(prepare(place, str(animals), "animals", image_size=32, **GROUPED)) is None
    assert look_alike(prepare(place, "drawn", "drawn", image_size=32, count=40)) is None
