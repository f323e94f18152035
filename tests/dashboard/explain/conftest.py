"""A run of three classes that was not trained, and Explain opened on it."""

from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import state
from dashboard.parts import links
from engine.runs import store
from engine.runs.record import Run
from tests.dashboard import pages


@pytest.fixture
def untrained(untrained_run, use_workspace) -> Run:
    """That run in the workspace of this process, and no heatmap kept of it."""
    use_workspace(untrained_run.folder.parents[1])
    st.cache_data.clear()
    state.kept.clear()
    yield untrained_run
    st.cache_data.clear()
    state.kept.clear()


@pytest.fixture
def open_untrained(untrained) -> Callable[..., AppTest]:
    """A function that opens Explain of that run, at one picture unless `pics` says otherwise."""
    picture = store.predictions(untrained, "test")["picture"][0][:16]

    def opened(**query) -> AppTest:
        return pages.opened(links.EXPLAIN, **{"pics": picture} | query)

    return opened
