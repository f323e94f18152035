"""How a line of the log is written: as text or as JSON, with the run and the person it is about.

What is logged is plain: line breaks and the like in a name are escaped, and what a secret setting
holds, or what an address carries as a token, is blanked wherever it turns up.
"""

import json
import logging
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TextIO

FACTS = ("user", "run", "verb", "of")
BLANK = "***"
OURS = ("camsight", "engine", "dashboard")  # loggers
SHORTEST = 6  # letters of a secret that is looked for: a shorter one is part of any word
_CARRIED = re.compile(
    r"(?i)\b(code|state|nonce|\w*token|\w*secret|password|assertion)(=|[\"']\s*:\s*[\"'])[^&\s\"']+"
    r"|\b(bearer|basic)(\s+)[\w.~+/=-]+"
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Formatter(logging.Formatter, ABC):
    """What both forms share: the facts of a record, and what must not be read in it.

    Args:
        secrets: texts that are blanked.
        known: what is known, where a line is logged, beside what the line tells with `extra=`.
    """

    def __init__(self, secrets: Iterable[str] = (), known: Callable[[], dict[str, str]] = dict):
        super().__init__()
        self._secrets = [one for one in secrets if len(one) >= SHORTEST]
        self._known = known

    def format(self, record: logging.LogRecord) -> str:
        known = self._known() | _facts_of(record)
        error = self.formatException(record.exc_info) if record.exc_info else ""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return self.line(
            at, record, self.blanked(record.getMessage()),
            {name: self.blanked(value) for name, value in known.items()}, self.blanked(error),
        )  # fmt: skip

    def blanked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, BLANK)
        return _CARRIED.sub(lambda m: f"{m[1] or m[3]}{m[2] or m[4]}{BLANK}", text)

    @abstractmethod
    def line(self, at: str, record: logging.LogRecord, said: str, facts: dict, error: str) -> str:
        """The record as it is written. at: when, in ISO 8601; error: a traceback, or ""."""


def _facts_of(record: logging.LogRecord) -> dict[str, str]:
    """What was told with `extra=`."""
    return {name: str(value) for name in FACTS if (value := getattr(record, name, None))}


class Text(Formatter):
    """ "2026-11-26T14:41:19.123+00:00 INFO ann@example.com quick-7: finished after 58 s"; what
    follows of a traceback is indented, so that none of it looks like a line of its own."""

    def line(self, at, record, said, facts, error) -> str:
        who = " ".join(facts[name] for name in ("user", "run") if name in facts)
        line = f"{at} {record.levelname} {who and f'{who}: '}{said}"
        return "\n  ".join(map(_escaped, [line, *(error.split("\n") if error else ())]))


def _escaped(line: str) -> str:
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], line)


class Json(Formatter):
    """One JSON object a line: at, level, logger, message, and where known user, run, verb, of and
    error (a traceback)."""

    def line(self, at, record, said, facts, error) -> str:
        told = {"at": at, "level": record.levelname.lower(), "logger": record.name, "message": said}
        return json.dumps(told | facts | ({"error": error} if error else {}))


FORMS = {"text": Text, "json": Json}  # as the setting `log` has them


def begin(written: Formatter, stream: TextIO | None = None) -> None:
    """Let this process's log go to `stream` (standard error) so: ours from INFO on, that of others
    from WARNING on. A second call replaces the first."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(written)
    root = logging.getLogger()
    for before in [one for one in root.handlers if isinstance(one.formatter, Formatter)]:
        root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for ours in OURS:
        logging.getLogger(ours).setLevel(logging.INFO)
