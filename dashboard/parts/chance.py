"""The seed of chance: how far AUCs lie apart that differ in nothing but their seed."""

from collections.abc import Sequence

import streamlit as st

from dashboard import words
from dashboard.parts import evidence, results
from engine.commands import many
from engine.runs.record import Run


def show(run: Run, runs: Sequence[Run]) -> None:
    """The AUCs of the seeds that the run's configuration was trained with, each a dot, and what
    their spread says; nothing where there are fewer than two."""
    alike = many.repeated_with(run, runs) if run.judged else []
    found = many.spread(alike)
    if not found:
        return
    st.header(many.QUESTION, anchor=False)
    values = {one.id: one.figures["auc"] for one in alike if one.judged}
    label = f"AUCs of {found.n} seeds from {found.low:.3f} to {found.high:.3f}, mean "
    label += f"{found.mean:.3f}; {run.id} has {run.figures['auc']:.3f}."
    evidence.dots(values, found.mean, run.id, label, key="seeds")
    st.caption(
        f"{words.markdown(found.sentence)} The large dot is {run.id}, the dashed line the "
        f"mean; {results.area(run)} on test."
    )


def said(of: Sequence[Run], runs: Sequence[Run]) -> None:
    """Beside a comparison of runs: the spread of each of their configurations, once, in words."""
    told: set[str] = set()
    for run in of:
        alike = many.repeated_with(run, runs) if run.judged and run.id not in told else []
        if found := many.spread(alike):
            told.update(one.id for one in alike)
            st.caption(f":material/casino: Like {run.id}: {words.markdown(found.sentence)}")
