"""Who asks: told to Streamlit by one header, which nobody else may write."""

from starlette.types import ASGIApp, Receive, Scope, Send

from engine import people
from engine.people import WHOEVER, Person

HEADER = "X-Camsight-Person"
PERSON = "camsight_person"  # what the header is called in Streamlit's st.user
TRUSTED = {HEADER: PERSON}  # for server.trustedUserHeaders
SCOPE = "camsight.person"


class Who:
    """ASGI middleware: sets scope["camsight.person"], and the header in place of any that came."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        return await self.app(told(scope, WHOEVER), receive, send)


def told(scope: Scope, person: Person | None) -> Scope:
    """The scope as it goes on: with the person, and with no other's header about one."""
    name = HEADER.lower().encode()
    # Some servers take "_" for "-" in a header's name.
    headers = [one for one in scope["headers"] if one[0].lower().replace(b"_", b"-") != name]
    if person is not None:
        headers.append((name, people.write(person).encode()))
    return {**scope, "headers": headers, SCOPE: person}
