"""Folders and zips in every layout that people have."""

import os
import shutil
import socket
import tracemalloc
import unicodedata
import zipfile
from pathlib import Path

import pytest

from engine.data.sources import open_source, read_file, reader
from engine.errors import PictureError, SourceError
from engine.settings import settings


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


def test_a_zip_of_zips_is_to_be_unpacked(tmp_path):
    path = packed(tmp_path / "dogs-vs-cats.zip", "test1.zip", "train.zip", "sample.csv")
    with pytest.raises(SourceError, match="no pictures but other zips; unpack it and give"):
        open_source(path)


def test_a_name_of_more_digits_than_a_number_may_have_is_a_name(tmp_path):
    names = [f"{word}/{'1' * 5000}{i}.jpg" for word in ("cat", "dog") for i in (2, 1)]
    assert open_source(packed(tmp_path / "p.zip", *names)).files == tuple(sorted(names))


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
    names = (f"train/{apart}/1.jpg", f"test/{whole}/2.jpg", "train/chat/1.jpg")
    path = touch(tmp_path / "p", *names) if kind == "folder" else packed(tmp_path / "p.zip", *names)
    source = open_source(path)
    assert source.class_names == ("chat", whole)
    read = reader(path)
    assert all(isinstance(read(name), bytes) for name in source.files)


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


def test_labels_are_places_in_the_sorted_names_of_any_number_of_classes(tmp_path):
    words = [f"breed {i:02}" for i in range(37)]
    names = [f"pets/{part}/{word}/1.jpg" for part in ("train", "val") for word in words]
    for path in (
        touch(tmp_path / "p", *names, "pets/README.md"),
        packed(tmp_path / "p.zip", *names),
    ):
        source = open_source(path)
        assert source.class_names == tuple(words)
        assert by_class(source) == {
            word: [f"pets/{part}/{word}/1.jpg" for part in ("train", "val")] for word in words
        }


def test_to_say_which_outer_folder_is_positive_says_that_the_outer_ones_are_the_classes(tmp_path):
    names = [f"{word}/{year}/1.jpg" for word in ("cat", "dog") for year in (2021, 2022, 2023)]
    path = touch(tmp_path, *names)
    with pytest.raises(SourceError, match="or which of two outer ones is --positive"):
        open_source(path)
    source = open_source(path, positive="dog")
    assert (source.class_names, len(source.files)) == (("cat", "dog"), 6)
    with pytest.raises(SourceError, match="'2021' is no class of"):
        open_source(path, positive="2021")


@pytest.mark.parametrize("positive", ["cat", "CAT"])
def test_the_positive_class_is_a_choice_and_stands_last(tmp_path, positive):
    source = open_source(touch(tmp_path, *CLASS_FOLDERS), positive=positive)
    assert source.class_names == ("dog", "cat")
    assert set(by_class(source)["cat"]) == {"cat/1.jpg", "cat/2.JPG"}


def test_a_positive_class_that_is_none_or_one_of_many_is_refused(tmp_path):
    path = touch(tmp_path, *CLASS_FOLDERS)
    with pytest.raises(SourceError, match=r"'fox' is no class of .*; choose cat or dog"):
        open_source(path, positive="fox")
    with pytest.raises(SourceError, match=r"is asked of two classes, and .* holds 3; leave 'cat'"):
        open_source(touch(path, "fox/1.jpg"), positive="cat")


def test_a_windows_zip_with_backslashes_has_the_classes_of_its_folders(tmp_path):
    names = ("pets\\cat\\1.jpg", "pets\\dog\\1.jpg", "pets\\empty\\")
    path = packed(tmp_path / "p.zip", *names)
    source = open_source(path)
    assert by_class(source) == {"cat": ["pets/cat/1.jpg"], "dog": ["pets/dog/1.jpg"]}
    assert source.refused == ()
    assert reader(path)("pets/cat/1.jpg") == names[0].encode()


def test_a_name_on_disk_that_is_not_utf8_is_refused_and_the_others_are_taken(tmp_path):
    folder = touch(tmp_path / "p", *CLASS_FOLDERS)
    Path(os.fsdecode(os.fsencode(folder) + b"/cat/\xe9.jpg")).touch()
    source = open_source(folder)
    assert len(source.files) == len(CLASS_FOLDERS)
    assert source.refused == (("cat/\ufffd.jpg", "its name is not UTF-8; rename it"),)


def test_a_source_whose_own_name_is_not_utf8_is_named_and_refused(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9"))
    with pytest.raises(SourceError, match="/\ufffd' is not UTF-8; rename it"):
        open_source(touch(path, *CLASS_FOLDERS))


def test_a_zip_s_utf8_flag_on_an_invalid_name_refuses_that_name_alone(tmp_path):
    path = packed(tmp_path / "p.zip", *CLASS_FOLDERS, "cat/é.jpg", "犬/" + "3.txt")
    data = path.read_bytes().replace("é".encode(), b"\xe9x")
    path.write_bytes(data)
    source = open_source(path)
    assert len(source.files) == len(CLASS_FOLDERS)
    assert dict(source.refused) == {
        "cat/\ufffdx.jpg": "its name is not UTF-8, though the zip says so; pack it again",
        "犬/3.txt": "not a picture by its name",
    }
    assert [reader(path)(name) for name in source.files] == [name.encode() for name in source.files]
    assert path.read_bytes() == data


def test_links_pipes_and_sockets_are_listed_and_never_opened(tmp_path, monkeypatch):
    outside = touch(tmp_path / "outside", "secret.jpg")
    folder = touch(tmp_path / "p", *CLASS_FOLDERS)
    (folder / "cat/link.jpg").symlink_to(outside / "secret.jpg")
    (folder / "dog/nowhere.jpg").symlink_to("nowhere")
    (folder / "fox").symlink_to(outside)
    os.mkfifo(folder / "cat/pipe.jpg")
    monkeypatch.chdir(folder)  # a socket's address is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("cat/socket.jpg")
        source = open_source(folder)
    assert source.class_names == ("cat", "dog")
    assert len(source.files) == len(CLASS_FOLDERS)
    link = "a link; only what lies in the folder itself is taken"
    special = "a pipe, a socket or a device, and no file"
    assert dict(source.refused) == {
        "cat/link.jpg": link, "dog/nowhere.jpg": link, "fox": link,
        "cat/pipe.jpg": special, "cat/socket.jpg": special,
    }  # fmt: skip


def test_a_folder_that_vanishes_while_it_is_listed_is_no_error(tmp_path, monkeypatch):
    folder = touch(tmp_path / "p", *CLASS_FOLDERS, "old/1.jpg")
    scandir = os.scandir

    def meanwhile(path):
        if str(path).rstrip("/").endswith("/old"):
            monkeypatch.setattr(os, "scandir", scandir)
            shutil.rmtree(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", meanwhile)
    assert open_source(folder).class_names == ("cat", "dog")


@pytest.fixture
def one_mb(monkeypatch):
    monkeypatch.setenv("CAMSIGHT_MAX_FILE_MB", "1")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def memory_to(read, *args) -> tuple[int, str]:
    """Bytes that Python allocated at most while `read` ran and refused, and why it did."""
    tracemalloc.start()
    try:
        with pytest.raises((PictureError, zipfile.BadZipFile)) as refused:
            read(*args)
        return tracemalloc.get_traced_memory()[1], str(refused.value)
    finally:
        tracemalloc.stop()


def test_a_sparse_file_of_two_gigabytes_is_refused_unread(tmp_path, one_mb):
    path = tmp_path / "x.jpg"
    with path.open("wb") as file:
        file.truncate(2 * 2**30)
    for read in (lambda: read_file(path), lambda: reader(tmp_path)("x.jpg")):
        memory, says = memory_to(read)
        assert (memory < 2**20, says) == (True, "larger than 1 MB")


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("honest", [True, False])
def test_a_small_zip_of_a_huge_entry_takes_no_memory(tmp_path, one_mb, packing, honest):
    path = tmp_path / "p.zip"
    size = 16 * 2**20
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("cat/1.jpg", bytes(size))
    assert path.stat().st_size < 100_000
    if not honest:  # the directory says 900 bytes
        data = path.read_bytes()
        path.write_bytes(data.replace(size.to_bytes(4, "little"), (900).to_bytes(4, "little")))
    read = reader(path)
    memory, says = memory_to(read, "cat/1.jpg")
    assert memory < 4 * 2**20, says
    if honest:
        assert says == "larger than 1 MB"


def test_a_file_as_large_as_allowed_is_read(tmp_path, one_mb):
    (tmp_path / "x.jpg").write_bytes(bytes(2**20))
    assert len(read_file(tmp_path / "x.jpg")) == 2**20
