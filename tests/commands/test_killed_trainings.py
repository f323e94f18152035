"""A training killed at each kind of moment, by SIGKILL, goes on to the end it would have had."""

import h5py
import numpy as np
import pytest

from engine import files
from engine.commands import resume, train
from engine.commands.sweep import sweep
from engine.errors import RunError
from engine.runs import outcome, store
from engine.training import checkpoint
from engine.training.config import train_config
from tests import mortal

CONFIG = train_config("quick", image_size=32, epochs=4, batch_size=48)


@pytest.fixture(scope="module")
def undisturbed(workspace, tmp_path_factory, copy_of):
    place = copy_of(workspace, tmp_path_factory.mktemp("undisturbed"))
    run = train.create_run(place, "drawn", CONFIG)
    mortal.train_to_the_end(place, run.id)
    return store.open_run(place, run.id)


def whole_epochs(run) -> int:
    told = checkpoint.look(run.folder)
    return told.epoch if told else 0


def assert_equal(run, other) -> None:
    """In all that a run leaves, but the time that it took."""
    here, there = store.history(run), store.history(other)
    assert here.keys() == there.keys()
    assert all(here[name] == there[name] for name in here.keys() - {"seconds"})
    found, expected = ({}, {})
    for one, into in ((run, found), (other, expected)):
        with h5py.File(one.folder / "best.weights.h5") as stored:
            stored.visititems(
                lambda name, at, into=into: into.update({name: at[()]} if at.ndim else {})
                if isinstance(at, h5py.Dataset) else None
            )  # fmt: skip
        for part in outcome.PARTS:
            into |= {(part, name): v for name, v in store.predictions(one, part).items()}
    assert found.keys() == expected.keys()
    for name, value in found.items():
        np.testing.assert_array_equal(value, expected[name])
    assert (run.figures, run.best_epoch) == (other.figures, other.best_epoch)


MOMENTS = [  # one after the other in one run, and the epochs that are whole by then
    (("measuring",), 0),
    (("before", "history.csv"), 1),  # its checkpoint is written
    (("before", "best.weights.h5"), 1),  # while the files are made right by the checkpoint
    (("training", 2), 1),
    (("half", "checkpoint.npz"), 1),
    (("training", 3), 2),
    (("judging",), 4),
    (("before", "predictions.npz"), 4),
]


def test_a_run_killed_at_each_kind_of_moment_is_the_one_that_nothing_killed(
    undisturbed, ready, listing
):
    run = train.create_run(ready, "drawn", CONFIG)
    for moment, whole in MOMENTS:
        mortal.train_and_die(ready, run.id, moment)
        run = store.open_run(ready, run.id)
        assert (run.status, whole_epochs(run)) == ("lost", whole), moment
        halves = [name for name in listing(run.folder) if name.startswith(".")]
        assert len(halves) == (moment[0] == "half")
        run = resume.put_back(ready, run.id)
        assert run.status == "queued"
    mortal.train_to_the_end(ready, run.id)
    run = store.open_run(ready, run.id)
    assert (run.status, run.error) == ("finished", None)
    assert [epoch for epoch, _ in run.went_on] == [2, 2, 2, 2, 3, 5, 5]
    assert_equal(run, undisturbed)
    assert listing(run.folder) == listing(undisturbed.folder)
    assert run.seconds > sum(store.history(run)["seconds"]) * 0.9


def test_a_run_that_trains_is_not_resumed_beside_itself(ready, until):
    run = train.create_run(ready, "drawn", CONFIG.model_copy(update={"epochs": 500}))
    process = mortal.begin(ready, run.id)
    try:
        until(lambda: (told := store.progress(run)) and told.phase == "training")
        with pytest.raises(RunError, match="'quick-1' is running; wait for it, or stop it first"):
            resume.resume(ready, run.id)
        with pytest.raises(RunError, match="is being trained by another process"):
            store.queue_again(run)
        assert store.open_run(ready, run.id).status == "running"
        store.ask_to_stop(run)
        process.join(60)
        assert store.open_run(ready, run.id).status == "stopped"
    finally:
        process.kill()
        process.join()


def test_what_is_killed_after_its_end_leaves_a_checkpoint_that_is_swept(undisturbed, ready):
    run = store.save(train.create_run(ready, "drawn", CONFIG), status="finished")
    files.write_bytes(run.folder / checkpoint.NAME, b"of before")
    sweep(ready)
    assert not checkpoint.exists(run.folder)
