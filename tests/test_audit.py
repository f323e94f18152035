"""The line that says who did what."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import audit, people
from engine.errors import RecordError
from engine.people import Person, Role
from engine.workspace import Workspace

ANN = Person("ann@example.com", Role.TRAINER)


def test_who_did_what_is_read_newest_first(tmp_path):
    place = Workspace(tmp_path / "new", ANN)
    audit.note(place, "train", "quick-1", preset="quick")
    audit.note(place, "stop", "quick-1")
    newest, first = audit.last(place)
    assert (newest["verb"], first["verb"], first["preset"]) == ("stop", "train", "quick")
    assert (first["by"], first["role"], first["of"]) == ("ann@example.com", "trainer", "quick-1")


def test_lines_of_many_at_once_stay_whole(tmp_path):
    place = Workspace(tmp_path, ANN)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: audit.note(place, "stop", f"quick-{i}", why="x" * 250), range(200)))
    assert {one["of"] for one in audit.last(place, 300)} == {f"quick-{i}" for i in range(200)}


def test_a_name_with_a_line_break_makes_no_line_of_its_own(tmp_path):
    place = Workspace(tmp_path, Person('eve"\n{"by": "ann"}', Role.ADMIN))
    audit.note(place, "delete", "quick-1\n")
    (one,) = audit.last(place)
    assert one["by"] == place.by.name
    assert (tmp_path / audit.FILE).read_text().count("\n") == 1


def test_a_damaged_line_does_not_hide_the_others(tmp_path):
    place = Workspace(tmp_path, ANN)
    audit.note(place, "train", "quick-1")
    with (tmp_path / audit.FILE).open("ab") as file:
        file.write(b'{"by": \xff\n[]\n')
    audit.note(place, "stop", "quick-1")
    assert [one["verb"] for one in audit.last(place)] == ["stop", "train"]


def test_what_cannot_be_noted_is_an_error(tmp_path):
    (tmp_path / audit.FILE).mkdir()
    with pytest.raises(RecordError, match="'delete quick-1' cannot be noted"):
        audit.note(Workspace(tmp_path, ANN), "delete", "quick-1", frees=True)


def test_a_disk_that_takes_half_a_line_has_noted_nothing_and_hides_no_other(tmp_path, monkeypatch):
    place, write = Workspace(tmp_path, ANN), os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, line: write(file, line[:20]))
        with pytest.raises(RecordError, match="'train quick-1' cannot be noted"):
            audit.note(place, "train", "quick-1")
    audit.note(place, "train", "quick-2")
    assert [one["of"] for one in audit.last(place)] == ["quick-2"]


def test_a_name_of_bytes_that_are_no_letters_can_be_noted(tmp_path):
    audit.note(Workspace(tmp_path, ANN), "prepare", "pets", source=os.fsdecode(b"p\xff.zip"))
    assert audit.last(Workspace(tmp_path))[0]["source"] == "p\udcff.zip"


def test_a_child_knows_for_whom_it_works(monkeypatch):
    assert people.from_environment() == people.WHOEVER
    for name, value in people.environment(ANN).items():
        monkeypatch.setenv(name, value)
    assert people.from_environment() == ANN


def test_what_is_noted_is_logged_with_who_did_it(tmp_path, caplog):
    caplog.set_level("INFO", "camsight")
    audit.note(Workspace(tmp_path, ANN), "stop", "quick-1")
    (record,) = caplog.records
    assert (record.verb, record.of, record.user) == ("stop", "quick-1", "ann@example.com")


def test_the_last_lines_of_a_long_log_are_found_without_reading_all_of_it(tmp_path, monkeypatch):
    place, read = Workspace(tmp_path, ANN), []
    for i in range(40):
        audit.note(place, "train", f"quick-{i}", note="é" * (i % 7))
    for block in (1, 7, 150, audit.BLOCK):  # a line, and a letter, may be cut anywhere
        monkeypatch.setattr(audit, "BLOCK", block)
        assert [one["of"] for one in audit.last(place)] == [f"quick-{i}" for i in range(39, -1, -1)]
    monkeypatch.setattr(audit, "BLOCK", 150)
    loads = audit.json.loads
    monkeypatch.setattr(audit.json, "loads", lambda line: read.append(line) or loads(line))
    assert [one["of"] for one in audit.last(place, 2)] == ["quick-39", "quick-38"]
    found = audit.last(place, 1, lambda line: line["of"].endswith("7"))
    assert [one["of"] for one in found] == ["quick-37"]
    assert len(read) < 12
