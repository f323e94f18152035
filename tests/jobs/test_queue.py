"""First come, first served: five starts in a row train in that order, one at a time."""

import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.jobs import queue
from engine.settings import PROJECT
from engine.workspace import Workspace


@pytest.fixture
def place(tmp_path) -> Workspace:
    return Workspace(tmp_path)


def test_whoever_joins_first_is_first(place):
    runs = ["quick-9", "quick-10", "classic-2"]
    for run in runs:
        queue.join(place, run)
    assert queue.in_line(place) == runs
    assert [queue.ahead(place, run) for run in runs] == [[], runs[:1], runs[:2]]


def test_joining_twice_keeps_the_first_ticket(place):
    for run in ("quick-1", "quick-2", "quick-1"):
        queue.join(place, run)
    assert queue.in_line(place) == ["quick-1", "quick-2"]


def test_the_order_holds_beyond_the_digits_of_a_ticket(place):
    (place.path / "queue").mkdir()
    (place.path / "queue" / "999999999.quick-1").touch()
    for run in ("quick-2", "quick-3"):
        queue.join(place, run)
    assert queue.in_line(place) == ["quick-1", "quick-2", "quick-3"]


def test_leaving_gives_only_one_s_own_ticket_back(place):
    for run in ("quick-1", "quick-11", "quick-2"):
        queue.join(place, run)
    queue.leave(place, "quick-1")
    queue.leave(place, "quick-1")
    queue.leave(place, "quick-7")
    assert queue.in_line(place) == ["quick-11", "quick-2"]


def test_an_empty_line(place):
    assert queue.in_line(place) == []
    assert queue.ahead(place, "quick-1") == []
    queue.leave(place, "quick-1")
    assert list(place.path.iterdir()) == []


def test_many_that_join_at_once_get_a_ticket_each(place):
    runs = [f"quick-{i}" for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda run: queue.join(place, run), runs))
    numbers = [path.name.split(".")[0] for path in (place.path / "queue").glob("0*")]
    assert sorted(queue.in_line(place)) == sorted(runs)
    assert len(set(numbers)) == len(runs)


def test_a_run_waits_while_an_older_one_is_active(place):
    for run in ("quick-1", "quick-2"):
        queue.join(place, run)
    assert queue.is_turn(place, "quick-1", {"quick-1", "quick-2"}.__contains__)
    assert not queue.is_turn(place, "quick-2", {"quick-1", "quick-2"}.__contains__)
    queue.leave(place, "quick-1")
    assert queue.is_turn(place, "quick-2", {"quick-2"}.__contains__)


def test_tickets_of_dead_runs_hold_nobody_up(place):
    for run in ("quick-1", "quick-2", "quick-3", "quick-4"):
        queue.join(place, run)
    assert not queue.is_turn(place, "quick-4", {"quick-3", "quick-4"}.__contains__)
    assert queue.in_line(place) == ["quick-3", "quick-4"]


def test_a_run_that_was_taken_for_dead_stands_at_the_end(place):
    """Its process took long to start; meanwhile the next one has begun to train."""
    for run in ("late", "next", "last"):
        queue.join(place, run)
    assert queue.is_turn(place, "next", {"next", "last"}.__contains__)
    assert queue.ahead(place, "late") == ["next", "last"]
    assert not queue.is_turn(place, "late", {"late", "next", "last"}.__contains__)
    assert queue.in_line(place) == ["next", "last", "late"]


def test_who_waits_moves_among_those_who_wait(place):
    everybody = {"now", "one", "two", "three"}
    for run in ("now", "one", "dead", "two", "three"):
        queue.join(place, run)

    def moved(run: str, up: bool) -> bool:
        return queue.move(place, run, up, everybody.__contains__)

    assert moved("two", up=True)
    assert queue.in_line(place) == ["now", "two", "dead", "one", "three"]
    assert moved("one", up=False)
    assert queue.in_line(place) == ["now", "two", "dead", "three", "one"]
    assert not moved("two", up=True)  # whose turn it is keeps its place
    assert not moved("now", up=False)
    assert not moved("one", up=False)
    assert not moved("nobody", up=True)
    assert queue.in_line(place) == ["now", "two", "dead", "three", "one"]
    queue.join(place, "last")
    assert queue.in_line(place)[-1] == "last"


def test_a_move_that_was_cut_short_lets_nobody_before_who_trains(place):
    for name in ("000000001.b", "000000001.c", "000000002.a", "000000003.d"):
        (place.path / "queue").mkdir(exist_ok=True)
        (place.path / "queue" / name).touch()
    everybody = set("abcd").__contains__
    assert queue.is_turn(place, "b", everybody)
    for run in "abcd" * 3:
        queue.move(place, run, True, everybody)
    assert queue.is_turn(place, "b", everybody)
    assert sorted(queue.in_line(place)) == list("abcd")


def test_the_first_in_line_is_who_trains_now(place):
    for run in ("quick-1", "quick-2", "quick-3"):
        queue.join(place, run)
    assert queue.first(place, {"quick-2", "quick-3"}.__contains__) == "quick-2"
    assert queue.in_line(place) == ["quick-2", "quick-3"]
    assert queue.first(place, set().__contains__) is None


TRAINS_IN_TURN = """
import os, signal, sys, time
from pathlib import Path
from engine import lease
from engine.jobs import queue
from engine.workspace import Workspace
place, me = Workspace(Path(sys.argv[1])), sys.argv[2]
def of(run): return place.path / f"{run}.lease"
def active(run):  # one whose process has not yet begun counts, too
    return not of(f"{run}.begun").exists() or lease.is_held(of(run))
with lease.hold(of(me)):
    of(f"{me}.begun").touch()
    while not queue.is_turn(place, me, active):
        time.sleep(0.01)
    others = [one for one in queue.in_line(place) if one != me and (place.path / one).exists()]
    assert all(not lease.is_held(of(one)) for one in others), others
    (place.path / me).touch()  # it trains
    with (place.path / "order").open("a") as order: order.write(me + " ")
    time.sleep(0.05)
    if me == "run-3": os.kill(os.getpid(), signal.SIGKILL)
    (place.path / me).unlink()
    queue.leave(place, me)
"""


@pytest.mark.parametrize("moves", [False, True], ids=["as they came", "while they are moved"])
def test_five_that_start_in_any_order_train_in_theirs_one_at_a_time(place, moves):
    """The third is killed while it trains, and holds nobody up; if it was moved to the end, its
    ticket is there until somebody asks."""
    runs = [f"run-{i}" for i in range(1, 6)]
    for run in runs:
        queue.join(place, run)
    any_order = random.Random(4).sample(runs, 5)
    started = {
        run: subprocess.Popen([sys.executable, "-c", TRAINS_IN_TURN, place.path, run], cwd=PROJECT)
        for run in any_order
    }
    rng = random.Random(7)
    while moves and any(process.poll() is None for process in started.values()):
        queue.move(place, rng.choice(runs), rng.random() < 0.5, lambda run: True)
        time.sleep(0.002)
    codes = {run: process.wait(120) for run, process in started.items()}
    assert codes == dict.fromkeys(runs, 0) | {"run-3": -9}
    trained = (place.path / "order").read_text().split()
    assert sorted(trained) == runs
    assert moves or trained == runs
    assert queue.in_line(place) in ([], ["run-3"])
    assert queue.first(place, lambda run: False) is None
    assert queue.in_line(place) == []
