"""Workspaces and datasets for tests of the room: intakes decode in one process."""

import shutil

import pytest

from engine.commands.prepare import prepare
from engine.settings import settings
from engine.workspace import Workspace


@pytest.fixture
def one_process(monkeypatch):
    monkeypatch.setenv("CAMSIGHT_PROCESSES", "1")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def place(tmp_path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, two_classes) -> Workspace:
    """Datasets "one" and "two" of the same 24 pictures, with a refused file; tests copy them."""
    base = tmp_path_factory.mktemp("prepared")
    folder = two_classes(base / "pets")
    (folder / "cat" / "notes.txt").write_text("words")
    for name in ("one", "two"):
        prepare(Workspace(base / "workspace"), str(folder), name, image_size=32)
    return Workspace(base / "workspace")


@pytest.fixture
def copied(prepared, tmp_path) -> Workspace:
    return Workspace(shutil.copytree(prepared.path, tmp_path / "copied"))
