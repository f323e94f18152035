"""fit(): the best weights and the history in a folder, whatever ends it; estimate(): no trace."""

import csv
import errno
import os
import resource
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import pytest

from engine import files
from engine.errors import RunError
from engine.training.fit import batches_of, estimate, fit
from engine.training.storage import needed_bytes, require_space, weights_bytes

PICTURES, BATCHES = 192, 6  # for training; of 32 pictures each


@pytest.fixture
def train(task, small_config, small_model, tmp_path):
    """`train(epochs=3)`: a training into `tmp_path`."""

    def run(report=lambda told: None, should_stop=lambda: False, config=None, model=None, **chosen):
        config = config or small_config(**chosen)
        model = model or small_model(config)
        return fit(model, task, config, tmp_path, report=report, should_stop=should_stop)

    return run


def rows(folder: Path) -> list[dict]:
    path = folder / "history.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(file)]


def numbers(model: keras.Model) -> list[np.ndarray]:
    """All that a training changes, the state of random layers and of the optimizer included."""
    return [variable.numpy().copy() for variable in [*model.variables, *model.optimizer.variables]]


def stored_loss(model: keras.Model, task, config, weights: Path) -> float:
    """Validation loss of stored weights, worked out anew."""
    model.optimizer = None
    model.load_weights(weights)
    validation = batches_of(task, config)[1]
    probability = model.predict(validation[0][0], verbose=0).astype(np.float64)
    assert len(validation) == 1
    return float(-np.log(np.where(validation[0][1] == 1, probability, 1 - probability)).mean())


def test_the_weights_kept_are_those_of_the_lowest_validation_loss(
    train, task, small_config, small_model, tmp_path
):
    """The rate grows tenfold with every epoch, so the last one is far from the best."""
    wild = {"schedule": "exponential", "decay": -1.0, "learning_rate": 0.01}
    config = small_config(epochs=5).model_copy(update=wild)
    fitted = train(config=config)
    losses = [row["val_loss"] for row in rows(tmp_path)]
    assert fitted.best_epoch == 1 + int(np.argmin(losses)) < 5
    assert losses[-1] > min(losses) + 0.01
    kept = stored_loss(small_model(config), task, config, tmp_path / "best.weights.h5")
    assert kept == pytest.approx(min(losses), abs=1e-4)


def test_many_classes_are_learned_by_their_cross_entropy(
    task, small_config, small_model, tmp_path
):
    thirds = replace(
        task, class_names=("a", "b", "c"), labels=np.arange(len(task.labels), dtype=np.uint8) % 3
    )
    config = small_config(epochs=2)
    fit(
        small_model(config, classes=3), thirds, config, tmp_path,
        report=lambda told: None, should_stop=lambda: False,
    )  # fmt: skip
    told = min(rows(tmp_path), key=lambda row: row["val_loss"])
    model = small_model(config, classes=3)
    model.optimizer = None
    model.load_weights(tmp_path / "best.weights.h5")
    images, labels = batches_of(thirds, config)[1][0]
    says = model.predict(images, verbose=0).astype(np.float64)
    of_truth = says[np.arange(len(says)), labels[:, 0].astype(int)]
    assert told["val_loss"] == pytest.approx(-np.log(of_truth).mean(), abs=1e-4)
    right = says.argmax(axis=1) == labels[:, 0]
    assert told["val_accuracy"] == pytest.approx(right.mean(), abs=1e-6)


@pytest.mark.parametrize("classes", [2, 4])
def test_label_smoothing_spreads_its_share_over_all_classes_and_counts_the_right_as_before(
    small_config, small_model, classes
):
    model = small_model(small_config(label_smoothing=0.2), classes)
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (20, 32, 32, 3), np.uint8)
    labels = rng.integers(0, classes, (20, 1)).astype(np.float32)
    says = model.predict(pictures, verbose=0).astype(np.float64)
    if classes == 2:
        says = np.concatenate([1 - says, says], axis=1)
    true = np.eye(classes)[labels[:, 0].astype(int)]
    spread = 0.8 * true + 0.2 / classes
    told = model.test_on_batch(pictures, labels, return_dict=True)
    assert told["loss"] == pytest.approx(-(spread * np.log(says)).sum(axis=1).mean(), abs=1e-4)
    right = says.argmax(axis=1) == labels[:, 0]
    assert told["accuracy"] == pytest.approx(right.mean(), abs=1e-6)


def test_time_left_knows_that_pictures_will_grow(train, small_config, monkeypatch):
    """Each batch takes as long as its pictures are large; a clock that only moves so."""
    config = small_config(image_size=64, epochs=5, progressive=True)
    areas = [config.size_at(epoch) ** 2 for epoch in range(5) for _ in range(BATCHES)]
    assert len(set(areas)) > 1
    seen, left = [], []

    def batch_ended():
        seen.append(areas[len(seen)])
        return False

    clock = SimpleNamespace(perf_counter=lambda: float(sum(seen)))
    monkeypatch.setattr("engine.training.keeper.time", clock)
    monkeypatch.setattr("engine.training.keeper.SECONDS_BETWEEN", -1e9)

    def report(told):
        left.append((told["seconds_left"], sum(areas) - sum(seen)))

    train(report, batch_ended, config=config)
    assert len(left) == len(areas)
    assert [told for told, _ in left] == pytest.approx([real for _, real in left])


def test_an_estimate_of_growing_pictures_is_of_their_mean_and_is_not_traced_again(
    task, small_config, small_model, tmp_path
):
    config = small_config(image_size=64, epochs=5, progressive=True, augment=True, crop=0.5)
    model, traced = small_model(config), []
    call = model.call
    model.call = lambda *inputs, **options: traced.append(1) or call(*inputs, **options)
    timed, _ = batches_of(task, config, at_most=(4, 2))
    timed.on_epoch_end()
    sizes = {timed[at][0].shape[1] for at in range(len(timed))}
    assert sizes == {config.mean_size_at(0)}
    assert 32 < config.mean_size_at(0) < 64
    estimate(model, task, config)
    traced.clear()
    fit(model, task, config, tmp_path, report=lambda told: None, should_stop=lambda: False)
    assert not traced
    assert [row["epoch"] for row in rows(tmp_path)] == [1, 2, 3, 4, 5]


def test_the_network_that_was_trained_takes_its_best_weights(
    train, small_config, small_model, tmp_path
):
    """As judging gives them to it, its optimizer being in no file."""
    model = small_model(small_config(optimizer="adam"))
    assert train(model=model, optimizer="adam", epochs=1).best_epoch == 1
    last = model.get_weights()
    model.load_weights(tmp_path / "best.weights.h5")
    assert all((a == b).all() for a, b in zip(last, model.get_weights(), strict=True))


def test_a_whole_training_counts_its_epochs_and_every_picture_once_an_epoch(train, tmp_path):
    fitted = train(epochs=3, batch_size=50)  # the fourth batch holds 42
    assert (fitted.epochs, fitted.pictures) == (3, 3 * PICTURES)
    assert (fitted.stopped, fitted.error) == (False, None)
    assert [row["epoch"] for row in rows(tmp_path)] == [1, 2, 3]


@pytest.mark.parametrize(("batch", "epochs", "more"), [(2, 1, 2 * 32), (BATCHES, 2, PICTURES)])
def test_a_stop_in_mid_epoch_counts_the_pictures_that_were_seen(
    train, tmp_path, batch, epochs, more
):
    heard = iter(range(BATCHES + batch))
    fitted = train(should_stop=lambda: next(heard) == BATCHES + batch - 1, epochs=9)
    assert fitted.stopped
    assert (fitted.epochs, fitted.pictures) == (epochs, PICTURES + more)
    assert [row["epoch"] for row in rows(tmp_path)] == [1, 2]  # what was under way is judged, too


def test_what_is_reported_is_never_ahead_of_the_history(train, tmp_path, monkeypatch):
    """The numbers said "epoch 3, batch 6 of 6" beside curves that ended with the second."""
    monkeypatch.setattr("engine.training.keeper.SECONDS_BETWEEN", 0.0)
    seen = []

    def report(told):
        seen.append((told["epoch"], told["batch"]))
        whole = told["batch"] == told["batches"]
        assert len(rows(tmp_path)) == told["epoch"] - (not whole)

    train(report=report, epochs=2)
    assert seen == [(epoch, batch) for epoch in (1, 2) for batch in range(1, BATCHES + 1)]


def test_a_disk_that_fills_up_ends_the_training_and_keeps_its_last_good_epoch(
    train, task, small_config, small_model, tmp_path
):
    """HDF5 ended the process with a segmentation fault. Files here may suddenly hold 2 kB only."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def report(told):
        if told["batch"] == told["batches"]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))

    try:
        fitted = train(report=report, epochs=9)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert fitted.best_epoch == 1
    assert fitted.error == (
        "The disk is full (File too large), so the run was ended in epoch 2; the weights of epoch "
        "1 were kept; free 2 MB and resume it."
    )
    kept = stored_loss(
        small_model(small_config()), task, small_config(), tmp_path / "best.weights.h5"
    )
    assert kept == pytest.approx(rows(tmp_path)[0]["val_loss"], abs=1e-4)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["best.weights.h5", "checkpoint.npz", "history.csv"]


@pytest.mark.parametrize(
    ("name", "number", "says"),
    [
        ("write_bytes", errno.ENOSPC, "The disk is full (No space left on device)"),
        ("write", errno.EROFS, "The run's folder cannot be written (Read-only file system)"),
    ],
)
def test_a_disk_that_takes_nothing_ends_the_training_with_its_first_epoch(
    train, monkeypatch, name, number, says
):
    def refuse(path, *_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files, name, refuse)
    fitted = train(epochs=5)
    assert (fitted.best_epoch, fitted.epochs) == (0, 1)
    assert fitted.error.startswith(says)
    assert "no weights were kept" in fitted.error


def test_weights_are_stored_without_the_optimizer_and_older_ones_still_open(
    task, small_config, small_model, tmp_path
):
    """A quick run's file was three times as large as its weights."""
    config = small_config(optimizer="adam")
    model = small_model(config)
    model.train_on_batch(*batches_of(task, config)[0][0])
    (tmp_path / "new.weights.h5").write_bytes(weights_bytes(model))
    model.save_weights(tmp_path / "old.weights.h5")
    with (
        h5py.File(tmp_path / "new.weights.h5") as new,
        h5py.File(tmp_path / "old.weights.h5") as old,
    ):
        assert "optimizer" in old
        assert "optimizer" not in new
    assert weights_bytes(model) == (tmp_path / "new.weights.h5").read_bytes()
    for name in ("new", "old"):
        other = small_model(small_config(seed=7))
        other.optimizer = None
        other.load_weights(tmp_path / f"{name}.weights.h5")
        assert all((a == b).all() for a, b in zip(
            model.get_weights(), other.get_weights(), strict=True
        ))  # fmt: skip


def test_an_estimate_leaves_weights_optimizer_and_random_states_as_they_were(
    task, small_config, small_model
):
    config = small_config(optimizer="adamw", augment=True)
    model = small_model(config)
    model.optimizer.build(model.trainable_variables)
    before = numbers(model)
    assert any(variable.name == "seed_generator_state" for variable in model.variables)
    estimate(model, task, config)
    assert all((a == b).all() for a, b in zip(before, numbers(model), strict=True))


def test_a_training_after_an_estimate_is_the_one_without(
    train, task, small_config, small_model, tmp_path
):
    config = small_config(optimizer="adam", augment=True, epochs=2)
    train(config=config)
    expected = rows(tmp_path)
    model = small_model(config)
    estimate(model, task, config)
    fit(model, task, config, tmp_path, report=lambda told: None, should_stop=lambda: False)
    for row, other in zip(rows(tmp_path), expected, strict=True):
        assert row | {"seconds": 0} == other | {"seconds": 0}


def test_what_an_estimate_traces_is_not_traced_again(train, task, small_config, small_model):
    """The first epoch of every run waited for it a second time, and no estimate told so."""
    config = small_config()
    model, traced = small_model(config), []
    call = model.call
    model.call = lambda *inputs, **options: traced.append(1) or call(*inputs, **options)
    estimate(model, task, config)
    assert traced
    traced.clear()
    folder = task.dataset.folder.parent  # nothing is written: its first report stops it

    class Stopped(Exception):
        pass

    def stop():
        raise Stopped

    with pytest.raises(Stopped):
        fit(model, task, config, folder, report=lambda told: None, should_stop=stop)
    assert not traced


@pytest.mark.parametrize(("load", "busy"), [(0.0, False), (1e6, True)])
def test_an_estimate_says_how_long_the_start_takes_and_whether_the_machine_was_busy(
    task, small_config, small_model, monkeypatch, load, busy
):
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    config = small_config(epochs=7, batch_size=50)
    began = perf_counter()
    found = estimate(small_model(config), task, config, began=began - 1000)
    assert 1000 < found.start_seconds < 1000 + perf_counter() - began
    assert found.seconds == pytest.approx(7 * found.seconds_per_epoch)
    assert found.pictures_per_second > PICTURES / found.seconds_per_epoch
    assert found.busy is busy


def test_what_a_run_writes_is_foreseen(train, task, small_config, small_model, tmp_path):
    config = small_config(epochs=3)
    needed = needed_bytes(small_model(config), task, config)
    train(config=config)
    written = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert written < needed < 3e6
    more = needed_bytes(small_model(config), task, small_config(epochs=300))
    assert more - needed >= 297 * 200  # bytes of a row and of a line of the log


def test_too_little_space_is_said_before_a_training_starts(tmp_path, monkeypatch):
    require_space(tmp_path, 1)
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(9e9, 8e9, 2.51e6))
    require_space(tmp_path, 2_510_000)
    with pytest.raises(RunError) as refused:
        require_space(tmp_path, 7_900_000)
    assert str(refused.value) == (
        f"The disk of '{tmp_path}' has 2.5 MB free and the training needs 8 MB for weights, "
        "history and predictions; free 6 MB or choose a smaller network."
    )
