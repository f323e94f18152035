"""A training that ends in the middle and goes on later is the one that nothing ended, to the last
digit: weights, moving averages, optimizer, random layers, order of the pictures, best epoch."""

import csv
import io
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from engine import files
from engine.errors import RecordError
from engine.training import checkpoint
from engine.training.fit import compile_model, fit
from engine.training.keeper import draw_anew
from engine.training.storage import put_back, state_of

EPOCHS = 4


class Killed(BaseException):
    """What ends a training at once, as no exception of its own does."""


@pytest.fixture(scope="module")
def network():
    """`network(config)`: with all that has a state: BatchNorm, Dropout, a layer that augments."""

    def make(config) -> keras.Model:
        keras.utils.set_random_seed(config.seed)
        pixels = keras.Input((32, 32, 3))
        x = keras.layers.RandomFlip("horizontal")(keras.layers.Rescaling(1 / 255)(pixels))
        x = keras.layers.BatchNormalization()(keras.layers.AveragePooling2D(8)(x))
        x = keras.layers.Dropout(0.3)(keras.layers.Flatten()(x))
        model = keras.Model(pixels, keras.layers.Dense(1, activation="sigmoid")(x))
        compile_model(model, config)
        return model

    return make


@pytest.fixture(scope="module")
def config(small_config):
    return small_config(optimizer="adamw", epochs=EPOCHS, augment=True, schedule="one-cycle")


@pytest.fixture(scope="module")
def train(task, network, config):
    """`train(folder, since=…)`: a training with a new network, and all that it has learnt."""

    def run(folder: Path, should_stop=lambda: False, since=None, report=lambda told: None, of=None):
        model, of = network(of or config), of or config
        optimizer = model.optimizer
        fitted = fit(
            model, task, of, folder, report=report, should_stop=should_stop, since=since
        )
        model.optimizer = optimizer
        return fitted, state_of(model)

    return run


@pytest.fixture(scope="module")
def undisturbed(train, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return *train(folder), folder


def history(folder: Path) -> list[dict[str, str]]:
    """Without the time that it took."""
    with (folder / "history.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def weights(path: Path | bytes) -> dict[str, np.ndarray]:
    found = {}
    with h5py.File(io.BytesIO(path) if isinstance(path, bytes) else path) as stored:
        stored.visititems(
            lambda name, one: found.update({name: one[()]}) if hasattr(one, "shape") else None
        )
    return found


def assert_same(one: list[np.ndarray] | dict, other: list[np.ndarray] | dict) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = one.values(), other.values()
    for here, there in zip(one, other, strict=True):
        np.testing.assert_array_equal(here, there)


def killed_at(monkeypatch, write: int) -> None:
    """Let the n-th file be the first that is not written any more."""
    written = []
    original = files.write

    def count(path, fill, *, sync=True):
        written.append(path.name)
        if len(written) == write:
            raise Killed
        original(path, fill, sync=sync)

    monkeypatch.setattr(files, "write", count)


# of an epoch: 1 checkpoint, 2 history, 3 weights where it is the best
@pytest.mark.parametrize("write", [4, 5, 6], ids=["checkpoint", "history", "best weights"])
def test_killed_while_it_saves_its_second_epoch_it_loses_nothing(
    undisturbed, train, tmp_path, monkeypatch, write
):
    with monkeypatch.context() as here:
        killed_at(here, write)
        with pytest.raises(Killed):
            train(tmp_path)
    since = checkpoint.read(tmp_path)
    assert since.told.epoch == (1 if write == 4 else 2)
    fitted, state = train(tmp_path, since=since)
    expected, its_state, folder = undisturbed
    assert history(tmp_path) == history(folder)
    assert_same(state, its_state)
    assert_same(*(weights(one / "best.weights.h5") for one in (tmp_path, folder)))
    assert (fitted.best_epoch, fitted.epochs, fitted.pictures) == (
        expected.best_epoch, expected.epochs, expected.pictures,
    )  # fmt: skip
    assert fitted.seconds > since.told.seconds > 0
    assert (fitted.stopped, fitted.error) == (False, None)


def test_stopped_in_mid_epoch_it_goes_on_from_the_last_whole_one(undisturbed, train, tmp_path):
    """What the stop cut short was judged, may be the best, and is not what goes on."""
    heard = iter(range(100))
    fitted, _ = train(tmp_path, should_stop=lambda: next(heard) == 8)  # of six batches an epoch
    assert fitted.stopped
    assert [row["epoch"] for row in history(tmp_path)] == ["1", "2"]
    since = checkpoint.read(tmp_path)
    assert since.told.epoch == 1
    _, state = train(tmp_path, since=since)
    assert history(tmp_path) == history(undisturbed[-1])
    assert_same(state, undisturbed[1])


def test_growing_crops_by_muon_go_on_to_the_last_digit_too(task, small_config, tmp_path):
    config = small_config(
        image_size=64, epochs=4, batch_size=50, optimizer="muon", learning_rate=0.01,
        schedule="one-cycle", augment=True, crop=0.4, label_smoothing=0.1, progressive=True,
    )  # fmt: skip
    assert [config.size_at(epoch) for epoch in range(4)] == [32, 32, 32, 48]

    def train(folder: Path, should_stop=lambda: False, since=None) -> list[np.ndarray]:
        keras.utils.set_random_seed(1)
        pixels = keras.Input((64, 64, 3))
        x = keras.layers.Conv2D(8, 3, strides=2)(keras.layers.Rescaling(1 / 255)(pixels))
        x = keras.layers.Activation("relu")(keras.layers.BatchNormalization()(x))
        x = keras.layers.GlobalAveragePooling2D()(x)
        model = keras.Model(pixels, keras.layers.Dense(1, activation="sigmoid")(x))
        compile_model(model, config)
        optimizer = model.optimizer
        folder.mkdir(exist_ok=True)
        fit(
            model, task, config, folder,
            report=lambda told: None, should_stop=should_stop, since=since,
        )  # fmt: skip
        model.optimizer = optimizer
        return state_of(model)

    whole, parted = tmp_path / "whole", tmp_path / "parted"
    expected = train(whole)
    heard = iter(range(100))
    train(parted, should_stop=lambda: next(heard) == 9)  # of four batches an epoch
    since = checkpoint.read(parted)
    assert since.told.epoch == 2
    assert_same(train(parted, since=since), expected)
    assert history(parted) == history(whole)


def test_early_stopping_counts_from_the_best_epoch_of_before(
    train, small_config, tmp_path, monkeypatch
):
    wild = small_config(
        optimizer="sgd", learning_rate=1.0, epochs=40, early_stopping=2, schedule="constant"
    )
    (tmp_path / "whole").mkdir()
    expected, _ = train(tmp_path / "whole", of=wild)
    assert expected.best_epoch < expected.epochs == expected.best_epoch + 2 < 40

    def end(told):
        if told["epoch"] == expected.epochs and told["batch"] < told["batches"]:
            raise Killed

    monkeypatch.setattr("engine.training.keeper.SECONDS_BETWEEN", 0.0)
    with pytest.raises(Killed):
        train(tmp_path, of=wild, report=end)
    fitted, _ = train(tmp_path, of=wild, since=checkpoint.read(tmp_path))
    assert (fitted.epochs, fitted.best_epoch) == (expected.epochs, expected.best_epoch)
    again, _ = train(tmp_path, of=wild, since=checkpoint.read(tmp_path))
    assert (again.epochs, again.stopped) == (fitted.epochs, False)  # no epoch more


def test_what_is_left_is_told_from_the_speed_since_it_was_taken_up(train, tmp_path):
    heard = iter(range(100))
    train(tmp_path, should_stop=lambda: next(heard) == 17)  # three of four epochs
    told = []
    train(tmp_path, since=checkpoint.read(tmp_path), report=told.append)
    assert [one["epoch"] for one in told] == [4] * len(told)
    assert told[-1]["seconds_left"] == 0
    assert all(one["seconds_left"] < 60 for one in told)


def test_a_layer_that_draws_by_lot_begins_every_epoch_by_seed_and_epoch(network, config):
    def states(seed: int, epoch: int) -> list[np.ndarray]:
        model = network(config)
        draw_anew(model, seed, epoch)
        return [v.numpy().copy() for v in model.variables if v.name == "seed_generator_state"]

    once = states(1, 3)
    assert len(once) == 2
    assert (once[0] != once[1]).any()
    assert_same(once, states(1, 3))
    for other in (states(1, 4), states(2, 3)):
        assert all((a != b).any() for a, b in zip(once, other, strict=True))


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    told = checkpoint.Told({"config": {"seed": 1}}, 2, [[1, 0.5], [2, 0.1 + 0.2]], 2, 0.3, 9.5)
    state = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64), np.zeros(0)]
    checkpoint.write(folder, checkpoint.Checkpoint(told, state, b"weights"))
    return folder


def test_a_checkpoint_comes_back_as_it_was_written(written):
    found = checkpoint.read(written)
    assert found.told == checkpoint.look(written)
    assert found.told.rows == [[1, 0.5], [2, 0.1 + 0.2]]
    assert [(one.shape, one.dtype.kind) for one in found.state] == [
        ((2, 3), "f"), ((), "i"), ((0,), "f"),
    ]  # fmt: skip
    assert found.best == b"weights"


def test_a_checkpoint_damaged_anywhere_is_a_sentence_and_never_another_training(written, tmp_path):
    """Every seventh byte in turn; those that nothing reads leave it as it was."""
    whole, place = (written / checkpoint.NAME).read_bytes(), tmp_path / checkpoint.NAME
    expected, says = checkpoint.read(written), []
    for at in range(0, len(whole), 7):
        place.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            found = checkpoint.read(tmp_path)
        except RecordError as error:
            says.append(str(error))
        else:
            assert found.told == expected.told
            assert_same(found.state, expected.state)
            assert found.best == expected.best
    assert len(says) > len(whole) / 7 / 3
    assert set(says) == {"checkpoint.npz is damaged"}


def test_half_a_checkpoint_is_damaged_and_none_is_none(written, tmp_path):
    whole, place = (written / checkpoint.NAME).read_bytes(), tmp_path / checkpoint.NAME
    assert checkpoint.read(tmp_path) is checkpoint.look(tmp_path) is None
    place.write_bytes(whole[: len(whole) // 2])
    for read in (checkpoint.read, checkpoint.look):
        with pytest.raises(RecordError, match="is damaged"):
            read(tmp_path)


def test_the_variables_of_another_network_are_refused(network, config, small_model):
    with pytest.raises(RecordError, match="of another network or optimizer"):
        put_back(small_model(config), state_of(network(config)))
