"""backup: all that a workspace holds, as a folder that can lie anywhere; `restoring` puts it back.

A backup is `DIR/workspace/`, plain copies, and `DIR/manifest.json` with the size and the SHA-256 of
each, which is written last and asked at the restore. What is of the moment and of the machine is
left out: leases, locks, jobs, uploads, and whatever is half made.

It may be made while the dashboard and a training work. Files of ours are never changed in place but
replaced (`engine.files`), so a file that is open stays what it was. The files of a folder are
opened together and looked at once more: if none was replaced meanwhile, they are of one moment. A
training's checkpoint and what follows from it thus are as a kill would have left them, and a kill
loses nothing: the run is resumed where the backup is restored.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from engine import files, formats, lease
from engine.errors import WorkspaceError
from engine.people import Role, require
from engine.workspace import Workspace

MANIFEST, INSIDE, SCHEMA = "manifest.json", "workspace", 1
UNFINISHED, LEASE = ".unfinished", "lease.json"  # a folder that is being made, and by whom
LEFT_OUT = ("jobs", "uploads")  # processes of this machine, and what they have not taken in yet
OPEN = 200  # files at once; a system gives a process 1,024
TRIES = 200
BLOCK = 2**20
Progress = Callable[[int, int], None]  # bytes done, of all


@dataclass(frozen=True)
class Backup:
    """made: as records write a moment. format: of the workspace. files: path inside it -> size in
    bytes and SHA-256."""

    folder: Path
    made: str
    format: int
    files: dict[str, tuple[int, str]]

    @property
    def size(self) -> int:
        return sum(size for size, _ in self.files.values())


def backup(workspace: Workspace, out: Path, progress: Progress = lambda done, all: None) -> Backup:
    """Copy the workspace into the new folder `out`, whole or not at all.

    Raises:
        AccessError: if whoever asks is no admin.
        WorkspaceError: if there is no workspace, `out` is taken, lies in the workspace or in no
            folder, its disk is too small, or a file changes too often; nothing is left then.
    """
    require(workspace.by, Role.ADMIN, "back up the workspace")
    found = formats.check(workspace)
    out = out.expanduser().absolute()
    _check_places(workspace, out)
    size = sum(map(_size, _all_files(workspace.path)))
    require_space(out.parent, size, "backup")
    with _whole(out) as beside:
        copied = _copy_all(
            workspace.path, beside / INSIDE, lambda done: progress(done, max(size, done))
        )
        made = Backup(out, datetime.now(UTC).isoformat(timespec="seconds"), found, copied)
        files.write_json(beside / MANIFEST, {
            "schema": SCHEMA, "format": found, "made": made.made, "by": workspace.by.name,
            "files": {name: {"bytes": size, "sha256": sha} for name, (size, sha) in copied.items()},
        })  # fmt: skip
    return made


def _check_places(workspace: Workspace, out: Path) -> None:
    if not workspace.path.is_dir():
        raise WorkspaceError(
            f"There is no workspace '{workspace.path}' to back up; name another in "
            "CAMSIGHT_WORKSPACE."
        )
    if out.resolve().is_relative_to(workspace.path.resolve()):
        raise WorkspaceError(f"'{out}' lies in the workspace itself; choose a folder elsewhere.")
    if out.exists() or out.is_symlink():
        raise WorkspaceError(f"'{out}' is there already; give a name that is free, as '{out}-2'.")
    if not out.parent.is_dir():
        raise WorkspaceError(f"There is no folder '{out.parent}'; make it, or choose another.")


@contextmanager
def _whole(place: Path) -> Iterator[Path]:
    """A new folder beside `place`, for its owner alone, which becomes `place` at the end of the
    block. Nothing is left of it where that ends otherwise, and what killed ones left is removed."""
    for left in place.parent.glob(f".*{UNFINISHED}"):
        if not lease.is_held(left / LEASE):
            shutil.rmtree(left, ignore_errors=True)
    beside = None
    try:
        beside = Path(tempfile.mkdtemp(UNFINISHED, f".{place.name}.", place.parent))
        lease.grant(beside / LEASE, os.getpid())
        with lease.beating(beside / LEASE):
            yield beside
            (beside / LEASE).unlink()
            beside.rename(place)
    except OSError as error:
        raise not_written(place, error) from error
    finally:
        if beside:
            shutil.rmtree(beside, ignore_errors=True)


def not_written(place: Path, error: OSError) -> WorkspaceError:
    full = error.errno in files.DISK_IS_FULL
    return WorkspaceError(
        f"'{error.filename or place}' cannot be {'written' if full else 'used'} "
        f"({error.strerror or error}), so nothing was kept of what was begun; "
        f"{'free some space' if full else 'check its rights'}, or choose another folder."
    )


def require_space(folder: Path, needed: int, what: str) -> None:
    """Look at the disk of `folder` before `needed` bytes are written to it.

    Raises:
        WorkspaceError: if less is free, saying how much.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise WorkspaceError(
            f"The disk of '{folder}' has {free / 1e6:,.0f} MB free and the {what} takes "
            f"{needed / 1e6:,.0f} MB; free some space, or choose another disk."
        )


def _copy_all(
    source: Path, target: Path, progress: Callable[[int], None]
) -> dict[str, tuple[int, str]]:
    """Copy every file, and again whatever is new by then, until nothing is: a run may be deleted
    or put back meanwhile, and must not be missed in both of its places."""
    copied: dict[str, tuple[int, str]] = {}
    seen, done = set(), 0
    target.mkdir()
    while new := [folder for folder in _folders(source) if folder not in seen]:
        for folder in new:
            seen.add(folder)
            for name, file in _opened(folder):
                inside = folder.relative_to(source) / name
                place = target / inside
                place.parent.mkdir(parents=True, exist_ok=True)
                copied[inside.as_posix()] = size, _ = copy(file, place)
                done += size
                progress(done)
    return copied


def _folders(source: Path) -> list[Path]:
    """The folder and all those in it that are kept, those above first."""
    found = [source]
    for folder in found:
        with suppress(FileNotFoundError, NotADirectoryError):  # it was deleted meanwhile
            found += sorted(
                path for path in folder.iterdir()
                if path.is_dir() and not path.name.startswith(".")
                and not (folder == source and path.name in LEFT_OUT)
            )  # fmt: skip
    return found


def _kept_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and _is_kept(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_kept(name: str) -> bool:
    return not (name.startswith(".") or name.endswith((".lock", "lease.json")))


def _all_files(source: Path) -> Iterator[Path]:
    for folder in _folders(source):
        yield from _kept_files(folder)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _opened(folder: Path) -> Iterator[tuple[str, BinaryIO]]:
    """The folder's files by name, open, all as they were at one moment; of more than a few hundred,
    which only what is computed once is (features of a dataset), as many at a time."""
    first = 0
    while first == 0 or first < len(_kept_files(folder)):
        with _of_one_moment(folder, first) as opened:
            yield from opened
        first += OPEN


@contextmanager
def _of_one_moment(folder: Path, first: int) -> Iterator[list[tuple[str, BinaryIO]]]:
    for _ in range(TRIES):
        with ExitStack() as held:
            names = _kept_files(folder)
            try:
                opened = [
                    (path.name, held.enter_context(path.open("rb")))
                    for path in names[first : first + OPEN]
                ]
                same = all(_is_still(file, folder / name) for name, file in opened)
            except FileNotFoundError:
                same = False
            if same and _kept_files(folder) == names:
                yield opened
                return
        time.sleep(0.01)  # a run that trains replaces a file in less
    raise WorkspaceError(
        f"The files of '{folder}' change too often to be copied; try again when less is going on."
    )


def _is_still(file: BinaryIO, path: Path) -> bool:
    return os.path.samestat(os.fstat(file.fileno()), path.stat())


def copy(file: BinaryIO, place: Path) -> tuple[int, str]:
    """Copy an open file; how many bytes, and their SHA-256."""
    sha, size = hashlib.sha256(), 0
    with place.open("xb") as written:
        while block := file.read(BLOCK):
            written.write(block)
            sha.update(block)
            size += len(block)
        written.flush()
        os.fsync(written.fileno())
    return size, sha.hexdigest()
