"""A run becomes a model again, and pictures become scores."""

import shutil
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from engine import inference
from engine.data.dataset import open_dataset
from engine.data.decode import resize_all
from engine.errors import RunError
from engine.runs import store
from engine.workspace import Workspace


@pytest.fixture
def loaded(workspace):
    return inference.load(store.open_run(Workspace(workspace), "quick-1"))


@pytest.fixture
def dataset(workspace):
    return open_dataset(Workspace(workspace), "drawn")


def test_logits_are_those_behind_the_model_s_own_predictions(loaded, dataset):
    images = dataset.images[:70]  # more than a batch
    logit = inference.logits(loaded.model, images)
    says = loaded.model.predict(resize_all(images, 32).astype(np.float32), verbose=0)[:, 0]
    assert (logit.shape, logit.dtype) == ((70,), np.float32)
    np.testing.assert_allclose(inference.probabilities(logit), says, atol=1e-5)


def test_a_loaded_model_gives_the_predictions_that_the_run_stored(loaded, dataset):
    told = store.predictions(loaded.run, "test")
    rows = dataset.rows_of(told["picture"])
    assert (rows == dataset.indices("test")).all()
    assert (told["y_true"] == dataset.labels[rows]).all()
    logit = inference.logits(loaded.model, dataset.images, rows)
    np.testing.assert_allclose(logit, told["logit"], atol=1e-4)
    np.testing.assert_allclose(told["y_score"], inference.probabilities(told["logit"]))


def test_probabilities_tell_sure_pictures_apart():
    found = inference.probabilities(np.array([20, 30, 36], np.float32))
    assert (np.diff(found) > 0).all()
    assert (found < 1).all()
    assert inference.probabilities(np.array([-800], np.float32)) == pytest.approx(0, abs=1e-300)


def test_many_pictures_get_the_logits_that_few_get(loaded, dataset, monkeypatch):
    """Many go through what OpenVINO compiled, few through TensorFlow."""
    few = inference.logits(loaded.model, dataset.images[:100])
    monkeypatch.setattr(inference, "MANY", 100)
    told = []
    many = inference.logits(
        loaded.model, dataset.images[:100], progress=lambda *step: told.append(step)
    )
    np.testing.assert_allclose(many, few, atol=1e-4)
    assert told == [(64, 100), (100, 100)]


def test_progress_counts_the_pictures(loaded, dataset):
    told = []
    inference.logits(loaded.model, dataset.images[:70], progress=lambda *step: told.append(step))
    assert told == [(64, 70), (70, 70)]


def test_a_part_is_read_a_batch_at_a_time_and_never_whole(loaded, dataset):
    class Counting:
        """The mapped pictures, and how many were asked for at once."""

        asked: ClassVar[list[int]] = []

        def __getitem__(self, rows):
            self.asked.append(len(rows))
            return dataset.images[rows]

    rows = np.arange(150)[::-1]
    logit = inference.logits(loaded.model, Counting(), rows)
    assert Counting.asked == [64, 64, 22]
    np.testing.assert_allclose(
        logit, inference.logits(loaded.model, dataset.images[:150])[::-1], atol=1e-4
    )


@pytest.mark.parametrize("what", ["changed", "missing"])
def test_weights_that_are_not_those_of_the_run_are_refused(what, workspace, tmp_path):
    run = store.open_run(Workspace(shutil.copytree(workspace, tmp_path / "copy")), "quick-1")
    weights = run.folder / "best.weights.h5"
    if what == "missing":
        weights.unlink()
    else:
        with weights.open("ab") as file:
            file.write(b"x")
    with pytest.raises(RunError, match="The weights of 'quick-1' are missing or were changed"):
        inference.load(run)


def test_a_run_without_figures_is_not_loaded(loaded):
    unjudged = replace(loaded.run, figures=None, status="running")
    with pytest.raises(RunError, match="'quick-1' is running and has no figures; wait until"):
        inference.load(unjudged)
