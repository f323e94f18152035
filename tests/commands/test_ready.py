"""Whether a dashboard could work here: each thing that may be broken is named."""

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typer.testing import CliRunner

from engine import audit, backend
from engine.cli import app
from engine.commands import ready, snapshot
from engine.commands.doctor import doctor
from engine.jobs import queue
from engine.runs import store
from engine.settings import Settings
from engine.training.config import train_config
from engine.workspace import Workspace


@pytest.fixture(autouse=True)
def every_look_is_new(monkeypatch):
    monkeypatch.setattr(snapshot, "FRESH", 0.0)


def failed(place: Workspace) -> dict[str, str]:
    """What was said of each thing that failed."""
    return {check.name: check.said for check in ready.checks(place) if not check.ok}


def test_a_workspace_that_is_yet_to_be_made_is_ready(tmp_path):
    place = Workspace(tmp_path / "new")
    assert failed(place) == {}
    assert list(place.path.iterdir()) == []  # what was tried left nothing


def test_a_workspace_that_cannot_be_is_named_with_the_reason(tmp_path):
    (tmp_path / "file").touch()
    found = failed(Workspace(tmp_path / "file" / "workspace"))
    assert "Not a directory" in found["disk"]
    assert not ready.is_ready(ready.checks(Workspace(tmp_path / "file" / "workspace")))


def test_a_full_disk_is_named_before_a_run_fails_on_it(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "free_bytes", lambda place: 120e6)
    assert failed(Workspace(tmp_path)) == {
        "disk": "0.1 GB are free, and a run may take 0.5 GB; free some space"
    }


def test_a_disk_that_takes_no_block_is_named(tmp_path, monkeypatch):
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in failed(Workspace(tmp_path))["disk"]


def test_a_folder_of_runs_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "runs").touch()
    assert "Not a directory" in failed(Workspace(tmp_path))["runs"]


def test_an_audit_log_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / audit.FILE).mkdir()
    assert "audit.jsonl cannot be written" in failed(Workspace(tmp_path))["audit"]


def test_runs_that_wait_for_nobody_are_named_and_people_may_come_all_the_same(tmp_path):
    place = Workspace(tmp_path)
    run = store.create(
        place, "quick", dataset="pets", dataset_fingerprint="f" * 64, split_id="5" * 64,
        dataset_image_size=32, class_names=("cat", "dog"), image_size=32,
        config=train_config("quick", image_size=32).model_dump(),
    )  # fmt: skip
    queue.join(place, run.id)
    assert "1 wait, and no process starts them" in failed(place)["line"]
    assert ready.is_ready(ready.checks(place))


# --- the provider ---------------------------------------------------------------------------------


class Metadata(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/well" else 404)
        self.end_headers()
        self.wfile.write(b'{"issuer": "https://login.example"}')

    def log_message(self, *args):
        pass


@pytest.fixture
def provider():
    server = HTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_provider_that_does_not_answer_is_named_and_people_may_go_on(provider):
    def asked(path: str) -> ready.Check:
        (found,) = ready.provider(Settings(sign_in="oidc", oidc_url=provider + path))
        return found

    assert asked("/well").said == "https://login.example answers"
    gone = asked("/elsewhere")
    assert "nobody new can sign in" in gone.said
    assert ready.is_ready([gone])
    assert ready.provider(Settings()) == []


# --- the command ----------------------------------------------------------------------------------


def test_doctor_names_a_device_that_is_there_and_does_not_compute(tmp_path, monkeypatch):
    def broken() -> None:
        raise RuntimeError("CUDA driver version is insufficient\nand more")

    monkeypatch.setattr(backend, "try_out", broken)
    told = doctor(Workspace(tmp_path))
    (device,) = [check for check in told["checks"] if check["name"] == "device"]
    assert not told["ready"]
    assert "(CUDA driver version is insufficient)" in device["said"]


def test_a_script_sees_by_the_exit_status_that_the_server_is_not_ready(tmp_path, use_workspace):
    use_workspace(tmp_path)
    (tmp_path / "runs").touch()
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert done.exit_code == 2
    assert '"ready": false' in done.stdout
    assert "runs: Not a directory" in done.stderr
    (tmp_path / "runs").unlink()
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 0
