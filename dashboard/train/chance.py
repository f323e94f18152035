"""The run once more with other seeds: the button that trains it, and what is under way of it."""

from collections.abc import Sequence

import streamlit as st

from dashboard import state, words
from dashboard.parts import chance, results, rights
from dashboard.train import cost
from engine.commands import many
from engine.errors import CamsightError
from engine.runs.record import Run

USUAL = 4  # further seeds; with the run itself, five AUCs


def show(run: Run, runs: Sequence[Run]) -> None:
    """Of a judged run: the runs with its configuration and other seeds, or the way to have them."""
    if not run.judged:
        return
    if results.head_alone(run):
        st.caption(
            f"No part of {run.id} is the seed's chance: the head on a backbone's features is "
            "fitted to its end, and another seed gives the same."
        )
        return
    chance.show(run, runs)
    under_way = sum(one.active for one in many.repeated_with(run, runs))
    if under_way:
        runs_are = "run is" if under_way == 1 else "runs are"
        st.caption(f"{under_way} {runs_are} under way with other seeds.")
    repeat(run, runs)


def repeat(run: Run, runs: Sequence[Run]) -> None:
    """The button that trains the run again with other seeds; its cost is said before."""
    refused = rights.why_not(f"repeat {run.id}")
    with st.popover(
        "Repeat with other seeds", icon=":material/casino:", disabled=bool(refused),
        help=refused or None,
    ):  # fmt: skip
        st.caption(
            "The same configuration with other seeds shows how much of an AUC is chance: of the "
            "first weights, of the order of the pictures, of their augmentation."
        )
        n = int(st.number_input("Further seeds, 2 to 20", value=USUAL, step=1, key="more-seeds"))
        each = cost.of_run(run, runs)
        if each is not None and n > 0:
            st.markdown(f"**{n} runs, about {words.about(n * each)} in all.**")
        if st.button(f"**Repeat with {n} seeds**", icon=":material/casino:", width="stretch",
                     key=f"repeat-{run.id}"):  # fmt: skip
            try:
                many.repeat(state.workspace(), run.id, n)
            except (CamsightError, OSError) as error:
                st.error(words.markdown(error))
                return
            state.changed()
            st.rerun()
