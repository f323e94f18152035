"""What stands in front of Streamlit: every request passes here first, whatever route it asks for.

Streamlit's own sign-in guards the script alone; uploads, media and figures lie open beside it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from dashboard.figures import failed
from dashboard.gate import figures, idle, pages, sessions, uploads, watch
from dashboard.gate.door import Door
from dashboard.gate.figures import Closed, Counted
from dashboard.gate.headers import SecurityHeaders
from dashboard.gate.hosts import KnownHosts
from dashboard.gate.idle import Idle
from dashboard.gate.limits import Rates
from dashboard.gate.routes import SignInPages
from dashboard.gate.sign_ins import SignIns
from dashboard.gate.uploads import Uploads
from dashboard.gate.who import Who
from engine.settings import PROJECT, Settings


def around(settings: Settings) -> dict[str, Any]:
    """What `st.App` gets beside the entry script: middleware from the outermost to the innermost,
    routes, and what is done while the server runs.

    Raises:
        RecordError: if it cannot be read who has signed out.
    """
    sign_ins = SignIns(settings) if settings.sign_in == "oidc" else None
    routes = SignInPages(settings, sign_ins).routes() if sign_ins else []
    static = Mount(pages.STATIC, StaticFiles(directory=PROJECT / "dashboard" / "static"))
    return {
        "middleware": [
            Middleware(Counted),
            Middleware(KnownHosts, settings),
            Middleware(SecurityHeaders, settings),
            Middleware(Who, settings, sign_ins),
            Middleware(Rates, settings),
            Middleware(Door, settings, sign_ins),
            Middleware(Closed),
            Middleware(Idle, minutes=settings.idle_minutes),
            Middleware(Uploads),
        ],
        "routes": [*routes, *figures.routes(settings), *idle.ROUTES, static],
        "lifespan": _beside,
        "on_script_error": failed,
    }


@asynccontextmanager
async def _beside(app: Any) -> AsyncIterator[dict[str, Any]]:
    """What is done while the server runs."""
    async with uploads.kept(app), sessions.watched(), idle.watched(), watch.watched():
        yield {}
