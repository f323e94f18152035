"""Who started, stopped, changed and deleted what: a line each in `audit.jsonl` of the workspace.

A line is written before the thing is done, so that nothing is done that is not noted; one write
appends it whole, also where several processes note something at once. On a disk without room what
frees some is done all the same, and stands in the log.
"""

import errno
import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from engine.errors import RecordError
from engine.workspace import Workspace

FILE = "audit.jsonl"
LONGEST = 300  # letters of a fact
BLOCK = 64 * 1024  # bytes that are read at once, from the end
log = logging.getLogger("camsight")


def note(workspace: Workspace, verb: str, of: str, frees: bool = False, **facts: Any) -> None:
    """Append that whoever asks (`workspace.by`) does `verb` to `of`, a run, dataset or job.

    Args:
        frees: whether that makes room on the disk, or keeps it from being taken.

    Raises:
        RecordError: if it cannot be written; then the thing must not be done.
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
    try:
        _append(workspace.path / FILE, json.dumps(line, ensure_ascii=False))
    except OSError as error:
        if not (frees and error.errno in (errno.ENOSPC, errno.EDQUOT)):
            raise RecordError(
                f"'{verb} {of}' cannot be noted in {FILE} ({error.strerror}) and is not done; free "
                "some space, or give the workspace's owner the right to write there."
            ) from error
    log.info("%s %s", verb, of, extra={"verb": verb, "of": of, "user": workspace.by.name})


def _append(path: Path, line: str) -> None:
    """A disk that fills takes a part of a line without an error: that part is no note, and what is
    noted next begins a line of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # a name of a file may hold bytes that are no letters
    whole = f"{line}\n".encode(errors="backslashreplace")
    place = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        end = os.lseek(place, 0, os.SEEK_END)
        if end and os.pread(place, 1, end - 1) != b"\n":
            whole = b"\n" + whole
        if os.write(place, whole) < len(whole):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(place)
    finally:
        os.close(place)


def last(
    workspace: Workspace, count: int = 200, fits: Callable[[dict[str, Any]], bool] | None = None
) -> list[dict[str, Any]]:
    """The last lines, newest first, those that fit where that is asked; one that is damaged is left
    out. No more of the file is read than that takes."""
    try:
        return list(islice(filter(fits, _readable(workspace.path / FILE)), count))
    except FileNotFoundError:
        return []


def _readable(path: Path) -> Iterator[dict[str, Any]]:
    for line in _backwards(path):
        try:
            found = json.loads(line.decode(errors="replace"))
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def _backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file, the last one first."""
    with path.open("rb") as file:
        at, rest = file.seek(0, os.SEEK_END), b""
        while at > 0:
            size = min(BLOCK, at)
            at = file.seek(at - size)
            first, *lines = (file.read(size) + rest).split(b"\n")
            yield from reversed(lines)
            rest = first
        yield rest
