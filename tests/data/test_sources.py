"""Folders and zips in every layout that people have."""

import unicodedata
import zipfile
from pathlib import Path

import pytest

from engine.data.sources import open_source, reader
from engine.errors import SourceError


def touch(root: Path, *names: str) -> Path:
    """Empty files: a source is sorted by name only."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def packed(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def by_class(source) -> dict[str, list[str]]:
    return {
        word: [f for f, label in zip(source.files, source.labels, strict=True) if label == i]
        for i, word in enumerate(source.class_names)
    }


CLASS_FOLDERS = ("cat/1.jpg", "cat/2.JPG", "dog/1.png", "dog/10.jpeg", "dog/2.webp")
FLAT = ("cat.0.jpg", "cat.10.jpg", "cat.2.jpg", "dog.0.jpg", "dog.1.jpg")


@pytest.mark.parametrize("wrap", ["", "PetImages/", "a/training/"])
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_class_folders_however_deep(tmp_path, wrap, kind):
    names = [wrap + name for name in CLASS_FOLDERS]
    path = (
        touch(tmp_path / "pets", *names) if kind == "folder" else packed(tmp_path / "p.zip", *names)
    )
    assert by_class(open_source(path)) == {
        "cat": [f"{wrap}cat/1.jpg", f"{wrap}cat/2.JPG"],
        "dog": [f"{wrap}dog/1.png", f"{wrap}dog/2.webp", f"{wrap}dog/10.jpeg"],
    }


@pytest.mark.parametrize("wrap", ["", "train/"])
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_kaggle_names_in_one_folder(tmp_path, wrap, kind):
    names = [wrap + name for name in FLAT]
    path = (
        touch(tmp_path / "pets", *names) if kind == "folder" else packed(tmp_path / "p.zip", *names)
    )
    assert by_class(open_source(path)) == {
        "cat": [f"{wrap}cat.{i}.jpg" for i in (0, 2, 10)],
        "dog": [f"{wrap}dog.{i}.jpg" for i in (0, 1)],
    }


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_kaggle_s_whole_download_leaves_out_what_has_no_label(tmp_path, kind):
    names = [f"dogs-vs-cats/train/{name}" for name in FLAT] + [
        "dogs-vs-cats/test1/1.jpg", "dogs-vs-cats/test1/2.jpg"
    ]  # fmt: skip
    path = touch(tmp_path / "k", *names) if kind == "folder" else packed(tmp_path / "k.zip", *names)
    source = open_source(path)
    assert source.class_names == ("cat", "dog")
    assert len(source.files) == len(FLAT)
    assert dict(source.refused) == dict.fromkeys(
        names[-2:], "neither its folder nor its name says its class"
    )


def test_unlabelled_parts_alone_hold_no_class(tmp_path):
    with pytest.raises(SourceError, match="holds pictures of no class, and two are needed"):
        open_source(touch(tmp_path, "test1/1.jpg", "train/2.jpg"))


def test_a_camera_s_names_in_class_folders_are_not_classes(tmp_path):
    path = touch(tmp_path, "cat/IMG_1.jpg", "cat/DSC_2.jpg", "dog/IMG_3.jpg", "dog/DSC_4.jpg")
    assert open_source(path).class_names == ("cat", "dog")


def test_a_zip_of_zips_is_to_be_unpacked(tmp_path):
    path = packed(tmp_path / "dogs-vs-cats.zip", "test1.zip", "train.zip", "sample.csv")
    with pytest.raises(SourceError, match="no pictures but other zips; unpack it and give"):
        open_source(path)


def test_a_zip_s_files_are_read_by_the_names_the_source_gives(tmp_path):
    path = packed(tmp_path / "p.zip", *CLASS_FOLDERS)
    read = reader(path)
    assert [read(name) for name in open_source(path).files] == [
        name.encode() for name in open_source(path).files
    ]


def test_the_first_class_by_name_is_the_negative_one(tmp_path):
    source = open_source(touch(tmp_path, "dog/1.jpg", "cat/1.jpg"))
    assert (source.class_names, source.labels) == (("cat", "dog"), (0, 1))


@pytest.mark.parametrize("names", [("犬/1.jpg", "猫/1.jpg"), ("犬.1.jpg", "猫.1.jpg")])
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_japanese_class_names(tmp_path, names, kind):
    path = touch(tmp_path / "p", *names) if kind == "folder" else packed(tmp_path / "p.zip", *names)
    assert open_source(path).class_names == ("犬", "猫")


def test_japanese_names_in_a_zip_without_the_utf8_flag(tmp_path):
    path = packed(tmp_path / "mac.zip", "犬/1.jpg", "猫/1.jpg")
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + offset + 1] &= ~0x08  # bit 11: the name is UTF-8
            at = data.find(mark, at + 1)
    path.write_bytes(data)
    with zipfile.ZipFile(path) as archive:
        assert "犬/1.jpg" not in archive.namelist()  # the flag is gone indeed
    source = open_source(path)
    assert by_class(source) == {"犬": ["犬/1.jpg"], "猫": ["猫/1.jpg"]}
    assert reader(path)("猫/1.jpg") == "猫/1.jpg".encode()


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_accents_that_macos_takes_apart_are_one_class_and_still_readable(tmp_path, kind):
    apart, whole = (unicodedata.normalize(form, "Épagneul") for form in ("NFD", "NFC"))
    assert apart != whole
    names = (f"a/{apart}/1.jpg", f"b/{whole}/2.jpg", "a/chat/1.jpg")
    path = touch(tmp_path / "p", *names) if kind == "folder" else packed(tmp_path / "p.zip", *names)
    source = open_source(path)
    assert source.class_names == ("chat", whole)
    read = reader(path)
    assert all(isinstance(read(name), bytes) for name in source.files)


def test_numbered_files_of_one_class_folder_are_one_class_not_several(tmp_path):
    # 'cat/0.jpg' to 'cat/19.jpg' once became the classes '1' and 'cat'
    path = touch(tmp_path, *(f"cat/{i}.jpg" for i in range(20)))
    with pytest.raises(SourceError, match=r"holds one class \('cat'\), and two are needed"):
        open_source(path)


def test_one_class(tmp_path):
    with pytest.raises(SourceError, match=r"holds one class \('cat'\), and two are needed"):
        open_source(touch(tmp_path, "cat.1.jpg", "cat.2.jpg"))


@pytest.mark.parametrize("names", ["{}/1.jpg", "{}.1.jpg"])
def test_three_classes_are_named_and_refused(tmp_path, names):
    path = touch(tmp_path, *(names.format(word) for word in ("cat", "dog", "fox")))
    with pytest.raises(SourceError, match=r"holds 3 classes \('cat', 'dog', 'fox'\), and two"):
        open_source(path)


def test_a_source_that_is_not_there(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere' is not there; give a folder or a zip"):
        open_source(tmp_path / "nowhere")


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_no_pictures(tmp_path, kind):
    names = ("cat/notes.txt", "dog/table.csv")
    path = touch(tmp_path / "p", *names) if kind == "folder" else packed(tmp_path / "p.zip", *names)
    with pytest.raises(SourceError, match="holds no pictures; give a folder or a zip with one sub"):
        open_source(path)


def test_a_file_that_is_no_zip(tmp_path):
    path = tmp_path / "pets.zip"
    path.write_bytes(b"not a zip at all")
    with pytest.raises(SourceError, match=r"cannot be read as a zip .*; give a folder, or pack it"):
        open_source(path)


def test_a_zip_cut_off_in_its_download(tmp_path):
    path = packed(tmp_path / "pets.zip", *CLASS_FOLDERS)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(SourceError, match="cannot be read as a zip"):
        open_source(path)


def test_what_macos_and_windows_leave_behind_makes_no_class(tmp_path):
    names = (
        *CLASS_FOLDERS, "__MACOSX/cat/._1.jpg", "cat/.DS_Store", "dog/._1.png", "dog/Thumbs.db",
        ".hidden/9.jpg",
    )  # fmt: skip
    source = open_source(packed(tmp_path / "p.zip", *names))
    assert source.class_names == ("cat", "dog")
    assert len(source.files) == len(CLASS_FOLDERS)
    assert sorted(dict(source.refused)) == sorted(names[len(CLASS_FOLDERS) :])
    assert set(dict(source.refused).values()) == {"not a picture by its name"}


def test_a_picture_beside_the_class_folders_is_left_out_with_its_reason(tmp_path):
    source = open_source(touch(tmp_path, *CLASS_FOLDERS, "logo.png"))
    assert source.class_names == ("cat", "dog")
    assert source.refused == (("logo.png", "neither its folder nor its name says its class"),)
