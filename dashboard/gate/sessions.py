"""Whose a Streamlit session is, and when it has ended.

A session is a tab's. Uploads name it by an id, and a browser that lost its connection comes back to
it by that id: it must be its own. Streamlit holds with each session what the gate's header said
when it began, and gives it back to that very person only; so that is asked here.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress

from streamlit import runtime

from dashboard.gate.beside import beside
from dashboard.gate.who import PERSON
from engine import people
from engine.people import Person

LOOK_EVERY = 5.0  # seconds
log = logging.getLogger("camsight")
_callbacks: list[Callable[[str], None]] = []


def owner(session: str) -> Person | None:
    """Whose the session is; None where no browser is connected to such a one. Any thread may ask.
    """
    found = runtime.get_instance().get_app_session(session) if runtime.exists() else None
    told = found._user_info.get(PERSON) if found else None
    return people.written(told) if isinstance(told, str) else None


def alive() -> set[str]:
    """Sessions that have a browser, and those that one may still come back to.

    To be asked on the server's event loop.
    """
    if not runtime.exists():
        return set()
    return {info.session.id for info in runtime.get_instance()._session_mgr.list_sessions()}


def ended(callback: Callable[[str], None]) -> None:
    """Call back with the id of each session that nobody can come back to any more, on the server's
    event loop and within seconds of its end."""
    _callbacks.append(callback)


def watched() -> AbstractAsyncContextManager[None]:
    """While the server runs: notice sessions that ended.

    Streamlit forgets one at the next visitor's only, and what it holds of it stays until then.
    """
    return beside(_watch())


async def _watch() -> None:
    known: set[str] = set()
    while True:
        await asyncio.sleep(LOOK_EVERY)
        now = alive()
        for session in known - now:
            _end(session)
        known = now


def _end(session: str) -> None:
    with suppress(KeyError):  # what expired is found no more, and let go all the same
        runtime.get_instance()._session_mgr._session_storage.delete(session)
    for callback in _callbacks:
        try:
            callback(session)
        except Exception:  # of one who looked on; the others are told nevertheless
            log.exception("What is kept of a session that ended could not be cleared")
