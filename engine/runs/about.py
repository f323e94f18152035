"""What people write about a run: name, note and tags, in a file of its own.

The process that trains a run writes its record; whoever gives it a name writes `about.json`, so no
two processes write one file. A damaged file is no name and a word why, never the end of a listing.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from engine import lease, records
from engine.errors import RecordError, RunError

LONGEST_NAME, LONGEST_NOTE, LONGEST_TAG, MOST_TAGS = 80, 2000, 30, 12
FILE = "about.json"

Tag = Annotated[str, Field(min_length=1, max_length=LONGEST_TAG)]


@dataclass(frozen=True)
class About:
    """name, note, tags: "" and () where there are none. unread: why its file could not be read."""

    name: Annotated[str, Field(max_length=LONGEST_NAME)] = ""
    note: Annotated[str, Field(max_length=LONGEST_NOTE)] = ""
    tags: Annotated[tuple[Tag, ...], Field(max_length=MOST_TAGS)] = ()
    unread: str = ""
    folder: Path = Path()
    extra: dict[str, Any] = field(default_factory=dict)


KIND = records.Kind(About, steps=())


def read_about(folder: Path) -> About:
    """What people wrote about the run in `folder`; never raises."""
    if not (folder / FILE).exists():  # as it is of most
        return About()
    try:
        return replace(records.read(folder / FILE, KIND), folder=Path(), unread="")
    except FileNotFoundError:
        return About()
    except RecordError as error:
        return About(unread=f"{error}, so the run has no name, note or tags; write them anew.")


def write_about(
    folder: Path,
    name: str | None = None,
    note: str | None = None,
    tags: Iterable[str] | None = None,
) -> About:
    """Change what is given and keep the rest; "" and () take it away.

    Spaces are tidied and control characters left out; of a tag that is there twice the first stays.

    Raises:
        RunError: if one is too long, there are too many tags, or the run is gone.
    """
    given = {
        "name": None if name is None else _line(name),
        "note": None if note is None else "\n".join(map(_line, note.strip().splitlines())),
        "tags": None if tags is None else _tags(tags),
    }
    changed = {key: value for key, value in given.items() if value is not None}
    _check(**changed)
    path = folder / FILE
    try:
        with lease.moment(path):  # two people at once: the one who names it keeps the other's note
            about = replace(_to_change(folder), **changed)
            records.write(path, KIND, about, without=("unread",))
    except FileNotFoundError:
        raise RunError(
            f"The run '{folder.name}' is no longer there, so nothing was written about it; it may "
            "be in the trash."
        ) from None
    return about


def _to_change(folder: Path) -> About:
    """What is there; a damaged file is written over, one of a newer version is not."""
    about = read_about(folder)
    if "newer version" in about.unread:
        raise RunError(f"{about.unread.partition(',')[0]}; update Camsight to change it.")
    return replace(about, unread="")


def _line(text: str) -> str:
    text = str(text).encode("utf-8", "replace").decode("utf-8")  # half characters cannot be stored
    kept = (" " if unicodedata.category(c) == "Cc" else c for c in text)
    return " ".join("".join(kept).split())


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for tag in map(_line, tags):
        if tag:
            found.setdefault(tag.casefold(), tag)
    return tuple(found.values())


def _check(name: str = "", note: str = "", tags: tuple[str, ...] = ()) -> None:
    longest_tag = max(tags, key=len, default="")
    for what, length, most, unit in (
        ("The name", len(name), LONGEST_NAME, "characters"),
        ("The note", len(note), LONGEST_NOTE, "characters"),
        (f"The tag '{longest_tag[:20]}…'", len(longest_tag), LONGEST_TAG, "characters"),
        ("The list of tags", len(tags), MOST_TAGS, "tags"),
    ):
        if length > most:
            raise RunError(
                f"{what} has {length:,} {unit}, and {most:,} is the most; make it shorter."
            )
