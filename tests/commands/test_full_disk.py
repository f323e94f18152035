"""A disk or a memory that runs out, wherever a training meets it: a state with a sentence, the best
weights so far kept, and a run that can be resumed to the end it would have had."""

import errno
import json
import os
from pathlib import Path

import keras
import pytest

from engine import backend, files, quota
from engine.commands import learn, resume, train
from engine.errors import RunError
from engine.runs import outcome, store
from engine.settings import settings
from engine.training import checkpoint, fit
from engine.training.config import train_config
from engine.training.fit import compile_model
from engine.training.keeper import Keeper

CONFIG = train_config("quick", image_size=32, epochs=3, optimizer="sgd", schedule="constant")


@pytest.fixture(autouse=True, scope="module")
def small_network():
    """In place of the preset's, whose tracing takes longer than its epochs."""

    def model_of(config, task) -> keras.Model:
        backend.make_repeatable(config.seed)
        pixels = keras.Input((32, 32, 3), name="pixels")
        x = keras.layers.Rescaling(1 / 255)(pixels)
        x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(x))
        model = keras.Model(pixels, keras.layers.Dense(1, activation="sigmoid")(x))
        compile_model(model, config)
        return model

    with pytest.MonkeyPatch.context() as here:
        here.setattr(learn, "model_of", model_of)
        yield


def no_space(path: Path | str = "log.txt") -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


@pytest.fixture
def full_for(monkeypatch):
    """`full_for("history.csv", 2)`: from the second writing on, the disk takes that file no more;
    gives what makes room again."""

    def fill(name: str, first: int = 1):
        write, asked = files.write, []

        def refuse(path, filling, *, sync=True):
            asked.extend([path.name] if path.name == name else [])
            if path.name == name and len(asked) >= first:
                raise no_space(path)
            write(path, filling, sync=sync)

        monkeypatch.setattr(files, "write", refuse)
        return lambda: monkeypatch.setattr(files, "write", write)

    return fill


@pytest.fixture
def queued(ready):
    return train.create_run(ready, "drawn", CONFIG)


@pytest.fixture(scope="module")
def expected(workspace, copy_of, tmp_path_factory):
    """What a run's history is that met no full disk."""
    place = copy_of(workspace, tmp_path_factory.mktemp("expected"))
    run = train.create_run(place, "drawn", CONFIG)
    train.train_run(place, run)
    return history(run)


def history(run) -> dict:
    return {name: of for name, of in store.history(run).items() if name != "seconds"}


WRITES = {  # file, which writing of it, epochs kept by then, whether it is judged
    "checkpoint of the first epoch": ("checkpoint.npz", 1, 0, False),
    "checkpoint": ("checkpoint.npz", 3, 2, True),
    "history": ("history.csv", 2, 2, True),
    "weights": ("best.weights.h5", 2, 2, True),
    "predictions": ("predictions.npz", 1, 3, False),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_disk_that_is_full_ends_the_run_with_a_sentence_and_it_can_be_resumed(
    ready, queued, expected, full_for, write
):
    name, first, kept, judged = WRITES[write]
    room = full_for(name, first)
    if judged:
        train.train_run(ready, queued)
    else:
        with pytest.raises(RunError, match=r"The disk is full \(No space left on device\), so"):
            train.train_run(ready, queued)
    run = store.open_run(ready, queued.id)
    assert (run.status, run.judged) == ("failed", judged)
    assert run.error.startswith("The disk is full (No space left on device), so the run")
    assert run.error.endswith("resume it.")
    told = checkpoint.look(run.folder)
    assert (told.epoch if told else 0) == kept
    assert (run.folder / "best.weights.h5").exists() == (kept > 0)
    assert resume.can_resume(run) == ""
    room()
    train.train_run(ready, resume.put_back(ready, run.id))
    run = store.open_run(ready, run.id)
    assert (run.status, run.error, run.judged) == ("finished", None, True)
    assert history(run) == expected
    assert not checkpoint.exists(run.folder)


def test_a_quota_that_is_reached_in_the_middle_ends_the_run_as_a_full_disk_does(
    ready, queued, expected, use_workspace, monkeypatch
):
    use_workspace(ready.path)
    monkeypatch.setattr(settings(), "workspace_gb", 1.0)
    room = quota.taken

    def taken(place: Path) -> int:
        return room(place) + 10**9 * (checkpoint.exists(queued.folder))  # after the first epoch

    monkeypatch.setattr(quota, "FRESH", -1.0)
    monkeypatch.setattr(quota, "taken", taken)
    train.train_run(ready, queued)
    run = store.open_run(ready, queued.id)
    assert (run.status, run.judged, run.best_epoch) == ("failed", True, 1)
    assert run.error.startswith(
        "The disk is full (the workspace may take 1 GB, as CAMSIGHT_WORKSPACE_GB says), so the run "
        "was ended in epoch 2; the weights of epoch 1 were kept; "
    )
    monkeypatch.setattr(quota, "taken", room)
    train.train_run(ready, resume.put_back(ready, run.id))
    assert history(store.open_run(ready, run.id)) == expected


def test_the_command_line_resumes_what_a_full_disk_ended(
    ready, queued, expected, full_for, verb, use_workspace
):
    use_workspace(ready.path)
    room = full_for("checkpoint.npz", 3)
    status, out, said = verb("train", "--queued", queued.id, "--json")
    assert (status, json.loads(out)["run"]) == (2, queued.id)
    assert "The disk is full" in said
    room()
    status, out, said = verb("train", "--resume", queued.id)
    assert status == 0
    assert f"{queued.id} goes on after epoch 2 of 3" in said
    assert "AUC=" in out
    run = store.open_run(ready, queued.id)
    assert (run.status, history(run)) == ("finished", expected)
    status, out, said = verb("train", "--resume", queued.id, "--json")
    assert (status, out) == (2, "")
    assert "has finished, and nothing of it is left to train" in said


@pytest.mark.parametrize("name", ["progress.json", "curves.png", "log.txt"])
def test_what_only_tells_of_a_run_may_be_missing(ready, queued, full_for, name, monkeypatch):
    """How far it is, its drawn curves and its log are no reason for a run to fail."""
    if name == "log.txt":
        monkeypatch.setattr(train._Log, "_open", lambda log: (_ for _ in ()).throw(no_space()))
    full_for(name)
    train.train_run(ready, queued)
    run = store.open_run(ready, queued.id)
    assert (run.status, run.error, run.judged) == ("finished", None, True)
    assert not (run.folder / name).exists()


def test_another_fault_of_whoever_listens_is_not_taken_for_a_full_disk(ready, queued, monkeypatch):
    def refuse(folder, progress):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(outcome, "write_progress", refuse)
    with pytest.raises(RunError, match=r"'quick-1' failed \(Permission denied\)"):
        train.train_run(ready, queued)


@pytest.mark.parametrize("writing", [2, 4])
def test_a_record_that_the_disk_refuses_leaves_a_run_that_is_lost_and_not_its_epochs(
    ready, queued, expected, full_for, monkeypatch, writing
):
    """run.json: when it begins (2 of 4 writings), and when it has been judged."""
    monkeypatch.setattr(store, "LOST_AFTER", 0)
    room = full_for("run.json", writing)
    with pytest.raises(RunError, match=r"The disk is full \(No space left on device\), so the run"):
        train.train_run(ready, queued)
    run = store.open_run(ready, queued.id)
    assert run.status == "lost"
    assert checkpoint.exists(run.folder) == (writing > 2)
    room()
    train.train_run(ready, resume.put_back(ready, run.id))
    run = store.open_run(ready, run.id)
    assert (run.status, history(run)) == ("finished", expected)


def test_memory_that_runs_out_keeps_the_best_weights_so_far_and_can_be_resumed(
    ready, queued, expected, monkeypatch
):
    begin = Keeper.on_train_batch_begin

    def run_out(keeper, batch, logs=None):
        if (keeper.epoch, batch) == (1, 2):
            raise backend.tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        begin(keeper, batch, logs)

    with monkeypatch.context() as here:
        here.setattr(Keeper, "on_train_batch_begin", run_out)
        train.train_run(ready, queued)
    run = store.open_run(ready, queued.id)
    assert (run.status, run.judged, run.best_epoch) == ("failed", True, 1)
    assert run.error == (
        "The memory ran out, so the run was ended in epoch 2; the weights of epoch 1 were kept; "
        "end other programs and resume it, or start another with smaller batches."
    )
    train.train_run(ready, resume.put_back(ready, run.id))
    assert history(store.open_run(ready, run.id)) == expected


def test_memory_that_runs_out_before_the_first_batch_is_a_sentence_too(
    ready, queued, monkeypatch
):
    def run_out(*_, **__):
        raise backend.tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(fit, "estimate", run_out)
    with pytest.raises(RunError, match="The memory ran out, so the run 'quick-1' was ended; end o"):
        train.train_run(ready, queued)
    assert store.open_run(ready, queued.id).status == "failed"
