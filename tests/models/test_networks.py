"""The networks are those that we say they are."""

import threading
from dataclasses import replace

import keras
import numpy as np
import pytest

from engine.errors import ConfigError
from engine.models.build import build, spatial_layers
from engine.models.fast import PATCH, whiten
from engine.models.presets import PRESETS
from engine.training.config import train_config
from engine.training.fit import compile_model

# The network of the blog post, layer by layer; the first scales pixels by 1 / 255.
BLOG_POST = [
    "InputLayer", "Rescaling", "BatchNormalization",
    "Conv2D 32", "BatchNormalization", "Conv2D 32", "BatchNormalization", "MaxPooling2D",
    "Conv2D 64", "BatchNormalization", "Conv2D 64", "BatchNormalization", "MaxPooling2D",
    "Conv2D 128", "BatchNormalization", "Conv2D 128", "BatchNormalization",
    "Conv2D 128", "BatchNormalization",
    "GlobalAveragePooling2D", "Dense 256", "BatchNormalization", "Dense 1",
]  # fmt: skip


def described(layer) -> str:
    size = {"Conv2D": "filters", "Dense": "units"}.get(type(layer).__name__)
    return type(layer).__name__ + (f" {getattr(layer, size)}" if size else "")


@pytest.fixture(scope="module")
def classic():
    return build("classic", 150)


def test_classic_is_the_network_of_the_blog_post(classic):
    assert [described(layer) for layer in classic.layers] == BLOG_POST


def test_classic_s_convolutions_are_3_by_3_same_with_relu(classic):
    for layer in classic.layers:
        if isinstance(layer, keras.layers.Conv2D):
            assert (layer.kernel_size, layer.strides, layer.padding) == ((3, 3), (1, 1), "same")
            assert layer.activation is keras.activations.relu
            assert layer.use_bias
            assert layer.kernel_regularizer is None


def test_classic_s_poolings_halve_the_map(classic):
    shapes = [classic.get_layer(name).output.shape[1:] for name in ("pool1", "pool2")]
    assert shapes == [(75, 75, 32), (37, 37, 64)]


def test_classic_s_dense_layers(classic):
    dense, probability = classic.get_layer("dense"), classic.get_layer("probability")
    assert dense.activation is keras.activations.relu
    assert dense.kernel_regularizer.l2 == pytest.approx(0.01)
    assert probability.activation is keras.activations.sigmoid


def test_classic_has_as_many_weights_as_on_paper(classic):
    def convolution(before, after):
        return 9 * before * after + after + 4 * after  # kernel, bias, BatchNorm's four

    convolutions = zip((3, 32, 32, 64, 64, 128, 128), (32, 32, 64, 64, 128, 128, 128), strict=True)
    expected = 4 * 3 + sum(convolution(a, b) for a, b in convolutions)
    expected += 128 * 256 + 256 + 4 * 256 + 256 + 1
    assert classic.count_params() == expected


def test_classic_is_trained_as_in_the_blog_post():
    config = train_config("classic")
    model = build("classic", 32)
    compile_model(model, config)
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert (model.optimizer.momentum, model.optimizer.nesterov) == (0.9, False)
    assert model.loss == "binary_crossentropy"
    assert (config.batch_size, config.epochs, config.image_size) == (32, 20, 150)
    assert not config.augment


def test_quick_s_moving_averages_follow_within_an_epoch():
    norms = [x for x in build("quick", 32).layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(norms) >= 5
    assert {norm.momentum for norm in norms} == {0.9}


def test_quick_is_residual_and_small():
    model = build("quick", 64)
    assert sum(isinstance(layer, keras.layers.Add) for layer in model.layers) >= 2
    assert model.count_params() < 2e6


def test_fast_s_last_maps_are_8_by_8():
    model = build("fast", 128)
    last = model.get_layer(spatial_layers(model)[-1])
    assert last.output.shape[1:] == (8, 8, 192)
    assert model.count_params() < 1.1e6


@pytest.fixture
def smooth() -> np.ndarray:
    """40 pictures whose neighbouring pixels and colours are alike, as a photograph's are."""
    rng = np.random.default_rng(3)
    grey = rng.integers(40, 200, (40, 5, 5, 1)).repeat(8, 1).repeat(8, 2)
    return np.clip(grey + rng.normal(0, 20, (40, 40, 40, 3)), 0, 255).astype(np.uint8)


def test_fast_sees_patches_that_are_uncorrelated_and_each_direction_from_both_sides(smooth):
    model = build("fast", 40)
    whiten(model, smooth)
    seen = keras.Model(model.inputs, model.get_layer("whiten").output)
    patches = seen.predict(smooth.astype(np.float32), verbose=0).reshape(-1, 2 * 3 * PATCH**2)
    one, other = np.split(patches, 2, axis=1)
    np.testing.assert_allclose(one, -other, atol=1e-4)
    np.testing.assert_allclose(one.mean(axis=0), 0, atol=1e-2)
    # a direction of little variance stays below 1: noise is not blown up to a picture's size
    np.testing.assert_allclose(np.cov(one, rowvar=False), np.eye(12), atol=0.15)


def test_no_training_changes_fast_s_whitening_and_the_weights_file_holds_it(smooth, tmp_path):
    model = build("fast", 40)
    whiten(model, smooth)
    before = [weight.numpy().copy() for weight in model.get_layer("whiten").weights]
    compile_model(model, train_config("fast", image_size=40))
    model.train_on_batch(smooth, np.arange(40)[:, None] % 2)
    model.optimizer = None
    model.save_weights(tmp_path / "some.weights.h5")
    again = build("fast", 40)
    again.load_weights(tmp_path / "some.weights.h5")
    for kept, weight in zip(before, again.get_layer("whiten").weights, strict=True):
        assert (weight.numpy() == kept).all()
    assert (again.get_layer("stem").kernel.numpy() == model.get_layer("stem").kernel.numpy()).all()


@pytest.mark.parametrize("preset", PRESETS)
def test_networks_are_made_of_keras_s_own_layers(preset, tmp_path):
    """So that whoever has Keras alone can open the model's file."""
    model = build(preset, 32)
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").count_params() == model.count_params()


@pytest.mark.parametrize("preset", sorted(PRESETS.keys() - {"transfer"}))  # see test_backbones.py
def test_pixels_are_scaled_inside_the_model(preset):
    first = build(preset, 32).layers[1]
    assert isinstance(first, keras.layers.Rescaling)
    assert first.scale == pytest.approx(1 / 255)


@pytest.mark.parametrize("preset", PRESETS)
def test_layers_are_named_the_same_whenever_and_wherever_they_are_built(preset):
    names = [layer.name for layer in build(preset, 32).layers]
    elsewhere = []
    thread = threading.Thread(
        target=lambda: elsewhere.extend(layer.name for layer in build(preset, 32).layers)
    )
    thread.start()
    thread.join()
    assert [layer.name for layer in build(preset, 32).layers] == names == elsewhere
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("preset", PRESETS)
def test_bfloat16_computes_in_bfloat16_and_keeps_weights_and_probability_exact(preset):
    model = build(preset, 32, precision="bfloat16")
    inner = [x for x in model.layers if x.name not in ("pixels", "probability")]
    assert {layer.dtype_policy.name for layer in inner} == {"mixed_bfloat16"}
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert model.outputs[0].dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"  # the global policy is left alone


def test_layers_with_a_map_are_listed_in_order():
    model = build("classic", 32)
    found = spatial_layers(model)
    assert found[0] == "scale"
    assert found[-1] == "conv3_3_norm"
    assert "pixels" not in found
    assert "average" not in found
    assert all(len(model.get_layer(name).output.shape) == 4 for name in found)


def test_a_further_entry_of_the_register_is_all_that_a_preset_needs(monkeypatch):
    twin = replace(PRESETS["quick"], name="twin", function="engine.models.networks:classic")
    monkeypatch.setitem(PRESETS, "twin", twin)
    model = build("twin", 32)
    assert model.name == "twin"
    assert [described(layer) for layer in model.layers] == BLOG_POST


def test_a_preset_that_does_not_exist():
    with pytest.raises(ConfigError, match="'vgg' does not exist; choose one of transfer, quick"):
        build("vgg", 64)


@pytest.mark.parametrize("preset", PRESETS)
def test_two_classes_end_in_one_sigmoid_and_more_in_a_softmax(preset):
    two, many = build(preset, 32), build(preset, 32, 5)
    assert (two.output_shape, two.layers[-1].activation.__name__) == ((None, 1), "sigmoid")
    assert (many.output_shape, many.layers[-1].activation.__name__) == ((None, 5), "softmax")
    assert [layer.name for layer in two.layers] == [layer.name for layer in many.layers]
    for model, loss in ((two, "binary_crossentropy"), (many, "sparse_categorical_crossentropy")):
        compile_model(model, train_config(preset, image_size=32))
        assert getattr(model.loss, "name", getattr(model.loss, "__name__", model.loss)) == loss
