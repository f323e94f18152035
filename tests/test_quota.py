"""The quota of the workspace: what counts, and how what is too much ends."""

import errno
import os

import pytest

from engine import quota
from engine.commands import prepare
from engine.errors import RunError, SourceError
from engine.settings import settings
from engine.training.storage import require_space
from engine.workspace import Workspace

MB = 10**6


@pytest.fixture
def place(tmp_path, use_workspace, monkeypatch) -> Workspace:
    """A workspace that may take 5 MB."""
    monkeypatch.setenv("CAMSIGHT_WORKSPACE_GB", "0.005")
    folder = tmp_path / "workspace"
    folder.mkdir()
    return Workspace(use_workspace(folder))


def test_what_the_workspace_takes_is_its_files_once_each(place):
    (place.path / "a").mkdir()
    (place.path / "a" / "one").write_bytes(os.urandom(MB))
    before = quota.taken(place.path)
    assert MB <= before < 1.1 * MB
    os.link(place.path / "a" / "one", place.path / "two")
    (place.path / "link").symlink_to("/")
    assert quota.taken(place.path) - before < 0.1 * MB


def test_what_has_no_room_is_refused_by_the_setting_s_name(place, tmp_path):
    quota.check(place.path, 4 * MB)
    says = r"may take 0.005 GB, as CAMSIGHT_WORKSPACE_GB says"
    with pytest.raises(OSError, match=says) as refused:
        quota.check(place.path / "runs", 6 * MB)
    assert refused.value.errno == errno.EDQUOT
    quota.check(tmp_path, 6 * MB)  # another folder is none of the quota's


def test_without_a_quota_there_is_none(place, monkeypatch):
    monkeypatch.setattr(settings(), "workspace_gb", 0.0)
    quota.check(place.path, 10**15)
    assert quota.free(place.path) > 5 * MB
    assert quota.reason(place.path) == ""


def test_a_dataset_without_room_is_refused_with_nothing_left(place):
    says = r"no room for 400 pictures .*\(the workspace may take 0.005 GB, as CAMSIGHT_WORKSPACE_GB"
    with pytest.raises(SourceError, match=says):
        prepare.prepare(place, "drawn", "pets", count=400, image_size=64)
    assert not list(place.datasets.glob("*pets*/*"))
    assert quota.taken(place.path) < MB


def test_a_training_without_room_is_refused_before_it_begins(place):
    place.runs.mkdir()
    require_space(place.runs, 4 * MB)
    with pytest.raises(RunError, match=r"5.0 MB free \(the workspace may take 0.005 GB, as CAMSI"):
        require_space(place.runs, 6 * MB)
