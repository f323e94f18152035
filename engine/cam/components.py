"""The first principal component of a stack of maps."""

import numpy as np


def first_component(maps: np.ndarray, centred: bool = True) -> np.ndarray:
    """What each place of the maps holds of their first principal component.

    The places are the samples and the channels the variables: with X the places × channels matrix
    and v its first right singular vector the result is X·v. A singular vector has no sign of its
    own; it gets the one with which the result agrees with the plain sum over channels (their
    product summed over the places, both centred if X is, is not negative).

    Args:
        maps: `(n, h, w, k)`, each picture by itself.
        centred: each channel's mean over the places is taken off first.

    Returns:
        `(n, h, w)` float32; zeros where all channels are flat (with `centred`) or zero.
    """
    n, height, width, channels = maps.shape
    x = maps.reshape(n, height * width, channels).astype(np.float64)
    if centred:
        x = x - x.mean(axis=1, keepdims=True)
    projected = np.stack([_projected(one) for one in x])
    agrees = np.sum(projected * x.sum(axis=-1), axis=1, keepdims=True) >= 0
    return np.where(agrees, projected, -projected).reshape(n, height, width).astype(np.float32)


def _projected(x: np.ndarray) -> np.ndarray:
    """X·v of one matrix `(places, channels)`, by the smaller of its two Gram matrices."""
    places, channels = x.shape
    if channels <= places:
        return x @ np.linalg.eigh(x.T @ x)[1][:, -1]
    values, vectors = np.linalg.eigh(x @ x.T)
    return vectors[:, -1] * np.sqrt(max(values[-1], 0))
