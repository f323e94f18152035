"""How often one person, or one address before somebody has signed in, may ask, and how many pages
they may have open."""

import ipaddress
from collections import Counter

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
    """ASGI middleware: status 429 for whoever asks more than CAMSIGHT_REQUESTS_A_MINUTE, or opens
    more than CAMSIGHT_OPEN_PAGES, of which each holds memory as long as it is open.

    What a page says over its WebSocket is no request. On one's own machine nobody counts.
    """

    def __init__(self, app: ASGIApp, settings: Settings):
        self.app = app
        self._counts = settings.sign_in != "none" or settings.anyone
        self._proxies = Proxies(settings.proxy_addresses)
        self._most = RateLimitItemPerMinute(settings.requests_a_minute)
        self._dear = min(COST, settings.requests_a_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._pages, self._most_pages = Counter(), settings.open_pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not self._counts:
            return await self.app(scope, receive, send)
        person = scope[SCOPE]
        named = person.name if person else ""
        who = ("person", named) if named else ("address", _near(self._proxies.address(scope)))
        cost = self._dear if scope["path"] in DEAR else 1
        if not self._limiter.hit(self._most, *who, cost=cost):
            refusal = _refusal(
                "These are more requests than Camsight answers in a minute; wait a moment and load "
                "the page again.\n"
            )
            return await refusal(scope, receive, send)
        if scope["type"] == "websocket":
            return await self._page(who, scope, receive, send)
        return await self.app(scope, receive, send)

    async def _page(
        self, who: tuple[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        if self._pages[who] >= self._most_pages:
            refusal = _refusal(
                f"{self._most_pages} pages are open already, which is as many as one may have; "
                "close some and load this one again.\n"
            )
            return await refusal(scope, receive, send)
        self._pages[who] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._pages[who] -= 1
            if not self._pages[who]:
                del self._pages[who]


def _near(address: str) -> str:
    """Whom an address counts for: of IPv6, whoever has one has all 2^64 of its network."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False))


def _refusal(sentence: str) -> PlainTextResponse:
    return PlainTextResponse(sentence, status_code=429, headers={"Retry-After": "10"})
