"""Who may do what: every service that changes something asks first, and notes who did it."""

import errno
import io
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest

from engine import audit, jobs, people
from engine.commands import (
    estimate,
    first_run,
    folds,
    line,
    many,
    prepare,
    resume,
    sweep,
    trash,
)
from engine.commands import note as notes
from engine.commands import train as commands
from engine.errors import AccessError, JobError, RecordError, RunError
from engine.jobs import local, queue
from engine.people import WHOEVER, Person, Role
from engine.runs import store
from engine.runs.record import Run
from engine.settings import settings
from engine.training.config import train_config
from engine.workspace import Workspace

VIEWER = Person("vic@example.com", Role.VIEWER)
ANN, BOB = Person("ann@example.com", Role.TRAINER), Person("bob@example.com", Role.TRAINER)
ADMIN = Person("eve@example.com", Role.ADMIN)
CONFIG = train_config("quick", image_size=32, epochs=2)
start_job = local._start


@pytest.fixture
def place(tmp_path, add_many, monkeypatch) -> Workspace:
    """A dataset "zoo" of two classes and the judged run quick-1, which is Ann's; quick-2 to quick-4
    wait in line, of which the second is Bob's; quick-5, hers, has failed; quick-6, hers, lies in
    the trash."""
    monkeypatch.setattr(commands, "check_size", lambda config, dataset: None)  # nothing trains
    add_many(tmp_path, ("cat", "dog"))
    place = Workspace(tmp_path, ANN)
    store.save(store.open_run(place, "quick-1"), owner=ANN.name)
    for by in (ANN, BOB, ANN):
        queue.join(place, commands.create_run(replace(place, by=by), "zoo", CONFIG).id)
    for _ in range(2):
        store.save(commands.create_run(place, "zoo", CONFIG), status="failed")
    trash.delete(place, "quick-6")
    return place


@pytest.fixture
def stopped(monkeypatch) -> list[int]:
    """The processes that would have been ended, in place of ending them."""
    told = []
    monkeypatch.setattr(local.os, "kill", lambda pid, sign: told.append(pid))
    return told


@pytest.fixture(autouse=True)
def started(monkeypatch) -> list[tuple[Person, str]]:
    """For whom which jobs would have been started, in place of starting them."""
    told = []

    def start(workspace, argv, label) -> str:
        told.append((workspace.by, label))
        return f"{label}.0"

    monkeypatch.setattr(local, "_start", start)
    return told


def state(place: Workspace) -> dict:
    """What stands in the workspace, but for what each test is about: who did what."""
    files = (path for path in place.path.rglob("*") if path.is_file())
    return {
        path: path.read_bytes()
        for path in files
        if path.name != audit.FILE and not path.name.endswith(".lock")
    }


ANYBODYS = {  # what a trainer may do, whosever run it is about
    "train": lambda place: commands.start(place, "zoo", CONFIG),
    "train in this process": lambda place: commands.create_run(place, "zoo", CONFIG),
    "train what waits": lambda place: commands.train_run(place, store.open_run(place, "quick-4")),
    "sweep": lambda place: many.sweep(place, "zoo", [CONFIG, CONFIG]),
    "repeat": lambda place: many.repeat(place, "quick-1", 2),
    "cross-validate": lambda place: folds.start(place, "quick-1", 3),
    "measure": lambda place: estimate.start_estimate(place, "zoo", CONFIG),
    "measure in this process": lambda place: estimate.estimate(place, "zoo", CONFIG),
    "first run": first_run.start,
    "upload": lambda place: prepare.start(place, None, "more"),
    "prepare": lambda place: prepare.prepare(place, "drawn", "more", count=20, image_size=32),
    "any job": lambda place: jobs.submit(place, ["runs"]),
}
ONES_OWN = {  # what they may do to their own
    "stop": lambda place: line.cancel(place, "quick-2"),
    "move": lambda place: line.move(place, "quick-4", up=True),
    "resume": lambda place: resume.resume(place, "quick-5"),
    "resume in this process": lambda place: resume.put_back(place, "quick-5"),
    "delete": lambda place: trash.delete(place, "quick-1"),
    "restore": lambda place: trash.restore_latest(place, "quick-6"),
    "write about": lambda place: notes.note(place, "quick-1", "mine"),
}
ADMINS = {  # and what they may not
    "clear the workspace": sweep.sweep,
    "resume what was lost": resume.resume_lost,
    "start the runs in line": line.work,
    "replace a dataset": lambda place: prepare.prepare(place, "drawn", "zoo", replace=True),
}


@pytest.mark.parametrize("what", [*ANYBODYS, *ONES_OWN, *ADMINS])
def test_a_viewer_changes_nothing_and_is_told_whom_to_ask(place, started, what):
    act, before = (ANYBODYS | ONES_OWN | ADMINS)[what], state(place)
    with pytest.raises(AccessError, match=r"^vic@example\.com is a viewer and may not .*; ask an "):
        act(replace(place, by=VIEWER))
    assert state(place) == before
    assert started == []
    assert "vic@example.com" not in {one["by"] for one in audit.last(place)}


@pytest.mark.parametrize("what", ONES_OWN)
def test_a_trainer_does_nothing_to_what_is_another_s(place, started, what):
    before = state(place)
    with pytest.raises(AccessError, match=r"which belongs to ann@example\.com; ask the owner or"):
        ONES_OWN[what](replace(place, by=BOB))
    assert state(place) == before
    assert started == []


@pytest.mark.parametrize("what", ADMINS)
def test_a_trainer_does_not_what_is_an_admin_s(place, what):
    before = state(place)
    with pytest.raises(AccessError, match="takes an admin"):
        ADMINS[what](place)
    assert state(place) == before


@pytest.mark.parametrize("by", [ANN, ADMIN, WHOEVER], ids=lambda by: by.name or "whoever")
@pytest.mark.parametrize(
    ("what", "verb", "of"),
    [
        ("stop", "stop", "quick-2"),
        ("resume", "resume", "quick-5"),
        ("resume in this process", "resume", "quick-5"),
        ("delete", "delete", "quick-1"),
        ("restore", "restore", "quick-6"),
        ("write about", "note", "quick-1"),
    ],
)
def test_the_owner_and_an_admin_may_and_it_is_noted_who(place, by, what, verb, of):
    ONES_OWN[what](replace(place, by=by))
    newest = audit.last(place)[0]
    assert (newest["by"], newest["role"]) == (by.name, by.role)
    assert (newest["verb"], newest["of"]) == (verb, of)


@pytest.mark.parametrize("what", ["train", "sweep", "repeat", "cross-validate"])
def test_a_new_run_belongs_to_whoever_asked_and_the_line_to_nobody(place, started, what):
    before = {run.id for run in store.list_runs(place)}
    ANYBODYS[what](replace(place, by=BOB))
    made = [run for run in store.list_runs(place) if run.id not in before]
    assert {run.owner for run in made} == {BOB.name}
    assert started == [(WHOEVER, "work")]
    noted = [one for one in audit.last(place) if one["by"] == BOB.name][: len(made)]
    verb = "cross-validate" if what == "cross-validate" else "train"
    assert [(one["verb"], one["of"]) for one in noted[::-1]] == [(verb, run.id) for run in made]


def test_what_is_prepared_is_noted(place):
    prepare.prepare(place, "drawn", "more", count=20, image_size=32)
    newest = audit.last(place)[0]
    assert (newest["by"], newest["verb"], newest["of"]) == (ANN.name, "prepare", "more")


def test_what_cannot_be_noted_is_not_done(place, monkeypatch):
    log = place.path / audit.FILE
    log.unlink()
    log.mkdir()  # where a file is to be written
    before = state(place)
    for what in ("train", "stop", "resume", "delete", "restore", "write about", "move"):
        with pytest.raises(RecordError, match=r"noted in audit.jsonl .* and is not done"):
            (ANYBODYS | ONES_OWN)[what](replace(place, by=ADMIN))
    assert state(place) == before


def test_a_full_disk_keeps_nobody_from_making_room(place, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(audit, "_append", full)
    with pytest.raises(RecordError, match="No space left on device"):
        notes.note(place, "quick-5", text="mine")
    with caplog.at_level("INFO", logger="camsight"):
        trash.delete(place, "quick-5")
    assert "quick-5" not in [run.id for run in store.list_runs(place)]
    assert "delete quick-5" in caplog.text


def test_a_run_goes_behind_another_s_and_not_before_it(place):
    with pytest.raises(AccessError, match=r"not let quick-4 train before quick-3, which belongs"):
        line.move(place, "quick-4", up=True)
    assert queue.in_line(place) == ["quick-2", "quick-3", "quick-4"]
    assert line.move(replace(place, by=BOB), "quick-3", up=False)
    assert queue.in_line(place) == ["quick-2", "quick-4", "quick-3"]
    assert [audit.last(place)[0][name] for name in ("verb", "of", "behind")] == [
        "move", "quick-3", "quick-4",
    ]  # fmt: skip


@pytest.mark.parametrize("damaged", [False, True])
def test_a_run_of_nobody_is_an_admin_s_to_delete_and_to_restore(place, damaged):
    """Of a time before people signed in; or one whose record says nothing any more."""
    run = store.create(Workspace(place.path), "quick", **about(store.open_run(place, "quick-1")))
    store.save(run, status="failed")
    if damaged:
        (run.folder / "run.json").write_text("{")
    with pytest.raises(AccessError, match="belongs to nobody who signs in"):
        trash.delete(place, run.id)
    token = trash.delete(replace(place, by=ADMIN), run.id)
    with pytest.raises(AccessError, match="belongs to nobody who signs in"):
        trash.restore(place, token)
    assert trash.restore(replace(place, by=ADMIN), token) == run.id


def about(run: Run) -> dict:
    names = ("dataset", "dataset_fingerprint", "split_id", "dataset_image_size", "class_names",
             "image_size", "config")  # fmt: skip
    return {name: getattr(run, name) for name in names}


# --- how much of it -------------------------------------------------------------------------------


@pytest.fixture
def at_most(monkeypatch) -> Callable[[int], None]:
    """`at_most(3)`: so many runs may one person have in line."""

    def allow(n: int) -> None:
        monkeypatch.setenv("CAMSIGHT_QUEUED_RUNS", str(n))
        settings.cache_clear()

    yield allow
    monkeypatch.undo()
    settings.cache_clear()


def test_one_person_may_not_fill_the_line(place, at_most):
    at_most(4)  # and Ann has two in it
    said = r"has 2 runs that wait or train, and 5 would be more than the 4 .*CAMSIGHT_QUEUED_RUNS"
    before = state(place)
    with pytest.raises(RunError, match=said):
        many.sweep(place, "zoo", [CONFIG] * 3)
    assert state(place) == before
    many.sweep(place, "zoo", [CONFIG] * 2)
    for what in ("train", "repeat", "cross-validate", "resume"):
        with pytest.raises(RunError, match="has 4 runs"):
            (ANYBODYS | ONES_OWN)[what](place)
    commands.start(replace(place, by=BOB), "zoo", CONFIG)
    line.cancel(place, "quick-2")
    commands.start(place, "zoo", CONFIG)


def test_one_person_may_not_keep_all_processors_busy_by_jobs(place, monkeypatch):
    living = SimpleNamespace(pid=os.getpid(), wait=lambda: None)
    monkeypatch.setattr(local, "_start", start_job)
    monkeypatch.setattr(local.subprocess, "Popen", lambda *_, **__: living)
    monkeypatch.setattr(settings(), "jobs_at_once", 2)
    prepare.start(place, io.BytesIO(b"a zip"), "more")
    estimate.start_estimate(place, "zoo", CONFIG)
    before = list(place.uploads.iterdir())
    said = r"ann@example.com has 2 jobs at work.*CAMSIGHT_JOBS_AT_ONCE"
    with pytest.raises(JobError, match=said):
        prepare.start(place, io.BytesIO(b"a zip"), "others")
    assert list(place.uploads.iterdir()) == before
    with pytest.raises(JobError, match=said):
        estimate.start_estimate(place, "zoo", CONFIG.model_copy(update={"batch_size": 8}))
    jobs.submit(place, ["train", "--queued", "quick-2"])  # what the line starts is bounded by it
    for at, by in enumerate((BOB, WHOEVER, WHOEVER, WHOEVER)):
        prepare.start(replace(place, by=by), io.BytesIO(b"a zip"), f"of-others-{at}")


def test_many_clicks_at_once_do_not_fill_it_either(place, at_most):
    at_most(4)

    def start(_) -> bool:
        try:
            commands.start(place, "zoo", CONFIG)
        except RunError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(start, range(6))) == 2


def test_where_nobody_signs_in_the_line_has_no_end(place, at_most):
    at_most(1)
    assert len(many.sweep(Workspace(place.path), "zoo", [CONFIG] * 3)) == 3


# --- for whom a process works ---------------------------------------------------------------------


def test_a_training_works_for_whom_it_belongs_to(place, started, monkeypatch):
    """Whoever asked last started the process that starts it."""
    store.save(store.open_run(place, "quick-4"), owner="")
    line.work(Workspace(place.path))
    assert started == [(ANN, "quick-2"), (BOB, "quick-3"), (WHOEVER, "quick-4")]


def test_a_job_is_told_for_whom_it_works_and_stopped_by_them_alone(place, stopped, monkeypatch):
    told = {}

    def process(*_, env, **__):
        told.update(env)
        return SimpleNamespace(pid=os.getpid(), wait=lambda: None)

    monkeypatch.setattr(local, "_start", start_job)
    monkeypatch.setattr(local.subprocess, "Popen", process)
    job_id = jobs.submit(place, ["runs"])
    assert people.written(told[people.BY]) == ANN
    assert jobs.look(place, job_id).owner == ANN.name
    for by in (VIEWER, BOB):
        with pytest.raises(AccessError, match="may not stop the job runs"):
            jobs.stop(replace(place, by=by), job_id)
    assert stopped == []
    jobs.stop(place, job_id)
    assert stopped == [os.getpid()]
    assert audit.last(place)[0]["verb"] == "stop"


def test_a_variable_that_names_nobody_gives_no_rights(monkeypatch):
    for told in ("ann@example.com", "[]", '{"name": "ann"}', '{"name": "ann", "role": "root"}'):
        monkeypatch.setenv(people.BY, told)
        with pytest.raises(AccessError, match="CAMSIGHT_BY does not say for whom"):
            people.from_environment()


def test_the_command_line_is_whoever_s_it_is_given_to(place, verb, use_workspace, monkeypatch):
    use_workspace(place.path)
    monkeypatch.setenv(people.BY, people.write(VIEWER))
    status, _, err = verb("delete", "quick-1")
    assert (status, err.strip()) == (
        2, "vic@example.com is a viewer and may not delete quick-1, which takes a trainer; ask an "
        "admin for that role.",
    )  # fmt: skip
    monkeypatch.delenv(people.BY)
    status, out, _ = verb("delete", "quick-1", "--json")
    assert status == 0
    assert json.loads(out)["run"] == "quick-1"
    status, out, _ = verb("runs", "--json")
    owners = {one["run"]: one["owner"] for one in json.loads(out)}
    assert (owners["quick-2"], owners["quick-3"]) == (ANN.name, BOB.name)
