"""Who started, stopped, changed and deleted what: a line each in `audit.jsonl` of the workspace.

A line is written before the thing is done, so that nothing is done that is not noted; one write
appends it whole, also where several processes note something at once.
"""

import json
import os
from collections import deque
from datetime import UTC, datetime
from typing import Any

from engine.workspace import Workspace

FILE = "audit.jsonl"
LONGEST = 300  # letters of a fact


def note(workspace: Workspace, verb: str, of: str, **facts: Any) -> None:
    """Append that whoever asks (`workspace.by`) does `verb` to `of`, a run, dataset or job.

    Raises:
        OSError: if it cannot be written; then the thing must not be done.
    """
    told = {name: str(value)[:LONGEST] for name, value in facts.items()}
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "by": workspace.by.name,
        "role": workspace.by.role,
        "verb": verb,
        "of": of,
        **told,
    }
    workspace.path.mkdir(parents=True, exist_ok=True)
    place = os.open(workspace.path / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(place, (json.dumps(line, ensure_ascii=False) + "\n").encode())
        os.fsync(place)
    finally:
        os.close(place)


def last(workspace: Workspace, count: int = 200) -> list[dict[str, Any]]:
    """The last lines, newest first; one that is damaged is left out."""
    try:
        with (workspace.path / FILE).open(encoding="utf-8", errors="replace") as file:
            lines = deque(file, maxlen=count)
    except FileNotFoundError:
        return []
    found = []
    for line in reversed(lines):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [one for one in found if isinstance(one, dict)]
