"""Under which names the server answers.

A page of another site can have its own name resolved to this machine (DNS rebinding); the browser
then takes the server for that site, and lets it read everything. What gives such a page away is the
name: the browser sends it as `Host`, and its own as `Origin`. Streamlit's `server.allowedHosts`
looks at the WebSocket alone and has no words for "any address", so this stands before every route.
"""

import ipaddress
import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.settings import Settings

HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[^\s:/?#@\[\]]+))(?::\d{1,5})?", re.I)


class KnownHosts:
    """ASGI middleware: status 403 for what was not asked for under a name of this server, and for
    what a page of another server asks for, be it another port of this machine.
    """

    def __init__(self, app: ASGIApp, settings: Settings):
        self.app, self.listening = app, settings.host
        self._public = urlsplit(settings.public_url)
        own = self._public.hostname
        self.names = (*settings.allowed_hosts, *([own] if own else []))
        # A program that is no browser sends no Origin; where people sign in it has to.
        self._origin_needed = settings.sign_in != "none"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            headers = Headers(scope=scope)
            named = headers.getlist("host") or [""]
            named += [origin.partition("://")[2] for origin in headers.getlist("origin")]
            if not all(is_known(name, self.listening, self.names) for name in named):
                refusal = PlainTextResponse(
                    "Camsight does not answer under this name; whoever runs it can allow the name "
                    "by CAMSIGHT_ALLOWED_HOSTS.\n",
                    status_code=403,
                )
                return await refusal(scope, receive, send)
            if not self._is_own(headers, _changes(scope)):
                refusal = PlainTextResponse(
                    "Camsight takes this from its own pages only.\n", status_code=403
                )
                return await refusal(scope, receive, send)
        return await self.app(scope, receive, send)

    def _is_own(self, headers: Headers, changes: bool) -> bool:
        """Whether no page of another server asks: the origin is what the request was sent to."""
        own = {headers.get("host", "").lower(), self._public.netloc.lower()} - {""}
        origins = [origin.partition("://")[2].lower() for origin in headers.getlist("origin")]
        if not origins:
            return not (changes and self._origin_needed)
        return all(origin in own for origin in origins)


def _changes(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")


def is_known(host: str, listening: str, names: Sequence[str] = ()) -> bool:
    """Whether a `Host` header, with or without a port, names this server.

    Loopback always does, and so does what the server listens on. Where that is every address of the
    machine, so does any address, and the machine's own name: rebinding needs a name of somebody
    else's.
    """
    found = HOST.fullmatch(host)
    if not found:
        return False
    name = (found["six"] or found["name"]).lower().removesuffix(".")
    address, here = _address(name), _address(listening)
    if name in ("localhost", listening.lower()) or (address and address == here):
        return True
    if address and address.is_loopback:
        return True
    if here and here.is_unspecified and (address or name == socket.gethostname().lower()):
        return True
    return any(
        known in ("*", name) or (known.startswith("*.") and name.endswith(known[1:]))
        for known in names
    )


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
