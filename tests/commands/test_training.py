"""Trainings from queue to end: repeated, stopped, failed, killed, two at once."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from engine import inference
from engine.commands import learn
from engine.commands import train as commands
from engine.commands.evaluate import evaluate
from engine.data.dataset import open_dataset
from engine.data.question import task_of
from engine.errors import ConfigError, DatasetError, RunError
from engine.runs import store
from engine.settings import PROJECT
from engine.training.config import TrainConfig, train_config
from engine.workspace import Workspace

QUICK = {"image_size": 32, "epochs": 2}


def train(place: Workspace, told=lambda progress: None, **chosen):
    run = commands.create_run(place, "drawn", train_config("quick", **(QUICK | chosen)))
    return commands.train_run(place, run, told)


def test_the_same_configuration_and_seed_give_the_same_history(workspace, ready):
    """Trained in this process and in one of its own."""
    evaluation = train(ready)
    here = store.history(store.open_run(ready, "quick-1"))
    there = store.history(store.open_run(Workspace(workspace), "quick-1"))
    assert here.keys() == there.keys()
    for name in here.keys() - {"seconds"}:
        assert here[name] == there[name], name
    assert evaluation.figures == evaluate(Workspace(workspace), "quick-1").figures


def test_a_stop_in_the_middle_keeps_the_best_weights_and_judges_them(ready):
    told = []

    def stop_in_the_third_epoch(progress):
        told.append(progress)
        if progress.get("epoch") == 3:
            store.ask_to_stop(store.open_run(ready, "quick-1"))

    evaluation = train(ready, stop_in_the_third_epoch, epochs=200)
    run = store.open_run(ready, "quick-1")
    assert (run.status, run.error) == ("stopped", None)
    epochs = store.history(run)["epoch"]
    assert 3 <= len(epochs) <= 4
    assert run.best_epoch in epochs
    assert run.judged
    assert evaluation.figures == evaluate(ready, "quick-1").figures
    phases = list(dict.fromkeys(progress["phase"] for progress in told))
    assert phases == ["starting", "measuring", "estimated", "training", "judging"]
    assert {"epochs", "batch", "batches", "pictures_per_second", "seconds_left"} <= told[3].keys()


def test_a_run_that_chooses_its_precision_says_which_and_is_judged_in_float32(ready, monkeypatch):
    asked = []

    def measured(config, classes, kind):
        asked.append(kind)
        return {"float32": 2.0, "bfloat16": 1.0}[kind]

    monkeypatch.setattr("engine.training.precision.seconds", measured)
    evaluation = train(ready, epochs=1, precision="auto")
    run = store.open_run(ready, "quick-1")
    assert (run.config["precision"], run.precision) == ("auto", "bfloat16")
    assert asked == ["float32", "bfloat16"]
    assert evaluation.figures == evaluate(ready, "quick-1").figures
    model = inference.load(run).model
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    rows = task_of(open_dataset(ready, "drawn"), None).indices("test")
    logit = inference.logits(model, open_dataset(ready, "drawn").images, rows)
    assert (logit == store.predictions(run, "test")["logit"]).all()


def test_a_run_that_is_taken_up_again_computes_as_it_began(ready, monkeypatch):
    def never(*_):
        raise AssertionError("measured anew")

    monkeypatch.setattr("engine.training.precision.faster", never)
    task = task_of(open_dataset(ready, "drawn"), None)
    config = train_config("quick", precision="auto")
    assert learn.settled(ready, config, task, "bfloat16").precision == "bfloat16"


def test_early_stopping_ends_after_its_epochs_without_a_better_loss(ready):
    train(ready, epochs=60, early_stopping=1, learning_rate=1.0, schedule="constant")
    run = store.open_run(ready, "quick-1")
    assert run.status == "finished"
    assert len(store.history(run)["epoch"]) == run.best_epoch + 1 < 60


@pytest.fixture
def wild(ready, monkeypatch):
    """A function that queues a run whose rate leaves every bound from its second epoch on."""

    def queue(begins: float):
        monkeypatch.setattr(learn, "stored_config", lambda c: TrainConfig.model_construct(**c))
        rate = {"learning_rate": begins, "schedule": "exponential", "decay": -40.0}
        config = train_config("quick", **QUICK, optimizer="sgd").model_copy(update=rate)
        return commands.create_run(ready, "drawn", config)

    return queue


def test_a_loss_that_becomes_nan_fails_with_a_sentence(ready, wild):
    with pytest.raises(RunError, match=r"became NaN or infinite in epoch 1, .* no weights were"):
        commands.train_run(ready, wild(1e30))
    run = store.open_run(ready, "quick-1")
    assert (run.status, run.judged) == ("failed", False)
    assert "try a learning rate of 3e+29 or less" in run.error


def test_a_loss_that_becomes_nan_later_keeps_the_weights_and_still_fails(
    ready, wild, capsys, use_workspace
):
    from engine import cli

    use_workspace(ready.path)
    run = wild(0.01)
    handlers = {sign: signal.getsignal(sign) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(RunError, match=r"in epoch 2, .* the weights of epoch 1 were kept"):
            cli.train(queued=run.id, as_json=True)
    finally:
        for sign, handler in handlers.items():
            signal.signal(sign, handler)
    run = store.open_run(ready, "quick-1")
    assert (run.status, run.judged, run.best_epoch) == ("failed", True, 1)
    assert json.loads(capsys.readouterr().out)["auc"] == evaluate(ready, "quick-1").interval.value


def test_a_training_that_breaks_says_so_in_its_folder(ready, monkeypatch):
    run = commands.create_run(ready, "drawn", train_config("quick", **QUICK))
    monkeypatch.setattr(learn, "model_of", lambda *_: 1 / 0)
    with pytest.raises(RunError, match=r"'quick-1' failed \(Zero.*its log\.txt says where"):
        commands.train_run(ready, run)
    run = store.open_run(ready, "quick-1")
    assert run.status == "failed"
    assert "log.txt says where" in run.error
    assert "Traceback" in (run.folder / "log.txt").read_text()


def test_a_dataset_that_was_damaged_while_the_run_waited_is_named(ready):
    run = commands.create_run(ready, "drawn", train_config("quick", **QUICK))
    (ready.datasets / "drawn" / "images.npy").write_bytes(b"broken")
    with pytest.raises(DatasetError, match=r"images\.npy of the dataset 'drawn' is missing or dam"):
        commands.train_run(ready, run)
    assert store.open_run(ready, "quick-1").status == "failed"


@pytest.mark.parametrize("changed", ["dataset_fingerprint", "split_id"])
def test_a_dataset_that_was_replaced_or_split_anew_while_the_run_waited(ready, changed):
    run = commands.create_run(ready, "drawn", train_config("quick", **QUICK))
    other = replace(run, **{changed: "0" * 64})
    with pytest.raises(DatasetError, match="'drawn' was replaced after 'quick-1' was queued"):
        commands.train_run(ready, other)
    assert store.open_run(ready, "quick-1").status == "failed"


def test_nothing_is_created_for_a_run_that_cannot_be(ready):
    with pytest.raises(ConfigError, match="image size 65 is above the 64 pixels of 'drawn'"):
        commands.create_run(ready, "drawn", train_config("quick", image_size=65))
    with pytest.raises(DatasetError, match="'nothing' does not exist; there is: drawn"):
        commands.create_run(ready, "nothing", train_config("quick", **QUICK))
    assert not ready.runs.exists()


def test_bfloat16_is_recorded_and_judged_in_exact_numbers(ready):
    evaluation = train(ready, precision="bfloat16", epochs=1)
    run = store.open_run(ready, "quick-1")
    assert (run.config["precision"], run.status) == ("bfloat16", "finished")
    from engine import inference
    from engine.data.dataset import open_dataset

    dataset = open_dataset(ready, "drawn")
    rows = dataset.rows_of(evaluation.picture)
    logit = inference.logits(inference.load(run).model, dataset.images, rows)
    assert inference.probabilities(logit) == pytest.approx(evaluation.y_score, abs=1e-5)


@pytest.fixture
def begin(ready):
    """A function that starts a training in a session of its own; none outlives the test."""
    started = []

    def start(epochs: int) -> subprocess.Popen:
        line = f"train --dataset drawn --image-size 32 --json --epochs {epochs}"
        process = subprocess.Popen(
            [sys.executable, "-m", "engine", *line.split()],
            cwd=PROJECT,
            env=os.environ | {"CAMSIGHT_WORKSPACE": str(ready.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            pipe.close()


def test_trainings_started_together_take_turns_and_end_as_they_are_asked_to(begin, until, ready):
    def is_in(phase: str, run_id: str) -> bool:
        runs = {run.id: run for run in store.list_runs(ready)}
        told = store.progress(runs[run_id]) if run_id in runs else None
        return told is not None and told.phase == phase

    first = begin(400)
    until(lambda: is_in("training", "quick-1"))
    second = begin(400)
    until(lambda: is_in("waiting", "quick-2"))
    third = begin(1)
    until(lambda: is_in("waiting", "quick-3"))
    assert [run.status for run in store.list_runs(ready)] == ["running", "queued", "queued"]

    store.ask_to_stop(store.open_run(ready, "quick-3"))  # it never trains
    _, said = third.communicate(timeout=60)
    assert third.returncode == 0, said
    assert "quick-3 was stopped before it had begun" in said
    assert store.open_run(ready, "quick-3").status == "stopped"
    assert store.history(store.open_run(ready, "quick-3")) == {}

    first.kill()  # as the system does when memory runs out: the next one takes over
    first.communicate()
    assert store.open_run(ready, "quick-1").status == "lost"
    with pytest.raises(RunError, match="'quick-1' is lost and has no figures; resume it"):
        evaluate(ready, "quick-1")
    until(lambda: is_in("training", "quick-2"))
    assert store.open_run(ready, "quick-2").status == "running"

    second.send_signal(signal.SIGINT)  # Ctrl-C
    out, said = second.communicate(timeout=120)
    assert second.returncode == 0, said
    assert '"run": "quick-2"' in out
    assert "Traceback" not in said
    assert store.open_run(ready, "quick-2").status == "stopped"
    assert store.open_run(ready, "quick-2").judged


def test_a_reader_that_goes_away_ends_the_printing_and_never_the_run(begin, ready):
    """`train … | true`: what was a lost run is a finished one, with the usual exit status."""
    process = begin(1)
    process.stdout.close()
    said = process.stderr.read()
    assert process.wait(120) == 0, said
    assert "BrokenPipe" not in said
    assert store.open_run(ready, "quick-1").status == "finished"


def test_a_moved_workspace_still_works(workspace, tmp_path, cli, draw_files):
    moved = shutil.copytree(workspace, tmp_path / "elsewhere" / "資料")
    ready = Workspace(moved)
    assert evaluate(ready, "quick-1").run.folder == moved / "runs" / "quick-1"
    picture = draw_files(tmp_path, "photo", 1, "写真.png")[0]
    done = cli("explain", "quick-1", picture, "--out", tmp_path / "out", workspace=moved)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "写真.score-cam.overlay.png").stat().st_size > 500
    written = b"".join(p.read_bytes() for p in moved.rglob("*.json"))
    assert str(workspace).encode() not in written
