"""transfer: features once, a head on them, and where asked for the last blocks."""

import csv
import shutil
import time
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import applications

from engine import backend, inference
from engine.data.dataset import open_dataset
from engine.data.question import Question, task_of
from engine.models.build import build
from engine.models.transfer import load_imagenet
from engine.settings import settings
from engine.training import transfer
from engine.training.config import train_config
from engine.training.fit import compile_model
from engine.training.transfer import fit_transfer
from engine.workspace import Workspace


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory):
    """A small backbone with weights of its own, named by CAMSIGHT_BACKBONES: what it says is
    nothing, and how it is used does not depend on that."""
    place = tmp_path_factory.mktemp("backbones")
    model = applications.MobileNet(alpha=0.25, include_top=False, weights=None)
    model.save_weights(place / "mobilenet-0.25.weights.h5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAMSIGHT_BACKBONES", str(place))
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.fixture
def copied(task, tmp_path):
    """The task on a dataset of this test's own, so that its features are, too."""
    folder = tmp_path / "drawn"
    shutil.copytree(task.dataset.folder, folder, ignore=shutil.ignore_patterns("features"))
    return task_of(replace(task.dataset, folder=folder), None)


def config(**chosen):
    usual = {"backbone": "mobilenet-0.25", "image_size": 32, "epochs": 4}
    return train_config("transfer", **(usual | chosen))


def model_of(wanted, classes=2):
    keras.utils.set_random_seed(wanted.seed)
    model = build(
        "transfer", wanted.image_size, classes,
        backbone=wanted.backbone, precision=wanted.precision,
    )  # fmt: skip
    load_imagenet(model, wanted.backbone)
    compile_model(model, wanted)
    return model


def trained(task, folder, wanted, should_stop=lambda: False):
    folder.mkdir(exist_ok=True)
    told, model = [], model_of(wanted, len(task.class_names))
    done = fit_transfer(model, task, wanted, folder, report=told.append, should_stop=should_stop)
    return done, model, told


def columns(folder):
    with (folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_head_s_logits_are_those_of_the_model_that_is_kept(copied, tmp_path):
    done, _, told = trained(copied, tmp_path / "run", config())
    again = build("transfer", 32, 2, backbone="mobilenet-0.25")
    again.load_weights(tmp_path / "run" / "best.weights.h5")
    for part in ("validation", "test"):
        rows = copied.indices(part)
        assert np.allclose(
            done.logits[part], inference.logits(again, copied.images, rows), atol=1e-3
        )
    history = columns(tmp_path / "run")
    assert [int(row["epoch"]) for row in history] == list(range(1, done.fitted.epochs + 1))
    losses = [float(row["val_loss"]) for row in history]
    assert done.fitted.best_epoch == 1 + losses.index(min(losses))
    phases = [one["phase"] for one in told]
    assert phases.index("training") > phases.index("features")
    ends = [one for one in told if one["phase"] == "features"][-1]
    assert ends["done"] == ends["total"] == copied.dataset.size
    assert "OpenVINO" in done.engine


def test_a_second_run_finds_its_features(copied, tmp_path, monkeypatch):
    first, _, _ = trained(copied, tmp_path / "one", config())
    monkeypatch.setattr(backend, "forward", lambda *_, **__: pytest.fail("computed again"))
    second, _, _ = trained(copied, tmp_path / "two", config(seed=5))
    assert second.engine == "stored features"
    assert np.allclose(first.logits["test"], second.logits["test"])


def test_other_weights_or_sizes_are_other_features(copied):
    model, wanted = model_of(config()), config()
    keys = {transfer.parts_of(model, copied.dataset, one)["test"].key
            for one in (wanted, config(image_size=48))}  # fmt: skip
    layer = model.get_layer("conv_pw_3")
    layer.set_weights([weight + 1 for weight in layer.get_weights()])
    keys.add(transfer.parts_of(model, copied.dataset, wanted)["test"].key)
    assert len(keys) == 3


def test_many_classes_and_questions_have_heads_of_their_own(tmp_path, add_many):
    add_many(tmp_path, ("cat", "dog", "fox"))
    dataset = open_dataset(Workspace(tmp_path), "zoo")
    small = config(image_size=32).model_copy(update={"image_size": 16})
    done, model, _ = trained(task_of(dataset, None), tmp_path / "many", small)
    assert done.logits["test"].shape == (27, 3)
    assert model.output_shape == (None, 3)
    asked = task_of(dataset, Question(("fox",), ("cat",)))
    done, _, _ = trained(asked, tmp_path / "asked", small)
    assert done.logits["test"].shape == (18,)
    assert done.engine == "stored features"


def test_a_stop_while_features_are_computed_leaves_no_weights(copied, tmp_path):
    done, _, _ = trained(copied, tmp_path / "run", config(), should_stop=lambda: True)
    assert (done.fitted.stopped, done.fitted.best_epoch) == (True, 0)
    assert not (tmp_path / "run" / "best.weights.h5").exists()


def test_fine_tuning_changes_the_last_blocks_and_no_other(copied, tmp_path):
    wanted = config(fine_tune=1, epochs=1, batch_size=64)
    before = {layer.name: layer.get_weights() for layer in model_of(wanted).layers}
    done, model, _ = trained(copied, tmp_path / "run", wanted)
    changed = {
        layer.name for layer in model.layers
        if any((a != b).any() for a, b in zip(before[layer.name], layer.get_weights(), strict=True))
    }  # fmt: skip
    assert changed == {"conv_dw_13", "conv_pw_13", "probability"}
    assert done.logits == {}
    assert len(columns(tmp_path / "run")) == 1
    assert (done.fitted.epochs, done.fitted.best_epoch) == (1, 1)


def test_features_are_exact_whatever_is_trained_in(copied, tmp_path):
    """Runs share them, so one in bfloat16 may not leave its own to the next."""
    half = config(precision="bfloat16", fine_tune=1, epochs=1, batch_size=64)
    trained(copied, tmp_path / "half", half)
    done, model, _ = trained(copied, tmp_path / "run", config())
    assert done.engine == "stored features"
    model.load_weights(tmp_path / "run" / "best.weights.h5")
    rows = copied.indices("test")
    found = inference.logits(model, copied.images, rows)
    assert np.allclose(done.logits["test"], found, atol=1e-3)


def test_a_stop_in_the_first_epoch_of_fine_tuning_keeps_what_it_has(copied, tmp_path):
    heard = []

    def tuning():
        heard.append((tmp_path / "run" / "best.weights.h5").exists())
        return heard[-1]

    wanted = config(fine_tune=1, epochs=2, batch_size=64)
    done, _, _ = trained(copied, tmp_path / "run", wanted, should_stop=tuning)
    assert (done.fitted.stopped, done.fitted.epochs, done.fitted.best_epoch) == (True, 0, 1)
    assert len(columns(tmp_path / "run")) == 1


def test_fine_tuning_that_comes_to_no_number_leaves_the_head_s_weights(
    copied, tmp_path, monkeypatch
):
    head, _, _ = trained(copied, tmp_path / "head", config())
    monkeypatch.setattr(transfer, "compile_model", diverging)
    done, _, _ = trained(copied, tmp_path / "run", config(fine_tune=1, batch_size=64))
    fitted = done.fitted
    assert (fitted.diverged, fitted.best_epoch) == (True, head.fitted.best_epoch)
    assert "the head's weights were kept" in fitted.error
    assert np.allclose(done.logits["test"], head.logits["test"])
    losses = [[row["val_loss"] for row in columns(tmp_path / one)] for one in ("run", "head")]
    assert losses[0] == losses[1]


def diverging(model, wanted):
    compile_model(model, wanted)
    head = model.get_layer("probability")
    head.set_weights([np.full_like(weight, np.nan) for weight in head.get_weights()])


def test_an_estimate_counts_the_passes_that_are_missing(copied, tmp_path):
    wanted = config()
    first = transfer.estimate(model_of(wanted), copied, wanted, began=time.perf_counter())
    assert first.first_seconds > 0
    assert first.seconds == pytest.approx(first.first_seconds + 4 * first.seconds_per_epoch)
    trained(copied, tmp_path / "run", wanted)
    again = transfer.estimate(model_of(wanted), copied, wanted, began=time.perf_counter())
    assert again.first_seconds == 0
