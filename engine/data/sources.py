"""A folder or a zip becomes a list of files with a label each, and a subject where one is told.

Which file is of which class is said by `layout.py`, of which subject by `subjects.py`. Nothing is
ever unpacked to disk, nothing that is not a file of the folder itself is opened, and no file is
read that is larger than allowed: not if the zip's directory says so, and not if it says less.
"""

import io
import mmap
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from engine.data import subjects
from engine.data.layout import LAYOUTS, classes_of, folders_below, place_of
from engine.errors import PictureError, SourceError
from engine.settings import settings

PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
UTF8_NAME = 1 << 11  # of a zip entry's flags
BAD_NAME = 1 << 15  # of a zip entry's flags, which the format reserves: ours
MOST_OF_ENTRY = 1024  # bytes in a zip's directory, on the average
HEADER = 46  # bytes of an entry in a zip's directory, before its name
ZIP64, END64 = 76, b"PK\x06\x06"  # bytes that stand after the directory of a large zip, and how


@dataclass(frozen=True)
class Source:
    """What a folder or zip holds: `files[i]` is a name inside `path`, `labels[i]` its class and
    `groups[i]` its subject.

    grouped_by: where the subjects come from: "groups.csv", "folder" or the expression; "" where
    none are told.
    """

    path: Path | BinaryIO
    files: tuple[str, ...]
    labels: tuple[int, ...]
    class_names: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]  # (file, reason)
    groups: tuple[str, ...] | None = None
    grouped_by: str = ""


def open_source(
    path: Path | BinaryIO, group_by: str | None = None, positive: str | None = None
) -> Source:
    """Look into `path` and sort its files into classes and subjects, by name only.

    Args:
        path: a folder or a zip; or an open zip, of which the names are wanted and no picture.
        group_by: "folder", or an expression with one group on a file's name; of no effect where
            the source holds a groups.csv.
        positive: which of two classes is the positive one, in whatever case.

    Raises:
        SourceError: if it is not there, is neither folder nor zip, does not hold 2 to 100 classes,
            if its folders can be read in two ways, if there is no such class, or if its subjects
            cannot be told or are fewer than three in a class.
    """
    subjects.check(group_by)
    shown = _check_place(path)
    listed = dict(_list_folder(path) if _is_folder(path) else _list_zip(path))
    pictures = [name for name, reason in listed.items() if not reason and _is_picture(name)]
    if not pictures:
        zips = any(name.lower().endswith(".zip") for name in listed)
        but = " but other zips; unpack it and" if zips else ";"
        raise SourceError(
            f"'{shown}' holds no pictures{but} give a folder or a zip with {LAYOUTS}."
        )
    outer_meant = group_by == subjects.FOLDER or positive is not None
    classes = classes_of(pictures, shown, outer_meant=outer_meant)
    class_names = with_positive(tuple(sorted(set(classes.values()))), positive, shown)
    files = tuple(sorted(classes, key=_natural))
    labels = tuple(class_names.index(classes[name]) for name in files)
    table, groups = subjects.find_table(listed, files), None
    if table:
        groups = subjects.by_table(_read_table(path, table), table, files, listed)
    elif group_by == subjects.FOLDER:
        groups = subjects.by_folder(files, folders_below(pictures))
    elif group_by is not None:
        groups = subjects.by_expression(files, group_by)
    if groups:
        subjects.check_enough(labels, groups, class_names)
    return Source(
        path=path,
        files=files,
        labels=labels,
        class_names=class_names,
        refused=tuple(_refused(listed, classes, table)),
        groups=groups,
        grouped_by=subjects.TABLE if table else group_by or "",
    )


def with_positive(
    class_names: tuple[str, ...], positive: str | None, source: str
) -> tuple[str, ...]:
    """The class names, of two the positive one last.

    >>> with_positive(("cancer", "healthy"), "Cancer", "scans")
    ('healthy', 'cancer')

    Raises:
        SourceError: if there is no such class, or if there are more than two.
    """
    if positive is None:
        return class_names
    if len(class_names) != 2:
        raise SourceError(
            f"Which class is the positive one is asked of two classes, and '{source}' holds "
            f"{len(class_names)}; leave '{positive}' out, and ask it of a run."
        )
    chosen = place_of(class_names, positive)
    if chosen is None:
        raise SourceError(
            f"'{positive}' is no class of '{source}' and cannot be the positive one; choose "
            f"{' or '.join(class_names)}."
        )
    return class_names[1 - chosen], class_names[chosen]


def _refused(
    listed: dict[str, str], classes: dict[str, str], table: str | None
) -> Iterator[tuple[str, str]]:
    """(file, reason) of all that was left out, what was refused at once first."""
    yield from ((name, reason) for name, reason in listed.items() if reason)
    rest = [name for name, reason in listed.items() if not reason and name != table]
    for name in rest:
        if not _is_picture(name):
            yield name, "not a picture by its name"
    for name in rest:
        if _is_picture(name) and name not in classes:
            yield name, "neither its folder nor its name says its class"


def _check_place(path: Path | BinaryIO) -> str:
    """How error messages name the source, if it is there."""
    if not isinstance(path, Path):
        return str(getattr(path, "name", "the zip"))
    if not _is_utf8(str(path)):
        raise SourceError(f"The name of '{_shown(str(path))}' is not UTF-8; rename it.")
    if not path.exists():
        raise SourceError(f"The source '{path}' is not there; give a folder or a zip that is.")
    return str(path)


def _is_folder(path: Path | BinaryIO) -> bool:
    return isinstance(path, Path) and path.is_dir()


def _read_table(path: Path | BinaryIO, name: str) -> bytes:
    try:
        if _is_folder(path):
            return read_file(path / name)
        with _open_zip(path) as archive:
            entry = next(one for one in archive.infolist() if _entry_name(one) == name)
            return _read_entry(archive, entry)
    except Exception as error:  # an entry that is encrypted or damaged, a file without rights
        raise SourceError(f"{name} cannot be read ({error}); mend it, or leave it out.") from error


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


def _check_count(count: int, path: Path | BinaryIO) -> None:
    most = settings().max_entries
    if count > most:
        raise SourceError(
            f"'{_check_place(path)}' holds more than {most:,} files; take fewer, or let whoever "
            "runs this raise CAMSIGHT_MAX_ENTRIES."
        )


def _list_folder(path: Path) -> Iterator[tuple[str, str]]:
    """(name, why it is refused or "") of all that is inside, with `/` between folders."""
    folders, count = [""], 0
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(path / folder) as entries:
                for entry in entries:
                    name = folder + entry.name
                    count += 1
                    _check_count(count, path)
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


def _list_zip(path: Path | BinaryIO) -> Iterator[tuple[str, str]]:
    """(name, why it is refused or "") of all files inside, with `/` between folders."""
    try:
        with _open_zip(path) as archive:
            entries = archive.infolist()
    except SourceError:
        raise
    except Exception as error:  # zipfile raises almost anything on a broken directory
        raise SourceError(
            f"'{_check_place(path)}' cannot be read as a zip ({error}); give a folder, or pack it "
            "again."
        ) from error
    for entry in entries:
        name = _entry_name(entry)
        if not name.endswith("/"):
            bad = entry.flag_bits & BAD_NAME
            yield (
                name,
                "its name is not UTF-8, though the zip says so; pack it again" if bad else "",
            )


def _open_zip(path: Path | BinaryIO) -> zipfile.ZipFile:
    _check_directory(path)
    try:
        return zipfile.ZipFile(path)
    except UnicodeDecodeError:  # one bad name is no reason to refuse the others
        return zipfile.ZipFile(_without_bad_names(path))


def _check_directory(path: Path | BinaryIO) -> None:
    """Count the entries before zipfile makes an object of each, of however many there are.

    Raises:
        SourceError: if there are too many.
    """
    with path.open("rb") if isinstance(path, Path) else nullcontext(path) as file:
        end = zipfile._EndRecData(file)  # what zipfile itself goes by, zips of more than 4 GB too
        if not end:
            return  # no zip, which zipfile says
        size, count = end[zipfile._ECD_SIZE], 0
        _check_count(size // MOST_OF_ENTRY, path)  # zipfile reads it whole, whatever it is
        file.seek(max(0, end[zipfile._ECD_LOCATION] - size - ZIP64 * (end[0] == END64)))
        while size >= HEADER and (header := file.read(HEADER))[:4] == b"PK\x01\x02":
            count += 1
            _check_count(count, path)
            rest = sum(int.from_bytes(header[at : at + 2], "little") for at in (28, 30, 32))
            file.seek(rest, os.SEEK_CUR)
            size -= HEADER + rest


class _Copy(mmap.mmap):
    """A file in memory that changes only there."""

    def seekable(self) -> bool:  # Python 3.11 and 3.12 have it not, and zipfile asks
        return True


def _without_bad_names(path: Path | BinaryIO) -> _Copy:
    """The zip with `BAD_NAME` in place of `UTF8_NAME` where the directory's name is not UTF-8."""
    with path.open("rb") if isinstance(path, Path) else nullcontext(path) as file:
        try:
            copy = _Copy(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except io.UnsupportedOperation:  # in memory
            file.seek(0)
            data = file.read()
            copy = _Copy(-1, len(data))
            copy[:] = data
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
    parts = re.split(r"(\d{1,4000})", name)  # Python makes no number of more digits
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)
