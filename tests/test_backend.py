"""What is process-wide in the backend stays as it was, and many passes are the model's own."""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from engine import backend


def test_threads_that_prepare_the_process_at_once_leave_standard_error_where_it_was():
    """The server's warm-up and a page may do it at the same moment."""
    before = os.fstat(2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: backend.prepare_process(), range(200)))
    assert os.path.samestat(os.fstat(2), before)


@pytest.fixture(scope="module")
def model():
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(pixels)
    return keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x), name="small")


def batches(*sizes):
    rng = np.random.default_rng(0)
    return [rng.uniform(0, 255, (n, 8, 8, 3)).astype(np.float32) for n in sizes]


def test_many_passes_give_what_the_model_gives_in_order(model):
    given = batches(5, 5, 1, 5, 3)
    passes = backend.forward(model)
    assert passes.engine.startswith("OpenVINO 20")
    assert passes.engine.endswith(", float32")
    found = list(passes.run(iter(given)))
    assert [len(one) for one in found] == [5, 5, 1, 5, 3]
    for batch, one in zip(given, found, strict=True):
        assert np.allclose(one, model(batch).numpy(), rtol=1e-4, atol=1e-3)


def test_in_the_fastest_precision_they_are_nearly_the_same(model):
    (given,) = batches(16)
    passes = backend.forward(model, exact=False)
    assert passes.engine.endswith(backend.passes_dtype())
    (found,) = passes.run([given])
    assert np.corrcoef(found.ravel(), model(given).numpy().ravel())[0, 1] > 0.999


@pytest.mark.parametrize(
    ("broken", "note"),
    [
        (ImportError("no such module"), "OpenVINO is not installed, so TensorFlow computed"),
        (RuntimeError("unknown op\nmore"), r"could not compile 'small' \(unknown op\), so Tensor"),
    ],
)
def test_without_openvino_tensorflow_computes_and_it_is_said(model, monkeypatch, broken, note):
    def fail():
        raise broken

    monkeypatch.setattr(backend, "_openvino", fail)
    passes = backend.forward(model, exact=False)
    assert re.search(note, passes.note)
    assert passes.engine.startswith("TensorFlow")
    assert backend.passes_dtype() == "float32"
    (given,) = batches(3)
    (found,) = passes.run([given])
    assert np.allclose(found, model(given).numpy(), rtol=1e-5)


def test_openvino_sends_no_telemetry(model):
    backend.forward(model)
    assert sys.modules["openvino_telemetry"] is None


def test_what_leads_nowhere_is_not_computed(monkeypatch):
    """OpenVINO kept every dead end as another answer: a pass from the last layer on took as long
    as one through the whole network."""
    seen = []

    class Core(backend._openvino().Core):
        def compile_model(self, model, *args):
            seen.append([output.get_any_name() for output in model.outputs])
            return super().compile_model(model, *args)

    monkeypatch.setattr(backend._openvino(), "Core", Core)

    def with_dead_ends(x):
        keras.ops.relu(x)
        answer = keras.ops.matmul(x, keras.ops.ones((3, 2)))
        keras.ops.sigmoid(answer)
        return answer + 1

    compiled = backend.compile_passes(with_dead_ends, [(3,)], name="a test")
    assert compiled.note == ""
    (answers,) = seen
    assert len(answers) == 1
    np.testing.assert_allclose(compiled.call(np.ones((4, 3), np.float32)), np.full((4, 2), 4.0))
