"""load: what the machine and the training process have to do at this moment.

One look serves everyone for a second, since a page with many viewers asks for it once a second
each.
"""

import os
import threading
import time
from dataclasses import dataclass

from engine import processes
from engine.runs import store
from engine.runs.record import Run

FRESH = 1.0
FIRST = 0.1  # seconds that the first look at a processor takes: it compares two moments


@dataclass(frozen=True)
class Gpu:
    """A graphics card: its name, the share of time it computed (0 to 1, None if it does not tell),
    bytes in use and in all."""

    name: str
    load: float | None
    used: int
    total: int


@dataclass(frozen=True)
class Load:
    """The whole machine: share of its processors' time (0 to 1), cores, bytes in use and in all,
    graphics cards. cores: that this process may use."""

    processor: float
    cores: int
    used: int
    total: int
    gpus: tuple[Gpu, ...]


@dataclass(frozen=True)
class ProcessLoad:
    """A process: how many cores it keeps busy (1.5: one and a half), bytes of memory."""

    cores: float
    bytes: int


def machine() -> Load:
    """What the machine has to do, as it was less than a second ago."""
    return _meter.machine()


def training(run: Run) -> ProcessLoad | None:
    """What the process has to do that holds the run; None if there is none, or it is on another
    machine."""
    held_by = store.process(run)
    if held_by is None or held_by.machine != processes.machine():
        return None
    return _meter.process(held_by.pid)


class _Meter:
    """Processor time is the difference of two looks, so the last one is kept."""

    def __init__(self):
        self._lock = threading.Lock()
        self._until, self._load = 0.0, None
        self._processes, self._gpus = {}, None

    def machine(self) -> Load:
        with self._lock:
            if time.monotonic() >= self._until:
                self._load = self._take()
                self._until = time.monotonic() + FRESH
            return self._load

    def process(self, pid: int) -> ProcessLoad | None:
        import psutil

        with self._lock:
            now = time.monotonic()
            process, until, told = self._processes.pop(pid, (None, 0.0, None))
            try:
                if process is None or not process.is_running():  # another may have its number
                    process, until = psutil.Process(pid), 0.0
                    process.cpu_percent(FIRST)
                if now >= until:
                    cores, memory = process.cpu_percent() / 100, process.memory_info().rss
                    until, told = now + FRESH, ProcessLoad(cores, memory)
            except psutil.Error:
                return None
            recent = {one: kept for one, kept in self._processes.items() if now < kept[1] + 60}
            self._processes = recent | {pid: (process, until, told)}
            return told

    def _take(self) -> Load:
        import psutil

        memory = psutil.virtual_memory()
        share = psutil.cpu_percent(FIRST if self._load is None else None) / 100
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        return Load(
            share, cores or os.cpu_count() or 1, memory.total - memory.available, memory.total,
            self._cards(),
        )  # fmt: skip

    def _cards(self) -> tuple[Gpu, ...]:
        """Asked of NVIDIA's library; without it, or where it fails, there are none from then on."""
        if self._gpus is None:
            self._gpus = _handles()
        try:
            return tuple(_card(handle) for handle in self._gpus)
        except Exception:
            self._gpus = []
            return ()


def _handles() -> list:
    try:
        import pynvml

        pynvml.nvmlInit()
        return [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
    except Exception:
        return []


def _card(handle) -> Gpu:
    import pynvml

    name = pynvml.nvmlDeviceGetName(handle)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    try:
        load = pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
    except pynvml.NVMLError:  # a part of a card (MIG) does not tell
        load = None
    return Gpu(name if isinstance(name, str) else name.decode(), load, memory.used, memory.total)


_meter = _Meter()
