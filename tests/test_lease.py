"""Who holds a thing: a look only reads, and only the very process that took it counts."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine import lease, processes

ROOT = Path(__file__).resolve().parents[1]
HOLD = "with lease.hold(path):\n    print('held', flush=True)\n    time.sleep(120)"
ELSEWHERE = {"pid": 1, "started": 1.0, "machine": "elsewhere 1 2"}


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "run.lease"


@pytest.fixture
def python(path):
    """`python(code)` starts a process that knows `lease` and `path`; it ends with the test."""
    started = []

    def start(code: str) -> subprocess.Popen:
        head = "import os, random, sys, time\nfrom pathlib import Path\nfrom engine import lease\n"
        code = f"{head}path = Path({str(path)!r})\n{code}"
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_four_watchers_of_a_dead_run_all_see_that_it_is_dead(path, python):
    path.write_text(json.dumps(ELSEWHERE | {"machine": processes.machine()}))
    watchers = [python("print(sum(lease.is_held(path) for _ in range(1000)))") for _ in range(4)]
    assert [watcher.communicate()[0] for watcher in watchers] == ["0\n"] * 4


def test_a_start_is_never_refused_because_somebody_looks(path, python):
    watch = "print('here', flush=True)\nwhile True: lease.is_held(path)"
    for watcher in [python(watch) for _ in range(3)]:
        assert watcher.stdout.readline() == "here\n"
    for _ in range(150):
        with lease.hold(path):
            assert lease.is_held(path)
        assert not lease.is_held(path)


def test_a_living_holder_is_never_seen_dead_while_its_lease_is_written(path, python):
    lease.grant(path, os.getpid())
    watch = "while True: print(lease.is_held(path), flush=True)"
    watcher = python(watch)
    watcher.stdout.readline()
    for _ in range(500):
        lease.grant(path, os.getpid())
    watcher.kill()
    seen = watcher.communicate()[0].splitlines()
    assert len(seen) > 20
    assert "False" not in seen


def test_whoever_holds_it_keeps_others_out_and_itself(path, python):
    holder = python(HOLD)
    assert holder.stdout.readline() == "held\n"
    assert lease.holder(path).pid == holder.pid
    with pytest.raises(lease.Held, match=f"held by process {holder.pid} on"), lease.hold(path):
        pass
    assert lease.is_held(path)
    other = path.with_name("other.lease")
    with lease.hold(other), pytest.raises(lease.Held), lease.hold(other):
        pass
    assert not other.exists()


@pytest.mark.parametrize("waited_for", [False, True], ids=["zombie", "gone"])
def test_a_killed_holder_s_lease_is_free_at_once(path, python, until, waited_for):
    holder = python(HOLD)
    holder.stdout.readline()
    os.kill(holder.pid, signal.SIGKILL)
    if waited_for:
        holder.wait()
    else:
        until(lambda: b") Z" in Path(f"/proc/{holder.pid}/stat").read_bytes())
    assert path.exists()
    assert not lease.is_held(path)
    with lease.hold(path):
        assert lease.holder(path).pid == os.getpid()


def test_a_number_that_was_used_again_is_another_process(path):
    lease.grant(path, os.getpid())
    told = json.loads(path.read_text())
    assert lease.is_held(path)
    path.write_text(json.dumps(told | {"started": told["started"] - 1}))
    assert not lease.is_held(path)


def test_a_holder_on_another_machine_lives_as_long_as_it_beats(path):
    path.write_text(json.dumps(ELSEWHERE))
    assert lease.is_held(path)
    with pytest.raises(lease.Held, match="on elsewhere;"), lease.hold(path):
        pass
    silent = time.time() - lease.SILENT_SECONDS - 1
    os.utime(path, (silent, silent))
    assert not lease.is_held(path)
    with lease.hold(path):
        assert lease.holder(path).pid == os.getpid()


def test_a_holder_beats_only_its_own_lease(path, monkeypatch, until):
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.01)
    with lease.hold(path):
        os.utime(path, (1, 1))
        until(lambda: path.stat().st_mtime > 1)
        path.write_text(json.dumps(ELSEWHERE))
        time.sleep(0.1)  # a beat that has been begun
        os.utime(path, (1, 1))
        time.sleep(0.1)
        assert path.stat().st_mtime == 1


def test_releasing_leaves_somebody_else_s_lease(path):
    with lease.hold(path):
        path.write_text(json.dumps(ELSEWHERE))
    assert json.loads(path.read_text()) == ELSEWHERE


@pytest.mark.parametrize("failing", [False, True])
def test_a_lease_goes_with_the_block(path, failing):
    try:
        with lease.hold(path):
            assert lease.is_held(path)
            if failing:
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"7", b"\xff\xfe", b"[" * 100_000,
        b'{"pid": "self", "started": 1, "machine": "x"}',
        b'{"pid": 1, "started": 1, "machine": 7}',
        b'{"pid": 1, "started": 1}',
    ],
    ids=range(10),
)  # fmt: skip
def test_a_damaged_lease_is_not_held(path, content):
    path.write_bytes(content)
    assert not lease.is_held(path)
    with lease.hold(path):
        assert lease.is_held(path)


def test_a_folder_in_its_place_is_not_held(path):
    path.mkdir()
    assert not lease.is_held(path)


def test_a_deleted_folder_is_not_brought_back(tmp_path):
    path = tmp_path / "quick-1" / "run.lease"
    assert not lease.is_held(path)
    with pytest.raises(FileNotFoundError), lease.hold(path):
        pass
    assert not path.parent.exists()


def test_a_lease_for_a_child_that_has_ended_is_none(path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    lease.grant(path, child.pid)
    assert not path.exists()


def test_a_look_opens_nothing_for_writing(path, python):
    lease.grant(path, os.getpid())
    dead = path.with_name("dead.lease")
    dead.write_text(json.dumps(ELSEWHERE | {"machine": processes.machine()}))
    look = """
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
def hook(event, args):
    if event == "open" and args[2] & WRITES or event in ("os.mkdir", "os.utime", "fcntl.flock"):
        print(event, args)
sys.addaudithook(hook)
for one in (path, path.with_name("dead.lease"), path.with_name("none"), path / "below"):
    print(lease.is_held(one))
"""
    assert python(look).communicate()[0].split() == ["True", "False", "False", "False"]


def test_two_that_want_it_200_times_are_never_both_inside(path, python):
    """Each is refused while the other is inside, and gets its turn in the end."""
    code = f"""
inside, got, refused = path.with_name("inside"), 0, 0
random.seed(SEED)
while got < 200:
    time.sleep(random.random() / 500)
    try:
        with lease.hold(path):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # FileExistsError: both are inside
            time.sleep(random.random() / 500)
            inside.unlink()
            got += 1
    except lease.Held:
        refused += 1
print({path.name!r}, got, refused)
"""
    both = [python(code.replace("SEED", str(seed))) for seed in (1, 2)]
    said = [process.communicate(timeout=120)[0].split() for process in both]
    assert [(name, got) for name, got, _ in said] == [("run.lease", "200")] * 2


def test_a_lease_that_a_process_was_given_at_its_start_is_its_own_if_it_says_so(path):
    lease.grant(path, os.getpid())
    with pytest.raises(lease.Held), lease.hold(path):
        pass
    with lease.hold(path, granted=True):
        assert lease.is_held(path)
        lease.release(path)  # before the end, so that another can take it in this very moment
        assert not lease.is_held(path)
        path.write_text(json.dumps(ELSEWHERE))
    assert json.loads(path.read_text()) == ELSEWHERE


def test_a_lease_that_was_given_to_another_is_not_one_s_own(path, python):
    other = python("time.sleep(120)")
    lease.grant(path, other.pid)
    with pytest.raises(lease.Held), lease.hold(path, granted=True):
        pass
