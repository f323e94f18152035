"""Workspaces for tests of Overview."""

import shutil

import pytest

from engine.workspace import Workspace


@pytest.fixture
def copied(workspace, tmp_path, use_workspace) -> Workspace:
    """A copy of the workspace with a finished run, to write into."""
    return Workspace(use_workspace(shutil.copytree(workspace, tmp_path / "copy")))


@pytest.fixture
def empty(empty_workspace) -> Workspace:
    return Workspace(empty_workspace)
