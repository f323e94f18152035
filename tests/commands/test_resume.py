"""Which runs can be resumed, what resuming changes, and what refuses it; nothing trains here."""

import json
from dataclasses import replace

import numpy as np
import pytest

from engine import jobs
from engine.commands import learn, resume, train
from engine.commands.prepare import prepare
from engine.errors import CamsightError, JobError, RunError
from engine.jobs import queue
from engine.runs import store
from engine.training import checkpoint
from engine.training.checkpoint import Checkpoint, Told
from engine.training.config import train_config
from engine.training.keeper import HISTORY_COLUMNS, write_history

CONFIG = train_config("quick", image_size=32, epochs=8)
FIGURES = {
    "auc": 0.9, "auc_low": 0.8, "auc_high": 0.95, "interval": "hanley-mcneil", "accuracy": 0.8,
}  # fmt: skip


@pytest.fixture
def no_processes(monkeypatch) -> list:
    """The verbs that would have been started."""
    asked = []
    monkeypatch.setattr(
        jobs, "submit", lambda place, argv, *, label="", once=False: asked.append(argv) or "job.0"
    )
    return asked


@pytest.fixture
def ended(ready, monkeypatch):
    """`ended(epochs=4, status="lost")`: a run that ended after so many whole epochs."""
    monkeypatch.setattr(store, "LOST_AFTER", 0)

    def make(epochs: int = 4, status: str = "lost", config=CONFIG, **known):
        run = train.create_run(ready, "drawn", config)
        queue.leave(ready, run.id)
        if epochs:
            belongs = checkpoint.belongs(learn.task_of_run(ready, run), config)
            row = [0.5] * (len(HISTORY_COLUMNS) - 1)
            rows = [[epoch, *row] for epoch in range(1, epochs + 1)]
            told = Told(belongs, epochs, rows, 1, 0.5, 60.0)
            checkpoint.write(run.folder, Checkpoint(told, [np.zeros(3)], b"weights"))
            write_history(run.folder / "history.csv", rows)
        run = store.save(run, status="running" if status == "lost" else status, **known)
        return store.open_run(ready, run.id)

    return make


@pytest.mark.parametrize("status", ["lost", "stopped", "failed"])
@pytest.mark.parametrize("epochs", [0, 4])
def test_a_run_that_ended_early_is_put_back_and_started(
    ended, ready, no_processes, status, epochs
):
    run = ended(epochs, status, error="The disk is full." if status == "failed" else None)
    store.ask_to_stop(run)
    assert resume.can_resume(run) == ""
    assert ("after epoch 4 of 8" if epochs else "begins anew") in resume.outlook(run)
    resumed = resume.resume(ready, run.id)
    assert (resumed.status, resumed.resumed) == ("queued", 0)
    assert not store.asked_to_stop(resumed)
    assert queue.in_line(ready) == [run.id]
    assert no_processes == [["work"]]
    with store.taken_up(resumed):
        assert store.open_run(ready, run.id).status == "queued"


def test_a_run_that_was_killed_while_it_was_judged_is_judged(ended):
    assert "its best weights are judged" in resume.outlook(ended(8))


JUDGED = {"status": "stopped", "figures": FIGURES}
REFUSED = {
    "finished": (JUDGED | {"status": "finished"}, "has finished, and nothing of it is left to tr"),
    "diverged": ({"status": "failed", "diverged": True}, "became NaN or infinite and would again"),
    "all epochs": (JUDGED | {"epochs": 8}, "has all its epochs behind it"),
    "no checkpoint": (JUDGED | {"epochs": 0}, "has no checkpoint: it was stopped in its first"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_run_with_nothing_left_to_train_is_refused(ended, ready, no_processes, why):
    known, says = REFUSED[why]
    run = ended(**known)
    assert says in resume.can_resume(run)
    with pytest.raises(RunError, match=says):
        resume.resume(ready, run.id)
    assert store.open_run(ready, run.id) == run
    assert (queue.in_line(ready), no_processes) == ([], [])


def damage(ready, run):
    path = run.folder / checkpoint.NAME
    path.write_bytes(path.read_bytes()[:-300])


def damage_an_array(ready, run):
    path = run.folder / checkpoint.NAME
    whole = path.read_bytes()
    at = whole.index(b"weights")
    path.write_bytes(whole[:at] + b"X" + whole[at + 1 :])


def of_another_configuration(ready, run):
    store.save(run, config=run.config | {"learning_rate": 0.5})


def other_pictures(ready, run):
    prepare(ready, "drawn", "drawn", count=40, image_size=32, seed=9, replace=True)


def no_pictures(ready, run):
    (ready.datasets / "drawn").rename(ready.datasets / "elsewhere")


BROKEN = {
    damage: "'quick-1' cannot be resumed (checkpoint.npz is damaged)",
    damage_an_array: "'quick-1' cannot be resumed (checkpoint.npz is damaged)",
    of_another_configuration: "its checkpoint is of another configuration, or of other pictures",
    other_pictures: "The dataset 'drawn' was replaced after 'quick-1' was queued",
    no_pictures: "The dataset 'drawn' does not exist",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_cannot_go_on_is_a_sentence_with_exit_status_2_and_stays_as_it_is(
    ended, ready, decode_here, use_workspace, verb, listing, no_processes, broken
):
    run = ended()
    broken(ready, run)
    use_workspace(ready.path)
    before = {name: (run.folder / name).read_bytes() for name in listing(run.folder)}
    status, out, said = verb("train", "--resume", run.id, "--json")
    assert (status, out) == (2, "")
    assert BROKEN[broken] in said
    assert said.count("\n") == 1
    assert before == {name: (run.folder / name).read_bytes() for name in listing(run.folder)}
    assert store.open_run(ready, run.id).status == "lost"
    assert queue.in_line(ready) == []
    assert resume.resume_lost(ready) == []
    assert no_processes == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["--resume", "quick-9"], "The run 'quick-9' does not exist"),
        (["--resume", "quick-1", "--epochs", "9"], "--resume RUN goes on as the run began"),
        (["--resume", "quick-1", "--dataset", "drawn"], "--resume RUN goes on as the run began"),
    ],
)
def test_what_is_asked_beside_a_resume_is_refused(ended, ready, use_workspace, verb, line, says):
    run = ended()
    use_workspace(ready.path)
    status, out, said = verb("train", *line)
    assert (status, out) == (2, "")
    assert says in " ".join(said.replace("│", " ").split())
    assert store.open_run(ready, run.id) == run


def test_a_run_that_waits_or_was_just_resumed_is_not_resumed_twice(ended, ready, monkeypatch):
    run = ended()
    resume.put_back(ready, run.id)
    monkeypatch.setattr(store, "LOST_AFTER", 60)
    with pytest.raises(RunError, match="'quick-1' is queued; wait for its turn"):
        resume.resume(ready, run.id)
    with pytest.raises(RunError, match="'quick-1' is queued already"):
        store.queue_again(run)
    assert queue.in_line(ready) == []  # no ticket calls for a process beside this one


def test_where_no_process_starts_the_run_stays_as_it_was(ended, ready, monkeypatch):
    run = ended(status="stopped")

    def refuse(*_, **__):
        raise JobError("The job 'quick-1' could not be started (No space left on device).")

    monkeypatch.setattr(jobs, "submit", refuse)
    with pytest.raises(CamsightError, match="could not be started"):
        resume.resume(ready, run.id)
    assert store.open_run(ready, run.id) == run
    assert queue.in_line(ready) == []


def test_lost_runs_are_resumed_by_themselves_once_in_their_old_order(ended, ready, no_processes):
    first, stopped, second = ended(), ended(status="stopped"), ended(0)
    waited = train.create_run(ready, "drawn", CONFIG)  # and lost its process: its ticket stands
    resumed = resume.resume_lost(ready)
    assert [run.id for run in resumed] == [first.id, second.id, waited.id]
    assert {argv[0] for argv in no_processes} == {"work"}
    assert {run.resumed for run in resumed} == {1}
    assert store.open_run(ready, stopped.id).status == "stopped"
    assert sorted(queue.in_line(ready)) == sorted(run.id for run in resumed)
    assert [run.status for run in store.list_runs(ready)].count("lost") == 3  # again, at once
    assert resume.resume_lost(ready) == []
    assert resume.resume(ready, first.id).status == "queued"  # a person may, as often as they like


def test_one_that_was_asked_to_stop_and_then_lost_is_judged_as_it_is(ended, ready, no_processes):
    run = ended()
    store.ask_to_stop(run)
    resume.resume_lost(ready)
    assert store.asked_to_stop(run)
    assert train._is_its_turn(ready, run, lambda told: None)  # to be judged
    without = ended(0)
    store.ask_to_stop(without)
    queue.leave(ready, run.id)
    assert not train._is_its_turn(ready, without, lambda told: None)


def test_a_run_that_is_lost_twice_waits_for_a_person(ended, ready, no_processes):
    assert ended(resumed=1).resumed == 1
    assert resume.resume_lost(ready) == []


def test_a_run_that_an_older_version_lost_waits_for_a_person(ended, ready, no_processes):
    run = ended(0)
    path = run.folder / "run.json"
    stored = json.loads(path.read_text())
    for name in ("resumed", "went_on", "diverged"):
        del stored[name]
    path.write_text(json.dumps(stored))
    assert store.open_run(ready, run.id) == replace(run, resumed=None)
    assert resume.resume_lost(ready) == []
    assert resume.resume(ready, run.id).resumed == 0


def test_a_checkpoint_without_a_setting_of_today_is_one_with_its_default(ended, ready):
    """A version of before wrote it; the run goes on as it began."""
    run = ended()
    found = checkpoint.read(run.folder)
    del found.told.belongs["config"]["early_stopping"]
    checkpoint.write(run.folder, found)
    task = learn.task_of_run(ready, run)
    assert learn.checkpoint_of(run, task, CONFIG).told.epoch == 4
    with pytest.raises(RunError, match="of another configuration"):
        learn.checkpoint_of(replace(run), task, CONFIG.model_copy(update={"seed": 2}))
