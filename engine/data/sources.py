"""A folder or a zip becomes a list of files with a label each.

Two layouts are known, both as folder and as zip: one sub-folder for each class (the blog post's
`training/cat`, Microsoft's `PetImages/Cat`), and names that begin with the class (Kaggle's
`cat.0.jpg`, also in its folder `train` beside the unlabelled `test1`). Nothing is ever unpacked to
disk.
"""

import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from engine.errors import SourceError

PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
FLAT_NAME = re.compile(r"(?P<name>.*[^\W\d_].*?)[._ -]?\d+")  # "cat.0", "犬_12", not "12"
PART_FOLDERS = {"train", "training", "val", "valid", "validation", "test", "test1", "testing"}
LAYOUTS = "one sub-folder for each of two classes, or names like cat.0.jpg and dog.0.jpg"


@dataclass(frozen=True)
class Source:
    """What a folder or zip holds: `files[i]` is a name inside `path`, `labels[i]` its class."""

    path: Path
    files: tuple[str, ...]
    labels: tuple[int, ...]
    class_names: tuple[str, str]
    refused: tuple[tuple[str, str], ...]  # (file, reason)


def open_source(path: Path) -> Source:
    """Look into `path` and sort its files into two classes, by name only.

    Raises:
        SourceError: if it is not there, is neither folder nor zip, or does not hold two classes.
    """
    names = _list(path)
    pictures = [n for n in names if _is_picture(n)]
    if not pictures:
        zips = any(name.lower().endswith(".zip") for name in names)
        but = " but other zips; unpack it and" if zips else ";"
        raise SourceError(f"'{path}' holds no pictures{but} give a folder or a zip with {LAYOUTS}.")
    classes, misplaced = _classes(pictures)
    found = sorted(set(classes.values()))
    if len(found) != 2:
        listed = ", ".join(f"'{name}'" for name in found[:6]) + (", …" if len(found) > 6 else "")
        count = {0: "pictures of no class", 1: f"one class ({listed})"}
        raise SourceError(
            f"'{path}' holds {count.get(len(found), f'{len(found)} classes ({listed})')}, and two "
            f"are needed; give a folder or a zip with {LAYOUTS}."
        )
    files = sorted(classes, key=_natural)
    refused = [(n, "not a picture by its name") for n in names if not _is_picture(n)]
    refused += [(n, "neither its folder nor its name says its class") for n in misplaced]
    return Source(
        path=path,
        files=tuple(files),
        labels=tuple(found.index(classes[n]) for n in files),
        class_names=(found[0], found[1]),
        refused=tuple(refused),
    )


def reader(path: Path) -> Callable[[str], bytes]:
    """A function from a file's name inside the source to its bytes."""
    if path.is_dir():
        return lambda name: (path / name).read_bytes()
    archive = zipfile.ZipFile(path)
    entries = {_entry_name(entry): entry for entry in archive.infolist()}
    return lambda name: archive.read(entries[name])


def _list(path: Path) -> list[str]:
    """Names of all files inside, with `/` between folders."""
    if path.is_dir():
        return [p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()]
    if not path.exists():
        raise SourceError(f"The source '{path}' is not there; give a folder or a zip that is.")
    try:
        with zipfile.ZipFile(path) as archive:
            return [_entry_name(e) for e in archive.infolist() if not e.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise SourceError(
            f"'{path}' cannot be read as a zip ({error}); give a folder, or pack it again."
        ) from error


def _entry_name(entry: zipfile.ZipInfo) -> str:
    """The entry's name; macOS packs UTF-8 names without the flag that says so."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in PICTURE_SUFFIXES and not hidden


def _classes(pictures: list[str]) -> tuple[dict[str, str], list[str]]:
    """Each picture's class name, and the pictures that lie where no class is."""
    by_folder = Counter(PurePosixPath(name).parent for name in pictures)
    if len(by_folder) == 1:
        return {name: _flat_class(name) for name in pictures}, []
    if all(folder.name.lower() in PART_FOLDERS for folder in by_folder):
        named = [name for name in pictures if FLAT_NAME.fullmatch(PurePosixPath(name).stem)]
        classes = {name: _flat_class(name) for name in named}
    else:
        above_others = {p for p in by_folder if any(p in q.parents for q in by_folder if q != p)}
        classes = {
            name: _composed(PurePosixPath(name).parent.name)
            for name in pictures
            if PurePosixPath(name).parent not in above_others
        }
    return classes, [name for name in pictures if name not in classes]


def _flat_class(name: str) -> str:
    path = PurePosixPath(name)
    match = FLAT_NAME.fullmatch(path.stem)
    return _composed(match["name"] if match else path.parent.name or path.stem)


def _composed(name: str) -> str:
    """One spelling for each name: macOS stores é as e and an accent."""
    return unicodedata.normalize("NFC", name)


def _natural(name: str) -> tuple:
    """Sorts `cat.2` before `cat.10`."""
    parts = re.split(r"(\d+)", name)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)
