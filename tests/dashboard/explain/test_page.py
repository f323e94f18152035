"""The page Explain: pictures, methods, layers and targets, as the real model explains them."""

import shutil
from itertools import pairwise

import cv2
import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import state
from dashboard.explain import gallery, pictures
from dashboard.parts import links
from engine.data.dataset import Dataset, open_dataset
from engine.runs import store
from engine.runs.record import Run
from engine.workspace import Workspace

NO_METHOD = {"m": "none"}  # where only the pictures matter, which need no model


@pytest.fixture
def open_page(workspace):
    """A function that opens Explain under the given address, with the real model behind it."""

    def opened(**query) -> AppTest:
        at = AppTest.from_file("../../../dashboard/app.py", default_timeout=120).run()
        for key, value in query.items():
            at.query_params[key] = value
        at.switch_page(links.EXPLAIN).run()
        assert not at.exception, at.exception
        return at

    return opened


@pytest.fixture
def copied(workspace, tmp_path, use_workspace) -> Run:
    """The run of a copy of the workspace that a test may write to."""
    shutil.copytree(workspace, tmp_path / "copied")
    place = use_workspace(tmp_path / "copied")
    st.cache_data.clear()
    yield store.open_run(Workspace(place), "quick-1")
    st.cache_data.clear()


@pytest.fixture
def run(workspace) -> Run:
    return store.open_run(Workspace(workspace), "quick-1")


def dataset_of(run: Run) -> Dataset:
    return open_dataset(Workspace(run.folder.parents[1]), run.dataset)


def under_pictures(at: AppTest) -> list[str]:
    """What stands under each map: its method in a line, and what is known of it in others."""
    texts = [m.value for m in at.markdown]
    return ["\n".join(pair) for pair in pairwise(texts) if "CAM**" in pair[0]]


def shown(at: AppTest) -> list[str]:
    """The line under each picture: "✓ truly cat, says cat 0.96" and its file's name."""
    return [m.value for m in at.markdown if "says" in m.value and "There is" not in m.value]


def box(at: AppTest, label: str):
    (found,) = [one for one in at.selectbox if one.label == label]
    return found


def said(at: AppTest) -> str:
    kinds = (at.warning, at.error, at.info, at.caption)
    return "\n".join(one.value for kind in kinds for one in kind).replace("\\", "")


def param(at: AppTest, key: str) -> str:
    value = at.query_params[key]
    return value[0] if isinstance(value, list) else value


# --- what is explained ----------------------------------------------------------------------------


def test_both_methods_stand_beside_each_picture_with_probability_and_raw_range(open_page, run):
    at = open_page()
    predicted = store.predictions(run, "test")
    count = len(pictures.one_of_each(predicted, np.arange(len(predicted["y_true"]))))
    below = under_pictures(at)
    assert len(below) == 2 * count
    assert sum("Grad-CAM" in text for text in below) == count
    assert all("probability of" in text and "raw map" in text and " to " in text for text in below)


def test_the_number_beside_a_picture_is_the_probability_of_what_it_says(open_page, run):
    predicted = store.predictions(run, "test")
    highest = np.maximum(predicted["y_score"], 1 - predicted["y_score"])
    for text in shown(open_page(**NO_METHOD)):
        number = float(text.split("says")[1].split("**]")[1].split()[0])
        assert number >= 0.5
        assert np.abs(highest - number).min() < 0.0051
        assert "score for" not in text


def test_the_address_chooses_run_layer_target_and_methods(open_page):
    at = open_page(run="quick-1", layer="block1_out", target="dog", m="grad-cam")
    assert at.selectbox(key="layer").value == "block1_out"
    below = under_pictures(at)
    assert below
    assert all("Grad-CAM" in text and "probability of dog" in text for text in below)


def test_with_no_method_no_scale_stands_and_the_address_says_so(open_page):
    at = open_page(**NO_METHOD)
    assert "No method is chosen" in said(at)
    assert "each map by its own maximum" not in said(at)
    assert shown(at)
    assert param(at, "m") == "none"
    assert "each map by its own maximum" in said(open_page(m="grad-cam"))


NONSENSE = ["", "abc", "99999999999999999999", "<b>", "row-²", "f" * 300]


@pytest.mark.parametrize("value", NONSENSE)
def test_an_address_with_nonsense_falls_back_to_what_exists(open_page, run, value):
    keys = ("run", "layer", "target", "pics", "draw", "view", "map", "opacity", "by", "mm", "mc",
            "also", "join", "score", "flips", "eigen", "floats")  # fmt: skip
    at = open_page(**dict.fromkeys(keys, value), m=[value, "none"])
    assert box(at, "Run").value == "quick-1"
    assert at.selectbox(key="layer").value == run.layers[-1]
    assert box(at, "Pictures").value == "one of each outcome"
    assert shown(at)
    assert param(at, "run") == "quick-1"


@pytest.mark.parametrize("draw", ["", "abc", "²", "99999999999999999999"])
def test_another_20_can_be_drawn_whatever_the_address_says(open_page, draw):
    at = open_page(pics="random 20", draw=draw, **NO_METHOD)
    before = shown(at)
    (another,) = [button for button in at.button if button.label == "Another 20"]
    another.click().run()
    assert not at.exception
    assert len(shown(at)) == len(before) == 20
    assert shown(at) != before


# --- links to one picture -------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_link_to_one_picture_shows_that_picture_by_the_name_of_its_file(open_page, run, part):
    predicted, data = store.predictions(run, part), dataset_of(run)
    picture, score = predicted["picture"][3], predicted["y_score"][3]
    at = open_page(run="quick-1", pics=picture[:16], **NO_METHOD)
    (row,) = data.rows_of(np.array([picture]))
    (text,) = shown(at)
    assert data.file_names[row] in text
    assert f"{max(score, 1 - score):.2f}" in text
    assert box(at, "Pictures").value == picture[:16]
    assert data.file_names[row] in box(at, "Pictures").options
    assert param(at, "pics") == picture[:16]


def test_a_link_of_the_version_before_still_opens_and_is_written_anew(open_page, run):
    predicted, data = store.predictions(run, "test"), dataset_of(run)
    (row,) = data.rows_of(predicted["picture"][3:4])
    at = open_page(run="quick-1", pics=f"row-{row}", **NO_METHOD)
    (text,) = shown(at)
    assert data.file_names[row] in text
    assert param(at, "pics") == predicted["picture"][3][:16]


def of_the_version_before(run: Run) -> dict[str, np.ndarray]:
    """Write the run's predictions as the first version did: rows, and no pictures."""
    arrays = {}
    for part in ("validation", "test"):
        told = store.predictions(run, part)
        arrays[f"{part}_indices"] = dataset_of(run).rows_of(told["picture"])
        arrays |= {f"{part}_{name}": told[name] for name in ("y_true", "logit", "y_score")}
    np.savez(run.folder / "predictions.npz", **arrays)
    return arrays


def test_a_run_of_the_version_before_shows_its_pictures_by_both_kinds_of_link(open_page, copied):
    arrays, data = of_the_version_before(copied), dataset_of(copied)
    row = arrays["test_indices"][3]
    for asked in (f"row-{row}", data.pictures[row][:16]):
        (text,) = shown(open_page(run="quick-1", pics=asked, **NO_METHOD))
        assert data.file_names[row] in text
    assert len(shown(open_page(**NO_METHOD))) >= 2


def test_a_row_of_a_dataset_that_was_prepared_again_is_not_taken_for_the_old_one(open_page, copied):
    of_the_version_before(copied)
    record = dataset_of(copied).folder / "dataset.json"
    created = dataset_of(copied).created
    record.write_text(record.read_text().replace(created, "2999-01-01T00:00:00+00:00"))
    at = open_page(run="quick-1", pics="row-3", **NO_METHOD)
    assert shown(at) == []
    assert "is gone, or holds others now" in said(at)


@pytest.mark.parametrize("asked", ["row-99999", "0123456789abcdef", "nothing"])
def test_a_picture_that_is_not_there_is_told_in_a_sentence(open_page, asked):
    at = open_page(run="quick-1", pics=asked, **NO_METHOD)
    assert f"There is no picture {asked} among those that quick-1 was judged on" in said(at)
    assert box(at, "Pictures").value == "one of each outcome"
    assert len(shown(at)) >= 2


# --- what cannot be read --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("runs/quick-1/predictions.npz", "The predictions of 'quick-1' cannot be read"),
        ("datasets/drawn/images.npy", "images.npy of the dataset 'drawn' is missing or damaged"),
        ("datasets/drawn/pictures.npy", "pictures.npy of the dataset 'drawn' is missing"),
        ("datasets/drawn/pictures.csv", "pictures.csv of the dataset 'drawn' is missing"),
        ("datasets/drawn/dataset.json", "is gone, or holds others now"),
    ],
)
def test_what_is_damaged_is_told_and_ones_own_pictures_are_still_explained(
    open_page, copied, file, says, draw_files, tmp_path
):
    path = copied.folder.parents[1] / file
    path.write_bytes(path.read_bytes()[:150])
    at = open_page(m="grad-cam")
    assert says in said(at)
    picture = draw_files(tmp_path, "cat", 1)[0]
    if not at.file_uploader:
        box(at, "Pictures").set_value("my own pictures").run()
    at.file_uploader[0].upload("mine.png", picture.read_bytes())
    at.run()
    assert not at.exception
    assert len(under_pictures(at)) == 1


def test_missing_weights_are_a_sentence_and_leave_no_skeleton(open_page, copied):
    (copied.folder / "best.weights.h5").unlink()
    st.cache_resource.clear()
    at = open_page(m="grad-cam")
    assert "The weights of 'quick-1' are missing" in said(at)
    assert at.get("skeleton") == []
    assert len(shown(at)) >= 2


# --- pictures of one's own ------------------------------------------------------------------------


def test_an_uploaded_picture_is_explained_and_a_broken_file_named(open_page, draw_files, tmp_path):
    at = open_page(pics="my own pictures")
    picture = draw_files(tmp_path, "cat", 1)[0]
    at.file_uploader[0].upload("mine.png", picture.read_bytes())
    at.run()
    at.file_uploader[0].upload("broken.jpg", b"no picture")
    at.run()
    assert [e.value for e in at.error] == [
        "broken.jpg cannot be used: not a picture, or broken; save it as JPEG or PNG and try again."
    ]


def test_an_upload_of_16_bits_is_shown_with_its_levels_and_the_page_says_so(
    open_page, draw_files, tmp_path, monkeypatch
):
    drawn = []
    monkeypatch.setattr(gallery, "large", lambda pixels: drawn.append(pixels) or pixels)
    state.kept.clear()  # else what these tests drew before is not drawn
    at = open_page(pics="my own pictures", **NO_METHOD)
    assert "They are stretched to a square, as in training, and shown so" in said(at)
    pixels = cv2.imread(str(draw_files(tmp_path, "cat", 1)[0])).astype(np.uint16) * 16
    at.file_uploader[0].upload("scan.png", cv2.imencode(".png", pixels)[1].tobytes())
    at.run()
    assert "scan.png was scaled from 16 bits by its own range." in said(at)
    assert np.std(drawn[-1]) > 25  # noise; cut to 8 bits it has 16 levels, and 5


def test_an_upload_becomes_a_square_as_the_pictures_did_that_the_run_learnt_from(
    copied, open_page, monkeypatch
):
    store.save(copied, dataset_fit="pad")
    drawn = []
    monkeypatch.setattr(gallery, "large", lambda pixels: drawn.append(pixels) or pixels)
    at = open_page(pics="my own pictures", **NO_METHOD)
    assert "fitted into a square whole, with grey beside them, as in training" in said(at)
    wide = np.full((20, 80, 3), 250, np.uint8)
    at.file_uploader[0].upload("wide.png", cv2.imencode(".png", wide)[1].tobytes())
    at.run()
    assert drawn[-1].shape == (64, 64, 3)
    assert np.unique(drawn[-1][:24]).tolist() == np.unique(drawn[-1][-24:]).tolist() == [128]
    assert np.unique(drawn[-1][24:40]).tolist() == [250]


def test_ones_own_pictures_are_kept_for_the_visit_and_the_page_says_what_a_link_carries(
    open_page, draw_files, tmp_path
):
    at = open_page(pics="my own pictures", m="grad-cam")
    assert "a link to this page does not carry them" in said(at)
    first, second = draw_files(tmp_path, "cat", 2)
    at.file_uploader[0].upload("first.png", first.read_bytes())
    at.run()
    at.switch_page(links.EVALUATE).run()
    at.switch_page(links.EXPLAIN).run()
    assert not at.exception, at.exception
    assert box(at, "Pictures").value == "my own pictures"
    assert ["first.png" in text for text in shown(at)] == [True]
    at.file_uploader[0].upload("second.png", second.read_bytes())
    at.run()
    assert ["second.png" in text for text in shown(at)] == [False, True]
    box(at, "Pictures").set_value("one of each outcome").run()
    box(at, "Pictures").set_value("my own pictures").run()
    assert len(shown(at)) == 2
    (remove,) = [button for button in at.button if button.label == "Remove those from before"]
    remove.click().run()
    assert shown(at) == []


# --- states ---------------------------------------------------------------------------------------


def test_a_random_twenty_is_the_same_again():
    places = np.arange(100, 300)
    first = pictures.at_random(places, 20, 1)
    assert len(set(first)) == 20
    assert set(first) <= set(places.tolist())
    assert first == pictures.at_random(places, 20, 1) != pictures.at_random(places, 20, 2)


def test_without_a_run_the_page_says_why_and_leads_on(empty_workspace):
    at = AppTest.from_file("../../../dashboard/app.py", default_timeout=60).run()
    at.query_params["run"] = "quick-9"
    at.switch_page(links.EXPLAIN).run()
    assert not at.exception
    assert any("no run to look into" in m.value for m in at.markdown)
    assert [w.value for w in at.warning] == ["There is no run quick-9 here."]


def test_the_page_itself_imports_no_tensorflow():
    import subprocess
    import sys

    code = (
        "import sys, dashboard.explain.controls, dashboard.explain.gallery, dashboard.parts.charts;"
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
