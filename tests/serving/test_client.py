"""The process that holds the models, as the dashboard asks it: one for all tests of a process."""

import os
import signal
import stat
import subprocess
import sys
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client as connect
from pathlib import Path

import numpy as np
import pytest

from engine import processes
from engine.commands.explain import explain
from engine.errors import JobError, LayerError, RunError
from engine.serving import client
from engine.serving.worker import SOCKET
from engine.settings import PROJECT
from engine.workspace import Workspace

METHODS = ("grad-cam", "score-cam", "ablation-cam")


@pytest.fixture(scope="module")
def models():
    return client.ask()


@pytest.fixture(scope="module")
def pictures(untrained_run) -> np.ndarray:
    size = untrained_run.image_size
    return np.random.default_rng(3).integers(0, 256, (12, size, size, 3), np.uint8)


def test_heatmaps_and_scores_are_bit_for_bit_those_of_this_very_process(
    models, untrained_run, draw_files, tmp_path
):
    run = untrained_run
    files = draw_files(tmp_path / "in", "cat", 1, size=run.image_size)
    workspace = Workspace(run.folder.parents[1])
    explain(workspace, run.id, files, tmp_path / "out", methods=METHODS, target="fox", raw=True)
    for method in METHODS:
        with np.load(tmp_path / "out" / f"{files[0].stem}.{method}.npz") as here:
            pixels = opened(files[0])
            heat = models.explain(run, pixels[None], method, target=2, layer=run.layers[-1])
            np.testing.assert_array_equal(heat.raw[0], here["raw"], err_msg=method)
            np.testing.assert_array_equal(heat.values[0], here["values"], err_msg=method)
            assert heat.scores[0] == here["scores"]
            assert heat.scores[0] == pytest.approx(models.scores(run, pixels[None])[0, 2], abs=1e-6)


def opened(path) -> np.ndarray:
    import cv2

    return cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)


def test_the_steps_of_a_map_are_told_where_it_is_asked_for(models, untrained_run, pictures):
    steps, here = [], set()

    def progress(done: int, total: int) -> None:
        steps.append((done, total))
        here.add(threading.current_thread())

    for n in (1, 10, 100, 1000):  # what is done within a beat tells no steps
        many = np.resize(pictures, (n, *pictures.shape[1:]))
        models.explain(untrained_run, many, "score-cam", target=0, progress=progress)
        if steps:
            break
    assert here == {threading.current_thread()}
    assert all(0 <= done <= total for done, total in steps)


def test_what_a_method_refuses_is_the_engine_s_own_sentence(models, untrained_run, pictures):
    with pytest.raises(LayerError, match=r"The layer 'nope' does not exist; choose one of "):
        models.explain(untrained_run, pictures[:1], "grad-cam", target=0, layer="nope")
    assert models.figures().errors["LayerError"] >= 1


def test_a_run_without_weights_is_a_sentence(models, add_many, tmp_path):
    with pytest.raises(RunError, match="The weights of 'quick-1' are missing or were changed"):
        models.channels(add_many(tmp_path, ("cat", "dog")))


def test_who_ends_while_a_map_is_made_frees_its_place_for_others(
    models, untrained_run, pictures, until
):
    class Ended(Exception):
        """As Streamlit ends a script whose page was left."""

    def end(*_) -> None:
        raise Ended

    def asks(picture: np.ndarray) -> None:
        how = {"target": 0, "progress": end, "waiting": end}
        with pytest.raises(Ended):
            models.explain(untrained_run, picture[None], "ss-cam", **how)

    threads = [threading.Thread(target=asks, args=[picture]) for picture in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures = models.figures()
    assert (figures.waiting, figures.working) == (0, 0)
    heat = models.explain(untrained_run, pictures[:1], "score-cam", target=0)
    assert heat.values.shape == (1, *pictures.shape[1:3])


def test_figures_count_the_maps_of_each_method_and_their_seconds(models, untrained_run, pictures):
    before = models.figures()
    heat = models.explain(untrained_run, pictures[:2], "layer-cam", target=0)
    after = models.figures()
    assert after.maps["layer-cam"] == before.maps.get("layer-cam", 0) + 2
    spent = after.seconds["layer-cam"] - before.seconds.get("layer-cam", 0)
    assert spent == pytest.approx(heat.seconds)


def test_nobody_without_the_key_is_answered(models, untrained_run):
    worker = models.start()
    assert stat.S_IMODE(worker.folder.stat().st_mode) == 0o700
    with pytest.raises(AuthenticationError):
        connect(str(worker.folder / SOCKET), "AF_UNIX", b"guessed")
    assert models.channels(untrained_run)


def test_it_stands_behind_the_server_in_the_line_for_the_processor(models):
    if hasattr(os, "getpriority"):
        its = os.getpriority(os.PRIO_PROCESS, models.start().process.pid)
        assert its > os.getpriority(os.PRIO_PROCESS, 0) or its == 19


def test_a_process_killed_while_ten_wait_lets_the_next_one_answer_them_all(
    models, untrained_run, pictures, until
):
    found, before = {}, models.figures()

    def asks(at: int) -> None:
        found[at] = models.explain(untrained_run, pictures[at : at + 1], "ss-cam", target=0)

    threads = [threading.Thread(target=asks, args=[at]) for at in range(10)]
    for thread in threads:
        thread.start()
    until(lambda: sum((models.figures().waiting, models.figures().working)) == 10)
    os.kill(before.pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    after = models.figures()
    assert sorted(found) == list(range(10))
    assert (after.restarts, after.pid != before.pid) == (before.restarts + 1, True)
    alone = models.explain(untrained_run, pictures[9:10], "ss-cam", target=0)
    np.testing.assert_allclose(found[9].raw, alone.raw, atol=1e-5)


def test_a_process_that_cannot_live_is_not_asked_for_ever(monkeypatch, untrained_run):
    monkeypatch.setattr(client.sys, "executable", "/bin/false")
    mortal = client.Client()
    with pytest.raises(JobError, match="The process that holds the models"):
        mortal.channels(untrained_run)
    mortal.close()
    assert mortal.figures().pid is None


def test_nothing_is_left_of_it_when_its_parent_is_killed(until):
    code = (
        "import time; from engine.serving import client; worker = client.ask().start();"
        "print(worker.process.pid, worker.folder, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as parent:
        pid, folder = parent.stdout.readline().split()
        parent.kill()
    until(lambda: processes.started(int(pid)) is None and not Path(folder).exists())
