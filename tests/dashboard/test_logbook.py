"""The server's log: one form for all who log in its process, and who looks at the page."""

import copy
import io
import json
import logging
from types import SimpleNamespace

import pytest
import streamlit.logger
from streamlit import error_util
from uvicorn.config import LOGGING_CONFIG

from dashboard import logbook
from dashboard.gate.who import PERSON
from engine import people
from engine.people import Person, Role
from engine.settings import Settings


@pytest.fixture
def kept(monkeypatch):
    """What `begin` changes of others is as before when the test ends."""
    root, config = logging.getLogger(), copy.deepcopy(LOGGING_CONFIG)
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(streamlit.logger, "setup_formatter", streamlit.logger.setup_formatter)
    yield
    root.handlers[:], root.level = handlers, level
    LOGGING_CONFIG.clear()
    LOGGING_CONFIG.update(config)
    monkeypatch.undo()
    streamlit.logger.update_formatter()


def test_streamlit_logs_an_error_of_a_page_as_json_with_who_looked_at_it(kept, monkeypatch):
    logbook.begin(Settings(log="json", metrics_token="hush-token"))
    ann = people.write(Person("ann@example.com", Role.VIEWER))
    drawing = SimpleNamespace(user_info={PERSON: ann})
    monkeypatch.setattr(logbook, "get_script_run_ctx", lambda **_: drawing)
    log = streamlit.logger.get_logger("streamlit.of_a_test")
    log.streamlit_console_handler.stream = stream = io.StringIO()
    log.error("Uncaught app execution", exc_info=ValueError("hush-token\nis wrong"))
    (line,) = stream.getvalue().splitlines()
    told = json.loads(line)
    assert (told["user"], told["level"]) == ("ann@example.com", "error")
    assert "ValueError" in told["error"]
    assert "hush" not in line


def test_an_error_that_no_page_expected_does_not_go_past_the_log(kept, capfd):
    logbook.begin(Settings(log="json", metrics_token="hush-token"))
    error_util._log_uncaught_app_exception(ValueError("hush-token\nis wrong"))
    said, logged = capfd.readouterr()
    assert json.loads(logged)["error"] == "ValueError: ***\nis wrong"
    assert said == ""


def test_what_streamlit_says_in_passing_is_no_news():
    """As that a fragment is gone which a tab asks for once more."""
    streamlit.config.get_option("logger.level")  # reads the file, and sets the levels
    assert streamlit.logger.get_logger("streamlit.runtime.app_session").level == logging.WARNING


def test_of_a_thread_that_draws_no_page_nobody_is_told():
    assert logbook.whose() == {}
