"""A run becomes a model again, and pictures become scores."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from engine import inference
from engine.data.dataset import open_dataset
from engine.data.decode import resize_all
from engine.errors import RunError
from engine.runs import store
from engine.settings import settings


@pytest.fixture
def loaded(workspace):
    return inference.load(store.open_run("quick-1"))


def test_logits_are_those_behind_the_model_s_own_predictions(loaded):
    dataset = open_dataset(settings().datasets / "drawn")
    images = dataset.images[:70]  # more than a batch
    logit = inference.logits(loaded.model, images)
    says = loaded.model.predict(resize_all(images, 32).astype(np.float32), verbose=0)[:, 0]
    assert (logit.shape, logit.dtype) == ((70,), np.float32)
    np.testing.assert_allclose(inference.probabilities(logit), says, atol=1e-5)


def test_a_loaded_model_gives_the_predictions_that_the_run_stored(loaded):
    dataset = open_dataset(settings().datasets / "drawn")
    told = store.predictions(loaded.run, "test")
    assert (told["indices"] == dataset.indices("test")).all()
    assert (told["y_true"] == dataset.labels[told["indices"]]).all()
    logit = inference.logits(loaded.model, dataset.images[told["indices"]])
    np.testing.assert_allclose(logit, told["logit"], atol=1e-4)
    np.testing.assert_allclose(told["y_score"], inference.probabilities(told["logit"]))


def test_probabilities_tell_sure_pictures_apart():
    found = inference.probabilities(np.array([20, 30, 36], np.float32))
    assert (np.diff(found) > 0).all()
    assert (found < 1).all()
    assert inference.probabilities(np.array([-800], np.float32)) == pytest.approx(0, abs=1e-300)


def test_progress_counts_the_pictures(loaded):
    told = []
    dataset = open_dataset(settings().datasets / "drawn")
    inference.logits(loaded.model, dataset.images[:70], lambda *step: told.append(step))
    assert told == [(64, 70), (70, 70)]


@pytest.mark.parametrize("what", ["changed", "missing"])
def test_weights_that_are_not_those_of_the_run_are_refused(
    what, workspace, tmp_path, use_workspace
):
    shutil.copytree(workspace, tmp_path / "copy")
    use_workspace(tmp_path / "copy")
    run = store.open_run("quick-1")
    weights = run.folder / "best.weights.h5"
    if what == "missing":
        weights.unlink()
    else:
        with weights.open("ab") as file:
            file.write(b"x")
    with pytest.raises(RunError, match="The weights of 'quick-1' are missing or were changed"):
        inference.load(run)


def test_a_run_without_figures_is_not_loaded(loaded):
    unjudged = replace(loaded.run, figures={}, status="running")
    with pytest.raises(RunError, match="'quick-1' is running and has no figures; wait until"):
        inference.load(unjudged)
