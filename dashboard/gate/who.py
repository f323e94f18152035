"""Who asks: told to Streamlit by one header, which nobody else may write."""

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.gate.addresses import Proxies
from dashboard.gate.configured import is_https
from dashboard.gate.sign_ins import SignIn, SignIns
from engine import people
from engine.people import WHOEVER, Person, role_of
from engine.settings import Settings

HEADER = "X-Camsight-Person"
PERSON = "camsight_person"  # what the header is called in Streamlit's st.user
TRUSTED = {HEADER: PERSON}  # for server.trustedUserHeaders
SCOPE = "camsight.person"  # a Person, or None; for what lies within
ASKED = "camsight.asked"


@dataclass(frozen=True)
class Asked:
    """How it is known who asks: by a sign-in, or by the proxy, which may name a stranger."""

    person: Person | None = None
    sign_in: SignIn | None = None
    stranger: str = ""


class Who:
    """ASGI middleware: sets scope["camsight.person"], and the header in place of any that came.

    Args:
        sign_ins: where people sign in here, by OpenID Connect.
    """

    def __init__(self, app: ASGIApp, settings: Settings, sign_ins: SignIns | None):
        self.app, self._settings, self._sign_ins = app, settings, sign_ins
        self._proxies = Proxies(settings.proxy_addresses)
        self._cookie = cookie_name(settings)
        told = {HEADER}
        if settings.sign_in == "proxy":
            told.add(settings.proxy_header)
        self._told = {name.lower() for name in told}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        asked = self._asked(scope)
        # Some servers take "_" for "-" in a header's name.
        headers = [
            (name, value)
            for name, value in scope["headers"]
            if name.decode("latin-1").lower().replace("_", "-") not in self._told
        ]
        if asked.person is not None:
            headers.append((HEADER.lower().encode(), people.write(asked.person).encode()))
        told = {**scope, "headers": headers, SCOPE: asked.person, ASKED: asked}
        return await self.app(told, receive, send)

    def _asked(self, scope: Scope) -> Asked:
        if self._settings.sign_in == "none":
            return Asked(WHOEVER)
        if self._settings.sign_in == "proxy":
            return self._by_proxy(scope)
        cookie = HTTPConnection(scope).cookies.get(self._cookie)
        sign_in = self._sign_ins.read(cookie) if cookie and self._sign_ins else None
        return Asked(sign_in.person, sign_in) if sign_in else Asked()

    def _by_proxy(self, scope: Scope) -> Asked:
        """Whom the proxy names, once; nobody else's word counts."""
        named = Headers(scope=scope).getlist(self._settings.proxy_header)
        email = named[0].strip().lower() if len(named) == 1 else ""
        if not email or not self._proxies.sent(scope):
            return Asked()
        role = role_of({"email": email}, self._settings.patterns)
        return Asked(Person(email, role)) if role else Asked(stranger=email)


def cookie_name(settings: Settings) -> str:
    """__Host- keeps other hosts of the same domain from setting it; it takes https."""
    return "__Host-camsight" if is_https(settings) else "camsight"
