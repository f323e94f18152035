"""Runs in line: one process starts them one after the other, and none stays behind."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from engine import jobs, lease
from engine.commands import line
from engine.commands import train as commands
from engine.errors import JobError, RunError
from engine.jobs import Job, local, queue
from engine.runs import store
from engine.runs.record import Run
from engine.settings import PROJECT
from engine.training.config import train_config
from engine.workspace import Workspace

ABOUT = {
    "dataset": "pets", "dataset_fingerprint": "f" * 64, "split_id": "5" * 64,
    "dataset_image_size": 64, "class_names": ("cat", "dog"), "image_size": 32,
    "config": train_config("quick", image_size=32).model_dump(),
}  # fmt: skip


@pytest.fixture
def place(tmp_path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def runs(place) -> list[Run]:
    """Three in line, quick-1 to quick-3, with no process."""
    made = [store.create(place, "quick", **ABOUT) for _ in range(3)]
    for run in made:
        queue.join(place, run.id)
    return made


@pytest.fixture
def here(place, monkeypatch) -> dict:
    """What a run's process would do is done here, at once. Filled with what was started, in order;
    `here["train"]` may be set to something else than training."""
    told = {"started": [], "train": lambda run_id: train(place, run_id), "said": "it broke"}

    def submit(workspace, argv, *, label="", once=False, **_) -> str:
        told["started"].append(label)
        if argv[0] == "train":
            told["train"](argv[-1])
        return f"{label}.0"

    def look(workspace, job_id) -> Job:
        return Job(job_id, job_id, (), 0.0, False, None, told["said"])

    monkeypatch.setattr(jobs, "submit", submit)
    monkeypatch.setattr(jobs, "look", look)
    return told


def train(place: Workspace, run_id: str) -> None:
    run = store.open_run(place, run_id)
    with store.taken_up(run):
        assert queue.is_turn(place, run_id, lambda other: line.is_active(place, other))
        store.save(run, status="finished", ended=store.now())
        queue.leave(place, run_id)


def statuses(place: Workspace) -> list[str]:
    return [run.status for run in store.list_runs(place)]


def make_old(run: Run) -> None:
    os.utime(run.folder / "run.json", (1, 1))


def test_runs_in_line_are_trained_one_after_the_other_and_the_dispatcher_ends(place, runs, here):
    assert line.work(place) == here["started"] == ["quick-1", "quick-2", "quick-3"]
    assert statuses(place) == ["finished"] * 3
    assert queue.in_line(place) == []
    assert not lease.is_held(place.dispatcher)


def test_nobody_in_line_is_nothing_to_do(place, here):
    assert line.work(place) == []
    line.ensure(place)
    assert here["started"] == []


def test_a_run_whose_process_dies_at_once_fails_in_a_sentence_and_the_line_goes_on(
    place, runs, here
):
    here["train"] = lambda run_id: run_id == "quick-2" or train(place, run_id)
    line.work(place)
    assert statuses(place) == ["finished", "failed", "finished"]
    assert store.open_run(place, "quick-2").error == (
        "The process of 'quick-2' ended before it could train (it broke); mend that and start the "
        "run again."
    )
    assert queue.in_line(place) == []


def test_a_process_that_cannot_be_started_fails_its_run_and_the_line_goes_on(place, runs, here):
    def refuse(run_id: str) -> None:
        if run_id == "quick-1":
            raise JobError("The job 'quick-1' could not be started (no memory); try it again.")
        train(place, run_id)

    here["train"] = refuse
    line.work(place)
    assert statuses(place) == ["failed", "finished", "finished"]
    assert "(no memory)" in store.open_run(place, "quick-1").error


def test_of_two_dispatchers_one_works(place, runs, here, tmp_path):
    told = []
    here["train"] = lambda run_id: (told or told.append(second()), train(place, run_id))

    def second() -> str:
        code = (
            "import sys; from pathlib import Path; from engine.commands import line\n"
            "from engine.workspace import Workspace\n"
            "print(line.work(Workspace(Path(sys.argv[1]))))"
        )
        done = subprocess.run([sys.executable, "-c", code, tmp_path], cwd=PROJECT, text=True,
                              capture_output=True, check=True)  # fmt: skip
        return done.stdout.strip()

    assert line.work(place) == ["quick-1", "quick-2", "quick-3"]
    assert told == ["[]"]


def test_a_run_put_in_line_in_the_dispatcher_s_last_moment_does_not_stay_behind(
    place, here, monkeypatch
):
    waiting, late = line._waiting, store.create(place, "quick", **ABOUT)
    thread = threading.Thread(target=line.put, args=(place, [late]))

    def last_look(workspace) -> list[str]:
        found = waiting(workspace)
        if not found and threading.current_thread() is threading.main_thread():
            thread.start()
            thread.join(0.3)  # it has seen nobody, and still holds the tickets
            assert thread.is_alive()
            assert queue.in_line(place) == []
        return found

    monkeypatch.setattr(line, "_waiting", last_look)
    assert line.work(place) == []
    thread.join(10)
    assert here["started"] == ["work"]


def test_a_waiting_run_is_queued_while_the_dispatcher_lives_and_lost_without_it(place, runs):
    for run in runs:
        make_old(run)
    queue.leave(place, "quick-3")
    with lease.hold(place.dispatcher):
        assert statuses(place) == ["queued", "queued", "lost"]  # the third has no ticket
    assert statuses(place) == ["lost"] * 3


def test_a_killed_dispatcher_is_followed_by_another_and_one_that_lives_by_none(
    place, runs, monkeypatch, tmp_path, until
):
    stand_in = tmp_path / "stand-in"
    stand_in.write_text("#!/bin/sh\nexec sleep 60\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(local.sys, "executable", str(stand_in))
    for run in runs:
        make_old(run)
    pids = []
    for _ in range(2):
        line.ensure(place)
        line.ensure(place)
        pids.append(lease.holder(place.dispatcher).pid)
        assert statuses(place) == ["queued"] * 3
        os.kill(pids[-1], signal.SIGKILL)
        until(lambda: not lease.is_held(place.dispatcher))
        assert statuses(place) == ["lost"] * 3
    assert len(set(pids)) == len(list(place.jobs.glob("work.*"))) == 2


def test_a_dispatcher_that_cannot_be_started_is_a_sentence_and_the_runs_have_failed(
    place, monkeypatch
):
    def refuse(*args, **more):
        raise JobError("The job 'work' could not be started (no space); free some.")

    monkeypatch.setattr(jobs, "submit", refuse)
    made = [store.create(place, "quick", **ABOUT) for _ in range(2)]
    with pytest.raises(JobError, match="could not be started"):
        line.put(place, made)
    assert statuses(place) == ["failed", "failed"]
    assert queue.in_line(place) == []


def test_a_run_that_is_cancelled_before_it_begins_is_stopped_and_never_trained(place, runs, here):
    line.cancel(place, "quick-2")
    assert queue.in_line(place) == ["quick-1", "quick-3"]
    assert line.work(place) == ["quick-1", "quick-3"]
    assert statuses(place) == ["finished", "stopped", "finished"]
    line.cancel(place, "quick-1")
    assert statuses(place)[0] == "finished"
    assert not store.asked_to_stop(runs[0])
    with pytest.raises(RunError, match="does not exist"):
        line.cancel(place, "quick-9")


def test_a_run_that_is_cancelled_while_its_process_starts_is_stopped(place, runs, here):
    def cancelled(run_id: str) -> None:
        line.cancel(place, run_id)
        with pytest.raises(RunError, match="is stopped and can be trained only once"):
            train(place, run_id)

    here["train"] = cancelled
    line.work(place)
    assert statuses(place) == ["stopped"] * 3


def test_a_run_that_trains_is_asked_to_stop(place, runs):
    with store.taken_up(runs[0]):
        store.save(runs[0], status="running")
        line.cancel(place, "quick-1")
    assert store.asked_to_stop(runs[0])
    assert "quick-1" in queue.in_line(place)


def test_the_dispatcher_takes_the_runs_as_they_were_moved(place, runs, here):
    def first(run_id: str) -> None:
        if run_id == "quick-1":
            assert line.move(place, "quick-3", up=True)
            assert not line.move(place, "quick-3", up=True)  # the first one trains
        train(place, run_id)

    here["train"] = first
    assert line.work(place) == ["quick-1", "quick-3", "quick-2"]


def test_the_dispatcher_waits_while_a_terminal_trains_and_leaves_its_run_to_it(
    place, here, monkeypatch
):
    """Whose turn it is has a process of its own, which the dispatcher did not start."""
    monkeypatch.setattr(line, "LOOK_AGAIN", 0.01)
    terminal, waits = (store.create(place, "quick", **ABOUT) for _ in range(2))
    held = store.taken_up(terminal)
    held.__enter__()
    store.save(terminal, status="running")
    queue.join(place, terminal.id)
    queue.join(place, waits.id)
    dispatcher = threading.Thread(target=line.work, args=(place,))
    dispatcher.start()
    time.sleep(0.2)
    assert here["started"] == []
    store.save(terminal, status="finished")
    queue.leave(place, terminal.id)
    held.__exit__(None, None, None)
    dispatcher.join(10)
    assert here["started"] == [waits.id]


def test_runs_that_a_killed_dispatcher_left_keep_their_place_when_a_terminal_trains(
    place, runs, here, monkeypatch
):
    for run in runs:
        make_old(run)
    monkeypatch.setattr(jobs, "process", lambda *_: lease.Holder(os.getpid(), 0.0, ""))
    terminal = store.create(place, "quick", **ABOUT)
    with store.taken_up(terminal):
        store.ask_to_stop(terminal)  # so that it does not wait in this test
        assert not commands._is_its_turn(place, terminal, lambda told: None)
    assert here["started"] == ["work"]
    assert queue.in_line(place) == ["quick-1", "quick-2", "quick-3", terminal.id]


def test_the_dispatcher_is_light_and_starts_at_once(place):
    code = (
        "import sys; sys.argv = ['engine', 'work', '--json']\n"
        "from engine.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'scipy', 'matplotlib', 'cv2', 'PIL'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True,
        env=os.environ | {"CAMSIGHT_WORKSPACE": str(place.path)},
    )  # fmt: skip
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]  # what it trained; what it imported
