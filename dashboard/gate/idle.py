"""Sessions in which nobody clicks any more are ended, so that what is kept of them goes.

A tab that was left open asks by itself, every second where something is going on: such reruns of a
fragment say that they are the browser's own. All else that a page sends comes from a person.
"""

import asyncio
import time
from contextlib import AbstractAsyncContextManager, suppress
from urllib.parse import urlencode

from google.protobuf.message import DecodeError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.runtime_util import get_max_widget_state_size_bytes

from dashboard.gate import pages
from dashboard.gate.beside import beside
from dashboard.gate.door import PAGE, TAB, go_to
from dashboard.gate.routes import own_path

LOOK_EVERY = 5.0  # seconds; also how long a tab has to go to `/idle` by itself
ENDED = "/idle"
SHORT = 4096  # bytes; a message that changes a page's address has no more
BY_THEMSELVES = ("app_heartbeat", "load_git_info")
_connections: set["Connection"] = set()


class Idle:
    """ASGI middleware: notices when a person last did something in each tab.

    Args:
        minutes: without a click, after which a session is ended.
    """

    def __init__(self, app: ASGIApp, minutes: float):
        self.app, self._seconds = app, 60 * minutes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            return await self.app(scope, receive, send)
        connection = Connection(receive, send, self._seconds, scope.get(TAB))
        _connections.add(connection)
        try:
            await self.app(scope, connection.receive, connection.send)
        finally:
            _connections.discard(connection)


class Connection:
    """A tab's WebSocket.

    Attributes:
        session: Streamlit's id of it, once it was said to the browser.
        page: the address of the page that the tab shows, from its first /; the door is told of it
            in `tab`.
    """

    def __init__(
        self, receive: Receive, send: Send, seconds: float, tab: dict[str, str] | None = None
    ):
        self._tab = {} if tab is None else tab
        self._receive, self._send, self._seconds = receive, send, seconds
        self._last, self._sent_away = time.monotonic(), False
        self.session, self.page, self._name = "", "/", ""

    async def receive(self) -> Message:
        message = await self._receive()
        if 0 < len(message.get("bytes") or b"") <= get_max_widget_state_size_bytes():
            self._hear(message["bytes"])
        return message

    def _hear(self, data: bytes) -> None:
        said = BackMsg()
        with suppress(DecodeError):  # Streamlit answers what it cannot read, or is too long
            said.ParseFromString(data)
        kind = said.WhichOneof("type")
        if (kind == "rerun_script" and said.rerun_script.is_auto_rerun) or kind in BY_THEMSELVES:
            return
        self._last = time.monotonic()
        if kind == "rerun_script":
            told = said.rerun_script
            self._name = told.page_name or _page_of(self.session, told.page_script_hash)
            self._shows(told.query_string)

    async def send(self, message: Message) -> None:
        data = message.get("bytes")
        if data and (not self.session or len(data) < SHORT):
            told = ForwardMsg()
            told.ParseFromString(data)
            self.session = self.session or told.new_session.initialize.session_id
            if told.HasField("page_info_changed"):
                self._shows(told.page_info_changed.query_string)
        await self._send(message)

    def _shows(self, query: str) -> None:
        self.page = f"/{self._name}" + (f"?{query}" if query else "")
        self._tab[PAGE] = self.page

    def seconds(self) -> float:
        """Since a person did something here."""
        return time.monotonic() - self._last

    async def look(self) -> None:
        """Send the tab away if nobody clicked for so long; end its session at the next look."""
        if self._sent_away:
            await self._end()
        elif self.seconds() > self._seconds:
            self._sent_away = True
            away = go_to(f"{ENDED}?{urlencode({'to': self.page})}")
            await self._send({"type": "websocket.send", "bytes": away})

    async def _end(self) -> None:
        """Streamlit keeps nothing of it then, and a browser that comes back gets a new session."""
        _connections.discard(self)
        if self.session:
            runtime.get_instance().close_session(self.session)
        await self._send({"type": "websocket.close", "code": 1001})


def _page_of(session: str, script: str) -> str:
    """A page's name in its address. A browser tells that when it loads the page, and from then on
    the hash that it was told for it."""
    found = runtime.get_instance().get_app_session(session) if script and runtime.exists() else None
    return found.get_pages().get(script, {}).get("url_pathname", "") if found else ""


def watched() -> AbstractAsyncContextManager[None]:
    """While the server runs: end sessions that are idle."""
    return beside(_watch())


async def _watch() -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY)
        for connection in list(_connections):
            with suppress(Exception):  # a connection that breaks while it is told so
                await asyncio.wait_for(connection.look(), LOOK_EVERY)


async def _ended(request: Request) -> Response:
    """Where a tab goes whose session was ended."""
    back = own_path(request.query_params.get("to", ""))
    return pages.page(
        "You were away",
        ["Nobody clicked here for a long time, so this page was closed, and files that you sent to "
         "it were let go. Runs go on meanwhile."],
        links=[("Open it again", back)],
    )  # fmt: skip


ROUTES = [Route(ENDED, _ended)]
