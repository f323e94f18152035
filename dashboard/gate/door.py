"""Where people sign in, nobody passes who has not: every route is closed but those named here."""

import asyncio
from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboard.gate import pages
from dashboard.gate.figures import METRICS, READY
from dashboard.gate.sign_ins import SignIns
from dashboard.gate.who import ASKED, SCOPE, Asked
from engine.settings import Settings

SIGN_IN, START, CALLBACK, SIGN_OUT = (
    "/sign-in", "/sign-in/start", "/sign-in/callback", "/sign-out",
)  # fmt: skip
# what a monitor asks looks by itself who may read what
OPEN = {"/_stcore/health", READY, METRICS, SIGN_IN, START, CALLBACK}
TAB, PAGE = "camsight.tab", "page"  # of a WebSocket's scope: the page that its tab shows
OVER = 1008  # a WebSocket's policy violation (RFC 6455, 7.4.1)


class Door:
    """ASGI middleware: nobody without a role passes.

    Args:
        sign_ins: where people sign in here, by OpenID Connect.
    """

    def __init__(self, app: ASGIApp, settings: Settings, sign_ins: SignIns | None):
        self.app, self._settings, self._sign_ins = app, settings, sign_ins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or self._settings.sign_in == "none":
            return await self.app(scope, receive, send)
        path, person, asked = scope["path"], scope[SCOPE], scope[ASKED]
        if path in OPEN or path.startswith(f"{pages.STATIC}/"):
            return await self.app(scope, receive, send)
        if person is None:
            return await self._refusal(scope, asked)(scope, receive, send)
        if scope["type"] == "websocket":
            return await self._until_over(asked, scope, receive, send)
        return await self.app(scope, receive, send)

    def _refusal(self, scope: Scope, asked: Asked) -> Response:
        headers = Headers(scope=scope)
        read = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        is_page = read and "text/html" in headers.get("accept", "")
        if asked.stranger:
            return no_role(asked.stranger)
        if is_page and self._sign_ins:
            query = scope["query_string"].decode("latin-1")
            wanted = scope["path"] + (f"?{query}" if query else "")
            return RedirectResponse(_sign_in_for(wanted), status_code=303)
        if is_page:
            return pages.page(
                "Nobody is signed in",
                ["Camsight is opened through the proxy that people sign in at, which named nobody.",
                 "Open it by the address that you were given for it."],
                status=401,
            )  # fmt: skip
        return PlainTextResponse("Nobody is signed in; load the page again.\n", status_code=401)

    async def _until_over(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        """A page's connection, closed when the sign-in expires or is signed out, or when it is time
        to ask the proxy again; before that the page is told to go there."""
        tab = {PAGE: "/"}
        if asked.sign_in and self._sign_ins:
            over = asyncio.create_task(self._sign_ins.over(asked.sign_in))
        else:
            over = asyncio.create_task(asyncio.sleep(3600 * self._settings.session_hours))
        accepted = closed = False

        async def received() -> Message:
            nonlocal closed
            getting = asyncio.ensure_future(receive())
            await asyncio.wait({getting, over}, return_when=asyncio.FIRST_COMPLETED)
            if not over.done():
                return getting.result()
            getting.cancel()
            if not closed:
                closed = True
                if accepted:
                    there = _sign_in_for(tab[PAGE]) if asked.sign_in else "/"
                    await send({"type": "websocket.send", "bytes": go_to(there)})
                await send({"type": "websocket.close", "code": OVER})
            return {"type": "websocket.disconnect", "code": OVER}

        async def sent(message: Message) -> None:
            nonlocal accepted
            accepted = accepted or message["type"] == "websocket.accept"
            if not closed:
                await send(message)

        try:
            await self.app({**scope, TAB: tab}, received, sent)
        finally:
            over.cancel()


def _sign_in_for(wanted: str) -> str:
    """Where one signs in who wants a page; it is looked at there whether that is one of ours."""
    return f"{SIGN_IN}?{urlencode({'next': wanted})}"


def no_role(name: str, links: Sequence[tuple[str, str]] = ()) -> Response:
    """A page for whoever is known, and has no business here; links: as of `pages.page`."""
    return pages.page(
        "No role here",
        [f"{name} is signed in, but has no role in this Camsight.",
         "Ask whoever runs it for one."],
        links=links,
        status=403,
    )  # fmt: skip


def go_to(address: str) -> bytes:
    """What Streamlit's page takes for: leave for this address."""
    message = ForwardMsg()
    message.auth_redirect.url = address
    return message.SerializeToString()
