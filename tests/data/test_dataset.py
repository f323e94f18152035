"""Sources become datasets: whole or not at all, the same content the same dataset."""

import csv
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.commands.prepare import prepare
from engine.data import dataset as datasets
from engine.data.dataset import PARTS, open_dataset
from engine.data.decode import decode, resize
from engine.errors import ConfigError, DatasetError, SourceError
from engine.settings import settings

pytestmark = pytest.mark.usefixtures("one_process")


def zipped(folder: Path, path: Path, *, backwards: bool = False) -> Path:
    files = sorted((p for p in folder.rglob("*") if p.is_file()), reverse=backwards)
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, Path("PetImages") / file.relative_to(folder))
    return path


def split_by_content(dataset) -> dict[bytes, str]:
    return {dataset.images[i].tobytes(): PARTS[dataset.part_of[i]] for i in range(dataset.size)}


def test_a_folder_and_its_zip_are_the_same_dataset_split_alike(place, tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets", 20)
    archive = zipped(folder, tmp_path / "pets.zip", backwards=True)
    one = prepare(place, str(folder), "one", image_size=32)
    two = prepare(place, str(archive), "two", image_size=32)
    assert one.fingerprint == two.fingerprint
    assert one.class_names == two.class_names == ("cat", "dog")
    assert split_by_content(one) == split_by_content(two)


def test_other_names_give_another_order_but_the_same_dataset(place, tmp_path, draw_files):
    for word in ("cat", "dog"):
        draw_files(tmp_path / "a" / word, word, 12, "{i}.png")
        for i, path in enumerate(draw_files(tmp_path / "b" / word, word, 12, "x{i}.png")):
            path.rename(path.with_name(f"{11 - i:02}.png"))
    one = prepare(place, str(tmp_path / "a"), "one", image_size=32)
    two = prepare(place, str(tmp_path / "b"), "two", image_size=32)
    assert one.fingerprint == two.fingerprint
    assert (one.images[0] != two.images[0]).any()
    assert split_by_content(one) == split_by_content(two)


def test_one_changed_pixel_changes_the_fingerprint(place, tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets")
    before = prepare(place, str(folder), "before", image_size=40).fingerprint
    path = folder / "dog" / "3.png"
    pixels = cv2.imread(str(path))
    pixels[7, 7, 1] ^= 1
    cv2.imwrite(str(path), pixels)
    assert prepare(place, str(folder), "after", image_size=40).fingerprint != before


def test_one_changed_label_changes_the_fingerprint(place, tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets")
    before = prepare(place, str(folder), "before", image_size=32).fingerprint
    (folder / "dog" / "3.png").rename(folder / "cat" / "was a dog.png")
    assert prepare(place, str(folder), "after", image_size=32).fingerprint != before


def test_rows_labels_and_names_belong_together_where_files_were_refused(
    place, tmp_path, two_classes
):
    folder = two_classes(tmp_path / "pets")
    (folder / "cat" / "0.png").write_bytes(b"")
    (folder / "cat" / "5.png").write_text("no picture")
    (folder / "dog" / "11.png").write_bytes((folder / "dog" / "11.png").read_bytes()[:900])
    dataset = prepare(place, str(folder), "pets", image_size=32)
    assert (dataset.size, dataset.candidates, dataset.refused) == (21, 24, 3)
    for image, label, name in zip(dataset.images, dataset.labels, dataset.file_names, strict=True):
        path = folder / name
        assert path.parent.name == dataset.class_names[label]
        assert (image == decode(path.read_bytes(), 32).pixels).all()


def test_the_report_names_every_refused_file_with_its_reason(place, tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets")
    (folder / "cat" / "empty.jpg").write_bytes(b"")
    (folder / "cat" / 'a, "b".jpg').write_text("words")
    (folder / "cat" / "notes.txt").write_text("words")
    (folder / "logo.png").write_bytes((folder / "cat" / "1.png").read_bytes())
    dataset = prepare(place, str(folder), "pets", image_size=32)
    with (dataset.folder / "refused.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["file", "reason"]
    assert dict(rows[1:]) == dict(dataset.refused_files()) == {
        "cat/empty.jpg": "empty: 0 bytes",
        "cat/a, \"b\".jpg": "not a picture, or broken",
        "cat/notes.txt": "not a picture by its name",
        "logo.png": "neither its folder nor its name says its class",
    }  # fmt: skip
    assert dataset.candidates == 28


def test_a_damaged_entry_of_a_zip_is_refused_and_the_others_are_kept(place, tmp_path, two_classes):
    archive = zipped(two_classes(tmp_path / "pets"), tmp_path / "pets.zip")
    data = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as opened:
        entry = opened.getinfo("PetImages/cat/4.png")
    data[entry.header_offset + 200] ^= 0xFF
    archive.write_bytes(data)
    dataset = prepare(place, str(archive), "pets", image_size=32)
    assert dataset.size == 23
    ((file, reason),) = dataset.refused_files()
    assert file == "PetImages/cat/4.png"
    assert "cannot be read (Bad CRC-32" in reason


def test_copies_do_not_make_a_class_large_enough(place, tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets", 12)
    for i in range(4, 12):
        (folder / "dog" / f"{i}.png").write_bytes((folder / "dog/0.png").read_bytes())
    with pytest.raises(DatasetError, match=r"has 4 usable pictures \(and 8 copies of them\)"):
        prepare(place, str(folder), "pets", image_size=32)


def test_a_picture_in_both_classes_is_refused_in_both(place, tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets", 12)
    (folder / "dog" / "3.png").write_bytes((folder / "cat" / "5.png").read_bytes())
    dataset = prepare(place, str(folder), "pets", image_size=32)
    assert dataset.size == 22
    assert dict(dataset.refused_files()) == {
        "cat/5.png": "the same picture as dog/3.png, which is in the other class",
        "dog/3.png": "the same picture as cat/5.png, which is in the other class",
    }


def test_the_same_name_with_the_same_content_takes_the_stored_one(place, tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets")
    first = prepare(place, str(folder), "pets", image_size=32)
    written = (first.folder / "images.npy").stat().st_mtime_ns
    again = prepare(place, str(zipped(folder, tmp_path / "p.zip")), "pets", image_size=32)
    assert again.created == first.created
    assert again.source == "pets"
    assert (first.folder / "images.npy").stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"image_size": 48}, "exists and holds other pictures"),
        ({"image_size": 32, "seed": 2}, "exists and is split by the seed 1"),
    ],
)
def test_the_same_name_with_other_content_is_refused(
    tmp_path, two_classes, listing, place, other, says
):
    folder = str(two_classes(tmp_path / "pets"))
    first = prepare(place, folder, "pets", image_size=32)
    before = listing(place.path)
    with pytest.raises(DatasetError, match=says + ".*choose another name, or give --replace"):
        prepare(place, folder, "pets", **other)
    assert open_dataset(place, first.name) == first
    assert listing(place.path) == before


def test_replace_swaps_the_content_and_leaves_nothing_of_the_old(
    tmp_path, two_classes, listing, place
):
    folder = str(two_classes(tmp_path / "pets"))
    first = prepare(place, folder, "pets", image_size=32)
    before = listing(place.path)
    second = prepare(place, folder, "pets", image_size=48, replace=True)
    assert second.image_size == open_dataset(place, first.name).image_size == 48
    assert second.images.shape == (24, 48, 48, 3)
    assert listing(place.path) == before


def a_class_too_few(tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets")
    for i in range(3):
        (folder / "dog" / f"{i}.png").write_bytes(b"")
    return folder, DatasetError, "The class 'dog' has 9 usable pictures .*3 files were refused"


def nowhere(tmp_path, two_classes):
    return tmp_path / "nowhere", SourceError, "is not there"


def one_class(tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets")
    shutil.rmtree(folder / "dog")
    return folder, SourceError, r"holds one class \('cat'\)"


def only_broken(tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets")
    for path in folder.glob("*/*.png"):
        path.write_text("broken")
    return folder, DatasetError, "The class 'cat' has 0 usable pictures"


@pytest.mark.parametrize("bad", [a_class_too_few, nowhere, one_class, only_broken])
def test_a_refused_source_leaves_nothing_half_written(tmp_path, two_classes, listing, place, bad):
    folder, error, says = bad(tmp_path, two_classes)
    with pytest.raises(error, match=says):
        prepare(place, str(folder), "pets", image_size=32)
    assert listing(place.path) == []
    assert datasets.list_datasets(place) == []


@pytest.mark.parametrize("image_size", [31, 0, -5, 513])
def test_an_image_size_out_of_bounds(image_size, listing, place):
    with pytest.raises(ConfigError, match=f"image size {image_size} is outside 32 to 512 pixels"):
        prepare(place, "drawn", "drawn", image_size=image_size)
    assert listing(place.path) == []


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "-x", "a" * 65, "a b", "a\n"])
def test_a_name_that_cannot_be_a_folder(name, listing, place):
    with pytest.raises(DatasetError, match="cannot name a dataset; take up to 64 letters"):
        prepare(place, "drawn", name)
    assert listing(place.path) == []


def test_names_may_be_japanese(place, tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets")
    (folder / "cat").rename(folder / "猫")
    (folder / "dog").rename(folder / "犬")
    dataset = prepare(place, str(folder), "動物", image_size=32)
    assert dataset.class_names == ("犬", "猫")
    assert open_dataset(place, "動物").file_names[0] == "犬/0.png"


def test_a_dataset_that_does_not_exist_is_answered_with_those_that_do(place, tmp_path, two_classes):
    prepare(place, str(two_classes(tmp_path / "pets")), "pets", image_size=32)
    with pytest.raises(DatasetError, match="'cats' does not exist; there is: pets; `python -m"):
        open_dataset(place, "cats")


def test_a_preparation_that_was_killed_leaves_no_dataset_and_the_next_one_works(
    place, tmp_path, two_classes
):
    folder = str(two_classes(tmp_path / "pets"))
    staging = place.datasets / ".preparing-pets"
    staging.mkdir(parents=True)
    (staging / "images.npy").write_bytes(b"half a file")
    (staging / "dataset.json").write_text("{}")
    assert datasets.list_datasets(place) == []
    assert prepare(place, folder, "pets", image_size=32).size == 24


def test_drawn_pictures_have_masks_and_do_not_depend_on_the_processes(place, monkeypatch):
    one = prepare(place, "drawn", "one", image_size=32, count=66, seed=3)
    monkeypatch.setenv("CAMSIGHT_PROCESSES", "2")
    settings.cache_clear()
    two = prepare(place, "drawn", "two", image_size=32, count=66, seed=3)
    assert one.fingerprint == two.fingerprint
    assert one.masks.shape == (66, 32, 32)
    assert (one.masks == two.masks).all()
    assert one.class_names == ("cat", "dog")


def test_explain_sees_the_pixels_that_the_dataset_holds(place, tmp_path, draw_files):
    """The same photograph, through `prepare` and through the door of explain."""
    from engine.commands.explain import _read
    from engine.runs.record import Run

    for word in ("cat", "dog"):
        for path in draw_files(tmp_path / "pets" / word, word, 10, size=200):
            pixels = cv2.imread(str(path))[:170]
            cv2.imwrite(str(path.with_suffix(".jpg")), cv2.GaussianBlur(pixels, (9, 9), 0))
            path.unlink()
    dataset = prepare(place, str(tmp_path / "pets"), "pets", image_size=64)
    run = Run(
        id="quick-1", preset="quick", dataset="pets", dataset_fingerprint="", split_id="",
        image_size=32, dataset_image_size=64, class_names=("cat", "dog"), config={},
        status="finished", created="", folder=tmp_path,
    )  # fmt: skip
    for i, name in enumerate(dataset.file_names):
        seen = _read(run, tmp_path / "pets" / name).pixels
        assert (seen == resize(np.asarray(dataset.images[i]), 32)).all()


# --- one identity for what was judged -------------------------------------------------------------


def test_pictures_keep_their_identity_under_other_file_names(place, tmp_path, draw_files):
    for word in ("cat", "dog"):
        draw_files(tmp_path / "a" / word, word, 12)
        for i, path in enumerate(draw_files(tmp_path / "b" / word, word, 12, "x{i}.png")):
            path.rename(path.with_name(f"{11 - i:02}.png"))
    one = prepare(place, str(tmp_path / "a"), "one", image_size=32)
    two = prepare(place, str(tmp_path / "b"), "two", image_size=32)
    assert (one.pictures != two.pictures).any()
    rows = two.rows_of(one.pictures)
    assert (two.images[rows] == one.images).all()
    assert two.rows_of(np.array(["0" * 64, one.pictures[3]])).tolist() == [-1, rows[3]]
    assert one.split_id == two.split_id


def test_two_splits_of_one_set_are_told_apart(place, tmp_path, two_classes):
    folder = str(two_classes(tmp_path / "pets", 30))
    one = prepare(place, folder, "one", image_size=32)
    two = prepare(place, folder, "two", image_size=32, seed=2)
    assert one.fingerprint == two.fingerprint
    assert one.split_id != two.split_id


def test_renamed_classes_are_another_dataset_and_never_the_stored_one(place, tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets")
    one = prepare(place, str(folder), "pets", image_size=32)
    (folder / "cat").rename(folder / "kitten")
    (folder / "dog").rename(folder / "puppy")
    with pytest.raises(DatasetError, match="'pets' exists and calls its classes cat and dog"):
        prepare(place, str(folder), "pets", image_size=32)
    two = prepare(place, str(folder), "others", image_size=32)
    assert two.class_names == ("kitten", "puppy")
    assert one.fingerprint != two.fingerprint
    assert one.split_id != two.split_id
