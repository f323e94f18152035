"""Heatmaps as files: what an NPZ, a zip and a contact sheet hold."""

import io
import json
import zipfile

import cv2
import numpy as np
import pytest

from engine.cam.heatmaps import Heatmaps
from engine.commands import heat_files, sheet
from engine.commands.heat_files import Map

RAW = np.array([[[-1.0, 0.5], [2.0, 0.0]]], np.float32)


def heat(method: str = "score-cam", **known) -> Heatmaps:
    facts = {
        "layer": "conv", "seconds": 0.5, "notes": ("It is almost flat.",), "passes": 65,
        "engine": "OpenVINO 2026.4, float32",
    }  # fmt: skip
    scores = np.array([0.75], np.float32)
    return Heatmaps(RAW, np.maximum(RAW, 0) / 2, scores, method=method, **facts | known)


def a_map(name: str = "tom.jpg", number: int = 1, **known) -> Map:
    original = np.full((4, 4, 3), number, np.uint8)
    overlay = np.full((8, 8, 3), 100 + number, np.uint8)
    one = heat(**known)
    options = {"combine": "mean", "samples": 50}
    return Map(name, f"{number:064}", original, overlay, one, 0, (1, "dog"), "w" * 64, options)


def read(data: bytes) -> dict:
    with np.load(io.BytesIO(data)) as stored:  # pickles are not allowed
        return {name: stored[name] for name in stored.files}


def png(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)


def test_a_raw_map_is_read_without_pickles_and_says_what_it_is():
    stored = read(heat_files.npz(a_map()))
    np.testing.assert_array_equal(stored["raw"], RAW[0])
    assert stored["raw"].dtype == stored["values"].dtype == np.float32
    np.testing.assert_array_equal(stored["values"], np.maximum(RAW[0], 0) / 2)
    assert stored["scores"] == np.float32(0.75)
    told = {name: str(stored[name]) for name in ("picture", "method", "layer", "class")}
    assert told == {"picture": "tom.jpg", "method": "score-cam", "layer": "conv", "class": "dog"}
    assert (int(stored["target"]), int(stored["version"])) == (1, heat_files.VERSION)
    assert str(stored["picture_id"]) == f"{1:064}"
    assert str(stored["weights_sha256"]) == "w" * 64
    assert json.loads(str(stored["options"])) == {"combine": "mean", "samples": 50}
    assert "error" not in stored


def test_the_stated_error_goes_along():
    one = a_map(error=np.array([[[0.0, 0.1], [0.25, 0.0]]], np.float32))
    assert read(heat_files.npz(one))["error"].max() == np.float32(0.25)
    assert one.facts()["error"] == 0.25
    assert a_map().facts()["error"] is None


def test_a_map_that_is_the_same_for_every_class_names_none():
    one = a_map(method="eigen-cam")
    facts = one.facts()
    assert (facts["target"], facts["class"], facts["score"]) == (None, None, None)
    assert not {"target", "class", "scores"} & set(read(heat_files.npz(one)))
    assert a_map(method="sess").facts()["class"] == "dog"  # as the method that it wraps


def test_a_zip_holds_each_picture_once_its_maps_and_a_manifest_that_finds_them():
    maps = [a_map("tom.jpg", 1), a_map("tom.jpg", 1, method="grad-cam"), a_map("tom.jpg", 2)]
    with zipfile.ZipFile(io.BytesIO(heat_files.pack(maps, {"run": "quick-7"}))) as archive:
        assert archive.testzip() is None
        held = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(held.pop("manifest.json"))
    assert sorted(held) == [
        "originals/01-tom.png", "originals/02-tom.png",
        "overlays/01-tom.grad-cam.png", "overlays/01-tom.score-cam.png",
        "overlays/02-tom.score-cam.png",
        "raw/01-tom.grad-cam.npz", "raw/01-tom.score-cam.npz",
        "raw/02-tom.score-cam.npz",
    ]  # fmt: skip
    assert manifest["run"] == "quick-7"
    assert set(manifest["arrays"]) == {"raw", "values", "error", "scores"}
    for row, one in zip(manifest["maps"], maps, strict=True):
        assert (png(held[row["original"]]) == one.original).all()
        assert (png(held[row["overlay"]]) == one.overlay).all()
        assert str(read(held[row["raw"]])["method"]) == row["method"] == one.heat.method
        assert row["picture_id"] == one.picture_id
        assert row["note"] == "It is almost flat."
        assert row["class"] == "dog"
        assert row["options"] == {"combine": "mean", "samples": 50}


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "a\\..\\b.png", "C:\\x.png", ".hidden", "", "a/b/..", "\n\0", "x" * 300],
)
def test_no_name_of_a_picture_leads_out_of_the_zip(name):
    packed = heat_files.pack([a_map(name)], {})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        for member in archive.namelist():
            assert ".." not in member
            assert not member.startswith(("/", "."))
            assert member.count("/") <= 1
            assert not set(member) & set('\\:*?"<>|\n\0')
            assert len(member) < 100


def test_names_of_other_scripts_stay_readable():
    assert heat_files.safe("写真 1.png") == "写真-1"


# --- contact sheet --------------------------------------------------------------------------------


def cell(level: int, title: str = "Score-CAM") -> tuple[np.ndarray, str, str]:
    return np.full((20, 20, 3), level, np.uint8), title, "1.2 s"


def corner(drawn: np.ndarray, line: int, column: int) -> np.ndarray:
    y = sheet.GAP + line * (sheet.CELL + 2 * sheet.LINES + sheet.GAP)
    return drawn[y + 5, sheet.GAP + column * (sheet.CELL + sheet.GAP) + 5]


def test_pictures_are_rows_and_methods_columns_with_their_titles_below():
    drawn = sheet.sheet([[cell(10), cell(20)], [cell(30), cell(40)]])
    for line, column, level in ((0, 0, 10), (0, 1, 20), (1, 0, 30), (1, 1, 40)):
        assert (corner(drawn, line, column) == level).all()
    below = drawn[sheet.GAP + sheet.CELL + 2 : sheet.GAP + sheet.CELL + 2 * sheet.LINES]
    assert (below < 100).any()  # ink
    untitled = sheet.sheet([[cell(10, ""), cell(20, "")], [cell(30, ""), cell(40, "")]])
    assert (untitled != drawn).any()


def test_a_row_of_thirty_methods_goes_on_below_itself_beside_an_empty_place():
    drawn = sheet.sheet([[cell(level) for level in range(31)]])
    assert drawn.shape[1] == sheet.GAP + sheet.MOST_COLUMNS * (sheet.CELL + sheet.GAP)
    assert (corner(drawn, 0, 0) == 0).all()
    for at in range(30):
        line, column = divmod(at, sheet.MOST_COLUMNS - 1)
        assert (corner(drawn, line, column + 1) == at + 1).all()
        assert (corner(drawn, line, 0) == (sheet.PAPER if line else 0)).all()


def test_a_title_that_is_too_long_is_shortened_in_its_middle():
    long = "a picture with a very long name indeed, as phones write them 2026-11-26.jpg"
    font = sheet._font(13)
    shown = sheet._fitting(long, font, sheet.CELL)
    assert font.getlength(shown) <= sheet.CELL
    assert shown.startswith("a pict")
    assert shown.endswith(".jpg")
    assert sheet._fitting("Score-CAM", font, sheet.CELL) == "Score-CAM"
