"""Jobs of a workspace, started and awaited."""

import pytest

from engine import jobs
from engine.jobs import local
from engine.workspace import Workspace


@pytest.fixture
def place(tmp_path) -> Workspace:
    (tmp_path / "a workspace").mkdir()
    return Workspace(tmp_path / "a workspace")


@pytest.fixture
def ended(place, until):
    """A function that waits until a job has ended, and gives it."""
    return lambda job_id: until(lambda: (job := jobs.look(place, job_id)) and not job.alive and job)


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """`stand_in(script)`: a shell script runs in place of Python, which takes long to start."""

    def use(script: str) -> None:
        path = tmp_path / "stand-in"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(local.sys, "executable", str(path))

    return use


@pytest.fixture
def started(place):
    """`started(argv, ...)` submits a job that is stopped when the test ends."""
    ids = []

    def start(*args, **options) -> str:
        ids.append(jobs.submit(place, *args, **options))
        return ids[-1]

    yield start
    for job_id in ids:
        jobs.stop(place, job_id)
