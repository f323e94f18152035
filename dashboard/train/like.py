"""Train's form filled from a run: `like=quick-7` in the address."""

import streamlit as st

from dashboard import state, words
from dashboard.parts import params
from dashboard.parts.params import DATASET, Param
from dashboard.train.asked import NEGATIVE, POSITIVE
from engine.errors import ConfigError
from engine.runs.record import Run
from engine.training.config import TrainConfig, stored_config

LIKE = Param("like")
NOTED = "_like"  # (visit, run) whose values the address was given


def run() -> Run | None:
    """The run that the form is filled from; None where none is asked for, or it is gone."""
    asked = LIKE.asked()
    return next((one for one in state.look().runs if one.id == asked), None)


def config() -> TrainConfig | None:
    """Its configuration; None where there is none, or another version's cannot be read."""
    found = run()
    try:
        return stored_config(found.config) if found else None
    except ConfigError:
        return None


def default(preset: str, usual: TrainConfig) -> TrainConfig:
    """What the widgets of a preset start from: the run's values where it is the run's preset."""
    wanted = config()
    return wanted if wanted and wanted.preset == preset else usual


def suffix() -> str:
    """Of the keys of widgets, so that each run and the presets themselves keep their own values."""
    return f"-{LIKE.asked()}" if config() else ""


def begin() -> None:
    """Say what the form is filled from, and let the address say the run's dataset and question
    where it does not; drawn before the form."""
    asked = LIKE.asked()
    if not asked:
        return
    found, name = run(), words.markdown(asked, 40)
    if found is None:
        st.warning(f"There is no run {name} here to start from: the preset's values are shown.")
        return
    try:
        stored_config(found.config)
    except ConfigError as error:
        st.warning(f"The preset's values are shown. {words.markdown(error)}")
        return
    _fill_address(found)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Filled from {name}. Change what you like.", width="content")
        if st.button("Start from the preset instead", type="tertiary", key="unlike"):
            LIKE.write(None)
            st.rerun()
    if state.dataset_of(found) is None:
        st.warning(
            f"The pictures of {name} ({words.markdown(found.dataset, 40)}) are gone; its settings "
            "are used on the dataset below."
        )


def arrived() -> bool:
    """Whether the form is drawn for the first time since the address asked for this run."""
    return st.session_state.get(NOTED) != (params.visit(), LIKE.asked())


def _fill_address(found: Run) -> None:
    if not arrived():
        return
    dataset = state.dataset_of(found)
    if DATASET.asked() is None and dataset is not None:
        DATASET.write(dataset.name)
        for side, names in ((POSITIVE, found.positive), (NEGATIVE, found.negative)):
            side.write(list(names) or None)


def choose_preset(param: Param) -> None:
    """Let the presets' widget show the run's on arrival; called before it is drawn."""
    wanted = config()
    if wanted and arrived():
        param.choose(wanted.preset)
        st.session_state[NOTED] = (params.visit(), LIKE.asked())
