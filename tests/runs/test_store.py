"""A run is a folder: taken once, told truly, moved freely."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from engine import lease
from engine.errors import RecordError, RunError
from engine.records import Unreadable
from engine.runs import outcome, store
from engine.settings import PROJECT
from engine.workspace import Workspace

KNOWN = {
    "dataset": "pets", "dataset_fingerprint": "f" * 64, "split_id": "5" * 64,
    "dataset_image_size": 64, "class_names": ("猫", "犬"), "image_size": 32,
    "config": {"epochs": 2, "seed": 1, "l2": 0.01, "precision": "float32"},
}  # fmt: skip
FIGURES = {
    "auc": 0.5, "auc_low": 0.4, "auc_high": 0.6, "interval": "newcombe", "n_positive": 3,
    "n_negative": 4, "accuracy": 0.5, "validation_auc": 0.7,
}  # fmt: skip


@pytest.fixture
def place(tmp_path) -> Workspace:
    return Workspace(tmp_path)


def test_runs_are_numbered_by_preset_over_all_presets(place):
    ids = [store.create(place, preset, **KNOWN).id for preset in ("quick", "classic", "quick")]
    assert ids == ["quick-1", "classic-2", "quick-3"]


def test_no_two_that_start_together_get_the_same_number_over_all_presets(place):
    presets = ["quick", "classic"] * 20
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda preset: store.create(place, preset, **KNOWN), presets))
    assert sorted(run.number for run in runs) == list(range(1, 41))


def test_what_is_saved_is_what_is_opened(place):
    run = store.create(place, "quick", **KNOWN)
    saved = store.save(run, status="failed", error="It failed.", figures=FIGURES, layers=("a",))
    assert store.open_run(place, "quick-1") == saved
    assert store.open_run(place, "latest") == saved


def test_a_run_that_does_not_exist(place):
    with pytest.raises(RunError, match="There is no run yet; `python -m engine train` makes one"):
        store.open_run(place, "latest")
    store.create(place, "quick", **KNOWN)
    for name in ("quick-9", "../../etc", "quick-01", "QUICK-1", ""):
        with pytest.raises(RunError, match="does not exist; there is: quick-1"):
            store.open_run(place, name)


def test_latest_is_the_newest_of_all_presets(place):
    for preset in ("quick", "classic"):
        store.create(place, preset, **KNOWN)
    assert store.open_run(place, "latest").id == "classic-2"


def test_a_folder_that_is_no_run_is_told_and_does_not_break_the_list(place):
    store.create(place, "quick", **KNOWN)
    (place.runs / "quick-2").mkdir()
    (place.runs / "not a run").mkdir()
    runs, unreadable = store.read_runs(place)
    assert [run.id for run in runs] == ["quick-1"]
    assert [(one.id, one.why) for one in unreadable] == [
        ("quick-2", "its run.json is missing; remove its folder.")
    ]
    assert store.create(place, "quick", **KNOWN).id == "quick-3"


def test_a_run_that_nobody_takes_up_is_lost_after_a_minute(place):
    run = store.create(place, "quick", **KNOWN)
    assert store.open_run(place, run.id).status == "queued"
    long_ago = time.time() - store.LOST_AFTER - 1
    os.utime(run.folder / "run.json", (long_ago, long_ago))
    assert store.open_run(place, run.id).status == "lost"


def test_a_run_that_says_running_but_whose_process_is_gone_is_lost(place):
    run = store.save(store.create(place, "quick", **KNOWN), status="running")
    assert store.open_run(place, run.id).status == "lost"


def test_a_run_is_running_while_its_process_lives_and_stopping_once_asked_to(place):
    run = store.save(store.create(place, "quick", **KNOWN), status="running")
    code = (
        "import sys; from pathlib import Path; from engine import lease\n"
        f"with lease.hold(Path({str(run.folder / 'lease.json')!r})):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    assert store.open_run(place, run.id).status == "running"
    store.ask_to_stop(run)
    assert store.open_run(place, run.id).status == "stopping"
    holder.kill()
    holder.wait()
    assert store.open_run(place, run.id).status == "lost"


def test_a_run_that_ends_between_two_looks_is_not_called_lost(place):
    """Its record is read while it runs, its lease when it has ended."""
    running = store.save(store.create(place, "quick", **KNOWN), status="running")
    store.save(running, status="finished", figures=FIGURES)
    assert store.with_status(running).status == "finished"
    assert store.with_status(running).judged


def test_a_look_at_the_status_does_not_keep_the_trainer_out(place):
    run = store.create(place, "quick", **KNOWN)
    for _ in range(3):
        store.open_run(place, run.id)
    with store.taken_up(run):
        assert store.open_run(place, run.id).status == "queued"


def test_a_look_whether_it_may_be_queued_again_does_not_keep_the_trainer_out(place, monkeypatch):
    """It held the run's lease while it looked, and who came to train it in that moment was told
    that another process did, and left it queued with nobody to train it."""
    run = store.create(place, "quick", **KNOWN)
    held, read = [], store.read_folder

    def watched(folder):
        held.append(lease.is_held(folder / "lease.json"))
        return read(folder)

    monkeypatch.setattr(store, "read_folder", watched)
    with pytest.raises(RunError, match="is queued already"):
        store.queue_again(run)
    store.save(run, status="stopped")
    assert store.queue_again(run).status == "queued"
    assert held == [False, False]
    with store.taken_up(run), pytest.raises(RunError, match="is being trained by another process"):
        store.queue_again(run)


def test_a_run_without_figures_says_what_it_is_doing_and_why(place):
    run = store.create(place, "quick", **KNOWN)
    with pytest.raises(RunError, match=r"'quick-1' is queued and has no figures; wait until it"):
        store.require_judged(run)
    failed = replace(run, status="failed", error="The loss became NaN.")
    with pytest.raises(RunError, match=r"failed and has no figures \(The loss.*; start it again"):
        store.require_judged(failed)


def test_predictions_come_back_as_they_were_saved(place):
    run = store.save(store.create(place, "quick", **KNOWN), status="finished", figures=FIGURES)
    told = {
        part: {
            "picture": np.array([f"{i:064x}" for i in range(n)]), "y_true": np.arange(n) % 2,
            "logit": np.linspace(-40, 40, n, dtype=np.float32), "y_score": np.linspace(0, 1, n),
        }
        for part, n in (("validation", 5), ("test", 7))
    }  # fmt: skip
    outcome.write_predictions(run.folder, told)
    for part, arrays in told.items():
        found = store.predictions(run, part)
        assert found.keys() == arrays.keys()
        assert all((found[name] == arrays[name]).all() for name in arrays)
    with pytest.raises(RunError, match="no predictions on 'train'; choose validation or test"):
        store.predictions(run, "train")


def test_a_second_trainer_of_a_run_is_told_so_in_a_sentence(place):
    run = store.create(place, "quick", **KNOWN)
    with store.taken_up(run):
        says = "'quick-1' is being trained by another process; wait"
        with pytest.raises(RunError, match=says), store.taken_up(run):
            pass
        assert lease.is_held(run.folder / "lease.json")


@pytest.mark.parametrize(("status", "is_now"), [("finished", "finished"), ("running", "lost")])
def test_a_run_is_trained_only_once_and_keeps_its_status(place, status, is_now):
    run = store.save(store.create(place, "quick", **KNOWN), status=status)
    says = f"'quick-1' is {is_now} and can be trained only once"
    with pytest.raises(RunError, match=says), store.taken_up(run):
        pass
    assert store.open_run(place, "quick-1").status == is_now


DAMAGE = {
    "empty": (lambda text: "", "it is empty or damaged"),
    "truncated": (lambda text: text[: len(text) // 2], "it is empty or damaged"),
    "no object": (lambda text: "[]", "it is no JSON object"),
    "a newer schema": (
        lambda text: text.replace('"schema": 2', '"schema": 3'), "written by a newer version",
    ),
    "a schema that is none": (lambda text: text.replace('"schema": 2', '"schema": "x"'), "schema"),
    "a wrong type": (lambda text: text.replace('"image_size": 32', '"image_size": []'), "image_si"),
    "an unknown status": (lambda text: text.replace('"queued"', '"paused"'), "status"),
    "a missing key": (lambda text: text.replace('"dataset"', '"data"'), "dataset: field required"),
    "deep": (lambda text: "[" * 100_000, "it is empty or damaged"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_record_that_cannot_be_read_is_a_row_beside_the_healthy_ones(place, damage):
    for _ in range(3):
        store.create(place, "quick", **KNOWN)
    path = place.runs / "quick-2" / "run.json"
    change, says = DAMAGE[damage]
    path.write_text(change(path.read_text()))
    runs, unreadable = store.read_runs(place)
    assert [run.id for run in runs] == ["quick-1", "quick-3"]
    assert [one.id for one in unreadable] == ["quick-2"]
    assert says in unreadable[0].why
    with pytest.raises(RecordError, match=r"The run 'quick-2' is unreadable: run\.json"):
        store.open_run(place, "quick-2")
    assert store.open_run(place, "latest").id == "quick-3"


def test_bytes_that_are_no_text_are_a_row_too(place):
    run = store.create(place, "quick", **KNOWN)
    (run.folder / "run.json").write_bytes(b"\xff\xfe\x00")
    assert isinstance(store.read_folder(run.folder), Unreadable)


def test_keys_of_another_version_are_kept_and_written_back(place):
    run = store.create(place, "quick", **KNOWN)
    path = run.folder / "run.json"
    path.write_text(path.read_text().replace('"schema": 2,', '"schema": 2, "mood": ["calm"],'))
    store.save(store.open_run(place, run.id), status="failed", error="It failed.")
    assert '"calm"' in path.read_text()
    assert store.open_run(place, run.id).extra == {"mood": ["calm"]}


def test_an_unknown_hyperparameter_is_kept(place):
    run = store.create(place, "quick", **KNOWN)
    path = run.folder / "run.json"
    path.write_text(path.read_text().replace('"l2": 0.01', '"l2": 0.01, "dropout": 0.5'))
    store.save(store.open_run(place, run.id), status="failed")
    assert store.open_run(place, run.id).config["dropout"] == 0.5


def test_a_folder_renamed_by_hand_does_not_vanish_without_a_word(place):
    run = store.create(place, "quick", **KNOWN)
    run.folder.rename(place.runs / "my best run")
    runs, (one,) = store.read_runs(place)
    assert runs == []
    assert one.id == "my best run"
    assert "rename it to 'quick-1'" in one.why


def test_a_folder_renamed_to_another_run_s_name_is_that_run(place):
    store.create(place, "quick", **KNOWN).folder.rename(place.runs / "quick-7")
    assert [run.id for run in store.list_runs(place)] == ["quick-7"]
    assert store.create(place, "classic", **KNOWN).id == "classic-8"


def test_predictions_of_many_classes_come_back_and_older_versions_refuse_them(place):
    run = store.save(
        store.create(place, "quick", **KNOWN | {"class_names": ("cat", "dog", "fox")}),
        status="finished", figures=FIGURES,
    )  # fmt: skip
    columns = {"picture": np.array(["a", "b"]), "y_true": np.array([0, 2]),
               "logit": np.eye(3)[[0, 2]], "y_score": np.eye(3)[[0, 2]]}  # fmt: skip
    outcome.write_predictions(run.folder, {"test": columns, "validation": columns})
    found = store.predictions(run, "test")
    assert all((found[name] == columns[name]).all() for name in columns)
    with np.load(run.folder / "predictions.npz") as stored:
        assert int(stored["schema"]) == 3


def test_predictions_that_are_damaged_are_a_sentence(place):
    run = store.save(store.create(place, "quick", **KNOWN), status="finished", figures=FIGURES)
    path = run.folder / "predictions.npz"
    columns = {"picture": np.array(["a", "b"]), "y_true": np.array([0, 1]),
               "logit": np.zeros(2), "y_score": np.array([0.1, 0.9])}  # fmt: skip
    outcome.write_predictions(run.folder, {"test": columns, "validation": columns})
    whole = path.read_bytes()
    wrong = [
        b"", whole[:100], b"words", whole.replace(b"test_y_true", b"test_y_trve"),
    ]  # fmt: skip
    for data in wrong:
        path.write_bytes(data)
        with pytest.raises(RecordError, match="The predictions of 'quick-1' cannot be read"):
            store.predictions(run, "test")
    for name, value in {
        "y_true": np.array([0, 2]), "y_score": np.array([0.1, np.nan]), "logit": np.zeros(3),
    }.items():  # fmt: skip
        outcome.write_predictions(run.folder, {"test": columns | {name: value}})
        with pytest.raises(RecordError, match="is damaged"):
            store.predictions(run, "test")
    outcome.write_predictions(run.folder, {"test": columns, "validation": columns})
    many = store.save(run, class_names=("cat", "dog", "fox"))
    with pytest.raises(RecordError, match="columns do not belong together"):
        store.predictions(many, "test")
    path.unlink()
    with pytest.raises(RecordError, match=r"predictions\.npz is missing"):
        store.predictions(run, "test")


def test_damaged_history_and_progress_are_as_far_as_they_can_be_read(place):
    run = store.create(place, "quick", **KNOWN)
    history, progress = run.folder / "history.csv", run.folder / "progress.json"
    history.write_text("epoch,loss\n1,0.7\n2,0.6\n3,")
    assert store.history(run) == {"epoch": [1, 2], "loss": [0.7, 0.6]}
    for text in ("", "epoch,loss\n", "\0\0", "epoch\nx"):
        history.write_text(text)
        assert store.history(run) == {}
    for text in ("", "{", "[]", '{"phase": 3}', '{"phase": "training", "epoch": "many"}'):
        progress.write_text(text)
        assert store.progress(run) is None
    outcome.write_progress(run.folder, {"phase": "training", "epoch": 3, "new key": 1})
    assert store.progress(run).epoch == 3


def test_a_sweep_removes_folders_of_runs_that_were_never_named(place):
    run = store.create(place, "quick", **KNOWN)
    left = place.runs / ".new-quick-2-abcd"
    left.mkdir()
    (left / "run.json").write_text("{}")
    store.sweep(place)
    assert not left.exists()
    assert store.open_run(place, run.id) == run


def test_history_and_progress_before_the_first_epoch(place):
    run = store.create(place, "quick", **KNOWN)
    assert store.history(run) == {}
    assert store.progress(run) is None


def test_the_finished_run_s_folder_holds_what_the_design_says(workspace):
    run = store.open_run(Workspace(workspace), "quick-1")
    names = {path.name for path in run.folder.iterdir()}
    assert {
        "run.json", "config.json", "history.csv", "progress.json", "best.weights.h5",
        "predictions.npz", "curves.png", "log.txt",
    } <= names  # fmt: skip
    assert not [name for name in names if name.startswith(".")]
    assert (run.status, run.error) == ("finished", None)
    assert run.versions.keys() >= {"tensorflow", "keras", "numpy", "python"}
    assert run.device
    assert run.layers[-1] == "block2_out"
    told = store.history(run)
    assert told["epoch"] == [1, 2]
    assert told["val_loss"][run.best_epoch - 1] == min(told["val_loss"])
    assert run.folder.joinpath("curves.png").read_bytes().startswith(b"\x89PNG")
    assert "epoch 2 of 2" in run.folder.joinpath("log.txt").read_text()
    assert len(store.predictions(run, "test")["y_true"]) == 24
