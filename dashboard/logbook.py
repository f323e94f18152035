"""The server's log: all that is logged in this process, Streamlit's and uvicorn's lines, too, is
written in one form."""

import logging

import streamlit.logger
from streamlit.runtime.scriptrunner import get_script_run_ctx
from uvicorn.config import LOGGING_CONFIG

from dashboard.gate.who import PERSON
from engine import logs, people
from engine.settings import Settings

REFUSED = "ASGI callable returned without completing handshake."


def begin(settings: Settings) -> None:
    """Call it before the server is made: both give each logger a handler of their own then."""
    written = logs.FORMS[settings.log](settings.secrets, whose)

    def ours(logger: logging.Logger) -> None:
        if before := getattr(logger, "streamlit_console_handler", None):
            logger.removeHandler(before)
        logger.streamlit_console_handler = logging.StreamHandler()
        logger.streamlit_console_handler.setFormatter(written)
        logger.addHandler(logger.streamlit_console_handler)

    logs.begin(written)
    streamlit.logger.setup_formatter = ours
    streamlit.logger.update_formatter()
    for name in LOGGING_CONFIG["formatters"]:
        LOGGING_CONFIG["formatters"][name] = {"()": lambda **_: written}
    # Streamlit keeps it from handing on, and uvicorn takes its handler away: what is left is bare
    LOGGING_CONFIG["filters"] = {"news": {"()": lambda: is_news}}
    LOGGING_CONFIG["loggers"]["uvicorn.error"] |= {
        "level": "WARNING", "handlers": ["default"], "filters": ["news"],
    }  # fmt: skip


def is_news(record: logging.LogRecord) -> bool:
    """uvicorn takes a WebSocket that was refused, with a status and all, for an error of ours, and
    whoever has not signed in could fill the log with them."""
    return record.getMessage() != REFUSED


def whose() -> dict[str, str]:
    """Who looks at the page that a thread draws; nothing for any other thread."""
    drawing = get_script_run_ctx(suppress_warning=True)
    told = drawing.user_info.get(PERSON) if drawing else None
    return {"user": people.written(told).name} if isinstance(told, str) else {}

