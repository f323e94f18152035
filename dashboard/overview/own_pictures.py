"""Pictures of one's own: sent as a zip, checked in a process of its own, or by a command."""

import shlex
from collections.abc import Sequence

import streamlit as st

from dashboard import state, words
from dashboard.overview import upload
from dashboard.overview.names import free_name, taken
from dashboard.overview.upload import Choice
from dashboard.parts import rights
from dashboard.parts.params import JOB, Param
from engine.commands import prepare
from engine.data.dataset import Dataset
from engine.people import Role
from engine.settings import PROJECT

LAYOUT = (
    "A zip with a sub-folder for each class, 2 to 100 of them, or with names like cat.0.jpg and "
    "dog.0.jpg. A groups.csv in it (file,group) says which pictures show the same subject. Every "
    "file is checked before it is used; nothing leaves the machine that Camsight runs on."
)
ADD = Param("add")  # the dialog for pictures: for more than a dataset has, or for others
OWN = "own"


def only_drawn(datasets: Sequence[Dataset]) -> bool:
    return all(one.source == prepare.DRAWN for one in datasets)


def begun() -> bool:
    """Whether a zip was chosen on the page and not sent yet; it goes where no upload is drawn."""
    turn = st.session_state.get("_upload_turn", 0)
    return st.session_state.get(f"zip-page-{turn}") is not None


def own_pictures(where: str = "page") -> None:
    """The upload, and for whoever runs the dashboard the command that does the same."""
    if _refused():
        return
    st.caption(LAYOUT)
    choice = _upload(where)
    if not state.person().role.may(Role.ADMIN):
        return
    st.caption("Or in a terminal, for a folder or a zip on this machine:")
    _command(f"PICTURES {choice.options}")


def asked_for() -> None:
    """The upload over the page, if the address asks for it."""
    asked = ADD.asked()
    if asked is None:
        return
    st.query_params[ADD.key] = asked  # a link to the page one is on does not write it by itself
    more_of = next((one for one in state.datasets() if one.name == asked), None)

    def body() -> None:
        if _refused():
            return
        if more_of is None:
            if asked != OWN:
                name = words.markdown(asked, 64)
                st.warning(f"There is no dataset {name} here to give more pictures.")
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
            _upload("dialog", more_of, free_name(more_of.name, taken()))

    title, icon = "Pictures of your own", ":material/add_photo_alternate:"
    st.dialog(title, icon=icon, on_dismiss=lambda: ADD.write(None))(body)()


def _refused() -> bool:
    """Say so, if whoever looks may not bring pictures."""
    if refused := rights.why_not("prepare pictures"):
        st.info(refused, icon=rights.ICON)
    return bool(refused)


def _upload(where: str, like: Dataset | None = None, name: str = "") -> Choice:
    """The form; what it sent is watched on the page, whose address then names the job."""
    choice, job = upload.form(where, like, name)
    if job:
        ADD.write(None)
        JOB.write(job)
        state.changed()
        st.rerun()
    return choice


def _command(options: str) -> None:
    place = state.workspace().path
    elsewhere = place != PROJECT / "workspace"
    where = f"CAMSIGHT_WORKSPACE={shlex.quote(str(place))} " if elsewhere else ""
    st.code(f"{where}.venv/bin/python -m engine prepare {options}", language=None, wrap_lines=True)
