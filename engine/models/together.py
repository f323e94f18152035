"""Many passes for several callers at once: their rows share batches.

Two people who ask one model for heatmaps do not wait for one another: a batch takes a row of each
in turn, and nobody's last batch is half empty while another one waits.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from engine.backend import Compiled

BATCH = 8  # rows that are computed together: more take memory and, on a CPU, no less time


class _Order:
    """One caller's rows: how many were handed out, and what was found."""

    def __init__(self, count: int, row: Callable[[int], tuple[np.ndarray, ...]]):
        self.count, self.row = count, row
        self.next, self.done = 0, 0
        self.found: np.ndarray | None = None
        self.error: BaseException | None = None


class Together:
    """A compiled function of rows, free to be called by several threads at once."""

    def __init__(self, compiled: Compiled, batch: int = BATCH):
        self.compiled, self._batch = compiled, batch
        self._orders: deque[_Order] = deque()
        self._changed = threading.Condition()
        self._pool = ThreadPoolExecutor(compiled.at_once, thread_name_prefix="passes")

    def __call__(
        self,
        count: int,
        row: Callable[[int], tuple[np.ndarray, ...]],
        told: Callable[[int], None] = lambda done: None,
    ) -> np.ndarray:
        """What the function gives for each row, `(count, ...)` float32.

        Args:
            row: a row's number to its arrays, without the first axis; called when its batch is
                filled, in any thread, so that thousands of rows need not stand in memory.
            told: called in this thread with the rows done so far; what it raises ends the work.
        """
        if not count:
            return np.empty((0, 0), np.float32)
        order = _Order(count, row)
        with self._changed:
            self._orders.append(order)
        size = min(self._batch, -(-count // self.compiled.at_once))  # few rows keep all at work
        try:
            for _ in range(-(-count // size)):
                self._pool.submit(self._serve, size)
            self._wait(order, told)
        finally:
            with self._changed:
                if order in self._orders:
                    self._orders.remove(order)
        return order.found

    def _wait(self, order: _Order, told: Callable[[int], None]) -> None:
        seen = 0
        while seen < order.count:
            with self._changed:
                while order.done == seen and order.error is None:
                    self._changed.wait()
                seen = order.done
            if order.error:
                raise order.error
            told(seen)

    def _serve(self, size: int) -> None:
        """Compute so many of whatever rows come next, a row of each caller in turn: those of the
        caller who ordered it, or of another one, whose own turn then serves the former."""
        with self._changed:
            taken = [self._take() for _ in range(size) if self._orders]
        rows = []
        for order, number in list(taken):
            try:
                rows.append(order.row(number))
            except BaseException as error:  # of that caller alone
                taken.remove((order, number))
                self._fail([order], error)
        if not taken:
            return
        try:
            found = self.compiled.call(*(np.stack(one) for one in zip(*rows, strict=True)))
        except BaseException as error:
            self._fail([order for order, _ in taken], error)
            return
        with self._changed:
            for (order, number), one in zip(taken, found, strict=True):
                if order.found is None:
                    order.found = np.empty((order.count, *found.shape[1:]), np.float32)
                order.found[number] = one
                order.done += 1
            self._changed.notify_all()

    def _fail(self, orders: list[_Order], error: BaseException) -> None:
        with self._changed:
            for order in orders:
                order.error = error
            self._changed.notify_all()

    def _take(self) -> tuple[_Order, int]:
        order = self._orders.popleft()
        number, order.next = order.next, order.next + 1
        if order.next < order.count:
            self._orders.append(order)
        return order, number
