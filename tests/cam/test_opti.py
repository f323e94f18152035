"""Opti-CAM against Adam in NumPy, whose gradient goes back by hand."""

import numpy as np
import pytest

from engine.cam import explain
from tests.cam.plain import CASES, built, enlarged, pictures, softmax, unit

IMAGES = pictures()
STEPS = 6
FEW = {"steps": STEPS}


def larger(size) -> np.ndarray:
    """Enlarging as a matrix, found by enlarging each place alone."""
    basis = np.eye(int(np.prod(size))).reshape(-1, *size)
    return np.stack([enlarged(one).ravel() for one in basis], axis=1)


def slope(net, image, target: int, u) -> np.ndarray:
    """The gradient of the target's logit by u: mask, its span, enlarging, maps, softmax."""
    maps = net.maps(image)
    alpha, matrix = softmax(u), larger(maps.shape[:2])
    large = matrix @ (maps @ alpha).ravel()
    low, span = large.min(), np.ptp(large)
    mask = (large - low) / span
    back = net.gradient(image * mask.reshape(image.shape[:2])[..., None], target)[0] * image
    back = back.sum(axis=-1).ravel()
    to_large = back / span
    to_large[large.argmin()] += back @ (mask - 1) / span
    to_large[large.argmax()] -= back @ mask / span
    to_alpha = maps.reshape(-1, maps.shape[-1]).T @ (matrix.T @ to_large)
    return alpha * (to_alpha - alpha @ to_alpha)


def adam(net, image, target: int) -> np.ndarray:
    u, mean, square = np.zeros(6), np.zeros(6), np.zeros(6)
    for step in range(1, STEPS + 1):
        gradient = slope(net, image, target, u)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        u = u + 0.1 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return unit(enlarged(net.maps(image) @ softmax(u)))


@pytest.mark.parametrize(("units", "target"), CASES)
def test_the_mask_is_what_adam_finds_in_numpy(units, target):
    net, model = built(units)
    found = explain(model, IMAGES, "opti-cam", "maps", target, options=FEW)
    masks = np.stack([adam(net, image, target) for image in IMAGES])
    np.testing.assert_allclose(found.raw, masks, atol=2e-5)
    start = np.stack([unit(enlarged(net.maps(image).mean(axis=-1))) for image in IMAGES])
    assert np.abs(masks - start).max() > 0.01
    scores = [net.score(net.logits(image), target, "probability") for image in IMAGES]
    np.testing.assert_allclose(found.scores, scores, rtol=1e-4)
    assert found.passes == 3 * (1 + STEPS)


@pytest.mark.parametrize("score", ["logit", "probability"])
@pytest.mark.parametrize("target", [0, 1])
def test_the_class_is_surer_in_the_masked_picture_than_in_that_of_the_mean_map(target, score):
    net, model = built(2)
    found = explain(model, IMAGES, "opti-cam", "maps", target, score=score)
    for image, mask in zip(IMAGES, found.raw, strict=True):
        start = unit(enlarged(net.maps(image).mean(axis=-1)))
        before, after = (
            net.score(net.logits(image * one[..., None]), target, score) for one in (start, mask)
        )
        assert after > before


def test_zero_maps_stay_zero_and_progress_ends_and_may_stop_the_work():
    _, model = built(1, flat=False)
    steps = []
    found = explain(
        model, np.zeros_like(IMAGES), "opti-cam", "maps", options=FEW,
        progress=lambda *step: steps.append(step),
    )  # fmt: skip
    assert not found.raw.any()
    assert len(steps) >= STEPS
    assert steps[-1][0] == steps[-1][1]

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain(model, IMAGES, "opti-cam", "maps", options=FEW, progress=stop)
