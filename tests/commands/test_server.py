"""What only those may see who run the dashboard: who did what, and what it is told."""

import json

import pytest
from typer.testing import CliRunner

from engine import audit
from engine.cli import app
from engine.commands import server
from engine.errors import AccessError
from engine.people import Person, Role
from engine.settings import in_force, settings
from engine.workspace import Workspace

ANN, BOB = Person("ann@example.com", Role.ADMIN), Person("bob@example.com", Role.TRAINER)


@pytest.fixture
def noted(tmp_path) -> Workspace:
    """Bob trained quick-1 and Ann deleted it."""
    audit.note(Workspace(tmp_path, BOB), "train", "quick-1", preset="quick", dataset="pets")
    audit.note(Workspace(tmp_path, ANN), "delete", "quick-1")
    return Workspace(tmp_path, ANN)


def test_an_admin_finds_who_did_what_by_any_word_of_it(noted):
    assert [line["by"] for line in server.audited(noted)] == [ANN.name, BOB.name]
    for word in ("BOB@", "train", "pets"):
        (found,) = server.audited(noted, find=word)
        assert server.facts(found) == "preset quick, dataset pets"
    assert server.audited(noted, find="cat") == []


@pytest.mark.parametrize("read", [server.audited, server.told], ids=["audit log", "settings"])
def test_a_trainer_reads_neither_the_audit_log_nor_the_settings(noted, read):
    with pytest.raises(AccessError, match=r"bob@example\.com is a trainer and may not"):
        read(Workspace(noted.path, BOB))


def test_the_audit_log_is_read_on_the_command_line(noted, use_workspace):
    use_workspace(noted.path)
    told = CliRunner().invoke(app, ["audit", "--find", "delete", "--json"])
    (line,) = json.loads(told.stdout)
    assert (line["by"], line["verb"], line["of"]) == (ANN.name, "delete", "quick-1")
    assert BOB.name in CliRunner().invoke(app, ["audit"], env={"COLUMNS": "160"}).stdout


SECRETS = {
    "OIDC_CLIENT_SECRET": "hush-client", "COOKIE_SECRET": "hush-cookie" * 4,
    "METRICS_TOKEN": "hush-token", "OIDC_URL": "https://ann:hush-pass@login.example/well",
}  # fmt: skip


def test_settings_in_force_hold_no_secret(tmp_path, use_workspace, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(f"CAMSIGHT_{name}", value)
    use_workspace(tmp_path)
    for argv in (["settings"], ["settings", "--json"]):
        told = CliRunner().invoke(app, argv, env={"COLUMNS": "200"})
        assert told.exit_code == 0
        assert "hush" not in told.stdout
    found = {one["variable"]: one for one in json.loads(told.stdout)}
    assert found["CAMSIGHT_METRICS_TOKEN"]["value"] == "given"
    assert found["CAMSIGHT_OIDC_URL"]["value"] == "https://login.example/well"
    assert (found["CAMSIGHT_PORT"]["value"], found["CAMSIGHT_PORT"]["given"]) == ("8501", False)
    assert found["CAMSIGHT_WORKSPACE"]["given"]


def test_the_usual_workspace_is_none_that_was_given(monkeypatch):
    monkeypatch.delenv("CAMSIGHT_WORKSPACE", raising=False)
    settings.cache_clear()
    told = {one.variable: one for one in in_force(settings())}
    settings.cache_clear()
    assert not told["CAMSIGHT_WORKSPACE"].given
