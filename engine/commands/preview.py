"""preview: what a source would be prepared as, before a picture of it is looked at."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.data import subjects
from engine.data.sources import open_source


@dataclass(frozen=True)
class Preview:
    """What a source's names say, before a picture of it is looked at.

    subjects: how many, 0 where none are told. first: (file, subject) of the first ten pictures, ""
    where a subject is not told. mixed: how many subjects stand in more than one class.
    alike: where none are told, and names look as if they told some.
    """

    class_names: tuple[str, ...]
    pictures: int
    subjects: int
    grouped_by: str
    first: tuple[tuple[str, str], ...]
    mixed: int
    alike: subjects.Alike | None


def preview(source: Path | BinaryIO, group_by: str | None = None) -> Preview:
    """What a folder or zip, or one that is being sent, would be prepared as, by names only.

    Raises:
        SourceError: as `prepare`, if its classes or subjects cannot be told.
    """
    at = None if isinstance(source, Path) else source.tell()
    try:
        found = open_source(source, group_by)
    finally:
        if at is not None:
            source.seek(at)
    groups = found.groups or ("",) * len(found.files)
    return Preview(
        class_names=found.class_names,
        pictures=len(found.files),
        subjects=len(set(found.groups or ())),
        grouped_by=found.grouped_by,
        first=tuple(zip(found.files[:10], groups[:10], strict=True)),
        mixed=subjects.in_several(found.labels, found.groups) if found.groups else 0,
        alike=None if found.groups else subjects.look_alike(found.files, found.labels),
    )
