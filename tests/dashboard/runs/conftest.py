"""Workspaces for tests of Runs."""

import pytest

from dashboard import state
from engine.workspace import Workspace


@pytest.fixture(autouse=True)
def no_warm_up(monkeypatch):
    """This page needs no TensorFlow until a zip is asked for."""
    monkeypatch.setattr(state, "warm_up", lambda: None)


@pytest.fixture
def place(empty_workspace) -> Workspace:
    return Workspace(empty_workspace)
