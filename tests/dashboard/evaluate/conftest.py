"""What tests of the page Evaluate share."""

import shutil

import pytest
import streamlit as st

from engine.runs import store
from engine.workspace import Workspace


@pytest.fixture
def own(workspace, tmp_path, use_workspace):
    """A copy of the workspace that a test may write to; the copied run."""
    shutil.copytree(workspace, tmp_path / "own")
    place = use_workspace(tmp_path / "own")
    st.cache_data.clear()
    yield store.open_run(Workspace(place), "quick-1")
    st.cache_data.clear()
