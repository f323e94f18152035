"""What browsers have sent and nobody has used yet: files on the disk, within budgets.

Streamlit keeps a sent file in memory, once or twice over, and its route takes one from every
session, with an uploader or without. So a file goes to the workspace's disk, and Streamlit is given
a token in its place; the pages ask here what the token stands for.
"""

import hashlib
import os
import secrets
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from engine import lease, quota
from engine.errors import SpaceError
from engine.settings import Settings, settings
from engine.workspace import Workspace

TOKEN = b"camsight-upload:"  # what every token begins with
MOST_FILES = 200  # that a session may have sent and not yet used
MB = 2**20
BLOCK = 16 * MB  # bytes after which a file that comes in is held against the quota again


@dataclass(frozen=True)
class Spooled:
    """A file that was sent whole, or why it was not taken.

    sha256: of its content, in hexadecimal digits.
    """

    path: Path
    size: int
    sha256: str
    refused: str = ""


@dataclass
class Incoming:
    """A file while it comes in; see `Spool.begin`."""

    session: str
    file: str
    path: Path
    size: int = 0
    weighed: int = 0  # bytes of it that were held against the quota
    digest: object = field(default_factory=hashlib.sha256)


class Spool:
    """Files of all sessions by (session, file); any thread may ask.

    A session may send only while its page draws an uploader (`expect`).
    """

    def __init__(self, workspace: Workspace, limits: Settings):
        self._workspace = workspace
        self._most = limits.upload_mb * MB
        self._of_session = limits.session_upload_mb * MB
        self._of_all = limits.all_uploads_mb * MB
        self._lock, self._open = threading.RLock(), ExitStack()
        self._folder: Path | None = None
        self._files: dict[tuple[str, str], Spooled | Incoming] = {}
        self._expected: dict[str, tuple[int, int]] = {}  # session -> (visit of a page, bytes)

    # --- what a page draws ------------------------------------------------------------------------

    def arrive(self, session: str, visit: int) -> None:
        """A page is about to be drawn, by the number of its visit; another than before has no
        uploader yet."""
        with self._lock:
            if self._expected.get(session, (visit, 0))[0] != visit:
                del self._expected[session]

    def expect(self, session: str, visit: int, most_mb: int) -> None:
        """The page draws an uploader that takes files of so many MB."""
        with self._lock:
            before = self._expected.get(session, (visit, 0))[1]
            self._expected[session] = visit, max(before, min(most_mb * MB, self._most))

    def expected(self, session: str) -> int:
        """Bytes of the largest file that the session's page takes; 0 where it takes none."""
        with self._lock:
            return self._expected.get(session, (0, 0))[1]

    # --- what comes in ----------------------------------------------------------------------------

    def begin(self, session: str, file: str, size: int) -> Incoming:
        """Make room for a file that is about to come in.

        Args:
            size: that is told of it in bytes; 0 where it is not told.

        Raises:
            SpaceError: if a budget or the quota has no room for it, in a sentence for a person.
            OSError: if it cannot be written.
        """
        quota.check(self._workspace.path, size)
        with self._lock:
            self.remove(session, file)
            if sum(of == session for of, _ in self._files) >= MOST_FILES:
                raise SpaceError(
                    f"{MOST_FILES} files were sent and not used yet, which is as many as a visit "
                    "may have; take some back, or load the page again."
                )
            self._check_budgets(session, size)
            coming = Incoming(session, file, self._place() / secrets.token_hex(8))
            coming.path.touch()  # nobody makes it again: what was taken back stays away
            self._files[session, file] = coming
            return coming

    def write(self, coming: Incoming, data: bytes) -> None:
        """Append to a file that comes in.

        Raises:
            SpaceError, OSError: as `begin`.
        """
        with self._lock:
            self._check_coming(coming)
            self._check_budgets(coming.session, len(data))
            coming.size += len(data)
        if coming.size - coming.weighed >= BLOCK:
            quota.check(self._workspace.path, len(data))
            coming.weighed = coming.size
        coming.digest.update(data)
        try:
            with coming.path.open("r+b") as file:
                file.seek(0, os.SEEK_END)
                file.write(data)
        except FileNotFoundError:
            raise _taken_back() from None

    def finish(self, coming: Incoming) -> bytes:
        """The file is whole: the token that stands for it.

        Raises:
            SpaceError: as `write`.
        """
        found = Spooled(coming.path, coming.size, coming.digest.hexdigest())
        with self._lock:
            self._check_coming(coming)
            self._files[coming.session, coming.file] = found
        return TOKEN + coming.path.name.encode()

    def refuse(self, session: str, file: str, why: str) -> bytes:
        """Let the page say why a file was not taken: the token that stands for the sentence."""
        with self._lock:
            self.remove(session, file)
            if sum(of == session for of, _ in self._files) < 2 * MOST_FILES:
                self._files[session, file] = Spooled(Path(), 0, "", why)
        return TOKEN

    def _check_coming(self, coming: Incoming) -> None:
        if self._files.get((coming.session, coming.file)) is not coming:
            raise _taken_back()

    def _check_budgets(self, session: str, more: int) -> None:
        sent = sum(one.size for (of, _), one in self._files.items() if of == session)
        if sent + more > self._of_session:
            raise SpaceError(
                f"What was sent on this visit and not used yet would be more than "
                f"{self._of_session // MB:,} MB; take some of it back, or send less."
            )
        if sum(one.size for one in self._files.values()) + more > self._of_all:
            raise SpaceError(
                f"What everybody has sent and not used yet would be more than "
                f"{self._of_all // MB:,} MB; try again when others are done."
            )

    def _place(self) -> Path:
        """A folder of this process's own, which is swept when the process has ended."""
        if self._folder is None:
            folder = self._workspace.uploads / f"sent-{secrets.token_hex(8)}"
            folder.mkdir(parents=True)
            self._open.enter_context(lease.hold(folder / "lease.json"))
            self._folder = folder
        return self._folder

    # --- what is there ----------------------------------------------------------------------------

    def find(self, session: str, file: str) -> Spooled:
        """The file that a token stands for.

        Raises:
            SpaceError: saying why it was not taken, or that it is gone.
        """
        with self._lock:
            found = self._files.get((session, file))
        if not isinstance(found, Spooled):
            raise SpaceError("The file is no longer there; send it again.")
        if found.refused:
            raise SpaceError(found.refused)
        return found

    def remove(self, session: str, file: str) -> None:
        """Forget a file, be it whole or not."""
        with self._lock:
            found = self._files.pop((session, file), None)
        if found is not None and found.path.name:
            found.path.unlink(missing_ok=True)

    def end(self, session: str) -> None:
        """Forget all of a session that nobody can come back to."""
        with self._lock:
            self._expected.pop(session, None)
            files = [file for of, file in self._files if of == session]
        for file in files:
            self.remove(session, file)

    def held(self) -> int:
        """Bytes of all that is there."""
        with self._lock:
            return sum(one.size for one in self._files.values())

    def close(self) -> None:
        """Forget everything: the server ends."""
        with self._lock:
            for session, file in list(self._files):
                self.remove(session, file)
            self._open.close()
            if self._folder is not None:
                for path in self._folder.iterdir():
                    path.unlink(missing_ok=True)
                self._folder.rmdir()
                self._folder = None


def _taken_back() -> SpaceError:
    return SpaceError("The file was taken back while it was sent; send it again.")


@cache
def spool() -> Spool:
    """The spool of this process."""
    return Spool(Workspace(settings().workspace), settings())
