"""Ablation-CAM and LIFT-CAM against NumPy, and LIFT-CAM against the Shapley values it is for."""

import itertools
import math

import keras
import numpy as np
import pytest
from keras import layers, ops

from engine.cam import explain
from engine.models.apart import take_apart
from engine.models.lift import multipliers_of
from tests.cam.plain import CASES, EVEN, ZERO, built, matrix, pictures

IMAGES = pictures()
BOTH = ("ablation-cam", "lift-cam")


def ablation(net, image, target: int) -> np.ndarray:
    maps = net.maps(image)
    whole = net.score(net.logits(image), target)
    weights = []
    for k in range(maps.shape[-1]):
        without = maps.copy()
        without[..., k] = 0
        weights.append((whole - net.score(net.after(without), target)) / abs(whole))
    return maps @ np.array(weights)


def lift(net, image, target: int) -> np.ndarray:
    """The multipliers go back by hand: a mean, a ReLU's slope, a convolution turned round."""
    maps = net.maps(image)
    forth = matrix(maps.shape, net.second, 1)
    zero = np.tile(net.second_bias, len(forth) // 4).astype(float)
    before = forth @ maps.ravel() + zero
    slope = (np.maximum(before, 0) - np.maximum(zero, 0)) / (before - zero)
    dense = np.tile(net.dense @ net.weights(target), len(forth) // 4) / (len(forth) // 4)
    contributions = (forth.T @ (dense * slope)).reshape(maps.shape) * maps
    return maps @ contributions.sum(axis=(0, 1))


@pytest.mark.parametrize(("units", "target"), CASES)
@pytest.mark.parametrize(("method", "by_hand"), [("ablation-cam", ablation), ("lift-cam", lift)])
def test_a_map_is_what_numpy_gives(method, by_hand, units, target):
    net, model = built(units)
    found = explain(model, IMAGES, method, "maps", target)
    raw = np.stack([by_hand(net, image, target) for image in IMAGES])
    np.testing.assert_allclose(found.raw, raw, atol=1e-5 * np.abs(raw).max())
    scores = [net.score(net.logits(image), target, "probability") for image in IMAGES]
    np.testing.assert_allclose(found.scores, scores, rtol=1e-4)


def test_a_channel_that_is_zero_costs_no_pass_and_one_that_is_even_does():
    """An even map says nothing of where, but without it the score is another."""
    net, model = built(1)
    found = explain(model, IMAGES, "ablation-cam", "maps")
    assert found.passes == 3 + 3 * 5
    maps = net.maps(IMAGES[0])
    without = maps.copy()
    without[..., EVEN] = 0
    assert abs(net.score(net.after(without), 1) - net.score(net.after(maps), 1)) > 0.01
    assert not maps[..., ZERO].any()


def test_what_lowers_the_score_of_an_unlikely_class_still_speaks_for_it():
    """Its logit is below 0, and divided by it the map would be turned round."""
    net, model = built(1)
    assert net.score(net.logits(IMAGES[0]), 1) < 0
    one, zero = (explain(model, IMAGES[:1], "ablation-cam", "maps", t).raw for t in (1, 0))
    np.testing.assert_allclose(one, -zero, rtol=1e-4)


def shapley(net, image, target: int) -> np.ndarray:
    """Of each of six maps, over all sets of the others."""
    maps, count = net.maps(image), 6
    worth = {}
    for chosen in itertools.product((0, 1), repeat=count):
        worth[chosen] = net.score(net.after(maps * np.array(chosen)), target)
    found = np.zeros(count)
    for chosen, value in worth.items():
        size = sum(chosen)
        for k in np.flatnonzero(np.array(chosen) == 0):
            more = (*chosen[:k], 1, *chosen[k + 1 :])
            share = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            found[k] += share * (worth[more] - value)
    return found


def weights_of(model, layer: str, image, target: int) -> np.ndarray:
    head = take_apart(model, layer)
    sign = np.array([[2 * target - 1]], np.float32)
    maps, multipliers, _ = map(np.asarray, multipliers_of(head, image[None], sign))
    return (maps * multipliers).sum(axis=(0, 1, 2))


def test_lift_cam_s_weights_sum_to_what_the_maps_add_to_the_score():
    net, model = built(1)
    for image in IMAGES:
        gain = net.score(net.logits(image), 1) - net.score(net.after(0 * net.maps(image)), 1)
        assert weights_of(model, "maps", image, 1).sum() == pytest.approx(gain, rel=1e-4)


def test_lift_cam_s_weights_are_near_the_shapley_values():
    net, model = built(1)
    for image in IMAGES:
        exact = shapley(net, image, 1)
        assert np.corrcoef(weights_of(model, "maps", image, 1), exact)[0, 1] > 0.95


def test_before_a_linear_end_lift_cam_s_weights_are_the_shapley_values():
    net, model = built(1)
    for image in IMAGES:
        late = net.late(net.maps(image))
        exact = late.mean(axis=(0, 1)) * net.dense[:, 0]  # each map alone, whatever the others
        np.testing.assert_allclose(weights_of(model, "late", image, 1), exact, atol=1e-5)


def all_kinds() -> keras.Model:
    """Whatever may follow a layer: pooling by the maximum, a product, a normalisation, a split in
    two, a softmax, activations in and out of layers, and a way around the layer."""
    keras.utils.set_random_seed(3)
    pixels = keras.Input((16, 16, 3))
    around = layers.Conv2D(4, 3, strides=2, padding="same", activation="tanh")(pixels)
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="silu", name="maps")(pixels)
    x = layers.Add()([x, around])
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling2D()(layers.LeakyReLU()(x))
    gate = layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Multiply()([x, gate])
    x = layers.GroupNormalization(2)(layers.Activation("gelu")(x))
    x = layers.Add()(list(ops.split(x, 2, axis=1)))
    x = layers.Softmax()(layers.GlobalMaxPooling2D()(x))
    model = keras.Model(pixels, layers.Dense(1, activation="sigmoid", name="end")(x))
    model.get_layer("end").set_weights([np.array([[9.0], [-9], [5], [-5]]), np.zeros(1)])
    return model


def test_what_lift_cam_says_sums_up_whatever_follows_the_layer():
    model = all_kinds()
    image = np.random.default_rng(1).normal(0, 1, (16, 16, 3)).astype(np.float32)
    head = take_apart(model, "maps")
    maps = np.asarray(head.forward(image[None])[0])
    with_them, without = (
        float(head.replaced(image[None], one)[0, 0]) for one in (maps, np.zeros_like(maps))
    )
    assert abs(with_them - without) > 0.05
    said = weights_of(model, "maps", image, 1).sum()
    assert said == pytest.approx(with_them - without, abs=0.03 * abs(with_them - without))


def test_before_a_layer_normalisation_lift_cam_s_weights_sum_to_the_gain():
    """From zeros to a picture its slope is all near zero, where no place of the line was."""
    keras.utils.set_random_seed(2)
    pixels = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, activation="relu", name="maps")(pixels)
    x = layers.LayerNormalization()(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))
    image = np.random.default_rng(1).uniform(0, 1, (8, 8, 3)).astype(np.float32)
    head = take_apart(model, "maps")
    maps = np.asarray(head.forward(image[None])[0])
    gain = [float(head.replaced(image[None], one)[0, 0]) for one in (maps, 0 * maps)]
    assert abs(gain[0] - gain[1]) > 0.05
    assert weights_of(model, "maps", image, 1).sum() == pytest.approx(gain[0] - gain[1], rel=1e-3)


@pytest.mark.parametrize("method", BOTH)
def test_zero_maps_stay_zero_and_progress_ends(method):
    _, model = built(1, flat=False)
    steps = []
    found = explain(model, np.zeros_like(IMAGES), method, "maps",
                    progress=lambda *step: steps.append(step))  # fmt: skip
    assert not found.raw.any()
    assert steps[-1][0] == steps[-1][1]


def test_ablation_may_be_stopped():
    _, model = built(1)

    def stop(done, total):
        assert 0 < done <= total
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain(model, IMAGES, "ablation-cam", "maps", progress=stop)


def test_the_probability_may_be_what_maps_are_taken_from():
    net, model = built(5)
    image, target = IMAGES[0], 3
    maps, whole = net.maps(image), net.score(net.logits(image), target, "probability")
    weights = []
    for k in range(6):
        without = maps.copy()
        without[..., k] = 0
        left = net.score(net.after(without), target, "probability")
        weights.append((whole - left) / whole)
    found = explain(model, image[None], "ablation-cam", "maps", target, score="probability").raw[0]
    np.testing.assert_allclose(found, maps @ np.array(weights), rtol=1e-3, atol=1e-5)
    lifted = multipliers_of(
        take_apart(model, "maps"), image[None], np.eye(5, dtype=np.float32)[[3]], True
    )
    total = (np.asarray(lifted[0]) * np.asarray(lifted[1])).sum()
    gain = whole - net.score(net.after(0 * maps), target, "probability")
    assert total == pytest.approx(gain, rel=1e-3)
