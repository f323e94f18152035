"""A run without figures: why it has none, when they come, and what else there is to look at."""

import streamlit as st

from dashboard import state, words
from dashboard.parts import links
from dashboard.parts.params import RUN
from engine.runs import store
from engine.runs.outcome import Progress
from engine.runs.record import Run


def show(run: Run, others: list[str]) -> None:
    """Why the run has no figures; for one under way, when it will have them.

    Args:
        others: ids of runs that have.
    """
    if run.active:
        state.poll(lambda: _waiting(run, others), active=True)
        return
    if run.status == "stopped":
        st.warning(
            f"{run.id} was stopped before its first epoch ended, so it has no weights to judge. "
            "Start it again on Train."
        )
    else:
        ended = "failed" if run.status == "failed" else f"is {run.status}"
        reason = run.error or "Its process ended without a word; its log says how far it came."
        st.error(words.markdown(reason), title=f"{run.id} {ended}, so it has no figures")
    ways_on(run, others)


def _waiting(run: Run, others: list[str]) -> None:
    """Say when the figures will be there, and show them when they are."""
    now = next((one for one in state.look().runs if one.id == run.id), None)
    if now is None or not now.active:
        st.rerun()
    progress = store.progress(now) or Progress(phase="starting")
    left, epoch = progress.seconds_left, progress.epoch
    epochs = progress.epochs or run.config["epochs"]
    when = f"in about {words.about(left)}" if left else "when its training has ended"
    with st.container(border=True):
        st.markdown(
            f"**{run.id} is {now.status}, so it has no AUC yet.** Its AUC on the test pictures "
            f"will be here {when}; the page follows by itself."
        )
        if epoch:
            done = (epoch - 1 + (progress.batch or 0) / max(progress.batches or 1, 1)) / epochs
            st.progress(min(max(done, 0.0), 1.0), text=f"epoch {epoch} of {epochs}")
        ways_on(run, others)


def ways_on(run: Run, others: list[str]) -> None:
    """What else there is to look at."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if others:
            st.button(
                f"Look at {others[0]}", icon=":material/monitoring:",
                on_click=lambda: RUN.choose(others[0]),
            )  # fmt: skip
        st.page_link(
            links.TRAIN, label="Open Train", icon=":material/arrow_forward:",
            query_params={"job": run.id},
        )  # fmt: skip
