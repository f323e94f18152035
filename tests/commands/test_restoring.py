"""A backup comes back on an empty machine: all of it, and over nothing that is there."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from engine import audit, formats
from engine.commands import backup as backups
from engine.commands import restoring, resume, trash
from engine.commands.backup import backup
from engine.commands.evaluate import evaluate
from engine.commands.restoring import restore
from engine.data.dataset import open_dataset
from engine.errors import WorkspaceError
from engine.jobs import queue
from engine.runs import store


def test_what_is_restored_on_an_empty_machine_is_all_that_was_there(used, other, tmp_path):
    token = trash.delete(used, "quick-2")
    made = backup(used, tmp_path / "kept")
    assert restore(other, tmp_path / "kept") == made

    run = store.open_run(other, "quick-1")
    assert run.figures == store.open_run(used, "quick-1").figures
    stored = run.figures["interval"]
    assert evaluate(other, "quick-1", method=stored).figures["auc"] == run.figures["auc"]
    then, now = open_dataset(used, "pets"), open_dataset(other, "pets")
    assert (now.fingerprint, now.file_names) == (then.fingerprint, then.file_names)
    np.testing.assert_array_equal(now.images, then.images)
    assert queue.in_line(other) == ["quick-3"]
    assert [one.token for one in trash.trashed(other)] == [token]
    assert [line["verb"] for line in audit.last(other)][:2] == ["restore", "delete"]
    assert formats.check(other) == formats.current()
    assert trash.restore(other, token) == "quick-2"


def test_a_workspace_of_the_first_version_comes_back_as_one_of_this(first_version, other, tmp_path):
    from engine import inference

    assert backup(first_version, tmp_path / "kept").format == 1
    restore(other, tmp_path / "kept")
    assert formats.check(other) == formats.current()
    run, dataset = store.open_run(other, "quick-1"), open_dataset(other, "drawn")
    told = store.predictions(run, "test")
    logit = inference.logits(inference.load(run).model, dataset.images, told["row"])
    np.testing.assert_allclose(logit, told["logit"], atol=1e-4)


def test_a_run_that_trained_is_taken_up_where_it_was_restored(used, other, tmp_path, monkeypatch):
    from engine.commands import line

    run = store.save(store.open_run(used, "quick-3"), status="running", started=store.now())
    with store.lease.hold(run.folder / "lease.json"):
        assert store.open_run(used, "quick-3").status == "running"
        backup(used, tmp_path / "kept")
    restore(other, tmp_path / "kept")
    assert store.open_run(other, "quick-3").status == "lost"
    monkeypatch.setattr(line, "ensure", lambda _: None)  # no process for a test of words
    assert [one.id for one in resume.resume_lost(other)] == ["quick-3"]
    assert queue.in_line(other) == ["quick-3"]


@pytest.mark.parametrize("there", [True, False])
def test_a_restore_onto_a_full_disk_leaves_the_folder_as_it_was(
    used, other, tmp_path, files_of_at_most, there
):
    backup(used, tmp_path / "kept")
    if there:
        other.path.mkdir(parents=True)
    with files_of_at_most(40_000), pytest.raises(WorkspaceError, match="free some space"):
        restore(other, tmp_path / "kept")
    assert other.path.exists() is there
    assert not there or list(other.path.iterdir()) == []
    restore(other, tmp_path / "kept")
    assert store.open_run(other, "quick-1").figures


def test_a_workspace_that_is_not_empty_is_not_restored_over(used, other, tmp_path, listing):
    backup(used, tmp_path / "kept")
    (other.path / "runs").mkdir(parents=True)
    (other.path / "runs" / "mine").write_text("mine")
    (other.path / "lost+found").mkdir()
    with pytest.raises(WorkspaceError, match=r"is not empty \(runs\); stop the dashboard"):
        restore(other, tmp_path / "kept")
    assert listing(other.path) == ["runs/mine"]
    (other.path / "runs" / "mine").unlink()
    (other.path / "runs").rmdir()
    restore(other, tmp_path / "kept")


@pytest.mark.parametrize("at", ["copying", "moving"])
def test_a_restore_that_was_killed_keeps_everyone_out_and_is_begun_anew(
    used, other, tmp_path, listing, at
):
    made = backup(used, tmp_path / "kept")
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr(restoring, "_clear", lambda *_: None)  # a kill clears nothing
        if at == "copying":
            killed.setattr(backups, "copy", interrupted(backups.copy, 3))
        else:
            killed.setattr(Path, "rename", interrupted(Path.rename, 2))
        with pytest.raises(KeyboardInterrupt):
            restore(other, tmp_path / "kept")
    assert (other.path / ".restoring").is_dir()
    with pytest.raises(WorkspaceError, match="cut short; wait for it, or run `restore --from`"):
        formats.check(other)
    restore(other, tmp_path / "kept")
    assert formats.check(other) == formats.current()
    assert made.files.keys() <= set(listing(other.path))
    assert not [name for name in listing(other.path) if name.startswith(".")]


def interrupted(work, at: int):
    """`work`, which Ctrl-C cuts short when it is called for the time `at`."""
    calls = []

    def cut(*given):
        calls.append(given)
        if len(calls) == at:
            raise KeyboardInterrupt
        return work(*given)

    return cut


def test_ctrl_c_leaves_nothing_of_a_restore_or_a_backup(used, other, tmp_path, monkeypatch):
    backup(used, tmp_path / "kept")
    monkeypatch.setattr(Path, "rename", interrupted(Path.rename, 3))
    with pytest.raises(KeyboardInterrupt):
        restore(other, tmp_path / "kept")
    assert not other.path.exists()
    monkeypatch.setattr(backups, "copy", interrupted(backups.copy, 3))
    with pytest.raises(KeyboardInterrupt):
        backup(used, tmp_path / "again")
    assert not list(tmp_path.glob("*again*"))


def damage(kept: Path, how: str) -> None:
    file = kept / "workspace" / "runs" / "quick-1" / "run.json"
    manifest = kept / "manifest.json"
    told = json.loads(manifest.read_text())
    match how:
        case "a changed byte":
            file.write_bytes(file.read_bytes().replace(b"pets", b"pats", 1))
        case "a missing file":
            file.unlink()
        case "a link out of it":
            file.rename(kept / "elsewhere")
            file.symlink_to(kept / "elsewhere")
        case "a pipe":
            file.unlink()
            os.mkfifo(file)
        case "a name out of it" | "an absolute name" | "no name" | "a long name":
            names = {"a name out of it": "../../evil", "no name": "a\0b", "a long name": "a" * 300}
            name = names.get(how, str(kept.parent / "evil"))
            told["files"][name] = told["files"]["runs/quick-1/run.json"]
        case "a newer format":
            told["format"] = 99
        case "a damaged manifest":
            told["files"] = 3
        case "no number":
            told["files"]["runs/quick-1/run.json"]["bytes"] = float("inf")
        case "no manifest":
            return manifest.unlink()
    return manifest.write_text(json.dumps(told)) and None


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("a changed byte", "'runs/quick-1/run.json' of the backup .* is damaged, and nothing"),
        ("a missing file", "'runs/quick-1/run.json' of the backup .* is missing, and nothing"),
        ("a pipe", "'runs/quick-1/run.json' of the backup .* is missing, and nothing"),
        ("a link out of it", "'runs/quick-1/run.json' leads out of the backup"),
        ("a name out of it", "'../../evil' leads out of the backup"),
        ("an absolute name", "/evil' leads out of the backup"),
        ("no name", "leads out of the backup"),
        ("a long name", "leads out of the backup"),
        ("a newer format", "was made by a newer version of Camsight; restore it with that"),
        ("a damaged manifest", r"manifest.json of the backup .* cannot be read"),
        ("no number", r"manifest.json of the backup .* cannot be read"),
        ("no manifest", "is no backup: it holds no manifest.json"),
    ],
)
def test_a_bad_backup_is_named_and_nothing_of_it_restored(used, other, tmp_path, how, why):
    backup(used, tmp_path / "kept")
    damage(tmp_path / "kept", how)
    with pytest.raises(WorkspaceError, match=why):
        restore(other, tmp_path / "kept")
    assert not other.path.exists()
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("line", [[], ["quick-1", "--from", "x"]])
def test_restore_takes_a_run_or_a_backup(used, verb, use_workspace, line):
    use_workspace(used.path)
    status, _, error = verb("restore", *line)
    assert status == 2
    assert "give a RUN from the trash, or --from DIR" in " ".join(error.replace("│", " ").split())
