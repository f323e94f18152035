"""Options that all methods share: layers, score, flips, precision; and the passes of several."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from engine import backend
from engine.cam import explain
from engine.cam.heatmaps import enlarge
from engine.errors import ConfigError, LayerError
from tests.models.strangers import network

SIZE = 32


@pytest.fixture(scope="module")
def model():
    return network("Dense, then Activation")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(2).uniform(0, 255, (5, SIZE, SIZE, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def deep():
    return network("a nested backbone")


@pytest.mark.parametrize(("combine", "numpy"), [("mean", np.mean), ("max", np.max)])
def test_several_layers_are_drawn_each_by_itself_and_then_combined(deep, images, combine, numpy):
    layers = ("body/maps", "body/deep")
    heat = explain(deep, images, "grad-cam", layers, combine=combine)
    each = [explain(deep, images, "grad-cam", layer).values for layer in layers]
    expected = numpy(each, axis=0)
    np.testing.assert_allclose(heat.raw, expected, atol=1e-6)
    np.testing.assert_allclose(
        heat.values, np.stack([enlarge(one, (SIZE, SIZE)) for one in expected]), atol=1e-6
    )
    assert heat.layer == "body/maps + body/deep"


def test_no_layer_at_all_is_refused_and_a_wrong_one_named(deep, images):
    with pytest.raises(ConfigError, match="No layer was given"):
        explain(deep, images, "grad-cam", ())
    with pytest.raises(LayerError, match="The layer 'conv9' does not exist"):
        explain(deep, images, "grad-cam", ("body/maps", "conv9"))


@pytest.mark.parametrize("target", [0, 1])
def test_the_gradient_of_the_probability_is_that_of_the_logit_by_the_chain_rule(images, target):
    """One sigmoid: dp/dz = p (1 − p), so that the map only changes its size."""
    model = network("Dense, then Activation")
    logit = explain(model, images, "grad-cam", target=target)
    probability = explain(model, images, "grad-cam", target=target, score="probability")
    p = logit.scores[:, None, None]
    np.testing.assert_allclose(probability.raw, p * (1 - p) * logit.raw, rtol=1e-3, atol=1e-9)
    assert np.abs(logit.raw).max() > 0


def test_a_method_that_compares_may_compare_logits(model, images):
    found = [explain(model, images, "score-cam", score=one).raw for one in ("probability", "logit")]
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_flips_are_the_mean_with_the_mirror_image_and_so_mirror_with_the_picture(model, images):
    one = explain(model, images, "grad-cam")
    mirrored = explain(model, images[:, :, ::-1], "grad-cam").raw[:, :, ::-1]
    both = explain(model, images, "grad-cam", flips=True)
    np.testing.assert_allclose(both.raw, (one.raw + mirrored) / 2, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(both.scores, one.scores)
    again = explain(model, images[:, :, ::-1], "grad-cam", flips=True)
    np.testing.assert_allclose(again.raw[:, :, ::-1], both.raw, rtol=1e-4, atol=1e-6)


def test_passes_are_counted_and_a_flat_channel_costs_none(images):
    """The picture itself, and one pass for each of four maps; of a black picture all are flat."""
    model = network("Dense, then Activation")
    kernel, bias = model.get_layer("maps").get_weights()
    model.get_layer("maps").set_weights([kernel, np.abs(bias)])
    assert explain(model, images[:2], "score-cam").passes == 2 * 5
    assert explain(model, np.zeros_like(images[:1]), "score-cam").passes == 1
    assert explain(model, images[:3], "grad-cam").passes == 3


def test_who_computed_is_said(model, images):
    heat = explain(model, images[:1], "score-cam", precision="auto")
    assert heat.engine.endswith(f", {backend.passes_dtype()}")
    assert "OpenVINO" in heat.engine
    assert explain(model, images[:1], "grad-cam").engine == "TensorFlow, float32"


def test_bfloat16_is_near_float32(model, images):
    if backend.passes_dtype() == "float32":
        pytest.skip("there is no bfloat16 here")
    exact, fast = (explain(model, images, precision=one) for one in ("float32", "auto"))
    correlation = np.corrcoef(exact.raw.ravel(), fast.raw.ravel())[0, 1]
    assert correlation > 0.999
    assert np.abs(exact.raw - fast.raw).max() > 0


def test_without_openvino_the_map_is_the_same_and_it_is_said(model, images, monkeypatch):
    expected = explain(model, images, "score-cam")
    other = network("Dense, then Activation")

    def missing():
        raise ImportError

    monkeypatch.setattr(backend, "_openvino", missing)
    heat = explain(other, images, "score-cam")
    np.testing.assert_allclose(heat.raw, expected.raw, atol=1e-5)
    assert heat.engine.startswith("TensorFlow")
    assert "OpenVINO" not in heat.engine


def test_new_weights_are_compiled_anew(images):
    """What OpenVINO compiled holds the weights of its moment."""
    model = network("Dense, then Activation")
    explain(model, images, "score-cam")
    weights = model.get_weights()
    model.set_weights([-0.5 * one for one in weights])
    heat = explain(model, images, "score-cam")
    other = network("Dense, then Activation")
    other.set_weights([-0.5 * one for one in weights])
    np.testing.assert_allclose(heat.raw, explain(other, images, "score-cam").raw, atol=1e-5)


def test_several_threads_ask_one_model_at_once(images):
    model = network("Dense, then Activation")
    alone = [
        explain(model, images[i : i + 1], method, target=i % 2).raw
        for i in range(5) for method in ("score-cam", "grad-cam")
    ]  # fmt: skip
    fresh = network("Dense, then Activation")  # taken apart and compiled by whoever comes first
    with ThreadPoolExecutor(5) as pool:
        asked = [
            pool.submit(explain, fresh, images[i : i + 1], method, target=i % 2)
            for i in range(5) for method in ("score-cam", "grad-cam")
        ]  # fmt: skip
        for expected, one in zip(alone, asked, strict=True):
            np.testing.assert_allclose(one.result().raw, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"combine": "sum"}, "There is no way to combine layers 'sum'; choose one of mean, max"),
        ({"score": "margin"}, "There is no score 'margin'; choose one of logit, probability"),
        ({"precision": "int8"}, "There is no precision 'int8'; choose one of float32, auto"),
        ({"options": {"samples": 3}}, "Grad-CAM has no option 'samples'; it has none"),
    ],
)
def test_what_cannot_be_chosen_is_said(model, images, options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        explain(model, images, "grad-cam", **options)


def test_a_whole_number_may_be_written_with_a_point(model, images):
    found = [
        explain(model, images, "faster-score-cam", options={"channels": two}).raw
        for two in (2, 2.0, "2")
    ]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-5)


def test_a_network_without_maps_can_be_asked_as_a_whole(images):
    flat = keras.Sequential([
        keras.Input((SIZE, SIZE, 3)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax"),
    ])  # fmt: skip
    for method in ("occlusion", "input-gradient", "edges", "fullgrad"):
        heat = explain(flat, images[:2], method, target=[0, 2])
        assert heat.raw.shape == (2, SIZE, SIZE)
        assert heat.layer == ""
    with pytest.raises(LayerError, match="no layer with a spatial map"):
        explain(flat, images[:2], "grad-cam")


def test_what_is_compiled_serves_every_layer_and_keeps_no_picture(images, monkeypatch):
    model, compiled = network("a nested backbone"), []
    of_backend = backend.compile_passes
    monkeypatch.setattr(
        backend, "compile_passes",
        lambda *a, **k: compiled.append(k["name"]) or of_backend(*a, **k),
    )  # fmt: skip

    class Picture(np.ndarray):
        pass

    first = images[:1].copy().view(Picture)
    gone = weakref.ref(first)
    for method in ("score-cam", "opti-cam", "occlusion"):
        explain(model, first, method, "body/deep")
    explain(model, images[1:2], "occlusion", "body/maps")
    del first
    gc.collect()
    assert gone() is None
    assert sorted(compiled) == ["'masked, raw'", "'masked, unit'"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"batch": 0}, "The number of pictures at once cannot be 0; give at least 1"),
        ({"seed": -1}, "The seed cannot be -1; give at least 0"),
        ({"layer": 3}, "The layer 3 is no name"),
        ({"images": np.array([["a"]])}, "The pictures are no array of numbers"),
        ({"model": None}, "The model has no graph of layers"),
    ],
)
def test_what_is_of_another_kind_is_said(model, images, given, sentence):
    with pytest.raises((ConfigError, LayerError), match=sentence):
        explain(**{"model": model, "images": images, "method": "score-cam"} | given)
