"""Server: is it ready, what has it done, who did what, and what is it told; for admins."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard import figures, readiness, state, words
from dashboard.parts import evidence
from dashboard.parts.evidence import Card
from dashboard.server import tables
from engine.commands.ready import Check, is_ready
from engine.people import Role, require
from engine.workspace import Workspace

NAMES = {  # of what is tried, as a sentence has them
    "runs": "the run store", "disk": "the disk", "audit": "the audit log",
    "line": "the line of runs", "device": "the device", "models": "the models' process",
    "provider": "the sign-in provider",
}  # fmt: skip


def show() -> None:
    place = state.workspace()
    _title(place)
    found = readiness.look_here()
    st.header(headline(found), anchor=False)
    evidence.cards(cards(), key="figures")
    _checks(found)
    _audit(place)
    with st.expander("Settings in force", icon=":material/tune:"):
        tables.settings(place)


def _title(place: Workspace) -> None:
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    with left.container(gap="xxsmall"):
        st.title("Server")
        st.caption("Whether it can work, what it has done, and who did what.")
    require(place.by, Role.ADMIN, "see how the server is")
    with right.container(horizontal=True, horizontal_alignment="right"):
        st.button("Look again", icon=":material/refresh:")


def headline(found: list[Check]) -> str:
    """Whether it is ready, and what is not."""
    failed = words.listed([NAMES[check.name] for check in found if not check.ok])
    if not is_ready(found):
        return f"Not ready, because of {failed}."
    return f"Ready, but without {failed}." if failed else "Ready: all that was tried works."


def cards() -> list[Card]:
    """What happened since the server started, and what room is left."""
    value = partial(figures.total, figures.read())
    people = round(value("camsight_people"))
    training, failed = (value("camsight_runs", state=one) for one in ("running", "failed"))
    maps, refusals = value("camsight_heatmap_seconds_count"), value("camsight_refusals_total")
    errors = value("camsight_errors_total") + value("camsight_model_restarts_total")
    return [
        Card("Open pages", _count(value("camsight_sessions")),
             f"of {people} {'person' if people == 1 else 'people'}, closed ones count a while"
             if people else "closed ones count a while"),
        Card("Runs in line", _count(value("camsight_queue_length")),
             f"{_count(training)} training, {_count(failed)} failed"),
        Card("Heatmaps", _count(maps), _heatmaps(maps, value)),
        Card("Errors", _count(errors), f"since the start; refused {_count(refusals)}"),
        Card("Free disk", f"{value('camsight_disk_free_bytes') / 1e9:,.1f} GB",
             f"{value('camsight_uploads_bytes') / 1e9:,.1f} GB sent and not yet used"),
    ]  # fmt: skip


def _heatmaps(maps: float, value: Callable[..., float]) -> str:
    """How long they took, and how many wait."""
    waiting = f"{_count(value('camsight_model_requests', state='waiting'))} waiting"
    if not maps:
        return waiting
    return f"{words.duration(value('camsight_heatmap_seconds_sum') / maps)} each · {waiting}"


def _count(number: float) -> str:
    return words.count(round(number))


def _checks(found: list[Check]) -> None:
    with st.container(gap="xxsmall"):
        for check in found:
            icon, color = (
                ("check", "green") if check.ok else
                ("error", "red") if check.needed else ("warning", "orange")
            )  # fmt: skip
            name = NAMES[check.name].capitalize()
            st.markdown(f":{color}[:material/{icon}: {name}] · {words.markdown(check.said)}")


def _audit(place: Workspace) -> None:
    left, right = st.columns([3, 1.35], vertical_alignment="bottom")
    left.header("Who did what", anchor=False)
    with right:
        find = tables.choose_text()
    try:
        tables.audited(place, find)
    except OSError as error:
        why = words.markdown(error.strerror or error)
        st.error(f"The audit log cannot be read ({why}); check its rights.")


state.guarded(show)
