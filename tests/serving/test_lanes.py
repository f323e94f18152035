"""Lanes: who is served when, behind how many one is, and what becomes of who leaves."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from engine.errors import JobError, LayerError
from engine.serving.lanes import WIDTH, Lanes
from engine.serving.protocol import QUICK, SLOW, Done, Refused, Request, Waiting, Working


@dataclass(frozen=True)
class Model:
    """What a lane looks at of a run."""

    id: str = "quick-1"
    folder: Path = Path("runs/quick-1")
    weights_sha256: str = "w"


class Held:
    """Work that goes on until it is told to end; it writes down what was begun."""

    def __init__(self):
        self.begun, self._end = [], defaultdict(threading.Event)
        self.ended = []

    def __call__(self, request: Request, progress):
        name = request.how["name"]
        self.begun.append(name)
        while not self._end[name].wait(0.01):
            progress(1, 2)
        self.ended.append(name)
        if isinstance(request.how.get("raises"), BaseException):
            raise request.how["raises"]
        return name

    def end(self, *names: str) -> None:
        for name in names:
            self._end[name].set()


@pytest.fixture
def held():
    """All of it ends with the test."""
    work = Held()
    yield work
    work._end = defaultdict(lambda: ended)


ended = threading.Event()
ended.set()


@pytest.fixture
def lanes(held) -> Lanes:
    return Lanes(held)


def asks(name: str, method: str = "score-cam", run: Model | None = None, **how) -> Request:
    return Request("explain", run or Model(), None, method, {"name": name} | how)


def answer(lanes: Lanes, job, seconds: float = 60):
    """What it is answered in the end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        news = lanes.look(job)
        if isinstance(news, Done | Refused):
            return news.value if isinstance(news, Done) else news.error
    raise AssertionError("there was no answer")


def test_a_slow_method_holds_no_quick_one_of_the_same_model_up(lanes, held):
    """One person's Score-CAM held the model, and another one's Grad-CAM waited for minutes."""
    for number in range(WIDTH[SLOW] + 2):
        lanes.join(asks(f"slow {number}"))
    held.end("quick")
    assert answer(lanes, lanes.join(asks("quick", "grad-cam"))) == "quick"
    assert held.ended == ["quick"]


def test_a_model_that_many_ask_holds_no_other_model_up(lanes, held):
    lanes.join(asks("first", "grad-cam"))
    lanes.join(asks("second", "grad-cam"))
    other = Model("quick-2", Path("runs/quick-2"))
    held.end("other")
    assert answer(lanes, lanes.join(asks("other", "grad-cam", other))) == "other"


def test_who_waits_is_told_behind_how_many_and_each_time_somebody_has_done(lanes, held, until):
    first = lanes.join(asks("0", "grad-cam"))
    until(lambda: held.begun == ["0"])
    others = [lanes.join(asks(str(number), "grad-cam")) for number in (1, 2, 3)]
    assert [job.news for job in others] == [Waiting(1), Waiting(2), Waiting(3)]
    held.end("0")
    assert answer(lanes, first) == "0"
    until(lambda: held.begun == ["0", "1"])
    assert [job.news for job in others[1:]] == [Waiting(1), Waiting(2)]
    assert isinstance(others[0].news, Working)


def test_on_the_slow_lane_a_few_are_at_work_and_the_next_is_behind_all_of_them(lanes, held, until):
    width = WIDTH[SLOW]
    jobs = [lanes.join(asks(str(number))) for number in range(width + 1)]
    until(lambda: len(held.begun) == width)
    assert jobs[-1].news == Waiting(width)
    held.end("0")
    until(lambda: len(held.begun) == width + 1)


def test_who_asks_for_the_very_same_shares_the_answer(lanes, held, until):
    jobs = [lanes.join(asks("map", "grad-cam")) for _ in range(5)]
    until(lambda: held.begun)
    lanes.leave(jobs.pop())  # one who leaves takes nothing from the others
    held.end("map")
    assert {answer(lanes, job) for job in jobs} == {"map"}
    assert held.begun == ["map"]


def test_other_pictures_methods_options_and_weights_are_not_the_same():
    images = [np.full((1, 2, 2, 3), value, np.uint8) for value in (0, 1)]
    keys = [
        Request("explain", Model(), images[0], "grad-cam", {"target": 1}),
        Request("explain", Model(), images[1], "grad-cam", {"target": 1}),
        Request("explain", Model(), images[0], "score-cam", {"target": 1}),
        Request("explain", Model(), images[0], "grad-cam", {"target": 0}),
        Request("explain", Model(weights_sha256="v"), images[0], "grad-cam", {"target": 1}),
        Request("scores", Model(), images[0]),
    ]
    assert len({one.key for one in keys}) == len(keys)
    assert keys[0].key == Request("explain", Model(), images[0].copy(), "grad-cam",
                                  {"target": 1}).key  # fmt: skip


def test_who_leaves_the_line_is_not_served_and_those_behind_move_up(lanes, held, until):
    lanes.join(asks("0", "grad-cam"))
    until(lambda: held.begun)
    leaver, last = (lanes.join(asks(name, "grad-cam")) for name in ("1", "2"))
    lanes.leave(leaver)
    assert last.news == Waiting(1)
    held.end("0", "2")
    assert answer(lanes, last) == "2"
    assert held.begun == ["0", "2"]


def test_work_for_nobody_ends_at_its_next_step_and_who_asks_anew_gets_an_answer(
    lanes, held, until
):
    job = lanes.join(asks("map", "grad-cam"))
    until(lambda: held.begun)
    lanes.leave(job)
    again = lanes.join(asks("map", "grad-cam"))
    until(lambda: held.begun == ["map", "map"])  # the first has ended without an end of its own
    held.end("map")
    assert answer(lanes, again) == "map"
    assert held.ended == ["map"]


def test_what_goes_wrong_is_told_to_who_asked_and_to_nobody_else(lanes, held, caplog):
    held.end("refused", "broken", "fine")
    wrong = LayerError("The layer is of no use; choose another.")
    assert answer(lanes, lanes.join(asks("refused", raises=wrong))) is wrong
    told = answer(lanes, lanes.join(asks("broken", raises=KeyError("of a bug"))))
    assert isinstance(told, JobError)
    assert "The model of 'quick-1' did not answer (KeyError: 'of a bug')" in str(told)
    assert "Traceback" in caplog.text  # in the log alone
    assert answer(lanes, lanes.join(asks("fine"))) == "fine"


def test_what_takes_many_passes_is_slow_and_all_else_is_quick():
    assert asks("", "score-cam").lane == asks("", "ablation-cam").lane == SLOW
    assert asks("", "grad-cam").lane == asks("", "eigen-cam").lane == QUICK
    assert Request("scores", Model(), np.zeros((20, 2, 2, 3), np.uint8)).lane == QUICK
