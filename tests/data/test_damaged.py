"""Datasets whose files are damaged, and swaps of names that something cut short."""

import csv
from pathlib import Path

import pytest

from engine import files, lease, records
from engine.commands.prepare import prepare, preparing
from engine.commands.sweep import sweep
from engine.data import dataset as datasets
from engine.data.dataset import open_dataset
from engine.errors import DatasetError, RecordError

pytestmark = pytest.mark.usefixtures("one_process")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 4}', '{"schema": 2, "name": 1}'])
def test_a_dataset_that_cannot_be_read_is_a_row_beside_the_healthy_ones(copied, text):
    place = copied
    (place.datasets / "one" / "dataset.json").write_text(text)
    found, unreadable = datasets.read_datasets(place)
    assert [one.name for one in found] == ["two"]
    assert [one.id for one in unreadable] == ["one"]
    with pytest.raises(RecordError, match="The dataset 'one' is unreadable: dataset"):
        open_dataset(place, "one")


def test_a_dataset_that_cannot_be_read_keeps_its_name_until_it_is_replaced(copied, prepared):
    (copied.datasets / "one" / "dataset.json").write_text("")
    folder = str(prepared.path.parent / "pets")
    with pytest.raises(DatasetError, match="'one' exists and cannot be read; choose another name"):
        prepare(copied, folder, "one", image_size=32)
    assert prepare(copied, folder, "one", image_size=32, replace=True).size == 24


ARRAYS = ("images.npy", "labels.npy", "split.npy", "pictures.npy", "pictures.csv", "refused.csv")


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("damage", ["truncated", "empty", "other", "missing"])
def test_a_damaged_file_of_a_dataset_is_named(copied, name, damage):
    dataset = open_dataset(copied, "one")
    whole = dataset.pictures
    path = dataset.folder / name
    data = path.read_bytes()
    new = {"truncated": data[: len(data) // 3], "empty": b"", "other": b"\xff" * 300}.get(damage)
    path.unlink() if new is None else path.write_bytes(new)
    again = open_dataset(copied, "one")
    if name == "pictures.npy" and damage == "missing":  # as the first version left it
        assert (again.pictures == whole).all()
    else:
        with pytest.raises(DatasetError, match=f"{name} of the dataset 'one' is missing or damag"):
            read_all(again)


def as_before_subjects(folder: Path) -> None:
    """A dataset as schema 2 had it: names in files.txt, and no pictures.csv."""
    record = files.read_json(folder / "dataset.json")
    files.write_json(folder / "dataset.json", record | {"schema": 2})
    with (folder / "pictures.csv").open(encoding="utf-8", newline="") as file:
        names = [row["file"] for row in csv.DictReader(file)]
    (folder / "files.txt").write_text("\n".join(names), encoding="utf-8")
    (folder / "pictures.csv").unlink()


def test_a_dataset_of_before_subjects_is_as_it_was(copied, prepared):
    before = open_dataset(copied, "one")
    names = before.file_names
    as_before_subjects(before.folder)
    again = open_dataset(copied, "one")
    assert again == before
    assert again.file_names == names
    assert (again.groups, again.subjects, again.grouped_by) == (None, 0, "")
    folder = str(prepared.path.parent / "pets")
    assert prepare(copied, folder, "one", image_size=32).created == before.created


@pytest.mark.parametrize("data", [b"a.png\nb.png", b"", b"\xff" * 300])
def test_damaged_names_of_a_dataset_of_before_subjects_are_named(copied, data):
    folder = open_dataset(copied, "one").folder
    as_before_subjects(folder)
    (folder / "files.txt").write_bytes(data)
    with pytest.raises(DatasetError, match=r"files.txt of the dataset 'one' is missing or damaged"):
        _ = open_dataset(copied, "one").file_names


def test_an_older_version_refuses_a_dataset_of_this_one_in_a_sentence(copied, monkeypatch):
    older = records.Kind(datasets.Dataset, steps=datasets.KIND.steps[:1])
    monkeypatch.setattr(datasets, "KIND", older)
    with pytest.raises(
        RecordError, match=r"a newer version \(schema 3, and this one reads up to 2"
    ):
        open_dataset(copied, "one")


def read_all(dataset) -> None:
    for row in (dataset.images, dataset.labels, dataset.part_of, dataset.pictures):
        assert len(row)
    assert dataset.file_names
    assert dataset.refused_files()


def test_a_swap_that_fails_puts_the_old_dataset_back(place, tmp_path, two_classes, monkeypatch):
    folder = str(two_classes(tmp_path / "pets"))
    first = prepare(place, folder, "pets", image_size=32)
    rename = Path.rename

    def fail(path, target):
        if path.name.startswith(".preparing-"):
            assert not Path(target).exists()
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="Input/output"):
        prepare(place, folder, "pets", image_size=48, replace=True)
    assert open_dataset(place, "pets") == first
    assert (open_dataset(place, "pets").images == first.images).all()


def test_the_old_dataset_is_whole_until_the_new_one_has_its_name(
    place, tmp_path, two_classes, monkeypatch
):
    """A swap that deletes before it renames would leave nothing if it were killed in between."""
    folder = str(two_classes(tmp_path / "pets"))
    prepare(place, folder, "pets", image_size=32)
    rename, seen = Path.rename, []

    def watch(path, target):
        if path.name.startswith(".preparing-"):
            (old,) = place.datasets.glob(".replaced-pets-*")
            seen.append(len(list(old.iterdir())))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", watch)
    prepare(place, folder, "pets", image_size=48, replace=True)
    assert seen == [7]
    assert list(place.datasets.glob(".replaced-*")) == []


def test_a_swap_that_was_killed_between_its_renames_is_mended_at_the_next_start(
    place, tmp_path, two_classes
):
    for name in ("pets", "pets-2"):
        prepare(place, str(two_classes(tmp_path / name)), name, image_size=32)
    (place.datasets / "pets").rename(place.datasets / ".replaced-pets-0a1b2c3d")
    (place.datasets / "pets-2").rename(place.datasets / ".replaced-pets-2-0a1b2c3d")
    (place.datasets / ".preparing-pets").mkdir()
    assert datasets.list_datasets(place) == []
    sweep(place)
    assert [one.name for one in datasets.list_datasets(place)] == ["pets", "pets-2"]
    assert sorted(p.name for p in place.datasets.iterdir() if p.is_dir()) == ["pets", "pets-2"]


def test_what_a_killed_preparation_left_is_swept_and_a_living_one_is_left_alone(place):
    dead, alive = (place.datasets / f".preparing-{name}" for name in ("dead", "alive"))
    for staging in (dead, alive):
        staging.mkdir(parents=True)
        (staging / "images.npy").write_bytes(b"half")
    with lease.hold(alive.with_name(".preparing-alive.lease.json")):
        sweep(place)
        assert (alive / "images.npy").exists()
    assert not dead.exists()


def test_one_name_is_prepared_by_one_process(place, tmp_path, two_classes):
    folder = str(two_classes(tmp_path / "pets"))
    place.datasets.mkdir(parents=True)
    staging = place.datasets / ".preparing-pets"
    staging.mkdir()
    (staging / "progress.json").write_text('{"done": 3, "total": 24, "refused": 1}')
    assert preparing(place) == []
    with lease.hold(place.datasets / ".preparing-pets.lease.json"):
        (one,) = preparing(place)
        assert (one.name, one.done, one.total, one.refused) == ("pets", 3, 24, 1)
        with pytest.raises(DatasetError, match="'pets' is being prepared by another process"):
            prepare(place, folder, "pets", image_size=32)
        assert (staging / "progress.json").exists()
    assert prepare(place, folder, "pets", image_size=32).size == 24
