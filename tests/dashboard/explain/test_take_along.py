"""What is taken along from Explain: each map as PNG, all of them as one zip."""

import io
import json
import zipfile
from pathlib import PurePath

import cv2
import numpy as np
import pytest
import streamlit as st

from dashboard.explain import gallery, heat, take_along
from dashboard.explain.gallery import Look
from dashboard.explain.options import Options
from dashboard.explain.pictures import of_run

LOOK = Look("overlay", "viridis", 0.5, "even")


@pytest.fixture
def made(untrained):
    """A wish, and the real Grad-CAM of two pictures of noise by it."""
    before = untrained.layers[-2]
    options = Options(also=(before,), combine="max")
    wish = heat.Wish(untrained, untrained.layers[-1], "fox", ("grad-cam",), options)
    found = [
        (picture, "grad-cam", heat.made(wish, picture, "grad-cam"))
        for picture in of_run(untrained, "test", [0, 5])
    ]
    return wish, found


def test_the_zip_holds_what_is_shown_what_the_model_saw_and_what_it_is(made, untrained):
    wish, found = made
    packed = take_along.packed(wish, LOOK, found)()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["run"] == "quick-1"
        assert manifest["weights_sha256"] == untrained.weights_sha256
        assert manifest["look"]["colour_map"] == "viridis"
        assert len(manifest["maps"]) == 2
        for row, (picture, method, one) in zip(manifest["maps"], found, strict=True):
            assert (row["picture_id"], row["method"]) == (picture.id, method)
            assert row["class"] == "fox"
            assert row["options"]["combine"] == "max"
            with np.load(io.BytesIO(archive.read(row["raw"]))) as stored:
                np.testing.assert_array_equal(stored["raw"], one.raw[0])
                assert str(stored["layer"]) == " + ".join(untrained.layers[:-3:-1])
            shown = gallery.drawn(LOOK, picture.pixels, one.values[0])
            assert (pixels(archive.read(row["overlay"])) == shown).all()
            assert (pixels(archive.read(row["original"])) == heat.seen(untrained, picture)).all()


def pixels(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)


def test_each_map_has_a_button_that_saves_it_under_the_name_of_picture_and_method(
    open_untrained, untrained, monkeypatch
):
    offered, button = [], st.download_button

    def noting(label, data, file_name, *more, **known):
        offered.append((label, data, file_name))
        return button(label, data, file_name, *more, **known)

    monkeypatch.setattr(st, "download_button", noting)
    at = open_untrained(m="grad-cam")
    ((label, data, file_name),) = offered
    (picture,) = of_run(untrained, "test", [0])
    assert (label, file_name) == ("PNG", f"{PurePath(picture.name).stem}.grad-cam.png")
    wish = heat.Wish(untrained, untrained.layers[-1], heat.SAID, ("grad-cam",))
    values = heat.kept(wish, picture, "grad-cam").values[0]
    look = Look("overlay", "inferno", 0.75, "by heat")
    assert (pixels(data()) == gallery.drawn(look, picture.pixels, values)).all()
    buttons = at.get("download_button")
    assert [one.proto.label for one in buttons] == ["PNG"]
    assert "Save the Grad-CAM of " in buttons[0].proto.help
    at.session_state["save"] = True  # the popover is opened
    at.run()
    labels = [one.proto.label for one in at.get("download_button")]
    assert sorted(labels) == ["**1 map as a zip**", "PNG"]


def test_without_a_map_there_is_nothing_to_save_and_it_is_said(open_untrained):
    at = open_untrained(m="none")
    at.session_state["save"] = True
    at.run()
    assert at.get("download_button") == []
    assert "There is no map to save yet." in [one.value for one in at.caption]


def test_nothing_is_packed_before_somebody_asks(made, monkeypatch):
    wish, found = made
    monkeypatch.setattr(take_along.heat_files, "pack", lambda *args: pytest.fail("it was packed"))
    take_along.packed(wish, LOOK, found)
