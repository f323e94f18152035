"""A preparation that is ended from outside, in a process of its own as people start it."""

import os
import signal
import subprocess
import sys

import pytest

from engine.commands.prepare import preparing
from engine.commands.sweep import sweep
from engine.settings import PROJECT
from engine.workspace import Workspace


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_an_ended_preparation_is_seen_to_have_ended_and_leaves_nothing(
    sign, tmp_path, until, listing
):
    place = Workspace(tmp_path / "workspace")
    line = "prepare drawn --name drawn --count 20000 --image-size 64"
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", *line.split()],
        cwd=PROJECT, env=os.environ | {"CAMSIGHT_WORKSPACE": str(place.path)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        until(lambda: preparing(place) and preparing(place)[0].done)
        process.send_signal(sign)
        assert process.wait(60) == (143 if sign == signal.SIGTERM else -signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert preparing(place) == []
    if sign == signal.SIGKILL:
        assert (place.datasets / ".preparing-drawn").is_dir()
        sweep(place)
    assert listing(place.path) == []
