"""FullGrad against a network that is run forward and back in NumPy, and what it must add up to."""

import cv2
import keras
import numpy as np
import pytest
from keras import layers

from engine.cam import explain
from engine.errors import ConfigError
from engine.models.apart import take_apart
from engine.models.biases import full_gradients
from engine.models.head import target_weights
from tests.models.strangers import network

RNG = np.random.default_rng(6)
FIRST, B1 = RNG.normal(0, 0.3, (3, 3, 3, 4)), np.array([0.4, -0.3, 0.2, 0.1])
GAMMA, BETA = np.array([1.2, 0.7, -0.9, 1.1]), np.array([0.3, -0.2, 0.1, 0.4])
MEAN, VARIANCE = np.array([0.5, 0.1, 0.3, 0.2]), np.array([0.8, 0.4, 1.5, 0.6])
SECOND, B2 = RNG.normal(0, 0.6, (4, 2)), np.array([0.2, -0.4])
LAST, B3 = RNG.normal(0, 1, (2, 2)), np.array([0.3, -0.1])
EPSILON = 1e-3
IMAGES = RNG.uniform(-1, 2, (3, 6, 6, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def small():
    """A convolution with its ReLU inside, a batch normalisation, a convolution and its ReLU."""
    pixels = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="first")(pixels)
    x = layers.BatchNormalization(epsilon=EPSILON, name="norm")(x)
    x = layers.ReLU()(layers.Conv2D(2, 1, name="second")(x))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, layers.Dense(2, activation="softmax", name="last")(x))
    for name, weights in (
        ("first", [FIRST, B1]), ("norm", [GAMMA, BETA, MEAN, VARIANCE]),
        ("second", [SECOND[None, None], B2]), ("last", [LAST, B3]),
    ):  # fmt: skip
        model.get_layer(name).set_weights(weights)
    return model


def by_hand(x: np.ndarray, target: int):
    """What the pixels, and the biases of the three layers with a map, add; and the logit."""
    z1 = np.array([[np.tensordot(x[i : i + 3, j : j + 3], FIRST, 3) for j in range(4)]
                   for i in range(4)]) + B1  # fmt: skip
    scale = GAMMA / np.sqrt(VARIANCE + EPSILON)
    offset = BETA - MEAN * scale
    z2 = (np.maximum(z1, 0) * scale + offset) @ SECOND + B2
    logit = np.maximum(z2, 0).mean(axis=(0, 1)) @ LAST + B3
    by_z2 = (z2 > 0) * LAST[:, target] / 16
    by_norm = by_z2 @ SECOND.T
    by_z1 = (z1 > 0) * by_norm * scale
    by_x = np.zeros_like(x, float)
    for i in range(4):
        for j in range(4):
            by_x[i : i + 3, j : j + 3] += FIRST @ by_z1[i, j]
    return by_x * x, [by_z1 * B1, by_norm * offset, by_z2 * B2], logit[target]


def rescaled(terms: np.ndarray) -> np.ndarray:
    terms = np.abs(terms)
    span = terms.max() - terms.min()
    return (terms - terms.min()) / span if span else 0 * terms


def eq_8(x: np.ndarray, target: int, rescale: str) -> np.ndarray:
    pixels, parts, _ = by_hand(x, target)
    total = rescaled(pixels).sum(axis=-1)
    for part in parts:
        whole = rescaled(part)
        for c in range(part.shape[-1]):
            channel = rescaled(part[..., c]) if rescale == "channel" else whole[..., c]
            total += cv2.resize(channel, (6, 6), interpolation=cv2.INTER_LINEAR)
    return total


@pytest.mark.parametrize("rescale", ["channel", "layer"])
@pytest.mark.parametrize("target", [0, 1])
def test_fullgrad_is_equation_8_in_plain_numpy(small, target, rescale):
    heat = explain(small, IMAGES, "fullgrad", target=target, options={"rescale": rescale})
    expected = [eq_8(image.astype(float), target, rescale) for image in IMAGES]
    np.testing.assert_allclose(heat.raw, expected, atol=1e-4)
    assert heat.raw.shape == (3, 6, 6)
    assert heat.layer == ""


def test_what_each_bias_adds_is_the_gradient_before_the_activation_times_the_bias(small):
    """A unit that the ReLU inside its layer switches off adds nothing, whatever its bias."""
    head = take_apart(small)
    pixels, parts, _ = full_gradients(head, IMAGES[:1], np.eye(2)[[1]])
    expected, by_layer, _ = by_hand(IMAGES[0].astype(float), 1)
    np.testing.assert_allclose(pixels[0], expected, atol=1e-5)
    for name, part in zip(("first", "norm", "second"), by_layer, strict=True):
        np.testing.assert_allclose(parts[name][0], part, atol=1e-5)
    assert sorted(parts) == ["first", "last", "norm", "second"]  # ReLU and mean have no bias
    np.testing.assert_allclose(parts["last"][0], [0, B3[1]], atol=1e-6)


WHOLE = (
    "quick", "a backbone used twice, a head that is a model", "the last Activation used twice",
    "channels first", "a Dense with a call of its own", "augmentation, noise and dropout",
    "float64",
)  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_pixels_and_biases_add_up_to_the_logit(name):
    """Completeness (proposition 1), implicit biases included: gates, sigmoids, preprocessing."""
    images = np.random.default_rng(3).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    head = take_apart(network(name))
    weights = target_weights([1], head.units)
    pixels, parts, logits = full_gradients(head, images, weights)
    total = np.sum(pixels) + sum(np.sum(part) for part in parts.values())
    assert total == pytest.approx(np.sum(logits * weights), rel=1e-4)


def test_an_activation_may_be_a_layer():
    """It has no `__name__`, by which its part was called."""
    pixels = keras.Input((8, 8, 3))
    x = layers.Conv2D(3, 3, activation=layers.LeakyReLU(0.1), name="maps")(pixels)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3, activation=layers.ReLU(0.4))(x))
    model = keras.Model(pixels, layers.Dense(2, activation="softmax")(x))
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.5, one.shape) for one in model.get_weights()])
    images = rng.uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)
    pixels, parts, logits = full_gradients(take_apart(model), images, np.eye(2)[[1]])
    total = np.sum(pixels) + sum(np.sum(part) for part in parts.values())
    assert total == pytest.approx(np.asarray(logits)[0, 1], rel=1e-4)
    assert "maps (LeakyReLU)" in parts
    assert explain(model, images, "fullgrad").values.max() == 1


def test_both_classes_of_one_sigmoid_have_one_map():
    images = np.random.default_rng(3).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    model = network("Dense, then Activation")
    one, zero = (explain(model, images, "fullgrad", target=target) for target in (1, 0))
    np.testing.assert_allclose(one.raw, zero.raw, atol=1e-5)
    assert one.scores + zero.scores == pytest.approx([1])


def test_a_black_picture_without_biases_has_no_heat_and_no_nan():
    model = network("a Sequential of Sequentials")
    model.set_weights([weight if weight.ndim > 1 else 0 * weight for weight in model.get_weights()])
    heat = explain(model, np.zeros((1, 32, 32, 3)), "fullgrad")
    assert not heat.raw.any()
    assert heat.notes == ("No heat: the map is zero everywhere.",)


def test_a_rescaling_that_does_not_exist(small):
    with pytest.raises(ConfigError, match="There is no rescale 'none'; choose one of channel, lay"):
        explain(small, IMAGES, "fullgrad", options={"rescale": "none"})
