"""Pictures of one's own: sent as a zip, checked in a process of its own, or by a command."""

import re
import shlex
import unicodedata
from collections.abc import Sequence
from pathlib import PurePath

import streamlit as st

from dashboard import state, words
from dashboard.parts import links
from dashboard.parts.params import JOB, Param
from engine import jobs
from engine.commands import prepare
from engine.data.dataset import Dataset
from engine.errors import CamsightError
from engine.jobs import Job
from engine.settings import PROJECT

LAYOUT = (
    "A zip with one sub-folder for each of two classes, or with names like cat.0.jpg and "
    "dog.0.jpg. Every file is checked before it is used; nothing leaves this machine."
)
ADD = Param("add")  # the dialog for pictures: for more than a dataset has, or for others
OWN = "own"
REFUSED_SHOWN = 200
INTAKE = prepare.job_label("")  # what the addresses of intakes begin with


def only_drawn(datasets: Sequence[Dataset]) -> bool:
    return all(one.source == prepare.DRAWN for one in datasets)


def begun() -> bool:
    """Whether a zip was chosen on the page and not sent yet; it goes where no upload is drawn."""
    turn = st.session_state.get("_upload_turn", 0)
    return st.session_state.get(f"zip-page-{turn}") is not None


def own_pictures(where: str = "page") -> None:
    """The upload, and the command that does the same."""
    st.caption(LAYOUT)
    _upload(where)
    st.caption("Or in a terminal, for a folder or a zip on this machine:")
    _command("PICTURES --name my-pictures")


def asked_for() -> None:
    """The upload over the page, if the address asks for it."""
    asked = ADD.asked()
    if asked is None:
        return
    st.query_params[ADD.key] = asked  # a link to the page one is on does not write it by itself
    more_of = next((one for one in state.datasets() if one.name == asked), None)

    def body() -> None:
        if more_of is None:
            own_pictures("dialog")
        elif more_of.source == prepare.DRAWN:
            more = 4 * more_of.size
            st.caption("Pictures are drawn by a command, under a name of their own:")
            _command(f"drawn --name {free_name(more_of.name, taken())} --count {more}")
        else:
            name = words.markdown(more_of.name, 64)
            st.caption(
                f"{name} stays as it is, since its runs were judged on it. Send all pictures in "
                "one zip, those of before and the new ones, under another name."
            )
            _upload("dialog", free_name(more_of.name, taken()), more_of.image_size)

    title, icon = "Pictures of your own", ":material/add_photo_alternate:"
    st.dialog(title, icon=icon, on_dismiss=lambda: ADD.write(None))(body)()


def taken() -> set[str]:
    """Names that no further dataset can have."""
    seen = state.look()
    unreadable = {one.id for one in seen.unreadable_datasets}
    return {one.name for one in (*seen.datasets, *seen.preparing)} | unreadable


def suggest_name(file_name: str, taken: set[str] = frozenset()) -> str:
    """A dataset's name out of a file's.

    >>> suggest_name("My pets (2).zip"), suggest_name("犬と猫.zip"), suggest_name("...zip")
    ('My-pets-2', '犬と猫', 'pictures')
    """
    stem = unicodedata.normalize("NFC", PurePath(file_name).name.removesuffix(".zip"))
    return free_name(re.sub(r"[^\w.-]+", "-", stem).strip("-._")[:60] or "pictures", taken)


def free_name(name: str, taken: set[str]) -> str:
    """The name, or the first of name-2, name-3, … that nothing has.

    >>> free_name("small", {"small", "small-2"}), free_name("small-2", {"small-2"})
    ('small-3', 'small-3')
    """
    stem, number = re.sub(r"-[2-9]$", "", name)[:60], 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name


def _upload(where: str, name: str = "", size: int = 150) -> None:
    """A zip, the name and size to store it under, and the button that sends it.

    Args:
        where: tells the uploads of one page apart.
        name: to suggest; out of the file's name if empty.
        size: to suggest.
    """
    turn = st.session_state.setdefault("_upload_turn", 0)  # a new key empties the uploader
    sent = st.file_uploader("Zip of pictures", type="zip", key=f"zip-{where}-{turn}")
    left, right = st.columns([2, 1])
    if sent is None and not name:
        return
    name = left.text_input(
        "Name of the dataset", name or suggest_name(sent.name, taken()),
        key=f"zip-name-{where}-{turn}", max_chars=64, help="Letters, digits, '.', '_' or '-'.",
    )  # fmt: skip
    size = right.number_input(  # without bounds: see `hyperparameters._number`
        "Pixels of a side", value=size, key=f"zip-size-{where}-{turn}",
        help="Each picture is stored as a square of this size; a run may use less, never more.",
    )  # fmt: skip
    if st.button("**Check and store them**", icon=":material/upload:", key=f"zip-start-{where}",
                 disabled=sent is None):  # fmt: skip
        try:
            job = prepare.start(state.workspace(), sent, name.strip(), image_size=int(size))
        except (CamsightError, OSError) as error:
            st.error(words.markdown(error))
            return
        st.session_state["_upload_turn"] = turn + 1
        ADD.write(None)
        JOB.write(job)
        state.changed()
        st.rerun()


def intake() -> None:
    """What became of the pictures that the address names, so that a reload finds them again."""
    job = _asked_job()
    if job:
        state.poll(lambda: _progress(job.id), active=job.alive)


def _asked_job() -> Job | None:
    """The intake in the address, by its id, or the newest of a dataset's name; None for others."""
    asked = JOB.asked() or ""
    if not asked.startswith(INTAKE):
        return None
    return jobs.find(state.workspace(), asked) or jobs.look(state.workspace(), asked)


def _progress(job_id: str) -> None:
    job = jobs.look(state.workspace(), job_id)
    if job is None:
        return
    name = job.label.removeprefix(INTAKE)
    if job.alive:
        st.session_state["_watched"] = job_id
        _under_way(name)
        return
    state.changed()  # what it made is there by now
    if st.session_state.pop("_watched", None) == job_id:
        st.rerun()  # the page's other parts learn of the new dataset, and the clock stops
    if job.error:
        st.error(_sentence(job), title="The pictures were not taken in; nothing was kept.")
    else:
        stored = next((one for one in state.datasets() if one.name == name), None)
        if stored:
            _taken_in(stored)
    if st.button("Close this note", key="zip-close"):
        JOB.write(None)
        st.rerun()


def _under_way(name: str) -> None:
    now = next((one for one in state.look().preparing if one.name == name), None)
    if now is None or not now.total:
        st.progress(0.0, text=f"{words.markdown(name)}: opening the zip")
        return
    text = f"{now.done:,} of {now.total:,} files, {now.refused:,} refused"
    st.progress(min(1.0, now.done / now.total), text=f"{words.markdown(name)}: {text}")


def _sentence(job: Job) -> str:
    """The engine's sentence, with the file's name in place of where we had put it."""
    source = job.argv[1] if len(job.argv) > 1 else ""
    place = str(state.workspace().uploads / source.removeprefix(prepare.UPLOAD))
    return words.markdown(job.error.replace(place, PurePath(source).name))


def _taken_in(stored: Dataset) -> None:
    name = words.markdown(stored.name)
    st.success(
        f"{stored.size:,} of {stored.candidates:,} files kept, {stored.refused:,} refused.",
        title=f"{name} is ready.",
    )
    if stored.refused:
        with st.expander("Refused files", icon=":material/block:"):
            state.guarded(lambda: _refused(stored))
    st.page_link(
        links.TRAIN, label=f"Train on {name}", icon=":material/arrow_forward:",
        query_params={"dataset": stored.name},
    )  # fmt: skip


def _refused(stored: Dataset) -> None:
    rows = stored.refused_files()
    shown = [{"file": words.plain(file), "reason": why} for file, why in rows[:REFUSED_SHOWN]]
    st.dataframe(shown, hide_index=True)
    if len(rows) > REFUSED_SHOWN:
        st.caption(f"The first {REFUSED_SHOWN} of {len(rows):,}; all are in refused.csv.")


def _command(options: str) -> None:
    place = state.workspace().path
    elsewhere = place != PROJECT / "workspace"
    where = f"CAMSIGHT_WORKSPACE={shlex.quote(str(place))} " if elsewhere else ""
    st.code(f"{where}.venv/bin/python -m engine prepare {options}", language=None, wrap_lines=True)
