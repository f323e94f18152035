"""What the machine and a training have to do, asked for by many and looked at once a second."""

import os
import sys
import time
from types import SimpleNamespace

import pytest

from engine import lease
from engine.commands import load
from engine.runs import store
from engine.runs.record import Run
from engine.training.config import train_config
from engine.workspace import Workspace


@pytest.fixture(autouse=True)
def meter(monkeypatch):
    monkeypatch.setattr(load, "_meter", load._Meter())


@pytest.fixture
def run(tmp_path) -> Run:
    return store.create(
        Workspace(tmp_path), "quick", dataset="pets", dataset_fingerprint="f" * 64,
        split_id="5" * 64, dataset_image_size=32, class_names=("cat", "dog"), image_size=32,
        config=train_config("quick", image_size=32).model_dump(),
    )  # fmt: skip


def nvml(**more) -> SimpleNamespace:
    """A library that knows one card, with what a test changes in it."""

    class NVMLError(Exception):
        pass

    told = {
        "NVMLError": NVMLError,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda i: i,
        "nvmlDeviceGetName": lambda handle: b"NVIDIA H100",
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=2 * 10**9, total=80 * 10**9),
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=37),
    }
    return SimpleNamespace(**told | more)


def fails(*_):
    raise RuntimeError("Driver/library version mismatch")


def test_the_load_of_machine_and_process_is_what_it_is(run):
    with lease.hold(run.folder / "lease.json"):
        load.training(run)
        end = time.monotonic() + load.FRESH + 0.1
        while time.monotonic() < end:
            pass  # one core is busy
        told, machine = load.training(run), load.machine()
    assert 0.1 < told.cores <= 1.5  # other work may be beside it
    assert 10**7 < told.bytes < machine.total
    assert 0 < machine.used < machine.total
    assert 0 <= machine.processor <= 1
    assert machine.cores == len(os.sched_getaffinity(0))


def test_a_run_without_a_process_or_of_another_machine_has_no_load(run, monkeypatch):
    assert load.training(run) is None
    with lease.hold(run.folder / "lease.json"):
        monkeypatch.setattr(load.processes, "machine", lambda: "another")
        assert load.training(run) is None


def test_many_who_ask_share_one_look(run, monkeypatch):
    looks = []
    monkeypatch.setattr(load._meter, "_take", lambda: looks.append(1))
    for _ in range(50):
        load.machine()
    assert len(looks) == 1


def test_a_graphics_card_tells_its_load_and_memory(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", nvml())
    assert load.machine().gpus == (load.Gpu("NVIDIA H100", 0.37, 2 * 10**9, 80 * 10**9),)


def test_a_part_of_a_card_tells_its_memory_alone(monkeypatch):
    library = nvml()

    def unsupported(handle):
        raise library.NVMLError("Not Supported")

    library.nvmlDeviceGetUtilizationRates = unsupported
    monkeypatch.setitem(sys.modules, "pynvml", library)
    (card,) = load.machine().gpus
    assert (card.load, card.used) == (None, 2 * 10**9)


@pytest.mark.parametrize("library", [
    None, nvml(nvmlInit=fails), nvml(nvmlDeviceGetMemoryInfo=fails),
], ids=["is not installed", "does not start", "fails later"])  # fmt: skip
def test_without_a_card_or_where_its_library_fails_there_is_none(monkeypatch, library):
    monkeypatch.setitem(sys.modules, "pynvml", library)
    assert load.machine().gpus == ()
