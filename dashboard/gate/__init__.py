"""What stands in front of Streamlit: every request passes here first, whatever route it asks for.

Streamlit's own sign-in guards the script alone; uploads, media and figures lie open beside it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware import Middleware

from dashboard.gate import idle, sessions, uploads
from dashboard.gate.hosts import KnownHosts
from dashboard.gate.idle import Idle
from dashboard.gate.uploads import Uploads
from dashboard.gate.who import Who
from engine.settings import Settings


def around(settings: Settings) -> dict[str, Any]:
    """What `st.App` gets beside the entry script: middleware from the outermost to the innermost,
    routes, and what is done while the server runs."""
    return {
        "middleware": [
            Middleware(KnownHosts, listening=settings.host, names=settings.allowed_hosts),
            Middleware(Who),
            Middleware(Idle, minutes=settings.idle_minutes),
            Middleware(Uploads),
        ],
        "routes": [*idle.ROUTES],
        "lifespan": _while_it_runs,
    }


@asynccontextmanager
async def _while_it_runs(app: Any) -> AsyncIterator[dict[str, Any]]:
    async with uploads.kept(app), sessions.watched(app) as told, idle.watched(app):
        yield told
