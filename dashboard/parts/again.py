"""A run that ended early, taken up again or started anew: the buttons, and what was done so."""

import streamlit as st

from dashboard import state, words
from dashboard.parts import live, rights
from engine.commands import folds, resume
from engine.data.dataset import open_dataset
from engine.data.question import ask
from engine.errors import CamsightError, ConfigError
from engine.runs.record import Run
from engine.training.config import stored_config


def resume_button(run: Run) -> Run | None:
    """A button that resumes the run, for one that can be; the run in line once it was clicked."""
    if resume.can_resume(run) or state.dataset_of(run) is None:
        return None
    refused = rights.why_not_own("resume", run)
    if not st.button(
        "**Resume**", icon=":material/resume:", key=f"resume-{run.id}", disabled=bool(refused),
        help=refused or words.markdown(resume.outlook(run)),
    ):  # fmt: skip
        return None
    try:
        return resume.resume(state.workspace(), run.id)
    except (CamsightError, OSError) as error:
        st.error(words.markdown(error))
        return None
    finally:
        state.changed()


def start_again(run: Run, label: str) -> Run | None:
    """A button that starts a run with the configuration and the question of one that ended without
    a result, or a cross-validation anew; the new run once it was clicked. Where its configuration
    cannot be used, the reason in its place."""
    try:
        config = stored_config(run.config)
    except ConfigError as error:
        st.caption(words.markdown(error))
        return None
    refused = rights.why_not("train a run")
    if not st.button(
        f"**{label}**", icon=":material/refresh:", key=f"again-{run.id}", disabled=bool(refused),
        help=refused or None,
    ):  # fmt: skip
        return None
    try:
        if run.of:
            return folds.start(state.workspace(), run.of, run.folds, run.repeats)
        dataset = open_dataset(state.workspace(), run.dataset)
        return live.start(run.dataset, config, ask(dataset, run.positive, run.negative))
    except (CamsightError, OSError) as error:
        st.error(words.markdown(error))
        return None


def outlook(run: Run) -> None:
    """What resuming it will do, or why it cannot be; nothing for a run that is whole, or active."""
    if run.active or run.status == "finished":
        return
    why_not = resume.can_resume(run)
    if not why_not and state.dataset_of(run) is None:
        why_not = f"Its pictures are gone, or '{run.dataset}' holds others by now: it cannot go on."
    st.caption(words.markdown(why_not) or f"**Resume**: {words.markdown(resume.outlook(run))}")


def said(run: Run) -> None:
    """Where and when it went on; nothing for a run that nothing ended."""
    if run.went_on:
        parts = [f"at epoch {epoch} {live.when(moment)}" for epoch, moment in run.went_on]
        st.caption(f"Resumed {words.listed(parts)}.")
