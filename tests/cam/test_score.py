"""Score-CAM's kin against NumPy loops, on a network whose passes are NumPy, too."""

import numpy as np
import pytest

from engine.cam import METHODS, explain
from tests.cam.plain import CASES, EVEN, SIZE, ZERO, built, enlarged, pictures, softmax, unit

IMAGES = pictures()
SOFTMAX = ("score-cam-v2", "ss-cam", "is-cam")
KIN = ("score-cam", "score-cam-unshifted", "faster-score-cam", *SOFTMAX)
FEW = {"ss-cam": {"samples": 3, "sigma": 0.5}, "is-cam": {"steps": 4}, "faster-score-cam": {
    "channels": 3}}  # fmt: skip


def masks_of(maps) -> list[np.ndarray]:
    return [enlarged(maps[..., k]) for k in range(maps.shape[-1])]


def expected(method: str, net, image, target: int) -> np.ndarray:
    """The map `(7, 6)`, channel by channel, each masked picture alone."""
    maps = net.maps(image)
    masks = masks_of(maps)

    def score(picture, kind="logit") -> float:
        return net.score(net.logits(picture), target, kind)

    weights = np.zeros(len(masks))
    for k, mask in enumerate(masks):
        span = mask.max() - mask.min()
        if method == "score-cam":
            weights[k] = span and score(image * unit(mask)[..., None], "probability")
        elif method == "score-cam-unshifted":
            weights[k] = span and score(image * (mask / span)[..., None], "probability")
        elif method == "faster-score-cam":
            chosen = np.argsort([-one.var() for one in np.moveaxis(maps, -1, 0)])[:3]
            weights[k] = k in chosen and score(image * unit(mask)[..., None], "probability")
        elif method == "score-cam-v2":
            weights[k] = score(image * unit(mask)[..., None]) - score(np.zeros_like(image))
        elif method == "ss-cam":
            noises = [
                np.random.default_rng((0, i)).normal(0, 0.5, (*SIZE, 1)).astype(np.float32)
                for i in range(3)
            ]
            weights[k] = np.mean([score(image * (unit(mask)[..., None] + one)) for one in noises])
        else:
            left, scores = np.zeros_like(image), []
            for i in range(4):
                left = left + i / 4 * unit(mask)[..., None] * image
                scores.append(score(left))
            weights[k] = np.mean(scores)
    return maps @ (softmax(weights) if method in SOFTMAX else weights)


@pytest.mark.parametrize(("units", "target"), CASES)
@pytest.mark.parametrize("method", KIN)
def test_a_map_is_what_plain_loops_give(method, units, target):
    net, model = built(units)
    found = explain(model, IMAGES, method, "maps", target, options=FEW.get(method))
    raw = np.stack([expected(method, net, image, target) for image in IMAGES])
    np.testing.assert_allclose(found.raw, raw, atol=1e-5 * np.abs(raw).max())
    logits = np.stack([net.logits(image) for image in IMAGES])
    scores = [net.score(one, target, "probability") for one in logits]
    np.testing.assert_allclose(found.scores, scores, rtol=1e-4)


@pytest.mark.parametrize("target", [0, 1])
def test_with_one_sigmoid_no_weight_is_1_and_none_is_another_s(target):
    """tf-keras-vis puts a softmax over the outputs, which over one output is always 1: its map for
    one class is the plain sum of the maps, for the other it is zero."""
    net, model = built(1)
    maps = net.maps(IMAGES[0])
    found = explain(model, IMAGES[:1], "score-cam", "maps", target).raw[0]
    living = [k for k in range(6) if k not in (ZERO, EVEN)]
    weights, residual, *_ = np.linalg.lstsq(maps[..., living].reshape(-1, 4), found.ravel())
    assert residual < 1e-9  # a weighted sum of the living maps it is
    by_hand = [
        net.score(net.logits(IMAGES[0] * unit(enlarged(maps[..., k]))[..., None]), target,
                  "probability")
        for k in living
    ]  # fmt: skip
    np.testing.assert_allclose(weights, by_hand, atol=1e-5)
    assert (np.abs(weights - 1) > 0.05).all()
    assert np.ptp(weights) > 0.05


def test_both_classes_of_one_sigmoid_share_what_a_mask_lets_through():
    net, model = built(1)
    zero, one = (explain(model, IMAGES, "score-cam", "maps", target).raw for target in (0, 1))
    flat = [ZERO, EVEN]
    living = [np.delete(net.maps(image), flat, axis=-1).sum(axis=-1) for image in IMAGES]
    np.testing.assert_allclose(zero + one, living, rtol=1e-5)  # p and 1 − p


@pytest.mark.parametrize("method", KIN)
def test_flat_channels_cost_no_pass(method):
    net, model = built(1)
    living = sum((np.ptp(net.maps(image), axis=(0, 1)) > 0).sum() for image in IMAGES)
    assert living == 3 * 4  # of six, of which two are flat
    looks = {"ss-cam": 3, "is-cam": 3}.get(method, 1)
    passes = 3 * 3 if method == "faster-score-cam" else living * looks
    shared = {"ss-cam": 3 * 3, "is-cam": 1, "score-cam-v2": 1}.get(method, 0)  # noise alone, black
    found = explain(model, IMAGES, method, "maps", options=FEW.get(method))
    assert found.passes == 3 + passes + shared


@pytest.mark.parametrize("method", KIN)
def test_a_picture_without_any_activation_has_a_zero_map(method):
    _, model = built(1, flat=False)
    found = explain(model, np.zeros_like(IMAGES), method, "maps", options=FEW.get(method))
    assert not found.raw.any()
    assert not found.values.any()


def test_the_score_that_is_compared_can_be_chosen():
    net, model = built(5)
    found = explain(model, IMAGES[:1], "score-cam-v2", "maps", 3, score="probability").raw[0]
    maps = net.maps(IMAGES[0])
    probabilities = [
        net.score(net.logits(IMAGES[0] * unit(mask)[..., None]), 3, "probability")
        for mask in masks_of(maps)
    ]
    np.testing.assert_allclose(found, maps @ softmax(probabilities), rtol=1e-4)


def test_noise_is_the_seed_s():
    _, model = built(1)
    one, again, other = (
        explain(model, IMAGES, "ss-cam", "maps", seed=seed, options=FEW["ss-cam"]).raw
        for seed in (1, 1, 2)
    )
    np.testing.assert_allclose(one, again, rtol=1e-5)
    assert np.abs(one - other).max() > 1e-3


def test_the_first_channels_of_faster_score_cam_are_score_cam_at_the_last():
    _, model = built(2)
    exact = explain(model, IMAGES, "score-cam", "maps").raw
    all_of_them = explain(model, IMAGES, "faster-score-cam", "maps", options={"channels": 6}).raw
    np.testing.assert_allclose(all_of_them, exact, rtol=1e-5)


def test_what_a_method_costs_is_what_it_took():
    """Where no channel is flat; and that the register says what the defaults do."""
    _, model = built(1, flat=False)
    for method in ("score-cam", "score-cam-v2", "score-cam-unshifted", "ss-cam", "is-cam"):
        found = explain(model, IMAGES[:1], method, "maps")
        assert found.passes == METHODS[method].cost.passes(6), method
