"""Of which version a workspace is: read, brought up to date, or refused in a sentence."""

import json

import pytest

from engine import formats
from engine.errors import WorkspaceError
from engine.workspace import Workspace


@pytest.fixture
def place(tmp_path) -> Workspace:
    """A workspace of format 1, which had no file that says so."""
    return Workspace(tmp_path)


def told(place: Workspace) -> dict:
    return json.loads((place.path / "workspace.json").read_text())


def test_a_workspace_of_before_is_brought_up_to_date_once(place):
    assert formats.check(place) == 1
    assert list(place.path.iterdir()) == []  # who looks writes nothing
    formats.migrate(place)
    assert formats.check(place) == formats.current() == told(place)["format"]
    before = (place.path / "workspace.json").stat()
    formats.migrate(place)
    assert (place.path / "workspace.json").stat().st_mtime_ns == before.st_mtime_ns


def test_a_migration_that_was_cut_short_goes_on_where_it_was(place, monkeypatch):
    done, full = [], OSError(28, "No space left on device")

    def first(folder):
        done.append(("first", folder))

    def second(folder):
        done.append(("second", folder))
        if len(done) == 2:
            raise full

    monkeypatch.setattr(formats, "STEPS", (first, second))
    with pytest.raises(OSError, match="No space"):
        formats.migrate(place)
    assert formats.check(place) == 2
    formats.migrate(place)
    assert [name for name, _ in done] == ["first", "second", "second"]
    assert {folder for _, folder in done} == {place.path}
    assert formats.check(place) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"format": 99}', r"newer version of Camsight \(format 99, and this one reads up to 2\)"),
        ("", "it is empty or damaged"),
        ("[]", "it is empty or damaged"),
        ("{}", "it is empty or damaged"),
        ('{"format": 0}', "the format 0, which is none"),
        ('{"format": true}', "the format True, which is none"),
        ('{"format": "2"}', "the format '2', which is none"),
    ],
)
def test_a_workspace_that_cannot_be_read_is_refused_and_left_as_it_is(place, text, why):
    (place.path / "workspace.json").write_text(text)
    for of in (formats.check, formats.migrate):
        with pytest.raises(WorkspaceError, match=why):
            of(place)
    assert (place.path / "workspace.json").read_text() == text


def test_the_dashboard_does_not_start_on_a_newer_workspace(empty_workspace, monkeypatch, capsys):
    from dashboard import __main__ as start

    (empty_workspace / "workspace.json").write_text('{"format": 99}')
    monkeypatch.setattr(start.signal, "signal", lambda *_: None)
    monkeypatch.setattr(start, "check_port", lambda *_: None)
    monkeypatch.setattr(start, "make_ready", lambda _: pytest.fail("it was written to"))
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert ended.value.code == 2
    assert "Camsight cannot start: The workspace" in capsys.readouterr().err
