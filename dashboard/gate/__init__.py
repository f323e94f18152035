"""What stands in front of Streamlit: every request passes here first, whatever route it asks for.

Streamlit's own sign-in guards the script alone; uploads, media and figures lie open beside it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware import Middleware

from dashboard.figures import failed
from dashboard.gate import sessions, watch
from dashboard.gate.figures import Closed, Counted, routes
from dashboard.gate.hosts import KnownHosts
from dashboard.gate.who import Who
from engine.settings import Settings


def around(settings: Settings) -> dict[str, Any]:
    """What `st.App` gets beside the entry script: middleware from the outermost to the innermost,
    routes, and what is done while the server runs."""
    return {
        "middleware": [
            Middleware(Counted),
            Middleware(KnownHosts, listening=settings.host, names=settings.allowed_hosts),
            Middleware(Who),
            Middleware(Closed),
        ],
        "routes": routes(settings),
        "lifespan": _beside,
        "on_script_error": failed,
    }


@asynccontextmanager
async def _beside(app: Any) -> AsyncIterator[dict[str, Any]]:
    """What is done while the server runs."""
    async with sessions.watched(app), watch.watched(app):
        yield {}
