"""Whose a session is and when it has ended, by Streamlit's own keeper of sessions."""

import asyncio
from types import SimpleNamespace

import pytest
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.script_data import ScriptData
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from dashboard.gate import sessions
from dashboard.gate.who import PERSON
from engine import people
from engine.people import Person, Role

ANN, BOB = Person("ann@example.com", Role.TRAINER), Person("bob@example.com", Role.TRAINER)


@pytest.fixture
def keeper(monkeypatch):
    """Streamlit's, in place of the one that a running server would have."""
    found = WebsocketSessionManager(
        session_storage=MemorySessionStorage(ttl_seconds=3600),
        uploaded_file_manager=MemoryUploadedFileManager("/_stcore/upload_file"),
        script_cache=ScriptCache(),
        message_enqueued_callback=lambda: None,
    )

    def session(id: str):
        info = found.get_active_session_info(id)
        return info and info.session

    running = SimpleNamespace(_session_mgr=found, get_app_session=session)
    monkeypatch.setattr(
        sessions, "runtime", SimpleNamespace(exists=lambda: True, get_instance=lambda: running)
    )
    return found


def connect(keeper, person: Person, again: str | None = None) -> str:
    """A browser of this person opens a page, or comes back to a session."""
    return keeper.connect_session(
        client=SimpleNamespace(),
        script_data=ScriptData("/app.py", False),
        user_info={PERSON: people.write(person)},
        existing_session_id=again,
    )


def in_loop(work) -> None:
    async def run() -> None:
        work()

    asyncio.run(run())


def test_a_session_is_whose_header_began_it(keeper):
    def work() -> None:
        anns = connect(keeper, ANN)
        assert sessions.owner(anns) == ANN
        assert sessions.owner("unknown") is None
        keeper.disconnect_session(anns)
        assert sessions.owner(anns) is None  # nobody sends a file for a page that is closed
        assert anns in sessions.alive()

    in_loop(work)


def test_nobody_comes_back_to_another_s_session(keeper):
    def work() -> None:
        anns = connect(keeper, ANN)
        assert connect(keeper, BOB, again=anns) != anns  # while it is open
        keeper.disconnect_session(anns)
        assert connect(keeper, BOB, again=anns) != anns  # and when it was lost
        demoted = Person(ANN.name, Role.VIEWER)
        assert connect(keeper, demoted, again=anns) != anns
        assert connect(keeper, ANN, again=anns) == anns

    in_loop(work)


def test_whoever_looks_on_is_told_of_each_session_that_ended_once(keeper, monkeypatch):
    told: list[str] = []
    monkeypatch.setattr(sessions, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(sessions, "_callbacks", [])

    def broken(session: str) -> None:
        raise RuntimeError("of somebody else's")

    sessions.ended(broken)
    sessions.ended(told.append)

    async def run() -> None:
        async with sessions.watched():
            stays, goes = connect(keeper, ANN), connect(keeper, BOB)
            await asyncio.sleep(0.02)
            keeper.disconnect_session(goes)
            await asyncio.sleep(0.02)
            assert told == []  # one can still come back to it
            keeper._session_storage._cache.clear()  # as time does
            while not told:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.02)
            assert told == [goes]
            assert stays in sessions.alive()

    asyncio.run(run())
