"""Group-CAM and SESS against plain loops."""

import cv2
import keras
import numpy as np
import pytest

from engine.cam import explain
from tests.cam.plain import CASES, SIZE, built, enlarged, pictures, unit

IMAGES = pictures()
FEW = {"groups": 4, "blur": 5, "sigma": 2}  # four of six channels: groups of two, so three of them
SMALL = {"scales": 3}


def group(net, image, target: int) -> np.ndarray:
    """The map at the picture's size."""
    maps = net.maps(image)
    weights = net.gradient(image, target)[1].mean(axis=(0, 1))
    blurred = cv2.GaussianBlur(image, (5, 5), 2)
    base = net.score(net.logits(blurred), target, "probability")
    total = np.zeros(SIZE)
    for start in (0, 2, 4):
        some = slice(start, start + 2)
        mask = np.maximum((maps[..., some] * weights[some]).sum(axis=-1), 0)
        mask = enlarged(np.where(mask > np.percentile(mask, 70), mask, 0))
        if np.ptp(mask) == 0:
            continue
        seen = image * unit(mask)[..., None] + blurred * (1 - unit(mask)[..., None])
        total += unit(mask) * (net.score(net.logits(seen), target, "probability") - base)
    return total


@pytest.mark.parametrize(("units", "target"), CASES)
def test_group_cam_is_what_plain_loops_give(units, target):
    net, model = built(units)
    found = explain(model, IMAGES, "group-cam", "maps", target, options=FEW)
    total = np.stack([group(net, image, target) for image in IMAGES])
    large = np.stack([enlarged(one) for one in found.raw])
    np.testing.assert_allclose(large, total, atol=1e-5 * np.abs(total).max())
    assert np.abs(total).max() > 0.01
    scores = [net.score(net.logits(image), target, "probability") for image in IMAGES]
    np.testing.assert_allclose(found.scores, scores, rtol=1e-4)


def test_a_group_that_says_nothing_costs_no_pass():
    net, model = built(1)
    masks = 0
    for image in IMAGES:
        weighed = net.maps(image) * net.gradient(image, 1)[1].mean(axis=(0, 1))
        sums = np.add.reduceat(weighed, (0, 2, 4), axis=-1).reshape(-1, 3)
        masks += (np.percentile(np.maximum(sums, 0), 70, axis=0) < sums.max(axis=0)).sum()
    assert 0 < masks < 9
    found = explain(model, IMAGES, "group-cam", "maps", options=FEW)
    assert found.passes == 3 + 3 + masks


def sess(net, image, target: int, keep: float = 1, smooth: bool = True) -> np.ndarray:
    """Windows of three sizes, Grad-CAM in each, laid back: with lists and loops."""
    height, width = SIZE
    parts = []
    for factor in (1, 9 / 7, 11 / 7):
        rows, columns = round(height * factor), round(width * factor)
        large = cv2.resize(image, (columns, rows))
        for top in {0: [0], 1: [0, rows - height]}[rows > height]:
            for left in {0: [0], 1: [0, columns - width]}[columns > width]:
                window = large[top : top + height, left : left + width]
                likely = net.score(net.logits(window), target, "probability")
                parts.append((likely, window, (rows, columns), top, left))
    assert len(parts) == 9
    highest = max(part[0] for part in parts)
    parts.sort(key=lambda part: -part[0])
    laid = []
    for likely, window, size, top, left in parts[: int(np.ceil(keep * 9))]:
        weights = net.gradient(window, target)[1].mean(axis=(0, 1))
        heat = unit(np.maximum(enlarged(net.maps(window) @ weights), 0))
        canvas = np.zeros(size)
        canvas[top : top + height, left : left + width] = heat * likely / highest
        laid.append(cv2.resize(canvas, (width, height)))
    total = np.sum(laid, axis=0) / np.maximum(np.sum(np.array(laid) > 0, axis=0), 1)
    return cv2.GaussianBlur(total, (11, 11), 5) if smooth else total


@pytest.mark.parametrize(("units", "target"), CASES)
def test_sess_is_what_plain_loops_give(units, target):
    net, model = built(units)
    found = explain(model, IMAGES, "sess", "maps", target, options=SMALL)
    total = np.stack([sess(net, image, target) for image in IMAGES])
    np.testing.assert_allclose(found.raw, total, atol=1e-5 * total.max())
    assert total.max() > 0.005
    scores = [net.score(net.logits(image), target, "probability") for image in IMAGES]
    np.testing.assert_allclose(found.scores, scores, rtol=1e-4)


def test_sess_takes_the_windows_in_which_the_class_is_likeliest():
    net, model = built(1)
    found = explain(model, IMAGES, "sess", "maps", options=SMALL | {"keep": 0.3, "blur": 0})
    total = np.stack([sess(net, image, 1, 0.3, smooth=False) for image in IMAGES])
    np.testing.assert_allclose(found.raw, total, atol=1e-5)
    assert found.passes == 3 * (9 + 3)


@pytest.mark.parametrize("method", ["score-cam", "group-cam", "lift-cam"])
def test_sess_of_one_window_is_the_other_method(method):
    _, model = built(2)
    found = explain(model, IMAGES, "sess", "maps", options={"method": method, "scales": 1,
                                                            "blur": 0})  # fmt: skip
    other = explain(model, IMAGES, method, "maps")
    for heat, alone in zip(found.values, other.values, strict=True):
        np.testing.assert_allclose(heat, unit(alone), atol=1e-5)


def test_sess_may_be_made_of_a_method_of_the_whole_network():
    _, model = built(2)
    found = explain(model, IMAGES, "sess", options={"method": "edges", "scales": 1, "blur": 0})
    for heat, alone in zip(found.values, explain(model, IMAGES, "edges").values, strict=True):
        np.testing.assert_allclose(heat, unit(alone), atol=1e-5)


@pytest.mark.parametrize(("method", "options"), [("group-cam", FEW), ("sess", SMALL)])
def test_one_colour_channel_gives_what_three_equal_ones_do(method, options):
    """OpenCV blurs and resizes `(h, w, 1)` to `(h, w)`."""
    rng = np.random.default_rng(8)
    grey = rng.uniform(0, 1, (2, 12, 10, 1)).astype(np.float32)
    kernel, last = rng.normal(0, 1, (3, 3, 1, 6)), rng.normal(0, 0.3, (480, 2))
    found = []
    for channels in (1, 3):
        pixels = keras.Input((12, 10, channels))
        x = keras.layers.Conv2D(6, 3, activation="relu", name="maps")(pixels)
        x = keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(x))
        model = keras.Model(pixels, x)
        model.set_weights([np.repeat(kernel / channels, channels, 2), np.zeros(6), last,
                           np.zeros(2)])  # fmt: skip
        images = np.repeat(grey, channels, axis=-1)
        found.append(explain(model, images, method, "maps", options=options))
    assert found[0].raw.any()
    np.testing.assert_allclose(found[0].raw, found[1].raw, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("method", "options"), [("group-cam", FEW), ("sess", SMALL)])
def test_a_picture_s_map_does_not_hang_on_its_neighbours(method, options):
    _, model = built(2)
    together = explain(model, IMAGES, method, "maps", [0, 1, 1], options=options).raw
    alone = explain(model, IMAGES[1:2], method, "maps", 1, options=options).raw
    np.testing.assert_allclose(together[1], alone[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("method", "options"), [("group-cam", FEW), ("sess", SMALL)])
def test_zero_maps_stay_zero(method, options):
    _, model = built(1, flat=False)
    found = explain(model, np.zeros_like(IMAGES), method, "maps", options=options)
    assert not found.raw.any()
    assert np.isfinite(found.values).all()
