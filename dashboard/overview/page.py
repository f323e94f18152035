"""Overview: where things stand, and what to do next."""

import streamlit as st

from dashboard import state, words
from dashboard.overview import (
    first_steps,
    intake,
    next_steps,
    own_pictures,
    said,
    standing,
    tables,
)
from dashboard.parts import evidence, links, live, rights
from engine.commands.snapshot import Snapshot
from engine.people import Role
from engine.runs.record import Run


def overview(seen: Snapshot, judged: list[Run]) -> None:
    found = standing.standing(judged)
    alike = state.look_alike(found.elected)
    steps = next_steps.what_next(seen.runs, seen.datasets, found, alike)
    _title()
    with st.container(gap="xxsmall"):
        st.header(standing.headline(found), anchor=False)
        why = standing.explanation(found)
        if why:
            st.caption(why)
    left, right = st.columns([1.85, 1], gap="medium")
    with left:
        tables.runs_by_auc(judged, seen.datasets, found)
        tables.unreadable(seen.unreadable_runs, "runs")
        tables.runs_under_way(seen.runs)
        tables.runs_without_figures(seen.runs)
        if own_pictures.only_drawn(seen.datasets):
            with st.container(border=True):
                st.header("Bring pictures of your own", anchor=False)
                own_pictures.own_pictures()
        _datasets(seen)
    with right:
        state.guarded(lambda: said.examples(found.elected))
        next_steps.show(steps)
    own_pictures.asked_for()


def _title() -> None:
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    with left.container(gap="xxsmall"):
        st.title("Overview")
        st.caption("Where things stand, and what to do next.")
    with right.container(horizontal=True, horizontal_alignment="right"):
        may = not rights.why_not("train a run")
        if may and st.button("**Train a new run**", icon=":material/add:"):
            st.switch_page(links.TRAIN)


def _datasets(seen: Snapshot) -> None:
    st.space("xxsmall")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Datasets", anchor=False, width="content")
        st.space("stretch")
        if not rights.why_not("prepare pictures"):
            st.page_link(
                links.OVERVIEW, label="Add pictures", icon=":material/add_photo_alternate:",
                query_params={own_pictures.ADD.key: own_pictures.OWN},
            )  # fmt: skip
    intake.show()
    tables.datasets_there(seen.datasets, seen.runs)
    tables.unreadable(seen.unreadable_datasets, "datasets")


def machine_line() -> None:
    """The device, what it does, and what room is left, as it is now."""
    seen, told, place = state.look(), state.machine(), state.workspace()
    training = live.queue(seen.runs)
    free = seen.free_bytes
    parts = [
        words.markdown(told["device"]["name"]) if told else "looking at the device",
        f"{training[0].id} is training" if training else "nothing is training",
        f"{free / 1e9:,.1f} GB free" if free is not None else "",
        f"workspace {words.markdown(place.path)}" if place.by.role.may(Role.ADMIN) else "",
    ]
    st.caption(" · ".join(part for part in parts if part))


# --- the page -------------------------------------------------------------------------------------

seen = state.look()
judged = [run for run in seen.runs if run.judged]
# a zip that was chosen on the first page, and not sent yet, would be lost with that page
waits = st.session_state.get("_welcomed", False) and own_pictures.begun()
st.session_state["_welcomed"] = waits or not judged
if judged and not waits:
    overview(seen, judged)
else:
    first_steps.welcome(seen)
    tables.unreadable(seen.unreadable_runs, "runs")
    tables.unreadable(seen.unreadable_datasets, "datasets")
    evidence.cards([], key="theme")  # so that a change of theme is noticed
state.poll(machine_line, active=state.machine() is None)
if state.person().role is Role.ADMIN:
    st.page_link(links.SERVER, label="Server", icon=":material/dns:")
