"""Methods of several layers against NumPy."""

from functools import cache

import cv2
import numpy as np
import pytest

from engine.cam import explain
from tests.cam.small import Small, pictures, small
from tests.cam.test_gradients import second_order

IMAGES = pictures(3)
LAYERS = ("maps", "second")


@cache
def at_each_layer(net: Small, number: int, target: int):
    """Maps and gradients at each layer."""
    found = []
    for layer in LAYERS:
        maps = net.maps(IMAGES[number], layer)
        found.append((maps, net.gradient(maps, lambda m, at=layer: net.logit(m, target, at))))
    return found


def drawn(raw: np.ndarray) -> np.ndarray:
    heat = np.maximum(raw, 0)
    return (heat - heat.min()) / (heat.max() - heat.min()) if np.ptp(heat) else heat * 0


def enlarged(raw: np.ndarray) -> np.ndarray:
    return cv2.resize(raw, IMAGES.shape[2:0:-1], interpolation=cv2.INTER_LINEAR)


def refine_cam(net: Small, number, target):
    product = np.ones(IMAGES.shape[1:3])
    for maps, g in at_each_layer(net, number, target):
        product *= drawn(enlarged(drawn(second_order(maps, g, g**2, g**3))))
    return product


def winsor_cam(net: Small, number, target, percentile):
    maps, counts = [], []
    for activations, gradient in at_each_layer(net, number, target):
        alpha = gradient.mean(axis=(0, 1))
        maps.append(enlarged(drawn(activations @ alpha)))
        counts.append(max(alpha.mean(), 0))
    positive = [count for count in counts if count > 0]
    if not positive:
        return np.zeros(IMAGES.shape[1:3])
    low, high = min(positive), max(positive)
    most = low + (high - low) * percentile / 100  # between two values a percentile is linear
    raw = np.zeros(IMAGES.shape[1:3])
    for one, count in zip(maps, counts, strict=True):
        if count > 0:
            share = (min(count, most) - low) / (most - low) if most > low else 1
            raw += (0.1 + 0.9 * share if most > low else 1) * one
    return raw


@pytest.mark.parametrize(("units", "target"), [(1, 0), (1, 1), (4, 0), (4, 3)])
def test_refine_cam_equals_numpy(units, target):
    net = small("curved", units)
    heat = explain(net.model, IMAGES, "refine-cam", layer=LAYERS, target=target)
    expected = np.stack([refine_cam(net, number, target) for number in range(3)])
    np.testing.assert_allclose(heat.raw, expected, atol=1e-5)
    assert heat.raw.shape == IMAGES.shape[:3]


@pytest.mark.parametrize("percentile", [0.0, 60.0, 100.0])
@pytest.mark.parametrize(("units", "target"), [(1, 0), (1, 1), (4, 0), (4, 3)])
def test_winsor_cam_equals_numpy(units, target, percentile):
    net = small("curved", units)
    options = {"percentile": percentile}
    heat = explain(net.model, IMAGES, "winsor-cam", layer=LAYERS, target=target, options=options)
    expected = np.stack([winsor_cam(net, number, target, percentile) for number in range(3)])
    np.testing.assert_allclose(heat.raw, expected, atol=1e-5)


def test_what_is_compared_is_not_all_zero():
    """A picture's layers may all speak against a class; not in all pictures and for all classes."""
    nets = [(small("curved", 1), 0), (small("curved", 1), 1), (small("curved", 4), 3)]
    for reference in (refine_cam, lambda *asked: winsor_cam(*asked, 60)):
        seen = [reference(net, number, target).any() for net, target in nets for number in range(3)]
        assert sum(seen) >= len(seen) // 3


def test_who_names_no_layer_gets_the_last_of_each_resolution():
    net = small("curved", 4)
    for method in ("refine-cam", "winsor-cam"):
        named = explain(net.model, IMAGES, method, layer=LAYERS)
        found = explain(net.model, IMAGES, method)
        np.testing.assert_allclose(found.raw, named.raw, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", ["refine-cam", "winsor-cam"])
def test_a_network_of_open_size_is_looked_at_at_each_resolution_too(method):
    """It had one size, (None, None), so that the last layer was the only one."""
    heat = explain(small("curved", 4, (None, None)).model, IMAGES, method)
    assert heat.layer == "maps + second"
    fixed = explain(small("curved", 4).model, IMAGES, method)
    np.testing.assert_allclose(heat.raw, fixed.raw, rtol=1e-4, atol=1e-6)


def test_one_layer_is_refined_by_nothing():
    net = small("curved", 4)
    heat = explain(net.model, IMAGES, "refine-cam", layer="maps").raw
    plain = explain(net.model, IMAGES, "grad-cam++", layer="maps").raw
    expected = [drawn(enlarged(drawn(one))) for one in plain]
    np.testing.assert_allclose(heat, expected, atol=1e-5)
