"""A run is a folder: taken once, told truly, moved freely."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from engine.errors import RunError
from engine.runs import store
from engine.settings import PROJECT, settings

KNOWN = {
    "dataset": "pets", "dataset_fingerprint": "f" * 64, "dataset_image_size": 64,
    "class_names": ("猫", "犬"), "image_size": 32, "config": {"l2": 0.01},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _alone(empty_workspace):
    pass


def test_runs_are_numbered_by_preset_over_all_presets():
    ids = [store.create(preset, **KNOWN).id for preset in ("quick", "classic", "quick")]
    assert ids == ["quick-1", "classic-2", "quick-3"]


def test_no_two_that_start_together_get_the_same_run():
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: store.create("quick", **KNOWN), range(40)))
    assert len({run.id for run in runs}) == 40


def test_what_is_saved_is_what_is_opened():
    run = store.create("quick", **KNOWN)
    saved = store.save(
        run, status="failed", error="It failed.", figures={"auc": 0.5}, layers=("a",)
    )
    assert store.open_run("quick-1") == saved
    assert store.open_run("latest") == saved


def test_a_run_that_does_not_exist():
    with pytest.raises(RunError, match="There is no run yet; `python -m engine train` makes one"):
        store.open_run("latest")
    store.create("quick", **KNOWN)
    for name in ("quick-9", "../../etc", "quick-01", "QUICK-1", ""):
        with pytest.raises(RunError, match="does not exist; there is: quick-1"):
            store.open_run(name)


def test_latest_is_the_newest_of_all_presets():
    for preset in ("quick", "classic"):
        store.create(preset, **KNOWN)
    assert store.open_run("latest").id == "classic-2"


def test_a_folder_that_is_no_run_yet_does_not_break_the_list():
    store.create("quick", **KNOWN)
    (settings().runs / "quick-2").mkdir()
    (settings().runs / "not a run").mkdir()
    assert [run.id for run in store.list_runs()] == ["quick-1"]
    assert store.create("quick", **KNOWN).id == "quick-3"


def test_a_run_that_nobody_takes_up_is_lost_after_a_minute():
    run = store.create("quick", **KNOWN)
    assert store.open_run(run.id).status == "queued"
    long_ago = time.time() - store.LOST_AFTER - 1
    os.utime(run.folder / "run.json", (long_ago, long_ago))
    assert store.open_run(run.id).status == "lost"


def test_a_run_that_says_running_but_whose_process_is_gone_is_lost():
    run = store.save(store.create("quick", **KNOWN), status="running")
    assert store.open_run(run.id).status == "lost"


def test_a_run_is_running_while_its_process_lives_and_stopping_once_asked_to():
    run = store.save(store.create("quick", **KNOWN), status="running")
    code = (
        "import sys; from engine.runs import store\n"
        f"with store.trainer_lock(store.open_run('{run.id}')).acquire(timeout=5):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    assert store.open_run(run.id).status == "running"
    store.ask_to_stop(run)
    assert store.open_run(run.id).status == "stopping"
    holder.kill()
    holder.wait()
    assert store.open_run(run.id).status == "lost"


def test_a_look_at_the_status_does_not_keep_the_trainer_out():
    run = store.create("quick", **KNOWN)
    for _ in range(3):
        store.open_run(run.id)
    with store.trainer_lock(run).acquire(timeout=0):
        pass


def test_a_run_without_figures_says_what_it_is_doing_and_why():
    run = store.create("quick", **KNOWN)
    with pytest.raises(RunError, match=r"'quick-1' is queued and has no figures; wait until it"):
        store.require_judged(run)
    failed = replace(run, status="failed", error="The loss became NaN.")
    with pytest.raises(RunError, match=r"failed and has no figures \(The loss.*; start it again"):
        store.require_judged(failed)


def test_predictions_come_back_as_they_were_saved():
    run = store.save(store.create("quick", **KNOWN), status="finished", figures={"auc": 0.5})
    told = {
        part: {
            "indices": np.arange(n), "y_true": np.arange(n) % 2,
            "logit": np.linspace(-40, 40, n, dtype=np.float32), "y_score": np.linspace(0, 1, n),
        }
        for part, n in (("validation", 5), ("test", 7))
    }  # fmt: skip
    store.save_predictions(run, told)
    for part, arrays in told.items():
        found = store.predictions(run, part)
        assert found.keys() == arrays.keys()
        assert all((found[name] == arrays[name]).all() for name in arrays)
    with pytest.raises(RunError, match="no predictions on 'train'; choose validation or test"):
        store.predictions(run, "train")


def test_history_and_progress_before_the_first_epoch():
    run = store.create("quick", **KNOWN)
    assert store.history(run) == {}
    assert store.progress(run) is None


def test_the_finished_run_s_folder_holds_what_the_design_says(workspace, use_workspace):
    use_workspace(workspace)
    run = store.open_run("quick-1")
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
