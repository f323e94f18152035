"""The models that are kept: loaded once, and bounded by their size."""

import gc
import weakref
from dataclasses import dataclass

import numpy as np
import pytest

from engine import inference
from engine.errors import JobError, RunError
from engine.models.build import build
from engine.serving import models
from engine.serving.models import Models, size_of
from engine.serving.protocol import Request


@dataclass(frozen=True)
class Run:
    id: str
    folder: str = "runs"
    weights_sha256: str = "w"


@pytest.fixture
def loaded(monkeypatch) -> list:
    """Ids of the runs whose models were loaded, with what refers to each model and keeps none."""
    found = []

    def load(run):
        if run.id == "damaged":
            raise RunError("The weights of 'damaged' are missing.")
        model = build("quick", 16, 2)
        found.append((run.id, weakref.ref(model)))
        return inference.Loaded(run, model)

    monkeypatch.setattr(inference, "load", load)
    return found


def explained(kept: Models, name: str, method: str = "grad-cam"):
    image = np.random.default_rng(1).integers(0, 256, (1, 16, 16, 3), np.uint8)
    run = Run(name, folder=name)
    request = Request("explain", run, image, method, {"target": 1})
    return kept.work(request, lambda done, total: None)


def test_models_are_bounded_by_their_size_and_what_was_not_asked_for_longest_goes_from_memory(
    loaded,
):
    size = size_of(inference.Loaded(None, build("quick", 16, 2)))
    kept = Models(2 * size)
    explained(kept, "a")
    explained(kept, "b", "score-cam")  # of which a compiled function is kept, too
    for name in ("a", "c", "a"):
        explained(kept, name)
    assert [name for name, _ in loaded] == ["a", "b", "c"]
    gc.collect()
    assert [name for name, model in loaded if model() is None] == ["b"]
    explained(kept, "b")
    assert [name for name, _ in loaded] == ["a", "b", "c", "b"]


def test_a_model_that_is_larger_than_all_may_be_is_used_and_goes_when_another_is_asked(loaded):
    kept = Models(1)
    explained(kept, "a")
    explained(kept, "b")
    gc.collect()
    assert [name for name, model in loaded if model() is None] == ["a"]


def test_a_model_that_is_in_use_stays_whatever_its_size(loaded):
    kept = Models(1)
    image = np.zeros((1, 16, 16, 3), np.uint8)

    def asks_another(done: int, total: int) -> None:
        explained(kept, "b")
        assert loaded[0][1]() is not None

    first = Request("explain", Run("a", folder="a"), image, "grad-cam", {"target": 1})
    assert kept.work(first, asks_another).values.shape == (1, 16, 16)
    explained(kept, "a")
    assert [name for name, _ in loaded] == ["a", "b"]


def test_weights_that_cannot_be_loaded_are_told_each_time_and_leave_nothing(loaded):
    kept = Models(2**30)
    for _ in range(2):
        with pytest.raises(RunError, match="weights of 'damaged'"):
            explained(kept, "damaged")
    assert not kept._places


def test_a_full_memory_is_a_sentence_with_a_way_out(loaded, monkeypatch):
    def explain(*args, **how):
        raise MemoryError

    monkeypatch.setattr(models, "explain", explain)
    with pytest.raises(JobError, match="not enough memory for what 'a' is asked"):
        explained(Models(2**30), "a")
