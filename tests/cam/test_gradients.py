"""Gradient methods against NumPy loops, and against what they must be equal to."""

from functools import cache

import keras
import numpy as np
import pytest
from keras import layers

from engine.cam import explain
from tests.cam.small import Small, pictures, small

NETWORKS = [(tail, units) for tail in ("linear", "curved") for units in (1, 4)]
IMAGES = pictures(2)


def each_target(net: Small):
    return range(net.classes) if net.units == 1 else (0, 3)


@cache
def seen(net: Small, number: int, target: int):
    """A picture's maps, and the gradient of the target's logit by them."""
    maps = net.maps(IMAGES[number])
    return maps, net.gradient(maps, lambda m: net.logit(m, target))


def grad_cam(net, number, target):
    maps, gradient = seen(net, number, target)
    return sum(gradient[..., k].mean() * maps[..., k] for k in range(maps.shape[-1]))


def hires_cam(net, number, target):
    maps, gradient = seen(net, number, target)
    raw = np.zeros(maps.shape[:2])
    for row, column, k in np.ndindex(maps.shape):
        raw[row, column] += gradient[row, column, k] * maps[row, column, k]
    return raw


def layer_cam(net, number, target):
    maps, gradient = seen(net, number, target)
    raw = np.zeros(maps.shape[:2])
    for row, column, k in np.ndindex(maps.shape):
        if gradient[row, column, k] > 0:
            raw[row, column] += gradient[row, column, k] * maps[row, column, k]
    return raw


def xgrad_cam(net, number, target):
    maps, gradient = seen(net, number, target)
    raw = np.zeros(maps.shape[:2])
    for k in range(maps.shape[-1]):
        total = maps[..., k].sum()
        if total:
            weight = sum(
                gradient[row, column, k] * maps[row, column, k] / total
                for row, column in np.ndindex(raw.shape)
            )
            raw += weight * maps[..., k]
    return raw


def grad_cam_pp(net, number, target):
    maps, gradient = seen(net, number, target)
    return second_order(maps, gradient, gradient**2, gradient**3)


def second_order(maps, first, second, third):
    """Grad-CAM++ from the score's first three derivatives, place by place."""
    raw = np.zeros(maps.shape[:2])
    for k in range(maps.shape[-1]):
        weight = 0.0
        for place in np.ndindex(raw.shape):
            below = 2 * second[place][k] + maps[..., k].sum() * third[place][k]
            if below:
                weight += second[place][k] / below * max(first[place][k], 0)
        raw += weight * maps[..., k]
    return raw


def smooth_grad_cam_pp(net, number, target):
    """With the noise of seed 3, twice, a tenth of the picture's range."""
    image, powers = IMAGES[number], [0, 0, 0]
    for sample in range(2):
        noise = np.random.default_rng((3, sample)).normal(size=image.shape)
        maps = net.maps(image + 0.1 * (image.max() - image.min()) * noise)
        gradient = net.gradient(maps, lambda m: net.logit(m, target))
        powers = [power + gradient ** (i + 1) / 2 for i, power in enumerate(powers)]
    return second_order(net.maps(image), *powers)


def finer_cam(net, number, target):
    """The target against the two classes with the nearest logits, at a strength of 0.6."""
    maps = net.maps(IMAGES[number])
    if net.units == 1:
        others = [1 - target]
    else:
        logits = net.logits(maps)
        distance = {c: abs(logits[c] - logits[target]) for c in range(net.units) if c != target}
        others = sorted(distance, key=distance.get)[:2]
    raw = np.zeros(maps.shape[:2])
    for other in others:
        gradient = net.gradient(maps, lambda m: net.logit(m, target) - 0.6 * net.logit(m, other))  # noqa: B023
        for k in range(maps.shape[-1]):
            raw += gradient[..., k].mean() * maps[..., k] / len(others)
    return raw


def shapley_cam(net, number, target, rest=True):
    maps = net.maps(IMAGES[number])

    def utility(m):
        return net.logit(m, target) + (net.log_probability(m, target) if rest else 0)

    step = 1e-5  # the Hessian times the maps: how the gradient changes on the way along them
    ahead, behind = (net.gradient(maps * (1 + sign * step), utility) for sign in (1, -1))
    weights = net.gradient(maps, utility) - (ahead - behind) / (2 * step) / 2
    return sum(weights[..., k].mean() * maps[..., k] for k in range(maps.shape[-1]))


REFERENCES = {
    "grad-cam": (grad_cam, {}),
    "grad-cam++": (grad_cam_pp, {}),
    "smooth-grad-cam++": (smooth_grad_cam_pp, {"samples": 2, "sigma": 0.1}),
    "xgrad-cam": (xgrad_cam, {}),
    "hires-cam": (hires_cam, {}),
    "layer-cam": (layer_cam, {}),
    "finer-cam": (finer_cam, {"references": 2}),
    "shapley-cam": (shapley_cam, {}),
}


@pytest.mark.parametrize(("tail", "units"), NETWORKS)
@pytest.mark.parametrize("method", REFERENCES)
def test_a_method_equals_numpy_loops_for_each_class(method, tail, units):
    net = small(tail, units)
    reference, options = REFERENCES[method]
    for target in each_target(net):
        heat = explain(
            net.model, IMAGES, method, layer="maps", target=target, options=options, seed=3
        )
        expected = np.stack([reference(net, number, target) for number in (0, 1)])
        np.testing.assert_allclose(heat.raw, expected, atol=1e-5, rtol=1e-5)
        assert np.abs(expected).max() > 0.003  # there is something to compare
        probability = [net.probability(net.maps(image), target) for image in IMAGES]
        np.testing.assert_allclose(heat.scores, probability, atol=1e-6)


@pytest.mark.parametrize("method", REFERENCES)
def test_the_gradient_of_the_probability_is_taken_if_it_is_asked_for(method):
    """d p = p · (1 − p) · d logit: the same map on another scale where the method is linear in the
    gradient."""
    net, image = small("curved", 1), IMAGES[:1]
    p = net.probability(net.maps(image[0]), 1)
    options = REFERENCES[method][1] | ({"utility": "score"} if method == "shapley-cam" else {})
    of_logit, of_probability = (
        explain(net.model, image, method, layer="maps", score=score, options=options).raw[0]
        for score in ("logit", "probability")
    )
    assert np.abs(of_probability).max() < np.abs(of_logit).max()
    if method in ("grad-cam", "xgrad-cam", "hires-cam", "layer-cam", "finer-cam"):
        np.testing.assert_allclose(of_probability, p * (1 - p) * of_logit, rtol=1e-4, atol=1e-6)


def test_shapley_cam_of_the_plain_score_is_another_map():
    net = small("curved", 4)
    heat = explain(
        net.model, IMAGES, "shapley-cam", layer="maps", target=3, options={"utility": "score"}
    )
    expected = np.stack([shapley_cam(net, number, 3, rest=False) for number in (0, 1)])
    np.testing.assert_allclose(heat.raw, expected, atol=1e-5)
    rest = explain(net.model, IMAGES, "shapley-cam", layer="maps", target=3)
    assert np.abs(rest.raw - heat.raw).max() > 1e-3


# --- what must be equal ---------------------------------------------------------------------------


def maps_of(net: Small, method: str, target: int = 1, **options) -> np.ndarray:
    return explain(net.model, IMAGES, method, layer="maps", target=target, **options).raw


@pytest.mark.parametrize("units", [1, 4])
def test_behind_the_mean_of_the_maps_four_methods_are_cam(units):
    """Zhou et al. 2016: the maps, weighed by the row of the Dense layer; over their number of
    places, since Grad-CAM takes the mean of the gradient of a mean."""
    net = small("linear", units)
    kernel, _ = net.model.get_layer("answer").get_weights()
    maps = np.stack([net.maps(image) for image in IMAGES])
    cam = maps @ kernel[:, 0 if units == 1 else 1] / maps[0, ..., 0].size
    for method in ("grad-cam", "hires-cam", "xgrad-cam"):
        np.testing.assert_allclose(maps_of(net, method), cam, atol=1e-6)
    linear = maps_of(net, "shapley-cam", options={"utility": "score"})
    np.testing.assert_allclose(linear, cam, atol=1e-6)


def test_layer_cam_keeps_the_maps_whose_gradient_is_positive():
    net = small("linear", 1)
    kernel, _ = net.model.get_layer("answer").get_weights()
    assert 0 < np.sum(kernel > 0) < len(kernel)  # some count for a class, some for the other
    maps = np.stack([net.maps(image) for image in IMAGES])
    for target in (0, 1):
        signed = (2 * target - 1) * kernel[:, 0]
        kept = maps @ np.maximum(signed, 0) / maps[0, ..., 0].size
        np.testing.assert_allclose(maps_of(net, "layer-cam", target), kept, atol=1e-6)


@pytest.mark.parametrize("method", ["grad-cam", "hires-cam", "xgrad-cam", "finer-cam"])
def test_of_one_sigmoid_the_map_of_class_0_is_that_of_class_1_mirrored(method):
    net = small("curved", 1)
    np.testing.assert_allclose(maps_of(net, method, 0), -maps_of(net, method, 1), atol=1e-6)


@pytest.mark.parametrize("method", ["grad-cam++", "smooth-grad-cam++", "layer-cam"])
def test_methods_of_positive_gradients_find_something_for_both_classes_of_one_sigmoid(method):
    """With the logit of class 1 for either, class 0 would get the map of class 1."""
    net = small("curved", 1)
    zero, one = maps_of(net, method, 0), maps_of(net, method, 1)
    assert (zero.max(axis=(1, 2)) > 0).all()
    assert (one.max(axis=(1, 2)) > 0).all()
    assert np.abs(zero - one).max() > 1e-3


def test_smooth_grad_cam_pp_without_noise_is_grad_cam_pp():
    net = small("curved", 4)
    still = maps_of(net, "smooth-grad-cam++", options={"samples": 2, "sigma": 0.0})
    np.testing.assert_allclose(still, maps_of(net, "grad-cam++"), atol=1e-6)


def test_the_noise_of_smooth_grad_cam_pp_is_that_of_the_seed():
    net = small("curved", 1)
    first, again, other = (maps_of(net, "smooth-grad-cam++", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_allclose(first, again, rtol=1e-5, atol=1e-7)
    assert np.abs(first - other).max() > 1e-5


def test_finer_cam_without_strength_is_grad_cam_and_with_it_leaves_out_what_classes_share():
    net = small("linear", 4)
    plain = maps_of(net, "finer-cam", options={"strength": 0.0})
    np.testing.assert_allclose(plain, maps_of(net, "grad-cam"), atol=1e-6)

    # a map that counts as much for every class tells none from another
    kernel, bias = net.model.get_layer("answer").get_weights()
    alike = keras.models.clone_model(net.model)
    alike.set_weights(net.model.get_weights())
    shared = kernel.copy()
    shared[0] = 5
    alike.get_layer("answer").set_weights([shared, bias])
    full = {"strength": 1.0, "references": 3}
    with_it = explain(alike, IMAGES, "finer-cam", layer="maps", options=full).raw
    others = shared.copy()
    others[0] = 0
    alike.get_layer("answer").set_weights([others, bias])
    without = explain(alike, IMAGES, "finer-cam", layer="maps", options=full).raw
    np.testing.assert_allclose(with_it, without, atol=1e-5)


def test_finer_cam_compares_with_all_others_where_there_are_few():
    net = small("linear", 4)
    np.testing.assert_allclose(
        maps_of(net, "finer-cam", options={"references": 9}),
        maps_of(net, "finer-cam", options={"references": 3}),
        rtol=1e-5, atol=1e-7,
    )  # fmt: skip


# --- nothing to divide by -------------------------------------------------------------------------


def test_a_map_whose_values_cancel_out_weighs_nothing_in_xgrad_cam():
    """Its sum is the divisor."""
    pixels = keras.Input((4, 4, 3))
    maps = layers.Conv2D(2, 1, use_bias=False, name="maps")(pixels)
    answer = layers.Dense(1, activation="sigmoid")(layers.Flatten()(maps))
    model = keras.Model(pixels, answer)
    model.get_layer("maps").set_weights([np.eye(3, 2, dtype=np.float32)[None, None]])
    image = np.zeros((1, 4, 4, 3), np.float32)
    image[0, 0, :2, 0] = 1, -1
    image[0, ..., 1] = 1
    heat = explain(model, image, "xgrad-cam", layer="maps")
    assert np.isfinite(heat.raw).all()
    assert np.ptp(heat.raw) < 1e-6  # what is left is the other map, the same everywhere
