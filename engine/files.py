"""Files written whole or not at all: beside their place, synced, then renamed."""

import errno
import hashlib
import itertools
import json
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine import processes

BESIDE = re.compile(r"\.(?P<pid>\d+)(-(?P<machine>[0-9a-f]{8})-\d+)?\.[^.].*")
DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SILENT_SECONDS = 3600  # of a writer whose machine is not this one, or not told
_numbers = itertools.count()


def write(path: Path, fill: Callable[[Path], None], *, sync: bool = True) -> None:
    """Let `fill` write a file beside `path`, then rename it to `path`.

    The file beside keeps the suffixes, since libraries choose a format by them. With `sync` the
    content is on the disk before the name is.
    """
    writer = f"{os.getpid()}-{_machine()}-{next(_numbers)}"  # threads may write one path at once
    beside = path.with_name(f".{writer}.{path.name}")
    try:
        fill(beside)
        if sync:
            with beside.open("rb") as file:
                os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes | memoryview, *, sync: bool = True) -> None:
    write(path, lambda beside: beside.write_bytes(data), sync=sync)


def write_text(path: Path, text: str, *, sync: bool = True) -> None:
    write(path, lambda beside: beside.write_text(text, encoding="utf-8"), sync=sync)


def write_json(path: Path, value: Any, *, sync: bool = True) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n", sync=sync)


def read_json(path: Path) -> Any:
    """The JSON value in `path`, or None where there is no such file (yet)."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def sweep(folder: Path) -> None:
    """Remove what killed writers left beside their places in this folder (not in those within)."""
    with suppress(OSError):
        for path in list(folder.iterdir()):
            with suppress(OSError):  # its writer may rename it meanwhile
                if (found := BESIDE.fullmatch(path.name)) and _abandoned(path, found):
                    path.unlink()


def _abandoned(path: Path, found: re.Match) -> bool:
    """Whether nobody writes it any more.

    A name tells no start of its process. So one whose number lives again in another process stays
    until it has been silent for an hour, and so does one of another machine, or of the first
    version, which told none.
    """
    alive = processes.started(int(found["pid"])) is not None
    if found["machine"] == _machine() and not alive:
        return True
    return time.time() - path.stat().st_mtime > SILENT_SECONDS


def _machine() -> str:
    return hashlib.sha256(processes.machine().encode()).hexdigest()[:8]


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
