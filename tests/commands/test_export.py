"""A run as a zip: plain Keras, without Camsight, says what the run said."""

import csv
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.commands import export
from engine.data.dataset import list_datasets, open_dataset
from engine.data.decode import resize_all
from engine.runs import store
from engine.workspace import Workspace

# What a stranger writes by README.txt. -I: no folder of ours, and no setting, is looked at.
STRANGER = """
import importlib.util, sys
assert importlib.util.find_spec("engine") is None and importlib.util.find_spec("dashboard") is None
import keras, numpy
model = keras.saving.load_model("model.keras", compile=False)
numpy.save("said.npy", model.predict(numpy.load("pictures.npy"), verbose=0))
"""


@pytest.fixture(scope="module")
def unpacked(workspace, tmp_path_factory) -> Path:
    """The zip of the trained run, as the page makes it, in a folder of its own."""
    from engine import inference

    place = Workspace(workspace)
    run = store.open_run(place, "quick-1")
    packed = export.pack(run, inference.saved(inference.load(run)), list_datasets(place))
    folder = tmp_path_factory.mktemp("stranger")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(folder)
    return folder / "quick-1"


def test_plain_keras_says_the_stored_probabilities_in_a_process_without_camsight(
    workspace, unpacked
):
    run = store.open_run(Workspace(workspace), "quick-1")
    dataset = open_dataset(Workspace(workspace), "drawn")
    pixels = resize_all(dataset.images[dataset.indices("test")], run.image_size)
    np.save(unpacked / "pictures.npy", pixels)
    done = subprocess.run(
        [sys.executable, "-I", "-c", STRANGER], cwd=unpacked, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = store.predictions(run, "test")["y_score"]
    assert np.load(unpacked / "said.npy")[:, 0] == pytest.approx(told, abs=1e-6)


def test_what_is_in_it_and_that_it_says_how_to_use_it(workspace, unpacked):
    run = store.open_run(Workspace(workspace), "quick-1")
    names = {path.name for path in unpacked.iterdir()} - {"pictures.npy", "said.npy"}
    assert names == {
        "README.txt", "model.keras", "run.json", "config.json", "history.csv", "predictions.npz",
        "predictions.csv", "curves.png",
    }  # fmt: skip
    says = (unpacked / "README.txt").read_text()
    for part in ('keras.saving.load_model("model.keras"', "(n, 32, 32, 3): RGB pixels from 0",
                 "the probability of 'dog', which it says from 0.5 on", "of 64 px"):  # fmt: skip
        assert part in says
    assert json.loads((unpacked / "config.json").read_text()) == run.config
    rows = list(csv.DictReader((unpacked / "predictions.csv").open()))
    told = store.predictions(run, "test")
    tested = [row for row in rows if row["part"] == "test"]
    assert [float(row["y_score"]) for row in tested] == told["y_score"].tolist()
    assert [row["picture"] for row in tested] == told["picture"].tolist()
    dataset = open_dataset(Workspace(workspace), "drawn")
    assert tested[0]["file"] == dataset.file_names[dataset.indices("test")[0]]


def test_many_classes_have_a_column_each_and_files_that_are_gone_no_name(tmp_path, add_many):
    run = add_many(tmp_path, ("cat", "dog", "a,b"))
    rows = list(csv.reader(io.StringIO(export.predictions_csv(run, None))))
    assert rows[0] == ["part", "file", "picture", "truth", "y_true", "p(cat)", "p(dog)", "p(a,b)"]
    assert {row[1] for row in rows[1:]} == {""}
    assert len(rows) == 1 + 2 * 27
    says = export.readme(run)
    assert "It answers (n, 3)" in says
    assert "'cat', 'dog', 'a,b'" in says


def test_exporting_on_the_command_line_writes_whole_or_not_at_all(
    workspace, tmp_path, verb, use_workspace
):
    place = Workspace(use_workspace(shutil.copytree(workspace, tmp_path / "copy")))
    out = tmp_path / "run.zip"
    status, printed, _ = verb("export", "quick-1", "--out", out)
    assert (status, printed) == (0, f"{out}\n")
    assert "quick-1/model.keras" in zipfile.ZipFile(out).namelist()
    before = out.read_bytes()
    for line, sentence in (
        (("quick-1", "--out", out), f"There is a file '{out}' already"),
        (("quick-1", "--out", tmp_path / "no" / "x.zip"), "There is no folder"),
        (("quick-7", "--out", tmp_path / "x.zip"), "The run 'quick-7' does not exist"),
    ):
        status, printed, err = verb("export", *line)
        assert (status, printed) == (2, "")
        assert err.startswith(sentence)
    (place.runs / "quick-1" / "best.weights.h5").write_bytes(b"other")
    status, _, err = verb("export", "quick-1", "--out", tmp_path / "x.zip")
    assert (status, "were changed after it ended" in err) == (2, True)
    assert out.read_bytes() == before
    assert not (tmp_path / "x.zip").exists()
