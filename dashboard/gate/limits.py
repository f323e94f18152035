"""How often one person, or one address before somebody has signed in, may ask."""

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.gate.addresses import Proxies
from dashboard.gate.who import SCOPE
from engine.settings import Settings

DEAR = ("/sign-in/start", "/sign-in/callback")  # each asks the provider something
COST = 20  # requests that one of these counts for


class Rates:
    """ASGI middleware: status 429 for whoever asks more than CAMSIGHT_REQUESTS_A_MINUTE.

    What a page says over its WebSocket is no request. On one's own machine nobody counts.
    """

    def __init__(self, app: ASGIApp, settings: Settings):
        self.app = app
        self._counts = settings.sign_in != "none" or settings.anyone
        self._proxies = Proxies(settings.proxy_addresses)
        self._most = RateLimitItemPerMinute(settings.requests_a_minute)
        self._dear = min(COST, settings.requests_a_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not self._counts:
            return await self.app(scope, receive, send)
        person = scope[SCOPE]
        named = person.name if person else ""
        who = ("person", named) if named else ("address", self._proxies.address(scope))
        cost = self._dear if scope["path"] in DEAR else 1
        if self._limiter.hit(self._most, *who, cost=cost):
            return await self.app(scope, receive, send)
        refusal = PlainTextResponse(
            "These are more requests than Camsight answers in a minute; wait a moment and load the "
            "page again.\n",
            status_code=429,
            headers={"Retry-After": "10"},
        )
        return await refusal(scope, receive, send)
