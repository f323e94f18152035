"""What a monitor asks the server: is it ready, and how much of what has there been.

`/ready` tells everybody, by one word each, what is not; figures and sentences are for whoever sends
the token, for admins, and, where nobody signs in, for those who ask from this very machine.
"""

import hmac
import ipaddress

from prometheus_client.exposition import choose_encoder
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard import figures, readiness
from dashboard.gate.who import SCOPE
from engine.commands.ready import Check, is_ready
from engine.people import Role
from engine.settings import Settings

READY, METRICS = "/ready", "/metrics"
STREAMLITS = "/_stcore/metrics"
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def routes(settings: Settings) -> list[Route]:
    """Both routes. They are asked by machines that cannot sign in, so they look by themselves who
    may read what."""

    async def ready(request: Request) -> Response:
        found = await readiness.look()
        told = {
            "ready": is_ready(found),
            "failed": [check.name for check in found if not check.ok],
        }
        if may_read(request, settings):
            told["checks"] = [vars(check) for check in found]
        return _answer(JSONResponse(told, 200 if told["ready"] else 503))

    async def metrics(request: Request) -> Response:
        if not may_read(request, settings):
            sentence = (
                "Figures are for admins and for whoever sends CAMSIGHT_METRICS_TOKEN as bearer.\n"
            )
            asked = {"WWW-Authenticate": "Bearer"}
            return _answer(PlainTextResponse(sentence, 401, headers=asked))
        note(await readiness.look())
        write, kind = choose_encoder(request.headers.get("accept", ""))
        text = await run_in_threadpool(write, figures.REGISTRY)
        return _answer(Response(text, headers={"Content-Type": kind}))

    return [Route(READY, ready), Route(METRICS, metrics)]


def note(found: list[Check]) -> None:
    for check in found:
        figures.READY.labels(check.name).set(check.ok)


def may_read(request: Request, settings: Settings) -> bool:
    """Whether whoever asks may read figures."""
    if _sends(request.headers, settings.metrics_token.get_secret_value()):
        return True
    if settings.sign_in == "none":
        return _is_here(request)
    person = request.scope.get(SCOPE)
    return person is not None and person.role is Role.ADMIN


def _sends(headers: Headers, token: str) -> bool:
    kind, _, sent = headers.get("authorization", "").partition(" ")
    return (
        bool(token)
        and kind.lower() == "bearer"
        and hmac.compare_digest(sent.strip().encode(), token.encode())
    )


def _is_here(request: Request) -> bool:
    """Whether it was asked on this machine, and not through a proxy that stands on it."""
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _answer(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


class Counted:
    """ASGI middleware: counts answers by status."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counting(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                figures.ANSWERS.labels(str(message["status"])).inc()
            elif message["type"] == "websocket.accept":
                figures.ANSWERS.labels("101").inc()
            await send(message)

        await self.app(scope, receive, counting)


class Closed:
    """ASGI middleware: Streamlit's own figures, which it gives to everybody, are not there."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].rstrip("/") == STREAMLITS:
            return await PlainTextResponse("Not Found", 404)(scope, receive, send)
        return await self.app(scope, receive, send)
