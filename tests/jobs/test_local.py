"""A process of our own that outlives whoever asked for it."""

import json
import os
import subprocess
import sys
import time

import pytest

from engine.jobs import local
from engine.settings import PROJECT, settings


@pytest.fixture(autouse=True)
def _alone(empty_workspace):
    pass


@pytest.fixture
def ended(until):
    """A function that waits until a job has ended, and gives it."""
    return lambda job_id: until(lambda: (job := local.look(job_id)) and not job.alive and job, 60)


def test_a_job_s_answer_is_what_it_printed_as_json(ended):
    assert local.start("list", ["runs"]) == "list"
    job = ended("list")
    assert (job.result, job.error, job.argv) == ([], None, ("runs",))


def test_a_job_that_fails_says_its_sentence(ended):
    local.start("bad", ["evaluate", "quick-1"])
    job = ended("bad")
    assert job.result is None
    assert job.error == "The run 'quick-1' does not exist; there is: none yet."


def test_a_job_that_is_alive_is_left_to_its_work(tmp_path, ended):
    pipe = tmp_path / "scores.csv"
    os.mkfifo(pipe)  # `auc` waits until somebody writes
    local.start("wait", ["auc", str(pipe)])
    assert local.look("wait").alive
    first = (settings().jobs / "wait" / "job.json").read_text()
    local.start("wait", ["runs"])
    assert (settings().jobs / "wait" / "job.json").read_text() == first
    pipe.write_text("y_true,y_score\n0,0.1\n1,0.9\n0,0.3\n1,0.2\n")
    assert ended("wait").result["auc"] == 0.75


def test_an_ended_job_gives_way_to_the_next_of_its_id(ended):
    local.start("one", ["runs"])
    ended("one")
    local.start("one", ["datasets"])
    assert ended("one").argv == ("datasets",)


def test_a_job_that_was_never_started():
    assert local.look("nothing") is None


def test_a_job_outlives_whoever_started_it(tmp_path, ended):
    pipe = tmp_path / "scores.csv"
    os.mkfifo(pipe)
    code = (
        "import os, signal; from engine.jobs import local\n"
        f"local.start('wait', ['auc', {str(pipe)!r}])\n"
        "os.killpg(0, signal.SIGKILL)\n"  # what ends a server with all that belongs to it
    )
    server = [sys.executable, "-c", code]
    assert subprocess.run(server, cwd=PROJECT, start_new_session=True, check=False).returncode < 0
    assert local.look("wait").alive
    pipe.write_text("y_true,y_score\n0,0.1\n1,0.9\n")
    assert ended("wait").result["auc"] == 1


def test_old_jobs_are_forgotten_and_young_ones_kept(ended):
    for job_id in ("old", "young"):
        local.start(job_id, ["runs"])
        ended(job_id)
    long_ago = time.time() - local.KEPT_SECONDS - 60
    os.utime(settings().jobs / "old" / "job.json", (long_ago, long_ago))
    local.forget_old()
    assert local.look("old") is None
    assert local.look("young").result == []
    assert json.loads((settings().jobs / "young" / "out.json").read_text()) == []
