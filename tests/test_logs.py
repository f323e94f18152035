"""How the log is written, and what must not be read in it."""

import io
import json
import logging

import pytest

from engine import logs

SECRET = "a-secret-of-32-letters-or-so-1234"


@pytest.fixture
def written():
    """`written("json")`: a logger and what it writes, in that form; the root logger as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def begin(form: str, known=dict) -> tuple[logging.Logger, io.StringIO]:
        stream = io.StringIO()
        logs.begin(logs.FORMS[form]([SECRET, "ab"], known), stream)
        return logging.getLogger("camsight.test"), stream

    yield begin
    root.handlers[:], root.level = handlers, level


def test_a_line_of_json_tells_the_run_and_who_asked(written):
    log, stream = written("json", known=lambda: {"user": "ann@example.com"})
    log.info("trained after %d s", 58, extra={"run": "quick-7", "verb": "train"})
    told = json.loads(stream.getvalue())
    assert told.pop("at").endswith("+00:00")
    assert told == {
        "level": "info", "logger": "camsight.test", "message": "trained after 58 s",
        "user": "ann@example.com", "run": "quick-7", "verb": "train",
    }  # fmt: skip


def test_a_line_of_text_tells_the_run_and_who_asked(written):
    log, stream = written("text")
    log.warning("was lost", extra={"run": "quick-7", "user": "ann@example.com"})
    assert stream.getvalue().endswith(" WARNING ann@example.com quick-7: was lost\n")


@pytest.mark.parametrize("form", logs.FORMS)
def test_an_error_carries_its_traceback(written, form):
    log, stream = written(form)
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        log.exception("a page failed")
    text = stream.getvalue()
    assert "Traceback" in text
    assert form == "text" or "by zero" in json.loads(text)["error"]


@pytest.mark.parametrize("form", logs.FORMS)
def test_a_name_with_line_breaks_makes_no_line_of_its_own(written, form):
    log, stream = written(form)
    log.info("prepare %s", "pets\n2026-11-26 INFO ann: deleted all\x1b[2J\u2028")
    assert stream.getvalue().count("\n") == 1
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("form", logs.FORMS)
def test_an_error_s_words_make_no_line_that_could_be_another_s(written, form):
    log, stream = written(form)
    try:
        raise ValueError("pets\n2026-11-26 INFO ann: deleted all\x1b[2J\r2026-11-26")
    except ValueError:
        log.exception("a page failed")
    first, *others = stream.getvalue().splitlines()
    assert first.startswith(("2", "{"))
    assert all(line.startswith("  ") for line in others)
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("form", logs.FORMS)
@pytest.mark.parametrize(
    "said",
    [
        f"the provider refused {SECRET}",
        "GET /sign-in/callback?code=hushhush&state=hushhush",
        "{'access_token': 'hushhush', \"id_token\": \"hushhush\"}",
        "client_secret=hushhush",
        "Authorization: Bearer hushhush.hush-_~+/==",
        "Proxy-Authorization: Basic hushhush==",
    ],
)
def test_no_secret_stands_in_the_log_nor_in_a_traceback(written, form, said):
    log, stream = written(form)
    log.warning("%s", said)
    try:
        raise ValueError(said)
    except ValueError:
        log.exception("failed")
    text = stream.getvalue()
    assert SECRET not in text
    assert "hush" not in text
    assert logs.BLANK in text


def test_what_only_looks_like_a_secret_stays(written):
    log, stream = written("text")
    log.info("about a tab of the basic form")  # "ab" is too short a secret to blank
    assert "about a tab of the" in stream.getvalue()


def test_what_others_say_in_passing_is_left_out(written):
    _, stream = written("json")
    logging.getLogger("httpx2").info("GET https://login.example")
    logging.getLogger("httpx2").warning("it is slow")
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["message"] == "it is slow"


def test_beginning_again_writes_each_line_once(written):
    written("text")
    log, stream = written("json")
    log.info("once")
    assert stream.getvalue().count("once") == 1
