"""Pictures of one's own: decoded in a process of their own, kept for the visit, told to nobody."""

import hashlib
from dataclasses import dataclass

import streamlit as st

from dashboard import state, words
from dashboard.explain.pictures import Picture
from dashboard.parts import params
from engine import identity
from engine.data.decode import FITTED, Decoded, decode_in_child
from engine.errors import CamsightError
from engine.runs.record import Run

MOST = 20  # pictures
KEPT_BYTES = 64 * 2**20  # of files that one visit keeps after its page was left
KINDS = ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif"]


@dataclass(frozen=True)
class File:
    name: str
    data: bytes

    @property
    def sha(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def show_uploader(run: Run) -> list[Picture]:
    """The uploader and what came through it, on this visit of the page or an earlier one."""
    uploaded = st.file_uploader(
        "Pictures", accept_multiple_files=True, max_upload_size=64, label_visibility="collapsed",
        type=KINDS,
        help="They are decoded in a process of their own, kept in memory only, and shown to nobody "
        "else.",
    )  # fmt: skip
    if params.visit() != st.session_state.get("_own_visit"):
        st.session_state["_own_visit"] = params.visit()
        put_aside()
    earlier = st.session_state.get("_own_earlier", [])
    files = list({file.sha: file for file in earlier + _files(uploaded)}.values())
    st.session_state["_own"] = _as_many_as_are_kept(files)
    st.caption(
        f"Up to {MOST} pictures, JPEG, PNG, WebP or TIFF. They are {FITTED[run.dataset_fit]}, as "
        "in training, and shown so. They stay until you close this tab; a link to this page does "
        "not carry them."
    )
    if earlier and st.button("Remove those from before", icon=":material/delete:"):
        st.session_state["_own_earlier"] = []
        st.rerun()
    if len(files) > MOST:
        st.warning(f"The first {MOST} of {len(files)} pictures are shown.")
    return [picture for file in files[:MOST] if (picture := _picture(run, file))]


def put_aside() -> None:
    """Keep what was uploaded; called where no uploader is drawn, which then forgets its files."""
    st.session_state["_own_earlier"] = st.session_state.get("_own", [])


def _files(uploaded) -> list[File]:
    return [File(one.name, one.getvalue()) for one in uploaded]


def _as_many_as_are_kept(files: list[File]) -> list[File]:
    kept, size = [], 0
    for file in files[:MOST]:
        size += len(file.data)
        if size <= KEPT_BYTES:
            kept.append(file)
    return kept


def _picture(run: Run, file: File) -> Picture | None:
    """None for a file that was refused, after saying why."""
    found = _decoded(file, run.dataset_image_size, run.dataset_fit)
    if isinstance(found, str):
        st.error(
            f"{words.markdown(file.name, 60)} cannot be used: {words.markdown(found)}; save it as "
            "JPEG or PNG and try again."
        )
        return None
    if found.remarks:
        st.caption(f"{words.markdown(file.name, 60)} was {' and '.join(found.remarks)}.")
    return Picture(file.name, found.pixels, None, None, identity.of_picture(found.pixels))


def _decoded(file: File, size: int, fit: str) -> Decoded | str:
    """The picture, or why the file was refused."""
    key = ("decoded", file.sha, size, fit)
    found = state.kept().get(key)
    if found is None:
        try:
            found = decode_in_child(file.data, size, fit)
        except CamsightError as error:
            found = str(error)
        refused = isinstance(found, str)
        state.kept().put(key, found, len(found) if refused else found.pixels.nbytes)
    return found
