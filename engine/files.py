"""Files written whole or not at all: beside their place, synced, then renamed."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write(path: Path, fill: Callable[[Path], None], *, sync: bool = True) -> None:
    """Let `fill` write a file beside `path`, then rename it to `path`.

    The file beside keeps the suffixes, since libraries choose a format by them. With `sync` the
    content is on the disk before the name is.
    """
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        fill(beside)
        if sync:
            with beside.open("rb") as file:
                os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


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


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
