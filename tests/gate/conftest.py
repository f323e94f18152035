"""The gate's real middleware and routes around an app that tells what came through to it."""

import asyncio
from collections.abc import Callable

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from dashboard import gate
from dashboard.gate.configured import check
from dashboard.gate.who import SCOPE
from engine.settings import Settings
from tests import provider as providers

SITE = "http://localhost:8501"
ROLES = {
    "admins": ("ops@example.com",), "trainers": ("*@example.com",), "viewers": ("*@guest.org",),
}  # fmt: skip


@pytest.fixture
def told(tmp_path, provider) -> Callable[..., Settings]:
    """`told(session_hours=1)`: settings of a dashboard where people sign in at the provider."""

    def settings(**changed) -> Settings:
        asked = {
            "workspace": tmp_path, "sign_in": "oidc", "public_url": SITE,
            "oidc_url": provider.metadata, "oidc_client_id": "camsight",
            "oidc_client_secret": "of the client", **ROLES,
        } | changed  # fmt: skip
        return Settings(**asked)

    return settings


def inside() -> list:
    """What Streamlit would be: it tells who came, and keeps a WebSocket open."""

    async def tell(request: Request) -> JSONResponse:
        person = request.scope[SCOPE]
        headers = [(name.decode(), value.decode()) for name, value in request.scope["headers"]]
        return JSONResponse({"name": person and person.name, "role": person and person.role,
                             "headers": headers})  # fmt: skip

    async def stay(socket: WebSocket) -> None:
        await socket.accept(subprotocol="streamlit")
        await socket.send_text(socket.scope[SCOPE].name)
        async for text in socket.iter_text():
            await socket.send_text(text)

    methods = ["GET", "POST", "PUT", "DELETE"]
    return [WebSocketRoute("/_stcore/stream", stay), Route("/{path:path}", tell, methods=methods)]


def application(settings: Settings) -> Starlette:
    check(settings)
    around = gate.around(settings)
    return Starlette(routes=[*around["routes"], *inside()], middleware=around["middleware"])


class Browser:
    """Asks as a browser does: with cookies, with the Origin of our pages where it changes
    something, and following no redirect."""

    def __init__(self, app: Starlette, client: tuple[str, int] = ("203.0.113.7", 5000)):
        self.app, self._jar, self.client = app, httpx2.Cookies(), client

    def ask(self, method: str, path: str, **asked) -> httpx2.Response:
        headers = asked.pop("headers", {})
        if isinstance(headers, dict):
            usual = {"Accept": "text/html"} | ({} if method == "GET" else {"Origin": SITE})
            headers = usual | headers

        async def once() -> httpx2.Response:
            transport = httpx2.ASGITransport(self.app, client=self.client)
            async with httpx2.AsyncClient(
                transport=transport, base_url=SITE, cookies=self._jar
            ) as client:
                answer = await client.request(method, path, headers=headers, **asked)
                self._jar = client.cookies
                return answer

        return asyncio.run(once())

    def get(self, path: str, **asked) -> httpx2.Response:
        return self.ask("GET", path, **asked)

    @property
    def cookies(self) -> httpx2.Cookies:
        return self._jar

    def sign_in(self, provider: providers.Provider, name: str) -> httpx2.Response:
        """The answer to the browser that comes back from the provider."""
        where = self.get("/sign-in/start?next=/evaluate").headers["location"]
        return self.get(provider.code(where, name).removeprefix(SITE))


@pytest.fixture
def browse(told) -> Callable[..., Browser]:
    """`browse(**changed settings)`: a browser before a gate of its own."""
    return lambda **changed: Browser(application(told(**changed)))
