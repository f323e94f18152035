"""Processes that break, hang or lose their parent, and what is left of the work."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from engine.data import workers
from engine.errors import SourceError


def square(start: int, stop: int):
    for i in range(start, stop):
        yield i * i


def break_on(bad: set[int], how: int, start: int, stop: int):
    for i in range(start, stop):
        if i in bad:
            os.kill(os.getpid(), how)
        yield i * i


def hang_on(bad: int, start: int, stop: int):
    for i in range(start, stop):
        end = time.process_time() + 20
        while i == bad and time.process_time() < end:
            pass
        yield i * i


def killed_once(marks: Path, start: int, stop: int):
    for i in range(start, stop):
        if i == 70 and not (marks / "70").exists():
            (marks / "70").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield i * i


def write_nowhere(start: int, stop: int):
    yield from ()
    raise OSError("a fault of ours")


class Unreadable:
    """Work that no process can begin."""

    def __call__(self, start: int, stop: int):
        yield

    def __reduce__(self):
        return os._exit, (7,)


def answers(work, n: int = 150, seconds: float = 30) -> dict[int, tuple]:
    told = list(workers.each(work, n, 2, seconds))
    assert len(told) == n
    return {index: (answer, reason) for index, answer, reason in told}


def test_everything_is_answered_once():
    assert answers(square) == {i: (i * i, "") for i in range(150)}


NO_MEMORY = "the system ended the decoder on it, most likely for lack of memory"


@pytest.mark.parametrize(
    ("how", "reason"), [(signal.SIGSEGV, "the decoder broke on it"), (signal.SIGKILL, NO_MEMORY)]
)
def test_what_breaks_its_process_is_named_and_the_rest_goes_on(how, reason):
    told = answers(partial(break_on, {70, 149}, how))
    assert [told.pop(i) for i in (70, 149)] == [(None, reason)] * 2
    assert told == {i: (i * i, "") for i in range(149) if i != 70}


def test_what_the_system_ended_once_for_want_of_memory_is_tried_again(tmp_path):
    assert answers(partial(killed_once, tmp_path)) == {i: (i * i, "") for i in range(150)}
    assert (tmp_path / "70").exists()


def test_what_takes_too_long_is_named_and_the_rest_goes_on():
    told = answers(partial(hang_on, 70), seconds=0.5)
    assert told.pop(70) == (None, "decoding took more than 0.5 s")
    assert told == {i: (i * i, "") for i in range(150) if i != 70}


def test_a_disk_that_gives_way_is_not_the_decoder_s_fault():
    with pytest.raises(SourceError, match="The disk failed or was full while pictures were writ"):
        answers(partial(break_on, {3}, signal.SIGBUS))


def test_an_error_of_ours_is_raised_and_no_process_is_left():
    with pytest.raises(OSError, match="a fault of ours"):
        answers(write_nowhere)
    assert multiprocessing.active_children() == []


def test_processes_that_do_not_begin_end_the_work_in_a_sentence():
    with pytest.raises(SourceError, match=r"ended before it began \(exit status 7\), most likely"):
        answers(Unreadable())


PREPARE = """
from pathlib import Path
from engine.data.intake import draw_in
if __name__ == "__main__":
    folder = Path(".")
    told = lambda done, total, refused: print(done, flush=True)
    draw_in(5_000, 64, 1, folder / "images.npy", folder / "masks.npy", told)
"""
STUCK = """
import time
from engine.data.workers import each
def stuck(start, stop):
    yield
    print("at it", flush=True)
    time.sleep(3600)
if __name__ == "__main__":
    list(each(stuck, 128, 2, 30))
"""


@pytest.mark.parametrize(("program", "how"), [(PREPARE, signal.SIGKILL), (STUCK, signal.SIGTERM)])
def test_workers_end_with_their_parent(tmp_path, program, how):
    script = tmp_path / "prepare.py"
    script.write_text(program)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    parent = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        env=environment,
        cwd=tmp_path,
        start_new_session=True,
    )
    try:
        assert parent.stdout.readline()  # workers are at work
        parent.send_signal(how)
        parent.communicate(timeout=120)  # until nobody holds the other end, which all inherit
        assert parent.returncode == -how
    finally:
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
