"""Pictures of one's own: decoded in a process of their own, kept for the visit, told to nobody."""

import streamlit as st

from dashboard import state, words
from dashboard.explain.pictures import Picture
from dashboard.parts import params
from dashboard.parts.sent import Sent, uploader
from engine import identity
from engine.data.decode import FITTED, Decoded, decode_in_child
from engine.errors import CamsightError
from engine.runs.record import Run
from engine.settings import settings

MOST = 20  # pictures
KINDS = ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif"]


def show_uploader(run: Run) -> list[Picture]:
    """The uploader and what came through it, on this visit of the page or an earlier one."""
    uploaded = uploader(
        "Pictures", KINDS, most_mb=settings().max_file_mb, accept_multiple_files=True,
        label_visibility="collapsed",
        help="They are decoded in a process of their own, kept as long as this tab is open, and "
        "shown to nobody else.",
    )  # fmt: skip
    if params.visit() != st.session_state.get("_own_visit"):
        st.session_state["_own_visit"] = params.visit()
        put_aside()
    earlier = st.session_state.get("_own_earlier", [])
    files = list({file.sha256: file for file in earlier + uploaded}.values())
    st.session_state["_own"] = files[:MOST]
    st.caption(
        f"Up to {MOST} pictures, JPEG, PNG, WebP or TIFF. They are {FITTED[run.dataset_fit]}, as "
        "in training, and shown so. They stay until you close this tab; a link to this page does "
        "not carry them."
    )
    if earlier and st.button("Remove those from before", icon=":material/delete:"):
        st.session_state["_own_earlier"] = []
        for file in earlier:
            file.forget()
        st.rerun()
    if len(files) > MOST:
        st.warning(f"The first {MOST} of {len(files)} pictures are shown.")
    return [picture for file in files[:MOST] if (picture := _picture(run, file))]


def put_aside() -> None:
    """Keep what was uploaded; called where no uploader is drawn, which then forgets its files."""
    st.session_state["_own_earlier"] = st.session_state.get("_own", [])


def _picture(run: Run, file: Sent) -> Picture | None:
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


def _decoded(file: Sent, size: int, fit: str) -> Decoded | str:
    """The picture, or why the file was refused."""
    key = ("decoded", file.sha256, size, fit)
    found = state.kept().get(key)
    if found is None:
        try:
            found = decode_in_child(file.read(), size, fit)
        except CamsightError as error:
            found = str(error)
        refused = isinstance(found, str)
        state.kept().put(key, found, len(found) if refused else found.pixels.nbytes)
    return found
