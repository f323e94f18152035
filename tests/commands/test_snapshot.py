"""One look for all who look: records are read when they changed, and at most once a second."""

import threading
from dataclasses import replace

import pytest

from engine.commands import snapshot
from engine.commands.prepare import prepare
from engine.runs import store
from engine.workspace import Workspace


@pytest.fixture
def place(tmp_path, two_classes, judged_run) -> Workspace:
    place = Workspace(tmp_path / "workspace")
    prepare(place, str(two_classes(tmp_path / "pets", 20)), "pets", image_size=32)
    for _ in range(3):
        judged_run(place, "pets")
    return place


@pytest.fixture
def reads(monkeypatch) -> list:
    """Names of the records that were read."""
    from engine import records

    seen, read = [], records.read
    monkeypatch.setattr(
        records, "read", lambda path, kind: seen.append(path.parent.name) or read(path, kind)
    )
    return seen


def test_a_look_holds_what_a_listing_holds(place):
    found = snapshot.look(place)
    assert list(found.runs) == store.list_runs(place)
    assert [one.name for one in found.datasets] == ["pets"]
    assert found.free_bytes > 0


def test_viewers_share_a_look_and_what_did_not_change_is_not_read_again(place, reads, monkeypatch):
    monkeypatch.setattr(snapshot, "FRESH", 3600.0)
    first = snapshot.look(place)
    threads = [threading.Thread(target=snapshot.look, args=(place,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert snapshot.look(place) is first
    assert sorted(reads) == ["pets", "quick-1", "quick-2", "quick-3"]

    reads.clear()
    snapshot.forget(place)
    again = snapshot.look(place)
    assert reads == []
    assert again.datasets[0] is first.datasets[0]  # with the arrays that it has mapped


def test_what_changed_is_read_again_and_only_that(place, reads, monkeypatch):
    monkeypatch.setattr(snapshot, "FRESH", 0.0)
    run = snapshot.look(place).runs[1]
    reads.clear()
    store.save(run, status="failed", error="It failed.")
    assert snapshot.look(place).runs[1] == replace(run, status="failed", error="It failed.")
    assert reads == ["quick-2"]


def test_runs_come_and_go_and_one_that_cannot_be_read_stays_a_row(place, monkeypatch, judged_run):
    monkeypatch.setattr(snapshot, "FRESH", 0.0)
    assert len(snapshot.look(place).runs) == 3
    judged_run(place, "pets")
    (place.runs / "quick-2" / "run.json").write_text("")
    found = snapshot.look(place)
    assert [run.id for run in found.runs] == ["quick-1", "quick-3", "quick-4"]
    assert [one.id for one in found.unreadable_runs] == ["quick-2"]


def test_a_look_writes_nothing_and_needs_no_workspace(tmp_path, place, listing):
    before = listing(place.path)
    snapshot.forget(place)
    snapshot.look(place)
    assert listing(place.path) == before
    empty = Workspace(tmp_path / "nowhere")
    assert snapshot.look(empty).runs == ()
    assert not empty.path.exists()
