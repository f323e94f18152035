"""A run that is deleted lies in the trash for a week, whole, and comes back under its id."""

import json
import time

import pytest

from engine import lease
from engine.commands import sweep, trash
from engine.errors import RunError
from engine.runs import store
from engine.training.config import train_config
from engine.workspace import Workspace


@pytest.fixture
def place(tmp_path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def add(place: Workspace, **changed):
    run = store.create(
        place, "quick", dataset="pets", dataset_fingerprint="f", split_id="",
        dataset_image_size=64, class_names=("cat", "dog"), image_size=32,
        config=train_config("quick", image_size=32).model_dump(),
    )  # fmt: skip
    return store.save(run, **{"status": "finished", "ended": store.now()} | changed)


def ids(place: Workspace) -> list[str]:
    return [run.id for run in store.list_runs(place)]


def test_a_deleted_run_is_gone_and_comes_back_as_it_was(place):
    run = add(place)
    (run.folder / "best.weights.h5").write_bytes(b"weights")
    token = trash.delete(place, run.id)
    assert ids(place) == []
    (lying,) = trash.trashed(place)
    assert (lying.token, lying.id) == (token, "quick-1")
    assert trash.about_of(lying).dataset == "pets"
    assert trash.restore(place, token) == "quick-1"
    assert store.open_run(place, "quick-1") == run
    assert (run.folder / "best.weights.h5").read_bytes() == b"weights"
    assert trash.trashed(place) == []


def test_the_id_of_a_run_in_the_trash_is_not_given_again(place):
    first, second = add(place), add(place)
    token = trash.delete(place, second.id)
    assert add(place).id == "quick-3"
    trash.restore(place, token)
    assert ids(place) == [first.id, second.id, "quick-3"]


@pytest.mark.parametrize("status", ["queued", "running", "stopping"])
def test_a_run_under_way_cannot_be_deleted(place, status):
    run = add(place, status="queued" if status == "queued" else "running", ended=None)
    if status == "stopping":
        store.ask_to_stop(run)
    with lease.hold(run.folder / "lease.json"), pytest.raises(RunError, match=f"is {status} and"):
        trash.delete(place, run.id)
    assert ids(place) == ["quick-1"]


def test_a_run_that_waits_for_its_process_cannot_be_deleted_and_a_lost_one_can(place):
    waiting, lost = add(place, status="queued", ended=None), add(place, status="running")
    with pytest.raises(RunError, match="is queued and cannot be deleted"):
        trash.delete(place, waiting.id)
    trash.delete(place, lost.id)
    assert ids(place) == [waiting.id]


@pytest.mark.parametrize("name", ["quick-1", "my copy.of it"])
def test_what_cannot_be_read_can_be_deleted_and_put_back(place, name):
    folder = place.runs / name
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{")
    token = trash.delete(place, name)
    assert not folder.exists()
    assert trash.about_of(trash.trashed(place)[0]) is None
    assert trash.restore(place, token) == name
    assert (folder / "run.json").read_text() == "{"


@pytest.mark.parametrize("name", ["quick-9", "..", "../datasets", "", ".new.lock"])
def test_only_a_run_is_deleted(place, name):
    add(place)
    (place.path / "datasets").mkdir()
    with pytest.raises(RunError, match="does not exist"):
        trash.delete(place, name)
    assert (place.path / "datasets").is_dir()


@pytest.mark.parametrize("token", ["quick-1.5.00000000", "../runs/quick-2", ""])
def test_what_is_not_in_the_trash_is_not_restored(place, token):
    add(place)
    with pytest.raises(RunError, match="no longer lies in the trash"):
        trash.restore(place, token)


def test_a_run_of_the_same_id_is_not_written_over(place):
    token = trash.delete(place, add(place).id)
    (place.runs / "quick-1").mkdir()  # put there by hand
    with pytest.raises(RunError, match="There is a run 'quick-1' again"):
        trash.restore(place, token)
    assert [one.token for one in trash.trashed(place)] == [token]


def test_the_next_start_removes_what_lay_there_for_a_week_and_no_more(place, monkeypatch):
    old, young = (trash.delete(place, add(place).id) for _ in range(2))
    week = 7 * 86400
    lain = place.trash / f"quick-1.{int(time.time()) - week - 60}.{old.rpartition('.')[2]}"
    (place.trash / old).rename(lain)
    (place.trash / "mine.txt").write_text("not ours")
    (place.trash / f"{trash.GONE}quick-7.1.00000000").mkdir()  # a start that was cut short
    sweep.sweep(place)
    assert sorted(p.name for p in place.trash.iterdir()) == ["mine.txt", young]
    assert add(place).id == "quick-3"  # quick-2 still lies there


def test_deleting_and_restoring_on_the_command_line(place, verb, use_workspace):
    use_workspace(place.path)
    add(place), add(place)
    status, out, _ = verb("delete", "latest", "--json")
    assert (status, json.loads(out)["run"]) == (0, "quick-2")
    assert verb("delete", "quick-2") == (
        2, "", "The run 'quick-2' does not exist, so there is nothing to delete.\n"
    )  # fmt: skip
    assert verb("restore", "quick-2")[:2] == (0, "quick-2 is back\n")
    assert ids(place) == ["quick-1", "quick-2"]
    status, _, err = verb("restore", "quick-2")
    assert (status, err) == (
        2, "The run 'quick-2' does not lie in the trash; there is: nothing.\n"
    )  # fmt: skip


def test_a_name_a_note_and_tags_on_the_command_line(place, verb, use_workspace):
    use_workspace(place.path)
    add(place)
    status, out, _ = verb("note", "quick-1", "--name", "mine", "--tag", "a", "--tag", "b", "--json")
    assert (status, json.loads(out)) == (
        0, {"run": "quick-1", "name": "mine", "note": "", "tags": ["a", "b"]}
    )  # fmt: skip
    verb("note", "latest", "--note", "why")
    (told,) = json.loads(verb("runs", "--json")[1])
    assert (told["name"], told["note"], told["tags"]) == ("mine", "why", ["a", "b"])
    assert "mine" in verb("runs")[1]
    assert verb("note", "quick-1")[1] == "quick-1: mine\ntags: a, b\nwhy\n"
    status, _, err = verb("note", "quick-1", "--name", "x" * 81)
    assert (status, "80 is the most" in err) == (2, True)
