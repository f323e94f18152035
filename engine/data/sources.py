"""A folder or a zip becomes a list of files with a label each.

Which file is of which class is said by `layout.py`. Nothing is ever unpacked to disk, nothing that
is not a file of the folder itself is opened, and no file is read that is larger than allowed: not
if the zip's directory says so, and not if it says less.
"""

import mmap
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from engine.data.layout import LAYOUTS, classes_of
from engine.errors import PictureError, SourceError
from engine.settings import settings

PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
UTF8_NAME = 1 << 11  # of a zip entry's flags
BAD_NAME = 1 << 15  # of a zip entry's flags, which the format reserves: ours


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
        SourceError: if it is not there, is neither folder nor zip, does not hold two classes, or
            if its folders can be read in two ways.
    """
    if not _is_utf8(str(path)):
        raise SourceError(f"The name of '{_shown(str(path))}' is not UTF-8; rename it.")
    if not path.exists():
        raise SourceError(f"The source '{path}' is not there; give a folder or a zip that is.")
    listed = dict(_list_folder(path) if path.is_dir() else _list_zip(path))
    pictures = [name for name, reason in listed.items() if not reason and _is_picture(name)]
    if not pictures:
        zips = any(name.lower().endswith(".zip") for name in listed)
        but = " but other zips; unpack it and" if zips else ";"
        raise SourceError(f"'{path}' holds no pictures{but} give a folder or a zip with {LAYOUTS}.")
    classes = classes_of(pictures, str(path))
    class_names = sorted(set(classes.values()))
    files = sorted(classes, key=_natural)
    refused = [(name, reason) for name, reason in listed.items() if reason]
    others = (name for name, reason in listed.items() if not reason and not _is_picture(name))
    refused += [(name, "not a picture by its name") for name in others]
    refused += [
        (name, "neither its folder nor its name says its class")
        for name in pictures
        if name not in classes
    ]
    return Source(
        path=path,
        files=tuple(files),
        labels=tuple(class_names.index(classes[name]) for name in files),
        class_names=(class_names[0], class_names[1]),
        refused=tuple(refused),
    )


def reader(path: Path) -> Callable[[str], bytes]:
    """A function from a file's name inside the source to its bytes.

    It raises PictureError, before the file is read, if that is larger than a picture may be.
    """
    if path.is_dir():
        return lambda name: read_file(path / name)
    archive = _open_zip(path)
    entries = {_entry_name(entry): entry for entry in archive.infolist()}
    return lambda name: _read_entry(archive, entries[name])


def read_file(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        PictureError: if it is larger than a picture may be; nothing is read then.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        _check_size(size)
        return file.read(size)


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    _check_size(entry.file_size)
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Python's zipfile unpacks these without a limit, whatever the directory says.
        raise PictureError("packed in a rare way (not Deflate); pack the zip again")
    with archive.open(entry) as file:
        # The number is for entries that unpack to more than the directory says.
        return file.read(entry.file_size + 1)


def _check_size(size: int) -> None:
    if size > settings().max_file_mb * 2**20:
        raise PictureError(f"larger than {settings().max_file_mb} MB")


def _list_folder(path: Path) -> Iterator[tuple[str, str]]:
    """(name, why it is refused or "") of all that is inside, with `/` between folders."""
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(path / folder) as entries:
                for entry in entries:
                    name = folder + entry.name
                    if not entry.is_symlink() and entry.is_dir(follow_symlinks=False):
                        folders.append(f"{name}/")
                    else:
                        yield _shown(name), _why_not(name, entry)
        except FileNotFoundError:  # it vanished meanwhile
            continue
        except OSError as error:
            if not folder:
                raise SourceError(
                    f"'{path}' cannot be opened ({error.strerror}); give a folder that can."
                ) from error
            yield _shown(folder), f"cannot be opened ({error.strerror})"


def _why_not(name: str, entry: os.DirEntry) -> str:
    if entry.is_symlink():
        return "a link; only what lies in the folder itself is taken"
    if not entry.is_file(follow_symlinks=False):
        return "a pipe, a socket or a device, and no file"
    return "" if _is_utf8(name) else "its name is not UTF-8; rename it"


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(name: str) -> str:
    """The name with replacement characters for what is not UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")


def _list_zip(path: Path) -> Iterator[tuple[str, str]]:
    """(name, why it is refused or "") of all files inside, with `/` between folders."""
    try:
        with _open_zip(path) as archive:
            entries = archive.infolist()
    except Exception as error:  # zipfile raises almost anything on a broken directory
        raise SourceError(
            f"'{path}' cannot be read as a zip ({error}); give a folder, or pack it again."
        ) from error
    for entry in entries:
        name = _entry_name(entry)
        if not name.endswith("/"):
            bad = entry.flag_bits & BAD_NAME
            yield (
                name,
                "its name is not UTF-8, though the zip says so; pack it again" if bad else "",
            )


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except UnicodeDecodeError:  # one bad name is no reason to refuse the others
        return zipfile.ZipFile(_without_bad_names(path))


class _Copy(mmap.mmap):
    """A file in memory that changes only there."""

    def seekable(self) -> bool:  # Python 3.11 and 3.12 have it not, and zipfile asks
        return True


def _without_bad_names(path: Path) -> _Copy:
    """The zip with `BAD_NAME` in place of `UTF8_NAME` where the directory's name is not UTF-8."""
    with path.open("rb") as file:
        copy = _Copy(file.fileno(), 0, access=mmap.ACCESS_COPY)
    end = copy.rfind(b"PK\x05\x06")
    length = int.from_bytes(copy[end + 12 : end + 16], "little")
    start = max(0, end - length - 76)  # 76: what stands between in zips of more than 4 GB
    for found in re.finditer(rb"PK\x01\x02", copy[start:end]):
        at = start + found.start()
        flags, size = (int.from_bytes(copy[at + i : at + i + 2], "little") for i in (8, 28))
        try:
            copy[at + 46 : at + 46 + size].decode()
        except UnicodeDecodeError:
            if flags & UTF8_NAME:
                flags ^= UTF8_NAME | BAD_NAME
                copy[at + 8 : at + 10] = flags.to_bytes(2, "little")
    return copy


def _entry_name(entry: zipfile.ZipInfo) -> str:
    """The entry's name; macOS packs UTF-8 names without the flag that says so, and some programs of
    Windows put a backslash between folders."""
    name = entry.filename
    if not entry.flag_bits & UTF8_NAME:
        errors = "replace" if entry.flag_bits & BAD_NAME else "strict"
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8", errors)
    return name.replace("\\", "/")


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in PICTURE_SUFFIXES and not hidden


def _natural(name: str) -> tuple:
    """Sorts `cat.2` before `cat.10`."""
    parts = re.split(r"(\d+)", name)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)
