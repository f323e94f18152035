"""Every kind of network that must work: three to six methods, several classes, against the model.

Gradients are compared with those of the whole model as Keras calls it, masks with what it says of
masked pictures, FullGrad's parts with the logit; and the model stays as it was.
"""

import hashlib

import cv2
import keras
import numpy as np
import pytest
from keras import applications, layers

from engine import backend
from engine.cam import explain
from engine.models.apart import take_apart
from engine.models.biases import full_gradients
from engine.models.build import build
from engine.models.head import target_weights
from engine.models.lite0 import lite0, load_imagenet
from tests.models.strangers import network

REAL = "EfficientNet-Lite0, real weights"


def images(size: int, count: int = 2) -> np.ndarray:
    """Spots of colour, so that a deep layer's maps differ from place to place, and some noise, so
    that no two neighbours are equal and rounding decides which of them a pooling takes."""
    rng = np.random.default_rng(3)
    spots = rng.uniform(20, 235, (6, 5, 5, 3)).astype(np.float32)
    noise = rng.uniform(-20, 20, (6, size, size, 3)).astype(np.float32)
    return (np.stack([cv2.resize(one, (size, size)) for one in spots]) + noise)[:count]


def alive(model):
    """Statistics and biases away from their start: untrained, numbers fade from layer to layer."""
    rng = np.random.default_rng(5)
    norms = [one for one in model._flatten_layers() if isinstance(one, layers.BatchNormalization)]
    for one in norms:
        one.beta.assign(rng.normal(0, 0.3, one.beta.shape))
        one.momentum = 0.0
    for one in model._flatten_layers():
        if type(one).__name__ == "LayerScale":  # begins at 1e-6: its block would say nothing
            one.gamma.assign(rng.uniform(0.2, 0.8, one.gamma.shape))
    if norms:
        model(images(model.input_shape[1], 6), training=True)
    for one in norms:  # a channel that is the same in all six would magnify rounding
        spread = np.asarray(one.moving_variance)
        one.moving_variance.assign(spread + 0.3 * spread.mean())
    return model


def digest(model) -> str:
    told = hashlib.blake2b(model.to_json().encode())
    for weight in model.variables:
        told.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).tobytes())
    return told.hexdigest()


def sequential():
    return keras.Sequential([
        keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), layers.Conv2D(6, 3, name="maps"),
        layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(name="pooled"),
        layers.Dropout(0.5), layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def functional(classes: int = 2, norm: bool = True):
    pixels = keras.Input((32, 32, 3))
    x = layers.Normalization(mean=[120.0, 110.0, 100.0], variance=[4000.0, 3900.0, 4100.0])(pixels)
    x = layers.Conv2D(6, 3, strides=2, activation="relu", name="maps")(x)
    x = layers.BatchNormalization()(x) if norm else x
    x = layers.SpatialDropout2D(0.3)(layers.Conv2D(5, 3, activation="gelu", name="deep")(x))
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    return keras.Model(pixels, layers.Dense(classes, activation="softmax")(x))


def nested():
    """A backbone in a model, with the preprocessing before it."""
    inside = keras.Input((32, 32, 3))
    x = layers.Conv2D(6, 3, strides=2, use_bias=False)(inside)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.Conv2D(5, 3, activation="relu", name="deep")(layers.DepthwiseConv2D(3)(x))
    body = keras.Model(inside, layers.MaxPooling2D(name="last")(x), name="body")
    pixels = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(body(layers.Rescaling(1 / 127.5, -1)(pixels)))
    return keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))


def real_lite0():
    pixels = keras.Input((64, 64, 3))
    x = layers.GlobalAveragePooling2D()(lite0(pixels, "float32"))
    x = layers.Dense(1000, activation="softmax", name="imagenet")(x)
    model = keras.Model(pixels, x)
    load_imagenet(model)
    return model


def of_keras(make, **options):
    return lambda: make(input_shape=(32, 32, 3), weights=None, classes=3, **options)


# name: (a function that builds it, a layer with a map, of few channels where all are masked)
SMALL = {
    "quick": (lambda: build("quick", 32), None),
    "classic": (lambda: build("classic", 32), None),
    "Sequential, one sigmoid": (sequential, "pooled"),
    "Functional, two softmax, preprocessing inside": (functional, "deep"),
    "many softmax, no BatchNorm": (lambda: functional(7, norm=False), None),
    "a nested backbone": (nested, "body/last"),
    "nested twice, a head that is a model": (
        lambda: network("a backbone used twice, a head that is a model"), "body/deep",
    ),
}  # fmt: skip
LARGE = {  # late layers: where few ReLUs follow, rounding hardly ever decides one of them
    REAL: (real_lite0, "block5_3_out"),
    "MobileNetV2": (of_keras(applications.MobileNetV2, alpha=0.35), "block_12_add"),
    "EfficientNetB0": (of_keras(applications.EfficientNetB0), "block4b_add"),
    "ResNet50": (of_keras(applications.ResNet50), "conv4_block6_out"),
    "VGG16": (of_keras(applications.VGG16), "block4_pool"),
    "DenseNet121": (of_keras(applications.DenseNet121), "pool4_conv"),
    "ConvNeXtTiny": (of_keras(applications.ConvNeXtTiny), "convnext_tiny_stage_2_block_8_gelu"),
}
NETWORKS = SMALL | LARGE
PASSES = (REAL, "a nested backbone", "VGG16", "ConvNeXtTiny")
COMPLETE = (REAL, "a nested backbone", "Functional, two softmax, preprocessing inside")


@pytest.fixture(scope="module")
def case(request):
    """A network's name, the network, what it is made of, a layer and two pictures."""
    keras.utils.set_random_seed(1)
    build_it, layer = NETWORKS[request.param]
    model = build_it()
    if request.param != REAL:
        alive(model)
    return request.param, model, digest(model), layer, images(model.input_shape[1])


def each(names):
    """Those networks, each built once for all tests."""
    return pytest.mark.parametrize("case", list(names), indirect=True, scope="module")


def says(model, pictures) -> np.ndarray:
    """The model's own probabilities `(n, classes)`."""
    found = np.asarray(model(pictures, training=False), np.float64)
    return found if found.shape[1] > 1 else np.hstack([1 - found, found])


def by_keras(model, layer: str, pictures, target: int, patch):
    """The layer's maps and the gradient of the target's logit by them: seen by the layer itself
    while Keras calls the whole model, whose last layer leaves its activation out."""
    place = last = model
    for name in layer.split("/"):
        place = place.get_layer(name)
    while hasattr(last, "layers"):
        last = last.layers[-1]
    kept, seen = place.call, []

    def logit(pixels, watch):
        def call(*args, **kwargs):
            seen.append(kept(*args, **kwargs))
            watch(seen[-1])
            return seen[-1]

        patch.setattr(place, "call", call)
        if isinstance(last, layers.Softmax):
            patch.setattr(last, "call", lambda x, **options: x)
        else:
            patch.setattr(last, "activation", keras.activations.linear)
        logits = model(pixels, training=False)
        one = logits.shape[1] == 1
        return seen[0], logits[:, 0] * (2 * target - 1) if one else logits[:, target]

    maps, gradients = backend.gradients_of(logit, pictures)
    return np.asarray(maps), np.asarray(gradients)


@each(NETWORKS)
def test_maps_by_gradients_are_those_that_keras_finds_in_the_whole_model(case, monkeypatch):
    """HiResCAM, Grad-CAM and LayerCAM, of the two likeliest classes where that is cheap."""
    name, model, before, layer, pictures = case
    layer = layer or take_apart(model).layer
    found = says(model, pictures)
    for target in np.argsort(found[0])[-2 if name in SMALL else -1 :]:
        with monkeypatch.context() as patch:
            maps, gradients = by_keras(model, layer, pictures, target, patch)
        assert np.abs(gradients).max(axis=(1, 2, 3)).all()
        for method, weights in (
            ("hires-cam", gradients), ("layer-cam", np.maximum(gradients, 0)),
            ("grad-cam", gradients.mean(axis=(1, 2), keepdims=True)),
        ):  # fmt: skip
            heat = explain(model, pictures, method, layer, target)
            close = 1e-3 * np.abs(maps * weights).sum(axis=-1).max()  # of a hundred layers
            expected = np.sum(maps * weights, axis=-1)
            np.testing.assert_allclose(heat.raw, expected, rtol=0, atol=close)
            np.testing.assert_allclose(heat.scores, found[:, target], atol=1e-4)
    assert digest(model) == before


@each(PASSES)
def test_passes_are_what_the_model_says_of_pictures_with_a_part_hidden(case):
    """Occlusion by four squares: how far the model's own probability falls."""
    _, model, before, _, pictures = case
    half, grey = pictures.shape[1] // 2, pictures[0].mean(axis=(0, 1))
    hidden = np.repeat(pictures[:1], 5, axis=0)
    for i, (top, left) in enumerate(((0, 0), (0, half), (half, 0), (half, half))):
        hidden[i, top : top + half, left : left + half] = grey
    found = says(model, hidden)
    for target in np.argsort(found[4])[-2:]:
        heat = explain(model, pictures[:1], "occlusion", target=target,
                       options={"size": 0.5, "stride": 0.5})  # fmt: skip
        falls = found[4, target] - found[:4, target]
        close = 0.02 * np.abs(falls).max() + 2e-6
        np.testing.assert_allclose(heat.raw[0][::half, ::half].ravel(), falls, atol=close)
        assert np.abs(falls).max() > 1e-5
    assert digest(model) == before


@each(SMALL)
def test_score_cam_s_weights_are_what_the_model_says_of_masked_pictures(case):
    """By a loop over the channels, for the first and the last class."""
    _, model, before, layer, pictures = case
    one, size = pictures[:1], pictures.shape[1]
    maps = np.asarray(take_apart(model, layer).forward(one)[0])[0]
    masks, told = [], []
    for channel in np.moveaxis(maps, -1, 0):
        large = cv2.resize(channel, (size, size))
        if large.max() > large.min():
            masks.append((large - large.min()) / (large.max() - large.min()))
            told.append(channel)
    weights = says(model, one * np.array(masks)[..., None])[:, [0, -1]]
    expected = np.einsum("mt,mhw->thw", weights, told)
    for at, target in enumerate((0, take_apart(model).classes - 1)):
        heat = explain(model, one, "score-cam", layer, target)
        close = 1e-4 * np.abs(expected).max()
        np.testing.assert_allclose(heat.raw[0], expected[at], rtol=1e-3, atol=close)
    assert digest(model) == before


@each(COMPLETE)
def test_fullgrad_s_parts_add_up_to_the_logit(case):
    """ReLU6 that saturates, GELU, preprocessing: all their biases are there."""
    _, model, before, _, pictures = case
    head = take_apart(model)
    for target in (0, head.classes - 1):
        weights = target_weights([target], head.units)
        pixels, parts, logits = full_gradients(head, pictures[:1], weights)
        parts = [np.sum(part, dtype=float) for part in (pixels, *parts.values())]
        close = 1e-5 * np.abs(parts).sum()
        assert sum(parts) == pytest.approx(np.sum(logits * weights), abs=close)
        heat = explain(model, pictures[:1], "fullgrad", target=target)
        assert heat.values.max() == 1
        assert len(parts) > 2
    assert digest(model) == before
