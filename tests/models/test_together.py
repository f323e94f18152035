"""Rows of several callers share batches, and nobody gets another one's answer."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from engine.backend import Compiled
from engine.models.together import BATCH, Together


def counting(at_once: int = 2, gate: threading.Event | None = None):
    """A function that adds its two inputs, and the sizes of the batches that it was given."""
    sizes = []

    def call(first, second):
        if gate is not None:
            gate.wait(30)
        sizes.append(len(first))
        return first + second

    return Together(Compiled("NumPy", "", at_once, call)), sizes


def until(true) -> None:
    for _ in range(30_000):
        if true():
            return
        time.sleep(0.001)
    raise AssertionError("It never came true.")


def rows(start: int):
    return lambda number: (np.float32([start + number]), np.float32([1000 * start]))


@pytest.mark.parametrize(
    ("count", "batches"), [(1, 1), (7, 2), (8, 2), (2 * BATCH + 1, 3), (5 * BATCH, 5)]
)
def test_each_row_gets_its_own_answer(count, batches):
    """Two compute side by side, and few rows are shared out among both."""
    together, sizes = counting(at_once=2)
    found = together(count, rows(3))
    np.testing.assert_array_equal(found[:, 0], 3003 + np.arange(count))
    assert sum(sizes) == count
    assert len(sizes) == batches


def test_two_callers_share_their_batches():
    """Each alone would fill one batch and half of a second: three are enough for both."""
    gate = threading.Event()
    together, sizes = counting(at_once=1, gate=gate)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(together, 1, rows(9))  # keeps the only worker busy until both are here
        until(lambda: not together._orders and together._pool._threads)
        both = [pool.submit(together, 12, rows(start)) for start in (1, 5)]
        until(lambda: len(together._orders) == 2)
        gate.set()
        assert first.result()[0, 0] == 9009
        for start, found in zip((1, 5), both, strict=True):
            np.testing.assert_array_equal(found.result()[:, 0], 1001 * start + np.arange(12))
    assert sizes == [1, 8, 8, 8]


def test_many_threads_at_once_get_what_each_gets_alone():
    together, _ = counting()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda start: together(50 + start, rows(start)), range(40)))
    for start, one in enumerate(found):
        np.testing.assert_array_equal(one[:, 0], 1001 * start + np.arange(50 + start))
    assert not together._orders


def test_progress_grows_to_the_end_and_what_it_raises_ends_the_work_of_that_caller_alone():
    together, sizes = counting()
    steps = []
    together(30, rows(0), steps.append)
    assert steps == sorted(set(steps))
    assert steps[-1] == 30

    class Enough(Exception):
        pass

    def stop(done):
        raise Enough

    turns = threading.Semaphore(1)  # one batch is computed, and the next waits for what follows

    def one_by_one(first, second):
        assert turns.acquire(timeout=30)
        sizes.append(len(first))
        return first + second

    sizes.clear()
    together = Together(Compiled("NumPy", "", 1, one_by_one))
    with pytest.raises(Enough):
        together(1000, rows(0), stop)
    turns.release(1000)
    np.testing.assert_array_equal(together(9, rows(2))[:, 0], 2002 + np.arange(9))
    assert sum(sizes) <= 2 * BATCH + 9


def test_an_error_is_raised_to_its_caller_and_the_next_call_works():
    together, _ = counting()

    def broken(number):
        raise ValueError("no such row")

    with pytest.raises(ValueError, match="no such row"):
        together(20, broken)
    assert together(2, rows(1)).shape == (2, 1)
    assert together(0, rows(1)).shape[0] == 0
    assert not together._orders


def test_the_error_of_one_caller_is_not_that_of_who_shares_the_batch():
    gate = threading.Event()
    together, _ = counting(at_once=1, gate=gate)

    def broken(number):
        raise ValueError("mine alone")

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(together, 1, rows(9))
        until(lambda: not together._orders and together._pool._threads)
        mine, other = pool.submit(together, 5, broken), pool.submit(together, 5, rows(2))
        until(lambda: len(together._orders) == 2)
        gate.set()
        np.testing.assert_array_equal(other.result()[:, 0], 2002 + np.arange(5))
        with pytest.raises(ValueError, match="mine alone"):
            mine.result()
        first.result()
