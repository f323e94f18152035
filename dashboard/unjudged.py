"""A run without figures: why it has none, when they come, and what else there is to look at."""

import streamlit as st

from dashboard import state, words
from engine.runs import store
from engine.runs.store import Run


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
    now = store.open_run(run.id)
    if not now.active or st.session_state.get("run") in others:
        st.rerun()
    told = store.progress(now) or {}
    left, epoch = told.get("seconds_left"), told.get("epoch")
    epochs = told.get("epochs") or run.config["epochs"]
    when = f"in about {words.about(left)}" if left else "when its training has ended"
    with st.container(border=True):
        st.markdown(
            f"**{run.id} is {now.status}, so it has no AUC yet.** Its AUC on the test pictures "
            f"will be here {when}; the page follows by itself."
        )
        if epoch:
            done = (epoch - 1 + told["batch"] / max(told["batches"], 1)) / epochs
            st.progress(min(done, 1.0), text=f"epoch {epoch} of {epochs}")
        ways_on(run, others)


def ways_on(run: Run, others: list[str]) -> None:
    """What else there is to look at."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if others:
            look = {"run": others[0]}
            st.button(
                f"Look at {others[0]}", icon=":material/monitoring:",
                on_click=lambda: st.session_state.update(look),
            )  # fmt: skip
        st.page_link(
            "app_pages/train.py", label="Open Train", icon=":material/arrow_forward:",
            query_params={"job": run.id},
        )  # fmt: skip
