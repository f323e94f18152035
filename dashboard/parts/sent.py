"""Files that a browser sent. They lie on the disk: what a page holds of one is where (see
`dashboard/gate/spool.py`)."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard import words
from dashboard.gate.spool import TOKEN, spool
from dashboard.parts import params
from engine.errors import SpaceError
from engine.settings import settings


class _Named(io.FileIO):
    """A file whose name is the one that it was sent under, and not its place on the disk."""

    name = ""


@dataclass(frozen=True)
class Sent:
    """A file that came through an uploader.

    Attributes:
        id: of this one; the same content that is sent again has another.
        name: what the browser calls it.
        size: in bytes.
        sha256: of the content, in hexadecimal digits.
        path: where it lies in the workspace, as long as the session lasts and nobody takes it back;
            None where it is `data`.
    """

    id: str
    name: str
    size: int
    sha256: str
    path: Path | None
    data: bytes = field(default=b"", repr=False)

    def open(self) -> BinaryIO:
        """The content from its beginning, under its name.

        Raises:
            SpaceError: if it was taken back meanwhile.
        """
        if self.path is None:
            file = io.BytesIO(self.data)
            file.name = self.name
            return file
        try:
            raw = _Named(self.path)
        except FileNotFoundError:
            raise SpaceError(f"{self.name} is no longer there; send it again.") from None
        raw.name = self.name
        return io.BufferedReader(raw)

    def read(self) -> bytes:
        """All of it, for what is small.

        Raises:
            SpaceError: as `open`.
        """
        with self.open() as file:
            return file.read()

    def forget(self) -> None:
        """It has served: the session may send as much again."""
        spool().remove(_session(), self.id)


def uploader(label: str, kinds: str | Sequence[str], *, most_mb: int, **more) -> list[Sent]:
    """Draw an uploader: what came through it, in its order; why a file was not taken is said.

    Args:
        kinds: ends of file names that may be chosen, without the dot; no check of what they hold.
        most_mb: size of the largest file, in MB.
        more: Streamlit's own arguments.
    """
    most_mb = min(most_mb, settings().upload_mb)
    spool().expect(_session(), params.visit(), most_mb)
    came = st.file_uploader(label, kinds, max_upload_size=most_mb, **more)
    found = []
    for file in came if isinstance(came, list) else [came] if came else []:
        try:
            found.append(_sent(file))
        except SpaceError as error:
            st.error(f"{words.markdown(file.name, 60)}: {words.markdown(error)}")
    return found


def arrive() -> None:
    """Called before each page: one without an uploader takes no file."""
    spool().arrive(_session(), params.visit())


def _sent(file: UploadedFile) -> Sent:
    content = file.getvalue()
    if content.startswith(TOKEN):
        found = spool().find(_session(), file.file_id)
        return Sent(file.file_id, file.name, found.size, found.sha256, found.path)
    digest = hashlib.sha256(content).hexdigest()  # without the gate, which tests of pages lack
    return Sent(file.file_id, file.name, file.size, digest, None, content)


def _session() -> str:
    context = get_script_run_ctx()
    return context.session_id if context else ""  # a process that decodes imports what started it
