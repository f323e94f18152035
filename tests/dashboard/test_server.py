"""The server itself: whom it answers, how it ends, and a workspace that cannot be written."""

import ctypes
import json
import signal
import socket
import sys
import tarfile
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from dashboard.__main__ import make_ready
from engine import jobs
from engine.jobs import queue
from engine.runs import store
from engine.training.config import train_config
from engine.workspace import Workspace
from tests.dashboard.conftest import OLD

REFUSED = b"does not answer under this name"
UPGRADE = {
    "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "streamlit",
}  # fmt: skip
ROUTES = [  # method, path, status for who may ask; None: Streamlit decides by more than the host
    ("GET", "/", 200),
    ("GET", "/evaluate", 200),
    ("HEAD", "/", None),
    ("OPTIONS", "/_stcore/health", None),
    ("GET", "/_stcore/health", 200),
    ("GET", "/_stcore/host-config", 200),
    ("GET", "/_stcore/metrics", 404),
    ("GET", "/metrics", 200),
    ("GET", "/ready", None),  # not before a device has been tried
    ("GET", "/_stcore/stream", 101),
    ("PUT", "/_stcore/upload_file/a/b", None),
    ("DELETE", "/_stcore/upload_file/a/b", None),
    ("POST", "/_stcore/agent/interact", None),
    ("GET", "/media/x.png", 404),
    ("GET", "/component/x/y.js", 404),
    ("GET", "/_stcore/bidi-components/x/y.js", 404),
    ("GET", "/static/js/none.js", 200),
    ("GET", "/app/static/plex-sans.woff2", 200),
    ("GET", "/oauth2callback", None),
]


@pytest.fixture(scope="module")
def server(serve, old_workspace):
    names = "camsight.example, *.team.example"
    return serve(old_workspace, CAMSIGHT_ALLOWED_HOSTS=names, CAMSIGHT_LOG="json")


@pytest.fixture(scope="module")
def server_everywhere(serve, old_workspace):
    return serve(old_workspace, CAMSIGHT_HOST="0.0.0.0", CAMSIGHT_ANYONE="yes")


def ask(server, method: str, path: str, host: str, origin: str | None = None):
    """Status and body of an answer to these very headers."""
    connection = HTTPConnection(urlsplit(server.address).netloc, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    for name, value in (headers | (UPGRADE if path.endswith("/stream") else {})).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    told = answer.status, answer.read() if answer.status != 101 else b""
    connection.close()
    return told


def test_a_connection_that_is_refused_is_no_error_in_the_log(server):
    assert ask(server, "GET", "/_stcore/stream", "evil.example")[0] == 403
    own = urlsplit(server.address).netloc
    assert ask(server, "GET", "/_stcore/health", own)[0] == 200  # what was to be logged is
    assert "handshake" not in server.log.read_text()


@pytest.mark.parametrize(("method", "path", "status"), ROUTES, ids=lambda value: str(value))
def test_no_route_answers_the_page_of_another_site(server, method, path, status):
    port = urlsplit(server.address).port
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example"):
        told, body = ask(server, method, path, host, f"http://{host}")
        assert told == 403
        assert REFUSED in body or method == "HEAD"
    told, body = ask(server, method, path, f"127.0.0.1:{port}", "http://evil.example")
    assert told == 403
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "camsight.example", "a.team.example"):
        told, body = ask(server, method, path, host, f"http://{host}")
        assert told == (status or told)
        assert REFUSED not in body


def test_a_server_becomes_ready_once_its_device_was_tried(server, until):
    def ready() -> dict | None:
        status, body = ask(server, "GET", "/ready", "localhost")
        told = json.loads(body)
        assert (status == 200) == told["ready"]
        assert set(told["failed"]) <= {"device"}  # while it is being tried
        return told if status == 200 else None

    tried = {check["name"]: check["ok"] for check in until(ready)["checks"]}
    assert tried == dict.fromkeys(("runs", "disk", "audit", "line", "device", "models"), True)


def test_every_line_that_the_server_logs_is_json(server):
    """Those of uvicorn, which tells of what is no HTTP, too."""
    with socket.create_connection(("127.0.0.1", urlsplit(server.address).port)) as connection:
        connection.sendall(b"no HTTP\r\n\r\n")
        while connection.recv(1000):
            pass
    told = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert any(line["message"].startswith("Camsight on http://") for line in told)
    assert any(line["logger"] == "uvicorn.error" for line in told)


@pytest.mark.parametrize(
    ("host", "status"),
    [("192.168.1.7", 101), ("[2001:db8::1]:80", 101), ("evil.example", 403), ("7.evil.org", 403)],
)
def test_a_server_on_every_address_answers_under_addresses_and_no_unknown_name(
    server_everywhere, host, status
):
    assert ask(server_everywhere, "GET", "/_stcore/stream", host, f"http://{host}")[0] == status


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_open_page_does_not_keep_the_server_from_ending(serve, old_workspace, end):
    server = serve(old_workspace)
    page = HTTPConnection(urlsplit(server.address).netloc, timeout=60)
    page.request("GET", "/_stcore/stream", headers=UPGRADE)
    assert page.getresponse().status == 101
    server.process.send_signal(end)
    assert server.process.wait(60) == 0
    assert "Traceback" not in server.log.read_text()


def test_runs_that_wait_go_on_when_the_dashboard_starts_anew(tmp_path, monkeypatch):
    place, asked = Workspace(tmp_path), []
    run = store.create(
        place, "quick", dataset="pets", dataset_fingerprint="f" * 64, split_id="5" * 64,
        dataset_image_size=32, class_names=("cat", "dog"), image_size=32,
        config=train_config("quick", image_size=32).model_dump(),
    )  # fmt: skip
    queue.join(place, run.id)
    monkeypatch.setattr(jobs, "submit", lambda place, argv, **how: asked.append(argv) or "work.0")
    make_ready(place)
    assert asked == [["work"]]


def without_roots_rights() -> None:
    """Let a folder's mode bind root as it binds everyone: drop CAP_DAC_OVERRIDE before exec."""
    ctypes.CDLL(None).prctl(24, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="root is bound by modes on Linux only")
def test_a_workspace_that_cannot_be_written_is_served_and_said(serve, tmp_path):
    with tarfile.open(OLD) as packed:
        packed.extractall(tmp_path, filter="data")
    place = tmp_path / "workspace"
    folders = [place, *(path for path in place.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        server = serve(place, preexec_fn=without_roots_rights)
        assert "cannot be written (Permission denied)" in server.log.read_text()
        assert "nothing can be trained or prepared" in server.log.read_text()
    finally:
        for folder in folders:
            folder.chmod(0o755)
