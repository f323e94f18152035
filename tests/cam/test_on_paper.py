"""Grad-CAM and Score-CAM against values by hand and against a plain NumPy loop."""

import cv2
import keras
import numpy as np
import pytest

from engine.cam import explain
from tests.cam.paper import GREEN, IMAGE, LOGIT, RED, on_paper, picture, sigmoid


def test_grad_cam_solved_on_paper():
    # d logit / d A = 3/4 at each of four places, so alpha = (3/4, −1/4)
    # raw = 3/4 · [[1, 0], [2, 4]] − 1/4 · [[0, 2], [0, 6]] = [[0.75, −0.5], [1.5, 1.5]]
    heat = explain(on_paper(), IMAGE, method="grad-cam", layer="pooled")
    np.testing.assert_allclose(heat.raw, [[[0.75, -0.5], [1.5, 1.5]]], rtol=1e-6)
    assert heat.scores == pytest.approx([sigmoid(LOGIT)])
    # enlarged: corners keep their values, divided by the maximum; below zero is cut off
    np.testing.assert_allclose(
        heat.values[0][[0, 0, 3, 3], [0, 3, 0, 3]], [0.5, 0, 1, 1], rtol=1e-6
    )
    # first row, bilinear: 0.75, 3/4·0.75 − 1/4·0.5, 1/4·0.75 − 3/4·0.5 (< 0), −0.5, over 1.5
    np.testing.assert_allclose(heat.values[0][0], [0.5, 0.4375 / 1.5, 0, 0], rtol=1e-6)


def test_grad_cam_at_a_layer_with_a_finer_map():
    # alpha at maps: 3/16 and −1/16; raw = 3/16 · red − 1/16 · 2 · green
    heat = explain(on_paper(), IMAGE, method="grad-cam", layer="maps")
    np.testing.assert_allclose(heat.raw[0], 3 / 16 * RED - 2 / 16 * GREEN, rtol=1e-6)


def test_grad_cam_of_class_0_is_that_of_class_1_mirrored():
    one = explain(on_paper(), IMAGE, method="grad-cam", target=1)
    zero = explain(on_paper(), IMAGE, method="grad-cam", target=0)
    np.testing.assert_allclose(zero.raw, -one.raw, rtol=1e-6)
    assert zero.scores[0] == pytest.approx(1 - sigmoid(LOGIT))


def test_a_softmax_of_two_has_the_map_of_its_own_logit():
    heat = explain(on_paper(units=2), IMAGE, method="grad-cam", target=1)
    np.testing.assert_allclose(heat.raw, [[[0.75, -0.5], [1.5, 1.5]]], rtol=1e-6)
    assert heat.scores == pytest.approx([sigmoid(LOGIT)])
    flat = explain(on_paper(units=2), IMAGE, method="grad-cam", target=0)
    assert not flat.raw.any()  # the logit of class 0 is constant


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_maps_do_not_vanish_on_the_surest_pictures(target, sign):
    """At a logit of 30 float32's probability is exactly 1 and its gradient 0."""
    sure = on_paper(bias=sign * 30 - LOGIT)
    with_tape = probability_gradient(sure, IMAGE)
    assert sign < 0 or not with_tape.any()  # what a map from the probability would be made of
    heat = explain(sure, IMAGE, method="grad-cam", target=target)
    calm = explain(on_paper(), IMAGE, method="grad-cam", target=target)
    np.testing.assert_allclose(heat.raw, calm.raw, rtol=1e-5)
    assert heat.values.max() == 1
    certain = sign * (1 if target else -1) > 0
    assert heat.scores[0] == pytest.approx(1 if certain else np.exp(-30), rel=1e-4)


def probability_gradient(model, images) -> np.ndarray:
    from engine import backend

    inner = keras.Model(model.inputs, [model.get_layer("pooled").output, model.outputs[0]])

    def watched(x, watch):
        watch(x)
        return inner(x)

    _, gradient = backend.gradients_of(watched, images)
    return np.asarray(gradient)


def score_cam_in_numpy(images: np.ndarray, target: int, bias: float = 0.0) -> np.ndarray:
    """Score-CAM of the network on paper, in loops, after algorithm 1 and the authors' code."""
    found = []
    for image in images:
        pooled = [
            channel.reshape(2, 2, 2, 2).mean(axis=(1, 3))
            for channel in (image[..., 0], 2 * image[..., 1])
        ]
        total = np.zeros((4, 4))
        for one in pooled:
            large = cv2.resize(one, (4, 4), interpolation=cv2.INTER_LINEAR)
            if large.max() == large.min():
                continue
            mask = (large - large.min()) / (large.max() - large.min())
            masked = image * mask[..., None]
            logit = 3 * masked[..., 0].mean() - 2 * masked[..., 1].mean() + bias
            total += sigmoid(logit if target else -logit) * large
        total = np.maximum(total, 0)
        found.append(total / total.max() if total.max() else total)
    return np.array(found)


@pytest.mark.parametrize("target", [0, 1])
def test_score_cam_equals_a_plain_numpy_loop(target):
    rng = np.random.default_rng(3)
    images = np.concatenate([IMAGE, rng.uniform(0, 5, (5, 4, 4, 3)).astype(np.float32)])
    heat = explain(on_paper(), images, method="score-cam", layer="pooled", target=target)
    np.testing.assert_allclose(heat.values, score_cam_in_numpy(images, target), atol=2e-6)


def test_score_cam_explains_each_picture_for_its_own_target():
    images = np.random.default_rng(3).uniform(0, 5, (6, 4, 4, 3)).astype(np.float32)
    targets = [1, 0, 0, 1, 1, 0]
    heat = explain(on_paper(), images, method="score-cam", layer="pooled", target=targets)
    expected = np.concatenate(
        [score_cam_in_numpy(images[i : i + 1], target) for i, target in enumerate(targets)]
    )
    np.testing.assert_allclose(heat.values, expected, atol=2e-6)
    assert np.abs(expected[1] - score_cam_in_numpy(images[1:2], 1)[0]).max() > 0.01


def test_score_cam_solved_on_paper():
    # Only red: one map, A = [[1, 0], [2, 4]], the other flat and left out.
    # raw = sigmoid(3 · mean(red · mask)) · A
    image = picture(RED, 0)
    mask = cv2.resize(np.array([[1, 0], [2, 4]], np.float32), (4, 4)) / 4
    weight = sigmoid(3 * (RED * mask).mean())
    heat = explain(on_paper(), image, method="score-cam", layer="pooled")
    np.testing.assert_allclose(heat.raw[0], weight * np.array([[1, 0], [2, 4]]), rtol=1e-5)


def test_a_flat_channel_is_left_out_though_its_picture_would_score():
    # green is 1 everywhere: its map is flat, and with it raw would be lifted everywhere
    heat = explain(on_paper(), picture(RED, 1), method="score-cam", layer="pooled")
    assert heat.raw[0, 0, 1] == 0  # where A is 0 nothing is left


@pytest.mark.parametrize("method", ["grad-cam", "score-cam"])
def test_a_map_that_is_zero_everywhere_stays_zero(method):
    heat = explain(on_paper(), picture(0, 0), method=method)
    assert not heat.values.any()
    assert np.isfinite(heat.raw).all()
    assert heat.scores == pytest.approx([0.5])


def test_grad_cam_that_is_nowhere_positive_has_no_heat():
    heat = explain(on_paper(), picture(0, GREEN), method="grad-cam")
    assert heat.raw.max() <= 0
    assert heat.raw.min() < 0
    assert not heat.values.any()
    assert np.isfinite(heat.values).all()
