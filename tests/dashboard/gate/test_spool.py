"""What was sent and not used yet: budgets, who may send, and that nothing is left of it."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from dashboard.gate import spool as room
from dashboard.gate.spool import MB, TOKEN, Spool
from engine import jobs, lease
from engine.errors import SpaceError
from engine.settings import Settings, settings
from engine.workspace import Workspace

PIECE = b"x" * MB


@pytest.fixture
def place(tmp_path, use_workspace) -> Workspace:
    return Workspace(use_workspace(tmp_path / "workspace"))


@pytest.fixture
def spool(place):
    """Of 4 MB a file, 6 a session, 10 for all."""
    limits = Settings(upload_mb=4, session_upload_mb=6, all_uploads_mb=10)
    found = Spool(place, limits)
    yield found
    found.close()


def send(spool: Spool, session: str, file: str, pieces: int) -> bytes:
    coming = spool.begin(session, file, pieces * MB)
    for _ in range(pieces):
        spool.write(coming, PIECE)
    return spool.finish(coming)


def on_disk(place: Workspace) -> list[int]:
    """Sizes of all files that were sent."""
    found = (path for path in place.uploads.glob("*/*") if "lease" not in path.name)
    return sorted(path.stat().st_size for path in found)


def test_a_file_lies_on_the_disk_whole_and_its_token_says_nothing_of_it(spool, place):
    token = send(spool, "a", "1", 3)
    found = spool.find("a", "1")
    assert token.startswith(TOKEN)
    assert len(token) < 100
    assert (found.size, found.path.read_bytes()) == (3 * MB, 3 * PIECE)
    assert found.sha256 == hashlib.sha256(3 * PIECE).hexdigest()
    with pytest.raises(SpaceError, match="no longer there; send it again"):
        spool.find("b", "1")


def test_an_empty_file_is_a_file(spool):
    send(spool, "a", "1", 0)
    assert spool.find("a", "1").path.read_bytes() == b""


def test_a_session_has_a_budget_which_what_is_used_or_taken_back_no_longer_counts_in(spool, place):
    send(spool, "a", "1", 3)
    send(spool, "a", "2", 3)
    with pytest.raises(SpaceError, match="on this visit and not used yet would be more than 6 MB"):
        spool.begin("a", "3", 1)
    assert spool.find("a", "1").size == 3 * MB
    spool.remove("a", "1")
    assert on_disk(place) == [3 * MB]
    send(spool, "a", "3", 3)


def test_all_sessions_have_a_budget_together(spool):
    for session in "abc":
        send(spool, session, "1", 3)
    with pytest.raises(SpaceError, match=r"everybody has sent .* more than 10 MB; try again when"):
        spool.begin("d", "1", 2 * MB)


def test_a_length_that_is_told_too_small_or_not_at_all_opens_no_budget(spool, place):
    send(spool, "a", "1", 4)
    coming = spool.begin("a", "2", 0)
    spool.write(coming, PIECE)
    spool.write(coming, PIECE)
    with pytest.raises(SpaceError, match="6 MB"):
        spool.write(coming, b"x")


def test_a_session_cannot_send_files_without_number(spool, monkeypatch):
    monkeypatch.setattr(room, "MOST_FILES", 3)
    for at in range(3):
        send(spool, "a", str(at), 0)
    with pytest.raises(SpaceError, match="3 files were sent"):
        spool.begin("a", "x", 0)
    for at in range(20):  # nor sentences, for each of which something is kept
        spool.refuse("a", f"no {at}", "It was too large.")
    assert len(spool._files) == 6
    send(spool, "b", "1", 0)


def test_the_quota_of_the_workspace_ends_a_file_in_its_middle(spool, place, monkeypatch):
    monkeypatch.setattr(settings(), "workspace_gb", 0.003)
    monkeypatch.setattr(room, "BLOCK", MB)
    coming = spool.begin("a", "1", 0)
    spool.write(coming, PIECE)
    spool.write(coming, PIECE)
    with pytest.raises(OSError, match=r"may take 0.003 GB, as CAMSIGHT_WORKSPACE_GB says"):
        spool.write(coming, PIECE)
    with pytest.raises(OSError, match=r"may take 0.003 GB"):
        spool.begin("a", "2", 3 * MB)
    spool.remove("a", "1")
    assert on_disk(place) == []


def test_a_file_that_is_taken_back_while_it_comes_in_is_not_there_afterwards(spool, place):
    coming = spool.begin("a", "1", MB)
    spool.write(coming, PIECE)
    spool.end("a")
    with pytest.raises(SpaceError, match="taken back while it was sent"):
        spool.write(coming, PIECE)
    assert on_disk(place) == []


def test_a_file_that_is_taken_back_between_two_looks_is_not_made_again(spool, place, monkeypatch):
    coming = spool.begin("a", "1", MB)
    monkeypatch.setattr(spool, "_check_budgets", lambda *_: spool.remove("a", "1"))
    with pytest.raises(SpaceError, match="taken back while it was sent"):
        spool.write(coming, PIECE)
    with pytest.raises(SpaceError, match="taken back while it was sent"):
        spool.finish(coming)
    assert on_disk(place) == []
    assert spool.held() == 0


def test_one_file_that_is_sent_by_many_at_once_takes_no_more_than_one(spool, place):
    def once(_: int) -> None:
        with suppress(SpaceError):
            send(spool, "a", "1", 2)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(once, range(64)))
    assert sum(on_disk(place)) == spool.held() <= 2 * MB


def test_why_a_file_was_not_taken_is_what_its_page_says(spool):
    spool.refuse("a", "1", "The disk is full.")
    with pytest.raises(SpaceError, match="The disk is full"):
        spool.find("a", "1")


# --- who may send ---------------------------------------------------------------------------------


def test_only_a_page_that_draws_an_uploader_takes_files(spool):
    assert spool.expected("a") == 0
    spool.arrive("a", 1)
    spool.expect("a", 1, 2)
    spool.expect("a", 1, 1)
    assert spool.expected("a") == 2 * MB
    spool.arrive("a", 1)  # a click on the same page
    assert spool.expected("a") == 2 * MB
    spool.arrive("a", 2)
    assert spool.expected("a") == 0
    spool.expect("a", 2, 500)  # more than the server takes
    assert spool.expected("a") == 4 * MB


# --- what is left of it ---------------------------------------------------------------------------


def test_nothing_is_left_of_a_session_that_ended(spool, place):
    spool.expect("a", 1, 2)
    send(spool, "a", "1", 1)
    send(spool, "b", "1", 2)
    spool.end("a")
    assert on_disk(place) == [2 * MB]
    assert spool.expected("a") == 0


def test_nothing_is_left_of_a_server_that_ended(spool, place):
    send(spool, "a", "1", 1)
    spool.close()
    assert list(place.uploads.iterdir()) == []


def test_what_a_killed_server_left_is_swept_and_what_a_living_one_holds_is_not(spool, place):
    send(spool, "a", "1", 1)
    left = place.uploads / "sent-0a1b"
    left.mkdir()
    (left / "00").write_bytes(PIECE)
    lease.grant(left / "lease.json", os.getpid())
    told = (left / "lease.json").read_text()
    (left / "lease.json").write_text(told.replace(str(os.getpid()), "999999999"))
    jobs.sweep(place)
    assert not left.exists()
    assert on_disk(place) == [MB]
