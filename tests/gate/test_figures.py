"""What a monitor may read, and what it reads there."""

import asyncio
import logging
import threading
import time
from dataclasses import replace

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from dashboard import figures, readiness
from dashboard.gate import watch
from dashboard.gate.figures import may_read
from dashboard.gate.who import SCOPE
from dashboard.readiness import Tried
from engine.commands import ready, snapshot
from engine.commands.ready import Check
from engine.people import Person, Role
from engine.runs import store
from engine.runs.record import Run
from engine.settings import Settings
from engine.training.config import train_config
from engine.workspace import Workspace
from tests.gate.conftest import Browser, application

HERE, ELSEWHERE = ("127.0.0.1", 5000), ("203.0.113.7", 5000)
TOKEN = {"Authorization": "Bearer of-a-monitor"}
WELL = Check("disk", True, "can be written, 60.5 GB free")


@pytest.fixture
def place(tmp_path, use_workspace, monkeypatch) -> Workspace:
    """A workspace of the server's, looked at anew each time."""
    monkeypatch.setattr(snapshot, "FRESH", 0.0)
    return Workspace(use_workspace(tmp_path))


@pytest.fixture
def tried(monkeypatch):
    """`tried(check, …)`: what the server finds when it is asked whether it is ready."""

    def found(*checks: Check) -> None:
        monkeypatch.setattr(readiness, "ALL", [Tried("disk", lambda: list(checks), 0.0)])

    found(WELL)
    return found


def monitor(client=HERE, **asked) -> Browser:
    """A monitor before a dashboard where nobody signs in."""
    return Browser(application(Settings(metrics_token="of-a-monitor", **asked)), client)


def add(place: Workspace, **known) -> Run:
    run = store.create(
        place, "quick", dataset="pets", dataset_fingerprint="f" * 64, split_id="5" * 64,
        dataset_image_size=32, class_names=("cat", "dog"), image_size=32,
        config=train_config("quick", image_size=32).model_dump(),
    )  # fmt: skip
    return store.save(run, **known)


def read(answer: httpx2.Response) -> dict[tuple, float]:
    """Every figure of /metrics by its name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


# --- who may read ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sign_in", "client", "headers", "person", "may"),
    [
        ("none", HERE, {}, None, True),
        ("none", ("::1", 5000), {}, None, True),
        ("none", ELSEWHERE, {}, None, False),
        ("none", None, {}, None, False),
        ("none", HERE, {"X-Forwarded-For": "127.0.0.1"}, None, False),
        ("none", HERE, {"Forwarded": "for=127.0.0.1"}, None, False),
        ("none", ELSEWHERE, TOKEN, None, True),
        ("none", ELSEWHERE, {"Authorization": "bearer  of-a-monitor "}, None, True),
        ("none", ELSEWHERE, {"Authorization": "Bearer of-a-monitor!"}, None, False),
        ("none", ELSEWHERE, {"Authorization": "Bearer ü"}, None, False),
        ("none", ELSEWHERE, {"Authorization": "Bearer"}, None, False),
        ("none", ELSEWHERE, {"Authorization": "Basic of-a-monitor"}, None, False),
        ("oidc", HERE, {}, None, False),
        ("oidc", HERE, TOKEN, None, True),
        ("oidc", HERE, {}, Role.TRAINER, False),
        ("oidc", ELSEWHERE, {}, Role.ADMIN, True),
        ("proxy", HERE, {}, None, False),
        ("proxy", HERE, {}, Role.VIEWER, False),
    ],
)
def test_figures_are_for_the_token_for_admins_and_for_this_machine(
    sign_in, client, headers, person, may
):
    scope = {
        "type": "http", "client": client, SCOPE: person and Person("ann@example.com", person),
        "headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in headers.items()],
    }  # fmt: skip
    settings = Settings(sign_in=sign_in, metrics_token="of-a-monitor")
    assert may_read(Request(scope), settings) == may


def test_without_a_token_in_the_settings_an_empty_one_opens_nothing():
    scope = {"type": "http", "client": ELSEWHERE, "headers": [(b"authorization", b"Bearer ")]}
    assert not may_read(Request(scope), Settings())


def test_who_may_not_read_figures_is_told_what_is_missing(place, tried):
    answer = monitor(ELSEWHERE).get("/metrics")
    assert answer.status_code == 401
    assert "CAMSIGHT_METRICS_TOKEN" in answer.text
    assert "camsight_runs" not in answer.text


def test_a_monitor_passes_the_gate_where_people_sign_in_and_a_trainer_gets_no_figures(
    browse, provider, place, tried
):
    browser = browse(metrics_token="of-a-monitor")
    assert browser.get("/metrics", headers=TOKEN).status_code == 200
    assert browser.get("/ready").json() == {"ready": True, "failed": []}
    browser.sign_in(provider, "ann@example.com")
    assert browser.get("/metrics").status_code == 401
    assert browser.get("/_stcore/metrics").status_code == 404
    assert "checks" not in browser.get("/ready").json()
    admin = browse()
    admin.sign_in(provider, "ops@example.com")
    assert admin.get("/metrics").status_code == 200
    assert admin.get("/ready").json()["checks"][0]["said"] == WELL.said


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/metrics/", "/_stcore/metrics?x=1"])
def test_streamlit_s_own_figures_are_there_for_nobody(path):
    assert monitor().get(path).status_code == 404
    assert monitor().get(path, headers=TOKEN).status_code == 404


# --- ready ----------------------------------------------------------------------------------------


def test_a_server_that_is_not_ready_says_which_thing_failed_and_only_here_why(place, tried):
    tried(replace(WELL, ok=False, said="No space left in /srv/camsight"))
    answer = monitor(ELSEWHERE).get("/ready")
    assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
    assert answer.json() == {"ready": False, "failed": ["disk"]}
    assert monitor().get("/ready").json()["checks"][0]["said"] == "No space left in /srv/camsight"


def test_what_nobody_needs_fails_without_sending_people_away(place, tried):
    tried(WELL, Check("provider", False, "is down", needed=False))
    answer = monitor(ELSEWHERE).get("/ready")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "failed": ["provider"]}


def test_a_disk_that_hangs_is_named_and_tried_by_one_thread_however_often_one_asks(monkeypatch):
    ends, begun = threading.Event(), []

    def hang() -> list[Check]:
        begun.append(threading.current_thread())
        ends.wait()
        return [WELL]

    monkeypatch.setattr(readiness, "ALL", [Tried("disk", hang, 0.0)])
    monkeypatch.setattr(readiness, "PATIENCE", 0.01)
    for found in (asyncio.run(readiness.look()), asyncio.run(readiness.look())):
        assert (found[0].name, found[0].ok) == ("disk", False)
        assert "has not answered" in found[0].said
    assert readiness.look_here()[0].ok is False
    assert len(begun) == 1
    ends.set()
    begun[0].join()
    monkeypatch.setattr(readiness, "PATIENCE", 60)
    assert readiness.look_here() == [WELL]


def test_what_was_tried_a_moment_ago_serves_everyone():
    counted = []
    tried = Tried("disk", lambda: counted.append(time.monotonic()) or [WELL], 3600.0)
    for _ in range(5):
        assert tried.ask().result(60) == [WELL]
    assert len(counted) == 1


def test_what_breaks_while_it_is_tried_is_not_ready():
    def broken() -> list[Check]:
        raise ZeroDivisionError

    (found,) = Tried("disk", broken, 0.0).ask().result(60)
    assert (found.name, found.ok) == ("disk", False)
    assert "ZeroDivisionError" in found.said


# --- what is told ---------------------------------------------------------------------------------


def test_a_monitor_reads_runs_by_state_seconds_uploads_and_whether_it_is_ready(place, tried):
    add(place, status="finished", seconds=40.0)
    add(place, status="failed", seconds=2.0, error="The disk was full.")
    add(place)
    sent = place.uploads / "0a1b"
    sent.mkdir(parents=True)
    (sent / "pets.zip").write_bytes(b"x" * 1000)
    found = read(monitor().get("/metrics"))
    assert found["camsight_runs", "finished"] == found["camsight_runs", "failed"] == 1
    assert found["camsight_runs", "running"] == 0
    assert found["camsight_queue_length",] == 1
    assert found["camsight_training_seconds", "quick"] == 42
    assert (found["camsight_uploads",], found["camsight_uploads_bytes",]) == (1, 1000)
    assert found["camsight_ready", "disk"] == 1
    assert found["camsight_disk_free_bytes",] > 0


def test_of_a_workspace_that_cannot_be_read_a_monitor_still_learns_that(place, monkeypatch):
    monkeypatch.setattr(readiness, "ALL", [Tried("disk", lambda: ready.checks(place), 0.0)])
    place.datasets.touch()
    answer = monitor().get("/metrics")
    found = read(answer)
    assert (answer.status_code, found["camsight_ready", "runs"]) == (200, 0)
    assert found["camsight_disk_free_bytes",] > 0


def test_a_monitor_reads_seconds_by_method_and_what_waits_for_models(place, tried, monkeypatch):
    told = figures.client.Figures(
        pid=7, restarts=1, waiting=3, working=2, maps={"grad-cam": 4}, seconds={"grad-cam": 1.5},
        errors={"Gone": 1},
    )  # fmt: skip

    class Holder:
        def figures(self):
            return told

    monkeypatch.setattr(figures.client, "running", Holder)
    found = read(monitor().get("/metrics"))
    assert found["camsight_heatmap_seconds_count", "grad-cam"] == 4
    assert found["camsight_heatmap_seconds_sum", "grad-cam"] == 1.5
    assert found["camsight_model_requests", "waiting"] == 3
    assert found["camsight_model_errors_total", "Gone"] == 1
    assert (found["camsight_models_up",], found["camsight_model_restarts_total",]) == (1, 1)


def test_answers_are_counted_by_their_status_also_those_that_are_refused(place, tried):
    here = monitor()
    before = read(here.get("/metrics"))
    assert here.get("/evaluate", headers={"Host": "evil.example"}).status_code == 403
    now = read(here.get("/metrics"))
    for status, more in (("403", 1), ("200", 1)):
        name = "camsight_answers_total", status
        assert now[name] == before.get(name, 0) + more


def test_an_error_that_no_page_expected_is_counted_by_its_name(place, tried):
    name = "camsight_errors_total", "ZeroDivisionError"
    before = read(monitor().get("/metrics")).get(name, 0)
    figures.failed(ZeroDivisionError("of /srv/camsight"))
    answer = monitor().get("/metrics")
    assert read(answer)[name] == before + 1
    assert "/srv" not in answer.text


# --- what became of runs --------------------------------------------------------------------------


def test_the_log_tells_what_became_of_a_run_and_whose_it_is_once(place, caplog):
    run = replace(add(place), owner="ann@example.com")
    caplog.set_level(logging.INFO, "camsight")
    caplog.clear()
    known = watch.tell(None, (run,))
    assert not caplog.records  # what was so before the server started is no news
    failed = replace(run, status="failed", seconds=62.0, error="The disk was full.")
    before = figures.total(figures.read(), "camsight_runs_ended_total", state="failed")
    known = watch.tell(known, (failed,))
    watch.tell(known, (failed,))
    (record,) = caplog.records
    assert record.getMessage() == "failed after 62 s: The disk was full."
    assert (record.run, record.user, record.levelname) == (run.id, "ann@example.com", "WARNING")
    after = figures.total(figures.read(), "camsight_runs_ended_total", state="failed")
    assert after == before + 1
