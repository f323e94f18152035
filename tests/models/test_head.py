"""Logits out of a classifier, whatever it ends in."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from engine.errors import LayerError
from engine.models.build import build
from engine.models.head import take_apart, target_probabilities

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.float32)


def trunk():
    pixels = keras.Input((32, 32, 3))
    return pixels, layers.Conv2D(4, 3, activation="relu", name="maps")(pixels / 255.0)


def model_of(*ends):
    pixels, x = trunk()
    x = layers.GlobalAveragePooling2D(name="average")(x)
    for end in ends:
        x = end(x)
    return keras.Model(pixels, x)


ENDINGS = {
    "Dense with sigmoid": [lambda: layers.Dense(1, activation="sigmoid")],
    "Dense, then sigmoid": [lambda: layers.Dense(1), lambda: layers.Activation("sigmoid")],
    "Dense with softmax": [lambda: layers.Dense(3, activation="softmax")],
    "Dense, then softmax": [lambda: layers.Dense(3), lambda: layers.Softmax()],
    "no bias": [lambda: layers.Dense(1, activation="sigmoid", use_bias=False)],
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_logits_are_those_behind_the_model_s_own_probabilities(ending):
    model = model_of(*(end() for end in ENDINGS[ending]))
    head = take_apart(model)
    says = model.predict(IMAGES, verbose=0)
    _, logits = head.forward(IMAGES)
    again = ops.sigmoid(logits) if head.units == 1 else ops.softmax(logits)
    np.testing.assert_allclose(np.asarray(again), says, atol=1e-6)
    assert (head.layer, head.classes) == ("maps", max(2, says.shape[1]))


@pytest.mark.parametrize("preset", ["quick", "classic"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_logits_of_our_networks(preset, precision):
    keras.utils.set_random_seed(1)
    model = build(preset, 32, precision=precision)
    activations, logits = take_apart(model).forward(IMAGES)
    assert activations.dtype == logits.dtype == "float32"
    says = model.predict(IMAGES, verbose=0).astype(np.float64)
    np.testing.assert_allclose(np.asarray(logits), np.log(says / (1 - says)), atol=2e-2)


def test_fast_and_forward_agree():
    head = take_apart(build("quick", 32))
    for slow, fast in zip(head.forward(IMAGES), head.fast(IMAGES), strict=True):
        np.testing.assert_allclose(np.asarray(slow), np.asarray(fast), atol=1e-5)


def test_a_sequential_model_is_taken_apart_too():
    model = keras.Sequential([
        keras.Input((32, 32, 3)), layers.Conv2D(2, 3, name="maps"), layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    assert take_apart(model).layer == "maps"


def test_probabilities_of_class_0_do_not_round_to_nothing():
    logits = ops.convert_to_tensor(np.array([[30.0], [-30.0]], np.float32))
    found = np.asarray(target_probabilities(logits, np.array([0, 0])))
    np.testing.assert_allclose(found, [np.exp(-30.0), 1.0], rtol=1e-5)


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("conv9", "The layer 'conv9' does not exist; choose one of scale, stem"),
        ("average", "The layer 'average' has no spatial map; choose one of scale, stem"),
        ("pixels", "The layer 'pixels' has no spatial map"),
    ],
)
def test_a_wrong_layer_is_answered_with_the_right_ones(layer, says):
    with pytest.raises(LayerError, match=says):
        take_apart(build("quick", 32), layer)


@pytest.mark.parametrize(
    ("ends", "says"),
    [
        ([layers.Dense(1)], r"ends in 1 unit\(s\) with the activation 'linear'"),
        ([layers.Dense(3, activation="sigmoid")], r"ends in 3 unit\(s\) with the activation 'sig"),
        ([layers.Dense(1, activation="softmax")], r"ends in 1 unit\(s\) with the activation 'soft"),
    ],
)
def test_a_model_without_one_answer_is_refused(ends, says):
    with pytest.raises(LayerError, match=says):
        take_apart(model_of(*ends))


def test_a_model_without_a_map_or_a_graph_is_refused():
    flat = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    with pytest.raises(LayerError, match="no layer with a spatial map"):
        take_apart(flat)
    with pytest.raises(LayerError, match="no graph of layers"):
        take_apart(keras.Sequential([layers.Dense(1, activation="sigmoid")]))


def test_a_model_that_gives_a_map_is_no_classifier_of_pictures():
    pixels, x = trunk()
    with pytest.raises(LayerError, match="one output of shape"):
        take_apart(keras.Model(pixels, x))


def test_layers_that_take_part_twice_or_give_several_tensors_do_not_break_the_list():
    """Strangers' models share layers and have outputs in lists."""
    pixels = keras.Input((32, 32, 3))
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    x = shared(shared(pixels))
    x = layers.Conv2D(2, 3, name="maps")(x)
    flat = layers.GlobalAveragePooling2D()(x)
    _, state, _ = layers.LSTM(4, return_state=True)(layers.Reshape((1, 2))(flat))
    model = keras.Model(pixels, layers.Dense(1, activation="sigmoid")(state))
    assert take_apart(model).layer == "maps"


def test_a_model_is_taken_apart_once_so_that_its_graph_is_traced_once():
    model, other = build("quick", 32), build("quick", 32)
    assert take_apart(model) is take_apart(model, take_apart(model).layer)
    assert take_apart(model) is not take_apart(other)
