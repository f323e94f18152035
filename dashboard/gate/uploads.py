"""Files on their way from a browser to the disk; see `dashboard/gate/spool.py`.

Streamlit's route for uploads takes a file from whoever names a session, and holds it in memory.
Here it is asked first whether the session is the asker's and its page has an uploader; then the
file is written to the disk piece by piece, and Streamlit is handed a token in its place.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime
from streamlit.web.server.starlette.starlette_app_utils import validate_xsrf_token
from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME

from dashboard.gate import sessions
from dashboard.gate.spool import Incoming, Spool, spool
from dashboard.gate.who import SCOPE
from engine.errors import SpaceError
from engine.people import Person

PLACE = re.compile(r".*/_stcore/upload_file/(?P<session>[\w-]{1,64})/(?P<file>[\w-]{1,64})", re.A)
PIECE = 2**20  # bytes that are written at once
AROUND = 16 * 2**10  # bytes of a request that are not the file's
SILENT = 60.0  # seconds after which a browser that sends nothing is given up
EDGE = b"camsight"  # between the parts of what Streamlit is handed
_log = logging.getLogger(__name__)


class Refused(Exception):
    """A request that is answered by a status and a sentence, and by nothing else."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Uploads:
    """ASGI middleware before Streamlit's route for uploads.

    What a person could not know (a budget, a disk that is full) is said on the page, by a token
    that stands for the sentence; anything else is refused by its status before it is read:
    403 without the token against forged requests, for somebody else's session or for a page without
    an uploader; 400 for a session that is not open, 413 for a file that is too large.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        uploads = scope["type"] == "http" and "_stcore/upload_file" in scope["path"]
        if not uploads or scope["method"] in ("OPTIONS", "GET", "HEAD"):
            return await self.app(scope, receive, send)
        try:
            place = PLACE.fullmatch(scope["path"])
            if place is None or scope["method"] not in ("PUT", "DELETE"):
                raise Refused(404, "There is no such place for a file.")
            session, file = place["session"], place["file"]
            _check(Headers(scope=scope), session, scope.get(SCOPE))
            if scope["method"] == "DELETE":
                await asyncio.to_thread(spool().remove, session, file)
                return await self.app(scope, receive, send)
            return await self._take(scope, receive, send, session, file)
        except Refused as refused:
            answer = PlainTextResponse(refused.sentence + "\n", refused.status)
            return await answer(scope, receive, send)

    async def _take(
        self, scope: Scope, receive: Receive, send: Send, session: str, file: str
    ) -> None:
        headers = Headers(scope=scope)
        coming = _Coming(spool(), session, file, headers)
        try:
            token = await coming.read(receive)
            passed_on = await _hand_over(self.app, scope, receive, send, coming, token)
        except BaseException:  # the browser has gone, or the server ends
            await asyncio.to_thread(spool().remove, session, file)
            raise
        if not passed_on:
            await asyncio.to_thread(spool().remove, session, file)


def _check(headers: Headers, session: str, person: Person | None) -> None:
    """Let only pass what a page of this very session asks for.

    Raises:
        Refused: if not.
    """
    cookie = cookie_parser(headers.get("cookie", "")).get(XSRF_COOKIE_NAME)
    if not validate_xsrf_token(headers.get("x-xsrftoken"), cookie):
        raise Refused(403, "The token against forged requests is missing; load the page again.")
    if not (runtime.exists() and runtime.get_instance().is_active_session(session)):
        raise Refused(400, "The page's session has ended; load it again.")
    if person is None or sessions.owner(session) != person:
        raise Refused(403, "This page is somebody else's.")


class _Coming:
    """A request's body on its way into the spool: the one file in it, and nothing else of it.

    Where the spool has no room the rest is read and thrown away, since a browser that is answered
    before it has sent everything shows no sentence.
    """

    def __init__(self, to: Spool, session: str, file: str, headers: Headers):
        self._spool, self._session, self._file = to, session, file
        self._most = to.expected(session)
        if not self._most:
            raise Refused(403, "This page takes no files; open one that does.")
        told = headers.get("content-length", "")
        self._told = int(told) if re.fullmatch(r"\d{1,15}", told) else 0
        if self._told > self._most + AROUND:
            raise Refused(413, self._too_large())
        _, options = parse_options_header(headers.get("content-type", ""))
        if b"boundary" not in options:
            raise Refused(400, "A file is sent as multipart/form-data.")
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin_part,
                "on_header_field": lambda data, start, end: self._add("_name", data[start:end]),
                "on_header_value": lambda data, start, end: self._add("_value", data[start:end]),
                "on_header_end": self._end_header,
                "on_part_data": lambda data, start, end: self._data.extend(data[start:end]),
                "on_end": self._end,
            },
        )
        self._name, self._value, self._parts, self._whole = b"", b"", 0, False
        self._data, self._received = bytearray(), 0
        self._coming: Incoming | None = None
        self._refused = ""
        self.headers: dict[bytes, bytes] = {}  # of the part

    async def read(self, receive: Receive) -> bytes:
        """All of it: the token that stands for the file, or for why it was not taken.

        Raises:
            Refused: if it is no file, or too large a one.
            ConnectionError: if the browser has gone.
        """
        await self._work(self._begin)
        async for chunk in _chunks(receive):
            self._received += len(chunk)
            if self._received > self._most + AROUND:
                raise Refused(413, self._too_large())
            self._parse(chunk)
            if len(self._data) >= PIECE:
                await self._work(self._write)
        if not self._whole or b"filename=" not in self.headers.get(b"content-disposition", b""):
            raise Refused(400, "A file was expected, and it ended before its end.")
        await self._work(self._write)
        token = await self._work(lambda: self._spool.finish(self._coming))
        if self._refused:
            refuse = self._spool.refuse
            return await asyncio.to_thread(refuse, self._session, self._file, self._refused)
        return token

    async def _work(self, do: Callable[[], bytes | None]) -> bytes | None:
        """What the disk may be slow at, in a thread; what it refuses is noted."""
        if self._refused:
            self._data.clear()
            return None
        try:
            return await asyncio.to_thread(do)
        except SpaceError as error:
            self._refused = str(error)
        except OSError as error:
            _log.warning("A file that was sent could not be written: %s", error.strerror)
            self._refused = f"The file cannot be kept ({error.strerror}); ask whoever runs this."
        await asyncio.to_thread(self._spool.remove, self._session, self._file)
        return None

    def _begin(self) -> None:
        self._coming = self._spool.begin(self._session, self._file, self._told)

    def _write(self) -> None:
        self._spool.write(self._coming, bytes(self._data))
        self._data.clear()

    def _too_large(self) -> str:
        return f"The file is larger than the {self._most // 2**20:,} MB that this page takes."

    # --- the parser's ---------------------------------------------------------------------------

    def _parse(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise Refused(400, "What was sent is no multipart/form-data.") from None

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > 1:
            raise Refused(400, "One file at a time is taken.")

    def _add(self, what: str, data: bytes) -> None:
        setattr(self, what, getattr(self, what) + data)
        if len(self._name) + len(self._value) > AROUND:
            raise Refused(400, "The file's name is too long.")

    def _end_header(self) -> None:
        self.headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _end(self) -> None:
        self._whole = True


@asynccontextmanager
async def kept(_app: Any) -> AsyncIterator[None]:
    """While the server runs: what a session sent goes with it, and all of it at the server's end.
    """

    def ended(session: str) -> None:
        asyncio.get_running_loop().run_in_executor(None, spool().end, session)

    sessions.ended(ended)
    try:
        yield
    finally:
        await asyncio.to_thread(spool().close)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        try:
            message = await asyncio.wait_for(receive(), SILENT)
        except TimeoutError:
            raise Refused(408, "Nothing was sent for a minute.") from None
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError("the browser has gone")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def _hand_over(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, coming: _Coming, token: bytes
) -> bool:
    """Let Streamlit have the token under the file's name; whether it took it."""
    parts = [b"--" + EDGE]
    parts += [name + b": " + value for name, value in coming.headers.items()]
    body = b"\r\n".join([*parts, b"", token, b"--" + EDGE + b"--", b""])
    about = (b"content-length", b"content-type", b"transfer-encoding")
    headers = [one for one in scope["headers"] if one[0].lower() not in about]
    headers.append((b"content-length", str(len(body)).encode()))
    headers.append((b"content-type", b"multipart/form-data; boundary=" + EDGE))
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    statuses = []

    async def told() -> Message:
        return messages.pop() if messages else await receive()

    async def noted(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        await send(message)

    await app({**scope, "headers": headers}, told, noted)
    return statuses[:1] == [204]
