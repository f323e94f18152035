"""Muon: every direction of a kernel's step is about as long as every other; AdamW for the rest."""

import keras
import numpy as np
import pytest

from engine.training.muon import WEIGHT_DECAY, ConvolutionMuon

RATE = 0.01


def stepped(optimizer, start: np.ndarray, gradients: list[np.ndarray]) -> np.ndarray:
    """What the variable has become."""
    variable = keras.Variable(start.astype(np.float32))
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype(np.float32))])
    return variable.numpy()


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (3, 3, 2, 40)])
def test_a_kernel_s_step_goes_equally_far_in_every_direction(shape):
    """Of a gradient that is a hundred times as long in one direction as in another."""
    rng = np.random.default_rng(2)
    rows, columns = np.prod(shape[:3]), shape[3]
    n = min(rows, columns)
    left = np.linalg.qr(rng.normal(size=(rows, n)))[0]
    right = np.linalg.qr(rng.normal(size=(columns, n)))[0]
    gradient = (left * np.geomspace(1, 100, n)) @ right.T
    start = np.zeros(shape)
    found = stepped(ConvolutionMuon(RATE, 0.95), start, [gradient.reshape(shape)])
    step = -(left.T @ found.reshape(rows, columns) @ right)
    # AdamW's step is as long as the rate in each weight; this one's mean square is a fifth of it
    length = 0.2 * RATE * max(rows, columns) ** 0.5
    directions = np.diag(step) / length
    assert ((directions > 0.5) & (directions < 1.4)).all()
    assert np.abs(step - np.diag(np.diag(step))).max() < 0.1 * length


@pytest.mark.parametrize("shape", [(6,), (6, 3)])
def test_norms_and_dense_layers_take_the_steps_of_adamw(shape):
    rng = np.random.default_rng(3)
    start, gradients = rng.normal(size=shape), list(rng.normal(size=(4, *shape)))
    found = stepped(ConvolutionMuon(RATE, 0.95), start, gradients)
    expected = stepped(keras.optimizers.Adam(RATE), start, gradients)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_kernel_decays_by_the_rate():
    start = np.ones((3, 3, 2, 4))
    found = stepped(ConvolutionMuon(RATE, 0.95), start, [np.zeros_like(start)])
    np.testing.assert_allclose(found, 1 - RATE * WEIGHT_DECAY, rtol=1e-6)


def test_all_that_it_remembers_is_in_its_variables():
    """So that a training which is taken up again goes on as it would have."""
    rng = np.random.default_rng(4)
    kernel, gradients = rng.normal(size=(3, 3, 2, 4)), list(rng.normal(size=(6, 3, 3, 2, 4)))
    whole = stepped(ConvolutionMuon(RATE, 0.95), kernel, gradients)
    first, second = ConvolutionMuon(RATE, 0.95), ConvolutionMuon(RATE, 0.95)
    half = stepped(first, kernel, gradients[:3])
    variable = keras.Variable(half)
    second.build([variable])
    for mine, other in zip(second.variables, first.variables, strict=True):
        mine.assign(other)
    for gradient in gradients[3:]:
        second.apply([keras.ops.convert_to_tensor(gradient.astype(np.float32))])
    assert (variable.numpy() == whole).all()
