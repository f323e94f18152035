"""The dashboard ends and starts again while a run trains, and after the run was killed, too."""

import os
import signal

import pytest

from dashboard import __main__ as dashboard
from engine import lease
from engine.commands import resume, train
from engine.runs import store
from engine.training import checkpoint
from engine.training.config import train_config
from engine.workspace import Workspace


@pytest.fixture
def place(workspace, tmp_path, copy_of) -> Workspace:
    return copy_of(workspace, tmp_path)


def trainer(run) -> lease.Holder | None:
    return lease.holder(run.folder / "lease.json")


def test_a_run_outlives_the_server_and_a_killed_one_goes_on_when_that_starts_again(
    serve, place, until
):
    config = train_config("quick", image_size=32, epochs=400)
    run = train.start(place, "drawn", config)
    until(lambda: (told := checkpoint.look(run.folder)) and told.epoch >= 2)
    first = trainer(run)
    try:
        server = serve(place.path)
        assert trainer(run) == first  # it trains as if nothing had started
        assert store.open_run(place, run.id).resumed == 0
        server.process.kill()
        server.process.wait(60)
        assert trainer(run) == first
    finally:
        os.kill(first.pid, signal.SIGKILL)
    until(lambda: store.open_run(place, run.id).status == "lost")
    kept = checkpoint.look(run.folder).epoch

    server = serve(place.path)
    try:
        assert f"The run '{run.id}' was lost and is resumed." in server.log.read_text()
        until(lambda: checkpoint.look(run.folder).epoch > kept)
        now = store.open_run(place, run.id)
        assert (now.status, now.resumed) == ("running", 1)
        assert [epoch for epoch, _ in now.went_on] == [kept + 1]
        assert f"resumed after epoch {kept} of 400" in (run.folder / "log.txt").read_text()
        store.ask_to_stop(run)
        until(lambda: store.open_run(place, run.id).status == "stopped")
    finally:
        if left := trainer(run):
            os.kill(left.pid, signal.SIGKILL)
    ended = store.open_run(place, run.id)
    assert ended.judged
    assert store.history(ended)["epoch"] == list(range(1, len(store.history(ended)["epoch"]) + 1))


def test_a_workspace_without_lost_runs_is_left_to_itself(place, monkeypatch, capsys):
    monkeypatch.setattr(resume, "_set_going", lambda *_, **__: pytest.fail("it started something"))
    config = train_config("quick", image_size=32)
    for status in ("stopped", "failed", "finished", "queued"):
        store.save(train.create_run(place, "drawn", config), status=status)
    dashboard.make_ready(place)
    assert capsys.readouterr().out == ""
