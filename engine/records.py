"""Records: JSON objects with a schema number, read by this version and kept by the next.

An older record is migrated in memory, by one function a step. Keys that this version does not know
are kept and written back. One that is damaged, or of a newer version, is a sentence and never the
end of a listing: see `Unreadable`.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from engine import files
from engine.errors import RecordError

Step = Callable[[dict[str, Any], Path], dict[str, Any]]  # (record, its folder) -> the next schema's


@dataclass(frozen=True)
class Unreadable:
    """A folder whose record cannot be read, and why, in a sentence."""

    id: str
    why: str
    folder: Path


@dataclass(frozen=True)
class Kind:
    """How the records of one kind are read: `steps[i]` makes schema i + 2 of schema i + 1."""

    record: type  # a dataclass with the fields `folder` and `extra`
    steps: tuple[Step, ...]

    @property
    def schema(self) -> int:
        return len(self.steps) + 1

    @cached_property
    def form(self) -> TypeAdapter:
        return TypeAdapter(self.record)


def read(path: Path, kind: Kind) -> Any:
    """The record in `path` as `kind`'s dataclass.

    Raises:
        FileNotFoundError: if there is no such file.
        RecordError: if it is damaged or of a newer version.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is empty or damaged"
        raise RecordError(f"{path.name} cannot be read ({reason})") from error
    if not isinstance(stored, dict):
        raise RecordError(f"{path.name} cannot be read (it is no JSON object)")
    stored = _migrated(stored, path, kind)
    known = {field.name for field in fields(kind.record)} - {"folder", "extra"}
    extra = {name: value for name, value in stored.items() if name not in known}
    try:
        return kind.form.validate_python(
            {name: stored[name] for name in known & stored.keys()}
            | {"folder": path.parent, "extra": extra}
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordError(f"{path.name} cannot be read ({where}: {first['msg'].lower()})") from None


def _migrated(stored: dict, path: Path, kind: Kind) -> dict:
    schema = stored.pop("schema", 1)  # the first version wrote none
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise RecordError(f"{path.name} cannot be read (its schema is {schema!r})")
    if schema > kind.schema:
        raise RecordError(
            f"{path.name} was written by a newer version (schema {schema}, and this one reads up "
            f"to {kind.schema})"
        )
    for step in kind.steps[schema - 1 :]:
        try:
            stored = step(stored, path.parent)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordError(f"{path.name} cannot be read ({error!r})") from error
    return stored


def write(path: Path, kind: Kind, record: Any, without: Sequence[str] = ()) -> None:
    """The record with its schema number and the keys that another version gave it."""
    stored = kind.form.dump_python(record, mode="json", exclude={"folder", "extra", *without})
    files.write_json(path, {"schema": kind.schema, **stored, **record.extra})
