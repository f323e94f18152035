"""Server: an admin sees how it is and who did what, and nobody else does."""

from dataclasses import replace

import pytest

from dashboard import readiness, state
from dashboard.parts import links
from dashboard.readiness import Tried
from engine import audit
from engine.commands.ready import Check
from engine.people import Person, Role
from engine.workspace import Workspace
from tests.dashboard.pages import cards, opened, said

ANN, BOB = Person("ann@example.com", Role.ADMIN), Person("bob@example.com", Role.TRAINER)
WELL = [Check("disk", True, "can be written, 60.5 GB free"), Check("runs", True, "3 can be read")]


@pytest.fixture(autouse=True)
def tried(monkeypatch):
    """`tried(check, …)`: what the server finds when it is asked whether it is ready."""

    def found(*checks: Check) -> None:
        monkeypatch.setattr(readiness, "ALL", [Tried("disk", lambda: list(checks), 0.0)])

    found(*WELL)
    return found


@pytest.fixture
def noted(empty_workspace) -> Workspace:
    audit.note(Workspace(empty_workspace, BOB), "train", "quick-1", dataset="*pets* <b>")
    audit.note(Workspace(empty_workspace, ANN), "delete", "quick-1")
    return Workspace(empty_workspace)


def test_an_admin_sees_that_it_is_ready_who_did_what_and_no_secret(noted, monkeypatch):
    monkeypatch.setenv("CAMSIGHT_METRICS_TOKEN", "hush-token")
    state.settings.cache_clear()
    at = opened(links.SERVER)
    assert at.header[0].value == "Ready: all that was tried works."
    assert "The disk]" in said(at)
    assert cards(at).keys() == {"Open pages", "Runs in line", "Heatmaps", "Errors", "Free disk"}
    lines, told = (one.value for one in at.dataframe)
    assert lines["Who"].tolist() == [ANN.name, BOB.name]
    assert lines["Did"].tolist() == ["delete", "train"]
    assert lines["Facts"].tolist() == ["", "dataset *pets* <b>"]
    assert told.set_index("Variable").loc["CAMSIGHT_METRICS_TOKEN", "Value"] == "given"
    assert "hush" not in told.to_string()


def test_lines_are_found_by_what_the_address_asks_for(noted):
    at = opened(links.SERVER, audit="BOB")
    assert at.dataframe[0].value["Who"].tolist() == [BOB.name]
    at.text_input[0].set_value("nobody at all").run()
    assert "No line fits; take the text away." in said(at)


def test_what_failed_is_named_and_why(noted, tried):
    tried(replace(WELL[0], ok=False, said="No space left [x](y)"), WELL[1])
    at = opened(links.SERVER)
    assert at.header[0].value == "Not ready, because of the disk."
    assert r":red[:material/error: The disk] · No space left \[x\](y)" in said(at)
    tried(*WELL, Check("provider", False, "is down", needed=False))
    assert opened(links.SERVER).header[0].value == "Ready, but without the sign-in provider."


def test_a_trainer_who_knows_the_address_is_refused_with_a_sentence(noted, monkeypatch):
    monkeypatch.setattr(state, "person", lambda: BOB)
    at = opened(links.SERVER)
    assert "may not see how the server is" in at.error[0].value
    assert not at.dataframe
    assert not cards(at)


def test_a_workspace_that_cannot_be_read_does_not_take_the_page_away(noted):
    noted.datasets.touch()
    (noted.path / audit.FILE).unlink()
    (noted.path / audit.FILE).mkdir()
    at = opened(links.SERVER)
    assert "The audit log cannot be read (Is a directory)" in at.error[0].value
    assert cards(at)["Free disk"]["value"].endswith(" GB")


def links_to_it(at) -> list:
    return [one for one in at.get("page_link") if one.proto.label == "Server"]


def test_only_admins_find_the_way_there_which_is_no_tab(empty_workspace, monkeypatch):
    assert len(links_to_it(opened())) == 1
    monkeypatch.setattr(state, "person", lambda: BOB)
    assert not links_to_it(opened())
