"""The gate's part of an upload without a server: whose session it is, and what goes wrong on the
way."""

import asyncio
import errno
from pathlib import Path
from unittest.mock import Mock

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string

from dashboard.gate import idle, sessions, uploads
from dashboard.gate.spool import Spool
from dashboard.gate.who import SCOPE
from engine.people import WHOEVER, Person, Role
from engine.settings import Settings
from engine.workspace import Workspace

ANN, EVE = Person("ann@example.com", Role.TRAINER), Person("eve@example.com", Role.ADMIN)
XSRF = generate_xsrf_token_string()
START = b'--e\r\nContent-Disposition: form-data; name="f"; filename="a.zip"\r\n\r\n'
WHOLE = [START + b"PICTURE", b"\r\n--e--\r\n"]


class Streamlit:
    """In its place: keeps what it is handed, and answers as its route does."""

    def __init__(self, status: int = 204):
        self.status, self.bodies = status, []

    async def __call__(self, scope, receive, send) -> None:
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def is_active_session(self, session: str) -> bool:
        return session == "anns"


@pytest.fixture
def spool(tmp_path, monkeypatch) -> Spool:
    """Ann's page is open, and draws an uploader."""
    found = Spool(Workspace(tmp_path), Settings(upload_mb=1))
    found.expect("anns", 1, 1)
    monkeypatch.setattr(uploads, "spool", lambda: found)
    monkeypatch.setattr(sessions, "owner", lambda session: ANN if session == "anns" else None)
    monkeypatch.setattr(uploads.runtime, "exists", lambda: True)
    monkeypatch.setattr(uploads.runtime, "get_instance", Streamlit)
    yield found
    found.close()


def send(streamlit: Streamlit, by: Person | None = ANN, pieces=WHOLE, method="PUT", ends=True):
    """Status and body of the answer to a file for Ann's session."""
    headers = {"x-xsrftoken": XSRF, "cookie": f"_streamlit_xsrf={XSRF}",
               "content-type": "multipart/form-data; boundary=e"}  # fmt: skip
    scope = {
        "type": "http", "method": method, "path": "/_stcore/upload_file/anns/f1", SCOPE: by,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    coming = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if ends:
        coming[-1]["more_body"] = False
    answers = []

    async def receive() -> dict:
        return coming.pop(0) if coming else await asyncio.Future()

    async def answer(message: dict) -> None:
        answers.append(message)

    asyncio.run(uploads.Uploads(streamlit)(scope, receive, answer))
    return answers[0]["status"], b"".join(one.get("body", b"") for one in answers).decode()


def left(spool: Spool) -> list[Path]:
    return [path for path in spool._workspace.uploads.glob("*/*") if "lease" not in path.name]


def test_streamlit_is_handed_a_token_under_the_file_s_own_name(spool):
    streamlit = Streamlit()
    assert send(streamlit)[0] == 204
    (body,) = streamlit.bodies
    assert b'filename="a.zip"' in body
    assert b"PICTURE" not in body
    assert spool.find("anns", "f1").path.read_bytes() == b"PICTURE"


@pytest.mark.parametrize("by", [EVE, WHOEVER, None], ids=["an admin", "nobody by name", "nobody"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_nobody_puts_a_file_into_another_s_session_or_takes_one_out(spool, by, method):
    send(Streamlit())
    streamlit = Streamlit()
    assert send(streamlit, by, method=method) == (403, "This page is somebody else's.\n")
    assert streamlit.bodies == []
    assert spool.find("anns", "f1").size == 7


def test_a_file_that_streamlit_refuses_is_not_kept(spool):
    assert send(Streamlit(400))[0] == 400
    assert left(spool) == []


def test_a_browser_that_falls_silent_is_given_up_with_nothing_left(spool, monkeypatch):
    monkeypatch.setattr(uploads, "SILENT", 0.05)
    streamlit = Streamlit()
    assert send(streamlit, pieces=WHOLE[:1], ends=False)[0] == 408
    assert (streamlit.bodies, left(spool)) == ([], [])


def test_a_disk_that_is_full_in_the_middle_is_a_sentence_with_nothing_left(spool, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spool, "write", refuse)
    assert send(Streamlit())[0] == 204  # a page shows nothing of another status
    assert left(spool) == []
    with pytest.raises(uploads.SpaceError, match=r"cannot be kept \(No space left on device\)"):
        spool.find("anns", "f1")


# --- idle -----------------------------------------------------------------------------------------


def rerun(**told) -> bytes:
    said = BackMsg()
    for name, value in told.items():
        setattr(said.rerun_script, name, value)
    return said.SerializeToString()


HEARTBEAT = BackMsg(app_heartbeat=True).SerializeToString()


@pytest.mark.parametrize(
    ("says", "by_a_person"),
    [
        (rerun(page_name="train", query_string="job=quick-1"), True),
        (rerun(fragment_id="f"), True),
        (rerun(fragment_id="f", is_auto_rerun=True), False),
        (HEARTBEAT, False),
        (rerun(query_string="a" * 5_000_000), False),
    ],
    ids=["a click", "a click in a fragment", "a fragment's timer", "a heartbeat", "megabytes"],
)
def test_only_what_a_person_does_keeps_a_session(monkeypatch, says, by_a_person):
    now, sent = [0.0], []
    monkeypatch.setattr(idle.time, "monotonic", lambda: now[0])

    async def receive() -> dict:
        return {"type": "websocket.receive", "bytes": says}

    async def send(message: dict) -> None:
        sent.append(message)

    connection = idle.Connection(receive, send, seconds=60)
    now[0] = 59.0
    asyncio.run(connection.receive())
    now[0] = 61.0
    asyncio.run(connection.look())
    assert bool(sent) != by_a_person
    asyncio.run(connection.look())
    assert [one["type"] for one in sent] == (
        [] if by_a_person else ["websocket.send", "websocket.close"]
    )


@pytest.mark.parametrize("named", [{"page_name": "train"}, {"page_script_hash": "f0"}],
                         ids=["loaded", "clicked"])  # fmt: skip
def test_a_tab_that_is_sent_away_is_told_the_way_back(monkeypatch, named):
    sent, streamlit = [], Mock()
    pages = {"f0": {"url_pathname": "train"}}
    streamlit.get_app_session.return_value.get_pages.return_value = pages
    monkeypatch.setattr(idle.runtime, "exists", lambda: True)
    monkeypatch.setattr(idle.runtime, "get_instance", lambda: streamlit)

    async def receive() -> dict:
        return {"type": "websocket.receive", "bytes": rerun(query_string="a=1", **named)}

    async def send(message: dict) -> None:
        sent.append(message)

    connection = idle.Connection(receive, send, seconds=-1)
    asyncio.run(connection.receive())
    assert connection.page == "/train?a=1"
    told = ForwardMsg()
    told.page_info_changed.query_string = "a=2"  # a page writes its address by itself
    asyncio.run(connection.send({"type": "websocket.send", "bytes": told.SerializeToString()}))
    asyncio.run(connection.look())
    told.ParseFromString(sent[-1]["bytes"])
    assert told.auth_redirect.url == "/idle?to=%2Ftrain%3Fa%3D2"
