"""How much disk the workspace may take (`workspace_gb`), and how much of it is left.

What would be too much ends as on a disk that is full: whole or not at all, and in a sentence.
"""

import errno
import os
import shutil
import time
from pathlib import Path

from engine.settings import settings

FRESH = 5.0  # seconds that a sum is good for, with what was let pass since
GB = 10**9
_sums: dict[Path, tuple[float, int]] = {}  # of a workspace: when it was made, bytes


def taken(workspace: Path) -> int:
    """Bytes on the disk of all that lies in the workspace; a file under two names counts once."""
    found = _sum(workspace)
    _sums[workspace] = time.monotonic(), found
    return found


def free(folder: Path) -> int:
    """Bytes that may still be written into the folder: what its disk has, or what the quota leaves
    if that is less."""
    room = shutil.disk_usage(folder).free
    return min(room, max(0, _quota() - _recent(settings().workspace))) if _counts(folder) else room


def reason(folder: Path) -> str:
    """Why there may be less room than the disk has, in brackets; "" where no quota is."""
    return f" ({_sentence()})" if _counts(folder) else ""


def check(folder: Path, more: int) -> None:
    """Let only pass what the quota has room for.

    Args:
        more: bytes that are about to be written into the folder.

    Raises:
        OSError: EDQUOT, with the setting in its words.
    """
    if not _counts(folder):
        return
    workspace = settings().workspace
    if _recent(workspace) + more > _quota() and taken(workspace) + more > _quota():
        raise OSError(errno.EDQUOT, _sentence(), str(folder))
    when, found = _sums[workspace]
    _sums[workspace] = when, found + more


def _recent(workspace: Path) -> int:
    """What it took some seconds ago at most."""
    when, found = _sums.get(workspace, (float("-inf"), 0))
    return found if time.monotonic() - when < FRESH else taken(workspace)


def _counts(folder: Path) -> bool:
    """Whether there is a quota, and the folder lies in the workspace of this process."""
    return bool(settings().workspace_gb) and folder.resolve().is_relative_to(settings().workspace)


def _quota() -> int:
    return int(settings().workspace_gb * GB)


def _sentence() -> str:
    return f"the workspace may take {settings().workspace_gb:g} GB, as CAMSIGHT_WORKSPACE_GB says"


def _sum(top: Path) -> int:
    """Blocks rather than lengths: of a file with holes, what it really takes."""
    folders, seen, found = [top], set(), 0
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                        continue
                    told = entry.stat(follow_symlinks=False)
                    if told.st_nlink > 1 and (told.st_dev, told.st_ino) in seen:
                        continue
                    seen.add((told.st_dev, told.st_ino))
                    found += told.st_blocks * 512
        except OSError:  # it vanished meanwhile, or is not ours to read
            continue
    return found
