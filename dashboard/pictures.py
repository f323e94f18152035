"""Pictures of one's own: sent as a zip, checked in a process of its own, or by a command."""

import re
import shlex
import unicodedata
from pathlib import PurePath

import streamlit as st

from dashboard import state, words
from engine.commands import prepare
from engine.data import dataset as datasets
from engine.data.dataset import Dataset
from engine.errors import CamsightError
from engine.jobs import local
from engine.models.presets import MAX_IMAGE_SIZE, MIN_IMAGE_SIZE
from engine.settings import PROJECT, settings

LAYOUT = (
    "A zip with one sub-folder for each of two classes, or with names like cat.0.jpg and "
    "dog.0.jpg. Every file is checked before it is used; nothing leaves this machine."
)
REFUSED_SHOWN = 200


def own_pictures() -> None:
    """The upload with what became of it, and the command that does the same."""
    st.caption(LAYOUT)
    job = _asked_job()
    if job:
        state.poll(lambda: _progress(job), active=_alive(job))
    _upload()
    st.caption("Or in a terminal, for a folder or a zip on this machine:")
    st.code(_command(), language=None, wrap_lines=True)


def suggest_name(file_name: str, taken: set[str] = frozenset()) -> str:
    """A dataset's name out of a file's.

    >>> suggest_name("My pets (2).zip"), suggest_name("犬と猫.zip"), suggest_name("...zip")
    ('My-pets-2', '犬と猫', 'pictures')
    """
    stem = unicodedata.normalize("NFC", PurePath(file_name).name.removesuffix(".zip"))
    stem = re.sub(r"[^\w.-]+", "-", stem).strip("-._")[:60] or "pictures"
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name


def _upload() -> None:
    turn = st.session_state.setdefault("_upload_turn", 0)  # a new key empties the uploader
    sent = st.file_uploader("Zip of pictures", type="zip", key=f"zip-{turn}")
    if sent is None:
        return
    taken = {one.name for one in state.datasets()}
    left, right = st.columns([2, 1])
    name = left.text_input(
        "Name of the dataset", suggest_name(sent.name, taken), key=f"zip-name-{turn}",
        max_chars=64, help="Letters, digits, '.', '_' or '-'.",
    )  # fmt: skip
    size = right.number_input(
        "Pixels of a side", MIN_IMAGE_SIZE, MAX_IMAGE_SIZE, 150, key=f"zip-size-{turn}",
        help="Each picture is stored as a square of this size; a run may use less, never more.",
    )  # fmt: skip
    if st.button("**Check and store them**", icon=":material/upload:", key="zip-start"):
        try:
            job = prepare.start(sent, name.strip(), image_size=int(size))
        except (CamsightError, OSError) as error:
            st.error(words.markdown(error))
            return
        st.session_state["_upload_turn"] = turn + 1
        st.query_params["job"] = job
        st.rerun()


def _asked_job() -> str | None:
    """The intake that the URL names, so that a reload finds it again; None for anything else."""
    asked = st.query_params.get("job", "")
    name = asked.removeprefix("prepare-")
    if name == asked or not datasets.NAME.fullmatch(name):
        return None
    return asked


def _alive(job_id: str) -> bool:
    job = local.look(job_id)
    return job is not None and job.alive


def _progress(job_id: str) -> None:
    job, name = local.look(job_id), job_id.removeprefix("prepare-")
    if job is None:
        return
    if job.alive:
        st.session_state["_watched"] = job_id
        under_way = next((one for one in prepare.preparing() if one.name == name), None)
        if under_way is None or not under_way.total:
            st.progress(0.0, text=f"{words.markdown(name)}: opening the zip")
            return
        text = f"{under_way.done:,} of {under_way.total:,} files, {under_way.refused:,} refused"
        st.progress(under_way.done / under_way.total, text=f"{words.markdown(name)}: {text}")
        return
    if st.session_state.pop("_watched", None) == job_id:
        st.rerun()  # the page's other parts learn of the new dataset, and the clock stops
    if job.error:
        st.error(_sentence(job), title="The zip was not taken in; nothing was kept.")
    else:
        stored = next((one for one in state.datasets() if one.name == name), None)
        if stored:
            _taken_in(stored)
    if st.button("Close this note", key="zip-close"):
        st.query_params.pop("job", None)
        st.rerun()


def _sentence(job: local.Job) -> str:
    """The engine's sentence, with the file's name in place of where we had put it."""
    path = job.argv[1]
    return words.markdown(job.error.replace(path, PurePath(path).name))


def _taken_in(stored: Dataset) -> None:
    name = words.markdown(stored.name)
    st.success(
        f"{stored.size:,} of {stored.candidates:,} files kept, {stored.refused:,} refused.",
        title=f"{name} is ready.",
    )
    if stored.refused:
        with st.expander("Refused files", icon=":material/block:"):
            rows = stored.refused_files()
            shown = [{"file": file, "reason": why} for file, why in rows[:REFUSED_SHOWN]]
            st.dataframe(shown, hide_index=True)
            if len(rows) > REFUSED_SHOWN:
                st.caption(f"The first {REFUSED_SHOWN} of {len(rows):,}; all are in refused.csv.")
    st.page_link(
        "app_pages/train.py", label=f"Train on {name}", icon=":material/arrow_forward:",
        query_params={"dataset": stored.name},
    )  # fmt: skip


def _command() -> str:
    elsewhere = settings().workspace != PROJECT / "workspace"
    where = f"CAMSIGHT_WORKSPACE={shlex.quote(str(settings().workspace))} " if elsewhere else ""
    return f"{where}.venv/bin/python -m engine prepare PICTURES --name my-pictures"
