"""What any method must beat: noise, the middle, edges, and the plain gradient."""

import numpy as np
import pytest

from engine.cam import explain
from tests.models.strangers import network

SIZE = 32


@pytest.fixture(scope="module")
def model():
    return network("Dense, then Softmax")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(2).uniform(0, 255, (4, SIZE, SIZE, 3)).astype(np.float32)


def test_a_picture_s_noise_does_not_depend_on_its_neighbours(model, images):
    together = explain(model, images, "random")
    alone = explain(model, images[2:3], "random")
    np.testing.assert_array_equal(together.raw[2], alone.raw[0])
    assert abs(np.corrcoef(together.raw[0].ravel(), together.raw[1].ravel())[0, 1]) < 0.2


def test_another_seed_is_other_noise_from_0_to_1(model, images):
    first, other = (explain(model, images[:1], "random", seed=seed).raw for seed in (0, 1))
    assert np.abs(first - other).mean() > 0.2
    assert 0 <= first.min() < 0.05
    assert 0.95 < first.max() < 1


def test_the_center_is_a_gaussian_whatever_is_seen(model, images):
    heat = explain(model, images[:2], "center")
    np.testing.assert_array_equal(heat.raw[0], heat.raw[1])
    np.testing.assert_allclose(heat.raw[0], heat.raw[0][::-1, ::-1])
    assert heat.raw[0].argmax() in (15 * SIZE + 15, 15 * SIZE + 16, 16 * SIZE + 15, 16 * SIZE + 16)
    # a quarter of the side from the middle, one standard deviation: pixel 24 is 8.5 of 32 away
    expected = np.exp(-0.5 * (8.5 / 8) ** 2 - 0.5 * (0.5 / 8) ** 2)
    assert heat.raw[0, 16, 24] == pytest.approx(expected, rel=1e-5)
    narrow = explain(model, images[:1], "center", options={"sigma": 0.1})
    assert narrow.raw[0, 16, 24] < heat.raw[0, 16, 24]


def test_edges_are_sobel_s_of_the_mean_colour(model, images):
    across = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    grey = images[0].mean(axis=-1)
    around = grey[9:12, 19:22]
    heat = explain(model, images[:1], "edges")
    expected = np.hypot(np.sum(around * across), np.sum(around * across.T))
    assert heat.raw[0, 10, 20] == pytest.approx(expected, rel=1e-5)
    flat = explain(model, np.full((1, SIZE, SIZE, 3), 99.0), "edges")
    assert not flat.values.any()


def test_the_input_gradient_is_what_a_small_change_of_the_pixel_changes(model, images):
    """The largest of three colours, up or down: 0.5 more, 0.5 less, in float64's differences."""
    heat = explain(model, images[:1], "input-gradient", target=2)
    logit = explain_logit(model)
    for row, column in ((5, 6), (20, 11)):
        changes = []
        for colour in range(3):
            more, less = images[:1].copy(), images[:1].copy()
            more[0, row, column, colour] += 0.5
            less[0, row, column, colour] -= 0.5
            changes.append(abs(logit(more)[0, 2] - logit(less)[0, 2]))
        assert heat.raw[0, row, column] == pytest.approx(max(changes), rel=0.02)


def explain_logit(model):
    """The model's logits as its layers give them, in float64."""
    kernels = [weight.astype(np.float64) for weight in model.get_weights()]

    def logits(images):
        x = images.astype(np.float64) / 255
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
        maps = np.maximum(np.einsum("nhwcij,ijck->nhwk", windows, kernels[0]) + kernels[1], 0)
        return maps.mean(axis=(1, 2)) @ kernels[2] + kernels[3]

    return logits


@pytest.mark.parametrize("method", ["random", "center", "edges"])
def test_controls_look_at_no_class_and_yet_tell_its_probability(model, images, method):
    one, two = (explain(model, images, method, target=target) for target in (1, 2))
    np.testing.assert_array_equal(one.raw, two.raw)
    says = model.predict(images, verbose=0)
    np.testing.assert_allclose(two.scores, says[:, 2], atol=1e-5)
    assert one.passes == len(images)
