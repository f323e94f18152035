"""What became of pictures that were sent: how far their intake is, and what it made of them."""

from pathlib import PurePath

import streamlit as st

from dashboard import state, words
from dashboard.parts import choose, links, rights
from dashboard.parts.params import JOB
from engine import jobs
from engine.commands import prepare
from engine.data.dataset import Dataset
from engine.jobs import Job

REFUSED_SHOWN = 200
INTAKE = prepare.job_label("")  # what the addresses of intakes begin with


def show() -> None:
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
        f"{stored.size:,} of {stored.candidates:,} files kept, {stored.refused:,} refused: "
        f"{words.markdown(choose.about(stored))}.",
        title=f"{name} is ready.",
    )
    for sentence in stored.changes():
        st.caption(f"{words.markdown(sentence)}.")
    if stored.refused:
        with st.expander("Refused files", icon=":material/block:"):
            state.guarded(lambda: _refused(stored))
    if not rights.why_not("train a run"):
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
