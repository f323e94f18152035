"""How a picture becomes a square, and what a dataset tells of its pictures."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from engine.commands.explain import _read
from engine.commands.prepare import prepare, start
from engine.data.decode import FITS, FITTED, decode, decode_in_child, resize
from engine.errors import ConfigError, DatasetError
from engine.runs.record import Run
from engine.settings import settings
from engine.terminal import dataset_facts
from engine.workspace import Workspace
from tests.data.written import png, tiff

WIDE = [[10, 20, 30, 40], [50, 60, 70, 80]]


def grey(values, size: int, fit: str) -> list:
    pixels = decode(png(values, 8, 0), size, fit).pixels
    assert pixels.shape == (size, size, 3)
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0].tolist()


def test_stretching_changes_the_proportions():
    assert grey(WIDE, 2, "stretch") == [[15, 35], [55, 75]]
    assert grey(WIDE, 2, "stretch") == decode(png(WIDE, 8, 0), 2).pixels[..., 0].tolist()


def test_cropping_takes_the_square_in_the_middle():
    assert grey(WIDE, 2, "crop") == [[20, 30], [60, 70]]
    assert grey(np.transpose(WIDE), 2, "crop") == [[20, 60], [30, 70]]
    assert grey([[1, 2, 3, 4]] * 3, 3, "crop") == [[1, 2, 3]] * 3  # of two middles the first


def test_padding_keeps_the_whole_picture_in_the_middle_of_grey():
    beside = [128] * 4
    assert grey(WIDE, 4, "pad") == [beside, *WIDE, beside]
    tall = np.transpose([beside, *WIDE, beside]).tolist()
    assert grey(np.transpose(WIDE), 4, "pad") == tall
    assert grey([[9, 9, 9]] * 2, 3, "pad") == [[9, 9, 9], [9, 9, 9], [128] * 3]


def test_a_thread_of_a_picture_is_padded_to_a_line_and_no_less():
    assert grey([[9] * 100], 8, "pad") == [[128] * 8] * 3 + [[9] * 8] + [[128] * 8] * 4
    assert grey(np.full((100, 1), 9), 8, "crop") == [[9] * 8] * 8


@pytest.mark.parametrize("fit", FITS)
def test_a_square_is_the_same_in_every_fit(fit):
    values = np.arange(36).reshape(6, 6) * 7
    assert grey(values, 4, fit) == grey(values, 4, "stretch")


@pytest.mark.parametrize("door", [decode, decode_in_child])
def test_a_fit_that_there_is_not_is_named(door):
    assert FITS == tuple(FITTED) == ("stretch", "pad", "crop")
    with pytest.raises(ConfigError, match=r"The fit 'fill' is not known; choose one of stretch, p"):
        door(png(WIDE, 8, 0), 2, "fill")


# --- a dataset's ----------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path, monkeypatch) -> Workspace:
    monkeypatch.setattr(settings(), "processes", 1)
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def scans(tmp_path) -> Path:
    """Twelve cats and twelve dogs, 40 × 24: three of 16 bits, of which one is see-through."""
    rng = np.random.default_rng(5)
    for word in ("cat", "dog"):
        (tmp_path / "scans" / word).mkdir(parents=True)
        for i in range(12):
            data = png(rng.integers(0, 256, (24, 40)), 8, 0)
            (tmp_path / "scans" / word / f"{i}.png").write_bytes(data)
    deep = rng.integers(0, 4096, (24, 40), np.uint16)
    (tmp_path / "scans/cat/3.png").write_bytes(png(deep, 16, 0))
    (tmp_path / "scans/dog/4.png").write_bytes(tiff(deep[::-1] + np.uint16(9000)))
    clear = np.where(deep > 2000, 65535, 0)
    (tmp_path / "scans/dog/5.png").write_bytes(png(np.dstack([deep // 3, clear]), 16, 4))
    return tmp_path / "scans"


def test_a_dataset_tells_what_was_changed_in_its_pictures(place, scans):
    dataset = prepare(place, str(scans), "scans", image_size=32)
    deep, laid = "scaled from 16 bits by its own range", "laid on white where it is see-through"
    assert dataset.remarks == {deep: 3, laid: 1}
    assert dataset.changes() == [
        "3 pictures were scaled from 16 bits by their own range",
        "1 picture was laid on white where it is see-through",
    ]
    with (dataset.folder / "remarks.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["file", "remark"]
    assert sorted(rows) == [
        ["cat/3.png", deep], ["dog/4.png", deep], ["dog/5.png", laid], ["dog/5.png", deep],
    ]  # fmt: skip
    facts = dataset_facts(dataset)
    assert (facts["remarks"], facts["fit"]) == ({deep: 3, laid: 1}, "stretch")
    levels = [len(np.unique(image)) for image in dataset.images]
    assert min(levels) > 100  # of 16 bits cut to 8, a scan of 12 has 16 levels


def test_a_dataset_in_which_nothing_was_changed_has_no_such_file(place, scans):
    for name in ("cat/3.png", "dog/4.png", "dog/5.png"):
        (scans / name).unlink()
    dataset = prepare(place, str(scans), "plain", image_size=32)
    assert (dataset.remarks, dataset.changes()) == ({}, [])
    assert not (dataset.folder / "remarks.csv").exists()


def test_a_picture_that_is_refused_in_the_end_is_not_among_the_changed(place, scans):
    """It lies in both classes, which is known only when all are decoded."""
    (scans / "dog/12.png").write_bytes((scans / "cat/3.png").read_bytes())
    dataset = prepare(place, str(scans), "scans", image_size=32)
    assert dataset.refused == 2
    assert dataset.remarks["scaled from 16 bits by its own range"] == 2


@pytest.mark.parametrize("fit", FITS)
def test_explain_sees_the_pixels_that_the_dataset_holds_in_every_fit(place, scans, fit):
    dataset = prepare(place, str(scans), "scans", image_size=48, fit=fit)
    assert dataset.fit == fit
    run = Run(
        id="quick-1", preset="quick", dataset="scans", dataset_fingerprint="", split_id="",
        image_size=32, dataset_image_size=48, dataset_fit=fit, class_names=("cat", "dog"),
        config={}, status="finished", created="", folder=scans,
    )  # fmt: skip
    for i, name in enumerate(dataset.file_names):
        seen = _read(run, scans / name)
        assert (seen.pixels == resize(np.asarray(dataset.images[i]), 32)).all()
    assert sum(len(_read(run, scans / name).remarks) for name in dataset.file_names) == 4


def test_one_name_holds_one_fit(place, scans):
    """Of squares the pictures would be the same, and what Explain is given would not."""
    for i, path in enumerate(sorted(scans.rglob("*.png"))):
        path.write_bytes(png(np.full((8, 8), i * 9) + np.eye(8), 8, 0))
    stretched = prepare(place, str(scans), "scans", image_size=32)
    assert prepare(place, str(scans), "scans", image_size=32).created == stretched.created
    with pytest.raises(DatasetError, match=r"'scans' exists and .*stretch"):
        prepare(place, str(scans), "scans", image_size=32, fit="pad")
    padded = prepare(place, str(scans), "scans", image_size=32, fit="pad", replace=True)
    assert (padded.fit, padded.fingerprint) == ("pad", stretched.fingerprint)


def test_nothing_is_left_of_a_fit_that_there_is_not(place, scans, listing):
    with pytest.raises(ConfigError, match=re.escape("The fit 'fill' is not known")):
        prepare(place, str(scans), "scans", fit="fill")
    with (scans / "cat/3.png").open("rb") as file, pytest.raises(ConfigError, match="'fill'"):
        start(place, file, "scans", fit="fill")
    assert listing(place.path) == []
