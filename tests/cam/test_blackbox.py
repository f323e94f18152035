"""Black boxes against loops over a network of three lines of NumPy, and what theory says."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

from engine.cam import explain

KERNEL = np.array([[2.0, -1.0], [0.5, 1.0], [-1.0, 0.3]])  # (colour, map)
WEIGHTS, BIAS = np.array([1.5, -2.0]), 0.2
BLACK_BOXES = ("occlusion", "rise", "hsic", "sobol")
FEW = {
    "occlusion": {"size": 0.3, "stride": 0.2}, "rise": {"masks": 24, "cells": 3},
    "hsic": {"masks": 24, "cells": 3}, "sobol": {"designs": 4, "cells": 2},
}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    """For pictures of any size: two 1 × 1 maps, ReLU, their means, one sigmoid."""
    pixels = keras.Input((None, None, 3))
    x = layers.Conv2D(2, 1, use_bias=False, activation="relu", name="maps")(pixels)
    x = layers.GlobalAveragePooling2D()(x)
    found = keras.Model(pixels, layers.Dense(1, activation="sigmoid", name="answer")(x))
    found.get_layer("maps").set_weights([KERNEL[None, None]])
    found.get_layer("answer").set_weights([WEIGHTS[:, None], np.array([BIAS])])
    return found


def logits(images: np.ndarray) -> np.ndarray:
    return np.maximum(images @ KERNEL, 0).mean(axis=(1, 2)) @ WEIGHTS + BIAS


def probabilities(images: np.ndarray, target: int) -> np.ndarray:
    return 1 / (1 + np.exp(-logits(images) * (1 if target else -1)))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(7).uniform(-1, 2, (3, 12, 15, 3)).astype(np.float32)


@pytest.mark.parametrize("target", [0, 1])
def test_occlusion_is_how_far_the_score_falls_on_average_over_the_squares(model, images, target):
    # side: 0.3 of 12, rounded, 4; stride 0.2 of 12, rounded, 2; the last at the border
    tops, lefts = [0, 2, 4, 6, 8], [0, 2, 4, 6, 7, 9, 11]
    heat = explain(model, images, "occlusion", target=target, options=FEW["occlusion"])
    for image, raw in zip(images.astype(float), heat.raw, strict=True):
        before = probabilities(image[None], target)[0]
        falls = [[[] for _ in range(15)] for _ in range(12)]
        for top in tops:
            for left in lefts:
                hidden = image.copy()
                hidden[top : top + 4, left : left + 4] = image.mean(axis=(0, 1))
                fall = before - probabilities(hidden[None], target)[0]
                for row in range(top, top + 4):
                    for column in range(left, left + 4):
                        falls[row][column].append(fall)
        np.testing.assert_allclose(raw, [[np.mean(f) for f in row] for row in falls], atol=1e-5)
    assert heat.passes == len(images) * (len(tops) * len(lefts) + 1)


def test_occlusion_finds_the_only_thing_there_is_to_see(model):
    picture = np.zeros((1, 20, 20, 3), np.float32)
    picture[0, 12:16, 4:8, 0] = 9
    heat = explain(model, picture, "occlusion")
    row, column = np.unravel_index(heat.values[0].argmax(), (20, 20))
    assert 12 <= row < 16
    assert 4 <= column < 8


def bilinear(grid: np.ndarray, h: int, w: int) -> np.ndarray:
    """Half-pixel centres, edges repeated; pixel by pixel."""
    found = np.empty((h, w))
    rows, columns = grid.shape
    for i in range(h):
        y = np.clip((i + 0.5) * rows / h - 0.5, 0, rows - 1)
        for j in range(w):
            x = np.clip((j + 0.5) * columns / w - 0.5, 0, columns - 1)
            top, left = min(int(y), rows - 2), min(int(x), columns - 2)
            a, b = y - top, x - left
            found[i, j] = (1 - a) * ((1 - b) * grid[top, left] + b * grid[top, left + 1]) + a * (
                (1 - b) * grid[top + 1, left] + b * grid[top + 1, left + 1]
            )
    return found


@pytest.mark.parametrize("target", [0, 1])
def test_rise_is_equation_6_of_scores_less_their_mean(model, images, target):
    rng = np.random.default_rng(3)
    grids, shifts = rng.random((24, 3, 3)) < 0.5, rng.integers(0, [4, 5], (24, 2))
    masks = np.array([
        bilinear(grid.astype(float), 16, 20)[top : top + 12, left : left + 15]
        for grid, (top, left) in zip(grids, shifts, strict=True)
    ])  # fmt: skip
    heat = explain(model, images, "rise", target=target, seed=3, options=FEW["rise"])
    for image, raw in zip(images.astype(float), heat.raw, strict=True):
        scores = probabilities(image * masks[..., None], target)
        equation_6 = np.einsum("m,mhw->hw", scores, masks) / (0.5 * 24)
        floor = scores.mean() * masks.mean(axis=0) / 0.5  # near the mean score: masks keep a half
        np.testing.assert_allclose(raw, equation_6 - floor, atol=1e-5)


@pytest.mark.parametrize("target", [0, 1])
def test_hsic_is_the_trace_of_four_matrices(model, images, target):
    from scipy.stats import qmc

    bits = np.round(qmc.LatinHypercube(9, rng=5).random(24))
    assert (bits.sum(axis=0) == 12).all()  # a Latin hypercube keeps each cell in half of the masks
    heat = explain(model, images, "hsic", target=target, seed=5, options=FEW["hsic"])
    centre = np.eye(24) - 1 / 24
    for image, raw in zip(images.astype(float), heat.raw, strict=True):
        masks = bits.reshape(-1, 3, 3).repeat(4, axis=1).repeat(5, axis=2)
        scores = logits(image * masks[..., None])
        apart = np.abs(scores[:, None] - scores)
        gauss = np.exp(-(apart**2) / (2 * np.median(apart[np.triu_indices(24, 1)]) ** 2))
        for cell in range(9):
            dirac = (bits[:, None, cell] == bits[:, cell]).astype(float)
            trace = np.trace(dirac @ centre @ gauss @ centre) / 23**2
            assert raw[divmod(cell, 3)] == pytest.approx(trace, rel=1e-3, abs=1e-7)


def test_sobol_is_jansen_s_estimator(model, images):
    from scipy.stats import qmc

    drawn = qmc.Sobol(8, rng=2).random(4)
    heat = explain(model, images, "sobol", seed=2, options=FEW["sobol"])

    def score(image, shares):
        mask = shares.reshape(2, 2)[np.ix_(np.arange(12) * 2 // 12, np.arange(15) * 2 // 15)]
        return logits((image * mask[..., None])[None])[0]

    for image, raw in zip(images.astype(float), heat.raw, strict=True):
        of_a = [score(image, row[:4]) for row in drawn]
        for cell in range(4):
            total = 0.0
            for row, at_a in zip(drawn, of_a, strict=True):
                mixed = row[:4].copy()
                mixed[cell] = row[4 + cell]
                total += (at_a - score(image, mixed)) ** 2 / (2 * 4)
            assert raw[divmod(cell, 2)] == pytest.approx(total / np.var(of_a, ddof=1), rel=1e-3)


def test_sobol_s_indices_of_a_sum_are_the_shares_of_its_variance(model):
    """Red alone is linear: cells of 1, 2, 3 and 0 share the variance as 1, 4, 9 and 0."""
    picture = np.zeros((1, 8, 8, 3), np.float32)
    for cell, red in enumerate((1, 2, 3, 0)):
        top, left = 4 * (cell // 2), 4 * (cell % 2)
        picture[0, top : top + 4, left : left + 4, 0] = red
    heat = explain(model, picture, "sobol", options={"designs": 256, "cells": 2})
    np.testing.assert_allclose(heat.raw.ravel(), np.array([1, 4, 9, 0]) / 14, atol=0.03)


def test_hsic_of_what_the_score_does_not_depend_on_is_near_0(model):
    picture = np.zeros((1, 8, 8, 3), np.float32)
    picture[0, :4, :4, 0] = 5
    raw = explain(model, picture, "hsic", options={"masks": 200, "cells": 2}).raw.ravel()
    assert raw[1:].max() < 0.05 * raw[0]


@pytest.mark.parametrize("method", ["hsic", "sobol", "occlusion"])
def test_a_score_that_no_mask_changes_gives_no_heat_and_no_nan(model, method):
    heat = explain(model, np.zeros((1, 12, 12, 3)), method, options=FEW[method])
    assert not heat.values.any()
    assert heat.notes[0].startswith("No heat")


def test_every_picture_is_seen_through_the_same_masks_which_the_seed_draws(model, images):
    """Two pictures that are alike have the same map, wherever they stand."""
    twice = np.concatenate([images, images[:1]])
    for method in BLACK_BOXES:
        heat = explain(model, twice, method, options=FEW[method])
        close = 1e-5 * np.abs(heat.raw[0]).max()
        np.testing.assert_allclose(heat.raw[0], heat.raw[-1], rtol=1e-5, atol=close)
        if method != "occlusion":
            other = explain(model, images[:1], method, seed=9, options=FEW[method])
            assert np.abs(other.raw[0] - heat.raw[0]).max() > 1e-6


@pytest.mark.parametrize("method", BLACK_BOXES)
@pytest.mark.parametrize("shape", [(2, 3), (1, 9), (17, 5)])
def test_a_picture_may_be_smaller_than_the_grid_and_of_any_shape(model, method, shape):
    images = np.random.default_rng(1).uniform(0, 2, (2, *shape, 3)).astype(np.float32)
    heat = explain(model, images, method)
    assert np.isfinite(heat.raw).all()
    assert heat.values.shape == (2, *shape)
    assert heat.values.any(axis=(1, 2)).all()


def test_no_warning_of_scipy_s_is_printed_about_what_is_drawn(model, images):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for method in BLACK_BOXES:
            explain(model, images[:1], method, options=FEW[method])
