"""Logits out of a classifier, whatever it ends in."""

import gc
import weakref

import keras
import numpy as np
import pytest
from keras import layers, ops

from engine.errors import LayerError
from engine.models.apart import take_apart
from engine.models.build import build
from engine.models.head import target_probabilities
from tests.models import strangers
from tests.models.strangers import NETWORKS, ending, in_precision, network, says, shake, start

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.float32)


def probabilities(logits) -> np.ndarray:
    return np.asarray(ops.sigmoid(logits) if logits.shape[1] == 1 else ops.softmax(logits))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_logits_are_those_behind_what_the_model_itself_says(name):
    model = network(name)
    expected = says(model, IMAGES)
    head = take_apart(model)
    for run in (head.forward, head.fast):
        activations, logits = run(IMAGES)
        np.testing.assert_allclose(probabilities(logits), expected, atol=1e-5)
        assert activations.dtype == logits.dtype == "float32"
        assert activations.shape[1] > 1
        assert activations.shape[2] > 1
    assert (head.units, head.classes) == (expected.shape[1], max(2, expected.shape[1]))
    assert np.ptp(expected, axis=0).max() > 1e-6  # the pictures are told apart
    assert np.array_equal(says(model, IMAGES), expected)  # and the model is what it was


@pytest.mark.parametrize("preset", ["quick", "classic", "fast"])
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
        take_apart(ending(*ends))


def test_a_model_without_a_map_or_a_graph_is_refused():
    flat = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    with pytest.raises(LayerError, match="no layer with a spatial map"):
        take_apart(flat)
    with pytest.raises(LayerError, match="no graph of layers"):
        take_apart(keras.Sequential([layers.Dense(1, activation="sigmoid")]))


def test_a_model_that_gives_a_map_is_no_classifier_of_pictures():
    pixels, x = start()
    with pytest.raises(LayerError, match="one output of shape"):
        take_apart(keras.Model(pixels, x))


@pytest.mark.parametrize("policy", ["float16", "mixed_float16", "mixed_bfloat16"])
def test_a_model_of_half_precision_is_taken_apart_in_float32(policy):
    half, exact = in_precision(policy), in_precision("float32")
    exact.set_weights([np.asarray(weight, np.float32) for weight in half.get_weights()])
    activations, logits = take_apart(half).fast(IMAGES)
    assert activations.dtype == logits.dtype == "float32"
    np.testing.assert_allclose(probabilities(logits), says(exact, IMAGES), atol=1e-5)
    np.testing.assert_allclose(probabilities(logits), says(half, IMAGES), atol=1e-2)
    assert {layer.compute_dtype for layer in half.layers[1:]} == {policy.removeprefix("mixed_")}


def test_int8_and_bfloat16_together_are_right_too():
    model = strangers.to_int8(in_precision("mixed_bfloat16"))
    _, logits = take_apart(model).forward(IMAGES)
    np.testing.assert_allclose(probabilities(logits), says(model, IMAGES), atol=1e-2)


def test_half_precision_that_cannot_be_undone_is_refused_by_name():
    def cast(x):
        return ops.cast(ops.cast(x, "float16"), "float32")

    with pytest.raises(LayerError, match=r"The layer 'cast.*computes in float16 inside"):
        take_apart(ending(cast, layers.Dense(1, activation="sigmoid")))
    sequence = layers.Bidirectional(layers.GRU(2, dtype="float16"), name="both")
    ends = [layers.Reshape((2, 2)), sequence, layers.Dense(1, activation="sigmoid")]
    with pytest.raises(LayerError, match="The layer 'both' computes in float16 inside"):
        take_apart(ending(*ends))


class Doubled(layers.Dense):
    """Its output is no sigmoid of anything that it computes."""

    def call(self, inputs):
        return super().call(inputs) * 0.5


class Deaf(layers.Dense):
    """Its `call` has a sigmoid of its own and never looks at `activation`."""

    def call(self, inputs):
        return ops.sigmoid(ops.matmul(inputs, self.kernel))


class Liar(keras.Model):
    """A functional model whose `call` says something else than its graph."""

    def call(self, inputs, training=None):
        return super().call(inputs, training=training) * 0.5


@pytest.mark.parametrize("kind", [Doubled, Deaf])
def test_a_last_layer_that_hides_its_logits_is_refused_by_name(kind):
    model = shake(ending(kind(1, activation="sigmoid", name="answer")))
    with pytest.raises(LayerError, match="The layer 'answer', in which the model ends, gives some"):
        take_apart(model)


def test_a_model_whose_call_is_not_its_graph_is_refused_by_name():
    pixels, x = start()
    x = layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    with pytest.raises(LayerError, match="The model 'liar' says something else than its layers"):
        take_apart(Liar(pixels, x, name="liar"))


def test_a_layer_that_fails_by_itself_is_an_answer_and_no_traceback():
    class Fails(layers.Layer):
        def call(self, inputs):
            if inputs.shape[0] is not None:
                raise ValueError("only symbols, please")
            return inputs

    with pytest.raises(LayerError, match="cannot be run layer by layer"):
        take_apart(ending(Fails(), layers.Dense(1, activation="sigmoid")))


def test_a_model_quantised_or_changed_after_it_was_taken_apart_is_taken_apart_anew():
    model = shake(ending(layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")))
    before = np.asarray(take_apart(model).fast(IMAGES)[1])
    strangers.to_int8(model)
    after = np.asarray(take_apart(model).fast(IMAGES)[1])
    assert np.abs(after - before).max() > 1e-4
    np.testing.assert_allclose(probabilities(after), says(model, IMAGES), atol=1e-5)
    model.layers[-1].activation = keras.activations.linear
    with pytest.raises(LayerError, match="activation 'linear'"):
        take_apart(model)


def test_taking_a_model_apart_leaves_it_as_it_was():
    """Moving averages, seeds, losses of an activity regularizer, and the nodes of its graph."""
    model = network("dropout that is called with training=True")
    penalty = layers.Dense(2, activity_regularizer="l2", name="penalised")
    pixels, x = start()
    x = layers.BatchNormalization()(penalty(layers.GlobalAveragePooling2D()(x)), training=True)
    regularised = keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))
    for one in (model, regularised):
        variables = [np.array(ops.convert_to_numpy(variable)) for variable in one.variables]
        nodes = [len(layer._inbound_nodes) for layer in one.layers]
        take_apart(one).fast(IMAGES)
        assert all(map(np.array_equal, variables, map(ops.convert_to_numpy, one.variables)))
        assert nodes == [len(layer._inbound_nodes) for layer in one.layers]
        assert one.losses == []


def test_a_model_that_nobody_needs_any_more_is_forgotten():
    model = build("quick", 32)
    take_apart(model).fast(IMAGES)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_a_model_is_taken_apart_once_so_that_its_graph_is_traced_once():
    model, other = build("quick", 32), build("quick", 32)
    assert take_apart(model) is take_apart(model, take_apart(model).layer)
    assert take_apart(model) is not take_apart(other)
