"""A workspace is copied while others work in it, whole or not at all."""

import errno
import json
import os
from pathlib import Path

import pytest

from engine import lease
from engine.commands import backup as backups
from engine.commands import restoring, trash
from engine.commands.backup import backup
from engine.commands.restoring import restore
from engine.errors import AccessError, WorkspaceError
from engine.people import Person, Role
from engine.runs import store
from engine.workspace import Workspace


def test_what_is_of_this_machine_stays_here(used, tmp_path, listing):
    before = listing(used.path)
    for name in ("uploads/a1/zip", "jobs/prepare-x.1/job.json", "datasets/.preparing-x/images.npy"):
        (used.path / name).parent.mkdir(parents=True)
        (used.path / name).touch()
    lease.grant(store.open_run(used, "quick-1").folder / "lease.json", os.getpid())
    made = backup(used, tmp_path / "kept")
    assert sorted(made.files) == before
    assert listing(tmp_path / "kept" / "workspace") == before
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0  # it holds all that people gave


def test_files_of_a_run_are_of_one_moment(used, tmp_path, monkeypatch):
    """A training replaces one file after the other, the checkpoint first; here it does so between
    the opening of two of them."""
    run = store.open_run(used, "quick-1").folder
    epochs = iter(range(2, 9))

    def next_epoch() -> None:
        epoch = str(next(epochs))
        for name in ("checkpoint.npz", "history.csv", "best.weights.h5"):
            (run / f".{name}").write_text(epoch)
            (run / f".{name}").replace(run / name)

    opened, next_epoch_at, path_open = [], {0, 1, 5}, Path.open
    next_epoch()

    def watched(self, *how, **more):
        file = path_open(self, *how, **more)
        if self.parent == run and self.name in ("history.csv", "checkpoint.npz"):
            opened.append(self.name)
            if len(opened) - 1 in next_epoch_at:
                next_epoch()
        return file

    monkeypatch.setattr(Path, "open", watched)
    backup(used, tmp_path / "kept")
    monkeypatch.undo()
    copied = tmp_path / "kept" / "workspace" / "runs" / "quick-1"
    found = {(copied / n).read_text() for n in ("checkpoint.npz", "history.csv", "best.weights.h5")}
    assert len(opened) > 2
    assert found == {"4"}


def test_a_run_is_not_missed_because_it_moves_meanwhile(used, tmp_path, monkeypatch):
    """Put back from the trash when the runs are copied already and the trash is not."""
    token, copy = trash.delete(used, "quick-2"), backups.copy

    def put_back(file, target):
        if "quick-3" in target.parts and trash.trashed(used):
            trash.restore(used, token)
        return copy(file, target)

    monkeypatch.setattr(backups, "copy", put_back)
    made = backup(used, tmp_path / "kept")
    assert "runs/quick-2/run.json" in made.files


def test_what_never_stands_still_is_said(used, tmp_path, monkeypatch):
    monkeypatch.setattr(backups, "TRIES", 2)
    monkeypatch.setattr(backups, "_is_still", lambda *_: False)
    with pytest.raises(WorkspaceError, match="change too often to be copied"):
        backup(used, tmp_path / "kept")
    assert not list(tmp_path.glob("*kept*"))


def test_more_files_than_a_process_may_open_are_copied_all(used, other, tmp_path, monkeypatch):
    monkeypatch.setattr(backups, "OPEN", 2)
    made = backup(used, tmp_path / "kept")
    assert {"datasets/pets/images.npy", "datasets/pets/split.npy"} <= made.files.keys()
    assert len(restore(other, tmp_path / "kept").files) == len(made.files) > 15


def test_a_backup_onto_a_full_disk_leaves_nothing(used, tmp_path, listing, files_of_at_most):
    before = listing(used.path)
    with files_of_at_most(40_000), pytest.raises(WorkspaceError) as told:
        backup(used, tmp_path / "kept")
    assert "cannot be written" in str(told.value)
    assert "free some space" in str(told.value)
    assert not list(tmp_path.glob("*kept*"))
    assert listing(used.path) == before


@pytest.mark.parametrize("way", ["there", "back"])
def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    used, other, tmp_path, monkeypatch, way
):
    if way == "back":
        backup(used, tmp_path / "kept")
    free = backups.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(backups.shutil, "disk_usage", lambda _: free)
    monkeypatch.setattr(restoring, "_fill", lambda *_: pytest.fail("it was begun"))
    monkeypatch.setattr(backups, "_whole", lambda *_: pytest.fail("it was begun"))
    with pytest.raises(WorkspaceError, match="has 0 MB free and the"):
        backup(used, tmp_path / "kept") if way == "there" else restore(other, tmp_path / "kept")


def test_what_a_killed_backup_left_goes_with_the_next_and_a_living_one_stays(used, tmp_path):
    dead, living = tmp_path / ".old.1.unfinished", tmp_path / ".new.2.unfinished"
    for left in (dead, living):
        left.mkdir()
    lease.grant(living / "lease.json", os.getpid())
    backup(used, tmp_path / "kept")
    assert living.exists()
    assert not dead.exists()


@pytest.mark.parametrize(
    ("out", "why"),
    [
        ("workspace/kept", "lies in the workspace itself"),
        ("pets", "is there already; give a name that is free"),
        ("no/kept", "There is no folder"),
    ],
)
def test_a_place_that_does_not_serve_is_named(used, tmp_path, listing, out, why):
    before = listing(tmp_path)
    with pytest.raises(WorkspaceError, match=why):
        backup(used, tmp_path / out)
    assert listing(tmp_path) == before


def test_a_folder_that_may_not_be_written_is_named(used, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))

    monkeypatch.setattr(backups.tempfile, "mkdtemp", refuse)
    with pytest.raises(WorkspaceError, match=r"cannot be used \(Permission denied\).*its rights"):
        backup(used, tmp_path / "kept")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TRAINER])
def test_only_an_admin_takes_all_away_or_puts_it_back(used, other, tmp_path, role):
    bob = Person("bob@example.com", role)
    with pytest.raises(AccessError, match="may not back up the workspace"):
        backup(Workspace(used.path, bob), tmp_path / "kept")
    backup(used, tmp_path / "kept")
    with pytest.raises(AccessError, match="may not restore a backup"):
        restore(Workspace(other.path, bob), tmp_path / "kept")
    assert not other.path.exists()


def test_the_verbs_say_what_they_did(used, other, tmp_path, verb, use_workspace):
    use_workspace(used.path)
    assert verb("backup", tmp_path / "none" / "kept")[0] == 2
    status, said, _ = verb("backup", tmp_path / "kept", "--json")
    told = json.loads(said)
    assert (status, told["folder"], told["format"]) == (0, str(tmp_path / "kept"), 2)
    copied = (tmp_path / "kept" / "workspace").rglob("*.*")
    assert told["bytes"] == sum(path.stat().st_size for path in copied)

    status, _, error = verb("restore", "--from", tmp_path / "kept")
    assert status == 2
    assert "is not empty" in error
    use_workspace(other.path)
    status, said, _ = verb("restore", "--from", tmp_path / "kept")
    assert (status, said.startswith(f"{told['files']} files, ")) == (0, True)
    assert "quick-1" in verb("runs")[1]
