"""A process of our own that outlives whoever asked for it."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import jobs, lease, processes
from engine.errors import JobError
from engine.jobs import child, local
from engine.settings import PROJECT
from engine.workspace import Workspace

PYTHON = sys.executable
SCORES = "y_true,y_score\n0,0.1\n1,0.9\n0,0.3\n1,0.2\n"


@pytest.fixture
def pipe(tmp_path) -> Path:
    """Of scores; `auc` waits until somebody writes into it."""
    os.mkfifo(tmp_path / "scores.csv")
    return tmp_path / "scores.csv"


def pid_of(place, job_id) -> int:
    return json.loads((place.jobs / job_id / "lease.json").read_text())["pid"]


def test_a_job_s_answer_is_what_it_printed_as_json(place, ended):
    job = ended(jobs.submit(place, ["runs"]))
    assert (job.result, job.error, job.argv, job.label) == ([], None, ("runs",), "runs")


def test_a_job_that_fails_says_its_sentence(place, ended):
    job = ended(jobs.submit(place, ["evaluate", "quick-1"], label="bad"))
    assert job.result is None
    assert job.error == "The run 'quick-1' does not exist; there is: none yet."
    assert jobs.log(place, job.id).strip() == job.error


def test_a_job_that_says_nothing_has_an_error_all_the_same(place, ended, stand_in):
    stand_in("exit 3")
    job = ended(jobs.submit(place, ["runs"]))
    assert (job.result, job.error) == (None, local.SILENCE)


def test_a_living_job_gives_way_to_the_pages_and_ends_with_its_answer(
    place, started, ended, pipe, until
):
    job_id = started(["auc", str(pipe)])
    job = jobs.look(place, job_id)
    assert (job.alive, job.result, job.error) == (True, None, None)
    nice = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    until(lambda: os.getpriority(os.PRIO_PROCESS, pid_of(place, job_id)) == nice)
    pipe.write_text(SCORES)
    assert ended(job_id).result["auc"] == 0.75


@pytest.mark.parametrize(("verb", "lowered"), [("auc", [child.NICE]), ("work", [])])
def test_the_dispatcher_is_not_lowered_lest_what_it_starts_be_lowered_twice(
    monkeypatch, tmp_path, verb, lowered
):
    told = []
    monkeypatch.setattr(sys, "argv", ["child", str(tmp_path / "lease.json"), verb])
    monkeypatch.setattr(child.os, "nice", told.append)
    monkeypatch.setattr(child.runpy, "run_module", lambda *_, **__: None)
    child.main()
    assert told == lowered


def test_a_job_beats_for_those_who_look_from_another_machine(place, pipe, until):
    beat = place.path / "lease.json"
    code = (
        "import sys; from engine import lease; from engine.jobs import child\n"
        f"lease.BEAT_SECONDS = 0.05; sys.argv = ['', {str(beat)!r}, 'auc', {str(pipe)!r}]\n"
        "child.main()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT)
    try:
        lease.grant(beat, process.pid)
        os.utime(beat, (1, 1))
        until(lambda: beat.stat().st_mtime > 1)
        pipe.write_text(SCORES)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def test_ended_jobs_are_no_zombies_of_the_server(place, started, stand_in, until):
    stand_in("exec sleep 60")
    pid = pid_of(place, job_id := started(["runs"]))
    jobs.stop(place, job_id)
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_relative_workspace_is_the_child_s_too(place, ended, monkeypatch, stand_in):
    monkeypatch.chdir(place.path.parent)
    relative = Workspace(Path(place.path.name))
    job = ended(jobs.submit(relative, ["prepare", "none", "--name", "a", "--count", "20"]))
    assert job.error
    assert (place.path / "datasets").is_dir()  # made before its source is looked for
    stand_in('''printf '"%s"' "$3"''')  # the lease that the child is to keep alive, as JSON
    job_id = jobs.submit(relative, ["runs"])
    assert ended(job_id).result == str(place.jobs / job_id / "lease.json")


def test_of_100_starts_while_three_look_none_is_lost_or_seen_dead(place, stand_in, ended):
    stand_in("sleep 0.1; echo '{\"ran\": true}'")
    place.jobs.mkdir()
    watch = f"""
import os, sys
from pathlib import Path
from engine import jobs
from engine.workspace import Workspace
place = Workspace(Path({str(place.path)!r}))
print("here", flush=True)
while not (place.path / "enough").exists():
    for name in os.listdir(place.jobs):
        job = jobs.look(place, name)
        if not name.startswith(".") and not job.alive and job.result is None:
            sys.exit(f"dead without an answer: {{job}}")
"""
    line = [PYTHON, "-c", watch]
    watchers = [subprocess.Popen(line, cwd=PROJECT, stdout=subprocess.PIPE) for _ in range(3)]
    assert [watcher.stdout.readline() for watcher in watchers] == [b"here\n"] * 3
    ids = [jobs.submit(place, ["runs"], label="same") for _ in range(100)]
    assert [ended(job_id).result for job_id in ids] == [{"ran": True}] * 100
    (place.path / "enough").touch()
    for watcher in watchers:
        watcher.communicate()
        assert watcher.returncode == 0
    assert len(set(ids)) == 100


def test_once_leaves_a_living_job_to_its_work(place, started, stand_in, ended, monkeypatch):
    stand_in("exec sleep 60")
    labelled = local._labelled

    def slowly(*args):
        found = labelled(*args)
        time.sleep(0.1)  # so that the others look meanwhile
        return found

    monkeypatch.setattr(local, "_labelled", slowly)
    with ThreadPoolExecutor(6) as pool:
        ids = set(pool.map(lambda _: started(["runs"], label="one", once=True), range(6)))
    assert len(ids) == 1
    other = started(["runs"], label="one.more", once=True)
    first = ids.pop()
    assert first != other
    jobs.stop(place, first)
    ended(first)
    assert started(["runs"], label="one", once=True) != first


def test_the_newest_job_of_a_label_is_found(place, ended, stand_in):
    stand_in("true")
    label = "prepare-Γάτες_2.x"
    assert jobs.find(place, label) is None
    ids = [
        ended(jobs.submit(place, ["runs"], label=name)).id for name in (label, label, label + ".2")
    ]
    assert jobs.find(place, label).id == ids[1]
    assert all(job_id.startswith(label + ".") for job_id in ids)
    assert jobs.find(place, "prepare") is None


@pytest.mark.parametrize("label", ["../up", "a/b", ".hidden", "-dash", "a b", "a\n", "x" * 101])
def test_a_label_that_cannot_name_a_folder_is_refused(place, label):
    with pytest.raises(JobError, match="cannot label a job"):
        jobs.submit(place, ["runs"], label=label)
    assert not place.jobs.exists()


@pytest.mark.parametrize("job_id", ["nothing", "", ".", "..", "../jobs", "a/b", "a\0b", "x" * 300])
def test_a_job_that_was_never_started(place, job_id):
    assert jobs.look(place, job_id) is None
    assert jobs.log(place, job_id) == ""
    jobs.stop(place, job_id)
    assert not place.jobs.exists()


@pytest.mark.parametrize("name", ["job.json", "out.json", "log.txt", "lease.json"])
@pytest.mark.parametrize(
    "damage", [None, b"", b"{", b"[]", b"\xff\xfe", b"7", b"[" * 100_000, "folder"]
)
def test_a_damaged_job_is_looked_at_in_a_sentence(place, name, damage):
    folder = place.jobs / "some.0123"
    folder.mkdir(parents=True)
    files = {
        "job.json": '{"schema": 1, "argv": ["runs"], "label": "some", "started": 1.5}',
        "out.json": "",
        "log.txt": "it failed",
        "lease.json": "",
    }
    for file, content in files.items():
        (folder / file).write_text(content)
    path = folder / name
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage is not None:
        path.write_bytes(damage)
    job = jobs.look(place, "some.0123")
    found = jobs.find(place, "some")
    assert job == found
    if name == "job.json" and damage is None:
        assert job is None
    elif name == "job.json":
        assert job.error.startswith("The record of the job 'some.0123' cannot be read (")
        assert not job.alive
    elif name == "out.json" and damage in (b"[]", b"7"):
        assert job.result == json.loads(damage)
    else:
        assert (job.alive, job.result, job.label) == (False, None, "some")
        assert job.error
    jobs.stop(place, "some.0123")
    jobs.sweep(place)


def test_a_newer_version_s_job_is_looked_at(place):
    folder = place.jobs / "some.0123"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(
        '{"schema": 9, "argv": ["runs"], "label": "some", "started": 1.5, "gpu": true}'
    )
    (folder / "out.json").write_text("[1]")
    assert jobs.look(place, "some.0123").result == [1]


def test_a_job_of_the_first_version_is_found_by_its_id(place):
    folder = place.jobs / "first-run"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text('{"argv": ["first-run"], "started": 1.5}')
    (folder / "out.json").write_text("{}")
    (folder / "lock").touch()
    assert jobs.find(place, "first-run").result == {}


def test_a_job_that_is_stopped_ends(place, started, stand_in, ended):
    stand_in("exec sleep 60")
    job_id = started(["runs"])
    jobs.stop(place, job_id)
    assert ended(job_id).error == local.SILENCE
    jobs.stop(place, job_id)


def test_stopping_an_ended_job_spares_the_process_that_has_its_number(place, ended, stand_in):
    stand_in("true")
    job_id = ended(jobs.submit(place, ["runs"])).id
    other = subprocess.Popen(["/bin/sleep", "60"])
    try:
        start = processes.started(other.pid) - 1
        told = {"pid": other.pid, "started": start, "machine": processes.machine()}
        (place.jobs / job_id / "lease.json").write_text(json.dumps(told))
        jobs.stop(place, job_id)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.3)
    finally:
        other.kill()
        other.wait()


def test_a_job_on_another_machine_is_stopped_there(place, ended, stand_in):
    stand_in("true")
    job_id = ended(jobs.submit(place, ["runs"])).id
    told = {"pid": os.getpid(), "started": processes.started(os.getpid()), "machine": "gpu-2 x"}
    (place.jobs / job_id / "lease.json").write_text(json.dumps(told))
    with pytest.raises(JobError, match=r"runs on another machine \(gpu-2\)"):
        jobs.stop(place, job_id)


def test_a_job_that_nobody_could_look_at_does_not_run(place, stand_in, monkeypatch, listing):
    stand_in("exec sleep 60")
    pids = []

    def full(path, pid):
        pids.append(pid)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lease, "grant", full)
    with pytest.raises(JobError, match=r"could not be started \(No space left on device\)"):
        jobs.submit(place, ["runs"])
    assert listing(place.jobs) == []
    assert not Path(f"/proc/{pids[0]}").exists()


def test_a_job_outlives_whoever_started_it(place, pipe, ended):
    code = (
        "import os, signal; from pathlib import Path\n"
        "from engine import jobs; from engine.workspace import Workspace\n"
        f"place = Workspace(Path({str(place.path)!r}))\n"
        f"jobs.submit(place, ['auc', {str(pipe)!r}], label='wait')\n"
        "os.killpg(0, signal.SIGKILL)\n"  # what ends a server with all that belongs to it
    )
    server = [sys.executable, "-c", code]
    assert subprocess.run(server, cwd=PROJECT, start_new_session=True, check=False).returncode < 0
    job = jobs.find(place, "wait")
    assert job.alive
    pipe.write_text(SCORES)
    assert ended(job.id).result["auc"] == 0.75


def test_a_look_opens_nothing_for_writing(place, started, stand_in, ended):
    stand_in("exec sleep 60")
    living, dead = started(["runs"], label="living"), started(["runs"], label="dead")
    jobs.stop(place, dead)
    ended(dead)
    look = f"""
import os, sys
from pathlib import Path
from engine import jobs
from engine.jobs import queue
from engine.workspace import Workspace
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
def hook(event, args):
    if event == "open" and args[2] & WRITES or event in ("os.mkdir", "os.utime", "fcntl.flock"):
        print(event, args)
sys.addaudithook(hook)
for place in (Workspace(Path({str(place.path)!r})), Workspace(Path("/nowhere"))):
    for one in ({living!r}, {dead!r}, "none.0123"):
        print(getattr(jobs.look(place, one), "alive", None))
        jobs.log(place, one)
    print(getattr(jobs.find(place, "living"), "alive", None))
    print(queue.in_line(place), queue.ahead(place, "quick-1"))
"""
    line = [PYTHON, "-c", look]
    said = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert said.stderr == ""
    here, nowhere = "True False None True [] []", "None None None None [] []"
    assert said.stdout.split() == [*here.split(), *nowhere.split()]


def test_waiting_for_children_does_not_keep_the_server_from_ending(place, started, stand_in):
    stand_in("exec sleep 60")
    job_id = started(["runs"])
    waiting = [thread for thread in threading.enumerate() if job_id in thread.name]
    assert [thread.daemon for thread in waiting] == [True]
