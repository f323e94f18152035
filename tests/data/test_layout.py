"""Which class a picture is of, by names alone; what can be read in two ways is refused."""

from itertools import chain

import pytest

from engine.data.layout import classes_of, folders_below, place_of
from engine.errors import SourceError


def numbered(folder: str, count: int = 3) -> list[str]:
    return [f"{folder}/{i}.jpg" for i in range(count)]


def many(*folders: str, count: int = 3) -> list[str]:
    return [name for folder in folders for name in numbered(folder, count)]


def by_class(names: list[str]) -> dict[str, list[str]]:
    found = {}
    for name, word in classes_of(names, "pets").items():
        found.setdefault(word, []).append(name)
    return found


FLAT = ["cat.0.jpg", "cat.10.jpg", "cat.2.jpg", "dog.0.jpg", "dog.1.jpg"]
BREEDS = [f"{word}_{i}" for i, word in enumerate("abcdefghijklmnopqrstuvwxyzäöüßéèêñåøæ")]


def test_one_folder_whose_names_are_counted_twice_is_one_class_and_not_sixty():
    # 'dog/dog_0_1.jpg' to 'dog/dog_59_1.jpg' once became the classes 'dog_0' to 'dog_59'
    names = [f"pets/dog/dog_{i}_{shot}.jpg" for i in range(60) for shot in (1, 2)]
    with pytest.raises(SourceError, match=r"holds one class \('dog'\), and at least two"):
        classes_of(names, "pets")


# --- two classes ----------------------------------------------------------------------------------


def test_a_camera_s_names_in_class_folders_are_not_classes():
    names = ["cat/DSC_2.jpg", "cat/IMG_1.jpg", "dog/DSC_4.jpg", "dog/IMG_3.jpg"]
    assert by_class(names) == {"cat": names[:2], "dog": names[2:]}


@pytest.mark.parametrize("wrap", ["", "pets/", "data/train/"])
def test_thumbnails_inside_a_class_folder_are_of_that_class(wrap):
    # cat/thumbs once became a class of its own, and every cat was refused
    names = [wrap + name for name in many("cat", "cat/thumbs", "dog")]
    assert by_class(names) == {"cat": names[:6], "dog": names[6:]}


def test_folders_at_any_depth_below_a_class_belong_to_it():
    names = ["cat/a/1.jpg", "cat/b/x/y/2.jpg", "dog/c/3.jpg"]
    assert by_class(names) == {"cat": names[:2], "dog": names[2:]}


def test_parts_stand_above_or_below_the_classes():
    classes, parts = ("cat", "dog"), ("train", "Test", "val")
    for names in (many(*(f"{p}/{c}" for c in classes for p in parts)),
                  many(*(f"{c}/{p}" for c in classes for p in parts))):  # fmt: skip
        assert by_class(names) == {"cat": names[:9], "dog": names[9:]}


def test_a_test_part_without_labels_is_left_out_however_large():
    names = many("train/cat", "train/dog")
    assert by_class(names + numbered("test", 9)) == {"cat": names[:3], "dog": names[3:]}


def test_files_without_a_class_in_their_name_make_no_class():
    # a folder 'pets' with cat.0.jpg and 7.jpg once held the classes 'cat' and 'pets'
    names = [f"pets/{name}" for name in FLAT]
    assert by_class([*names, "pets/7.jpg"]) == {"cat": names[:3], "dog": names[3:]}


# --- many classes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", ["{}", "pets/{}", "train/{}", "pets/images/val/{}"])
def test_a_folder_each_of_many_classes(wrap):
    names = {word: numbered(wrap.format(word)) for word in BREEDS}
    assert by_class([*chain(*names.values()), "logo.png"]) == names


@pytest.mark.parametrize("wrap", ["", "images/", "pets/train/"])
def test_flat_names_of_many_classes(wrap):
    words = ["Abyssinian", "american_pit_bull_terrier", "Bengal", "犬"]
    names = {word: [f"{wrap}{word}_{i}.jpg" for i in (1, 104)] for word in words}
    assert by_class([*chain(*names.values())]) == names


def test_the_parts_of_many_classes_are_put_together():
    names = {
        word: numbered(f"train/{word}", 4) + numbered(f"val/{word}", 2) for word in BREEDS
    }  # fmt: skip
    assert by_class([*chain(*names.values())]) == names


def test_folders_of_subjects_that_are_mostly_in_one_class_are_no_second_reading():
    names = {
        "cancer": many("cancer/p1", "cancer/p2", "cancer/p3"),
        "healthy": many("healthy/p3", "healthy/p4", "healthy/p5"),
        "other": many("other/p6", "other/p7"),
    }
    assert by_class([*chain(*names.values())]) == names


def test_folders_below_the_classes_that_are_said_to_be_subjects_are_no_second_reading():
    names = many(*(f"{word}/p{i}" for word in ("cancer", "healthy") for i in range(4)))
    with pytest.raises(SourceError, match=r"either may be the classes.*--group-by folder"):
        classes_of(names, "scans")
    found = classes_of(names, "scans", outer_meant=True)
    assert set(found.values()) == {"cancer", "healthy"}


def test_the_folder_below_the_class_passes_parts_over():
    names = ["train/cat/tom/1.jpg", "val/cat/tom/2.jpg", "train/dog/rex/a/3.jpg", "val/dog/4.jpg"]
    assert list(folders_below(names).values()) == ["tom", "tom", "rex", ""]
    assert folders_below(["cat/train/tom/1.jpg", "dog/val/2.jpg"]) == {
        "cat/train/tom/1.jpg": "tom", "dog/val/2.jpg": "",
    }  # fmt: skip


NO_CLASSES = {
    "parts without labels": (
        ["test1/1.jpg", "train/2.jpg"], "holds pictures of no class, and at least two are needed"
    ),
    # 'cat/0.jpg' to 'cat/19.jpg' once became the classes '1' and 'cat'
    "numbered files of one class": (
        numbered("cat", 20), r"holds one class \('cat'\), and at least two are needed"
    ),
    "names of one class": (["cat.1.jpg", "cat.2.jpg"], r"holds one class \('cat'\), and at"),
    "101 classes": (
        many(*(f"c{i:03}" for i in range(101))),
        r"holds 101 classes \('c000', 'c001', .*, …\), and at most 100 are possible; give a",
    ),
    "two classes in other case": (many("Cat", "cat"), "'Cat' and 'cat', which differ in case only"),
    "three names in other case": (
        ["Straße.1.jpg", "STRASSE.2.jpg", "x.3.jpg"], "'STRASSE' and 'Straße', which differ in ca",
    ),
}  # fmt: skip


@pytest.mark.parametrize("names", NO_CLASSES.values(), ids=NO_CLASSES)
def test_too_few_and_too_many_classes_are_named(names):
    names, says = names
    with pytest.raises(SourceError, match=says):
        classes_of(names, "pets")


def test_a_class_is_found_in_whatever_case_and_spelling_of_its_accents():
    names = ("Café", "dog")
    assert [place_of(names, asked) for asked in ("cafe\u0301", "CAFE\u0301", "Dog", "cafe")] == [
        0, 0, 1, None
    ]  # fmt: skip


def test_a_hundred_classes_are_taken():
    assert len(by_class(many(*(f"c{i}" for i in range(100))))) == 100


TWO_READINGS = {
    "a part beside a class": (numbered("train") + numbered("thumbs"), "'train' may be a class"),
    "pictures and their masks": (
        [n for a in ("images", "masks") for b in ("cat", "dog") for n in numbered(f"{a}/{b}")],
        "folders 'images' and 'masks' and in them 'cat' and 'dog', so that either may be the class",
    ),
    "two batches, one of them of cats alone": (
        numbered("one/cat") + numbered("one/dog") + numbered("two/cat"), "in them 'cat' and 'dog'",
    ),
    "a stray folder beside the classes' own": (
        numbered("PetImages/Cat") + numbered("PetImages/Dog") + ["docs/img/1.png"],
        "folders 'PetImages' and 'docs' and in them 'Cat' and 'Dog'",
    ),
    "names that say the class beside two stray folders": (
        [*FLAT, "old/1.jpg", "thumbs/1.jpg"], "as many pictures as in one of them \\(5, as",
    ),
    "two stray folders in the only class": (
        numbered("cat") + numbered("cat/thumbs") + numbered("cat/old"), "'old' and 'thumbs' and b",
    ),
    "pictures of many classes and their masks": (
        many(*(f"{a}/{b}" for a in ("images", "masks") for b in BREEDS)),
        "folders 'images' and 'masks' and in them 'a_0', 'b_1', .*, …, so that either may be the",
    ),
    "many classes and masks, one class rare, some pictures loose": (
        [*many(*(f"{a}/{b}" for a in ("images", "masks") for b in BREEDS), count=9),
         *numbered("images/rare", 1), *numbered("images", 5)], "either may be the classes",
    ),
    "trials of three classes": (
        many(*(f"trial{t}/{c}" for t in (1, 2) for c in "abc")), "in them 'a', 'b' and 'c', so",
    ),
    "three sites of two classes": (
        many(*(f"site-{s}/{c}" for s in "abc" for c in ("cat", "dog"))),
        "folders 'site-a', 'site-b' and 'site-c' and in them 'cat' and 'dog'",
    ),
    "many classes beside a stray folder": (
        many(*(f"images/{b}" for b in BREEDS)) + ["docs/img/1.png", "docs/2.png"],
        "folders 'docs' and 'images' and in them 'a_0', ",
    ),
    "a part beside many classes": (many("val", *BREEDS), "'val' may be a class or a part"),
    "many flat names beside three stray folders": (
        [f"{b}.{i}.jpg" for b in BREEDS for i in range(3)] + many("old", "thumbs", "x"),
        "beside them as many pictures as in one of them",
    ),
}  # fmt: skip


@pytest.mark.parametrize("names", TWO_READINGS.values(), ids=TWO_READINGS)
def test_what_can_be_read_in_two_ways_is_refused_and_not_guessed(names):
    names, says = names
    with pytest.raises(SourceError, match=says):
        classes_of(names, "pets")
