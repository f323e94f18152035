"""Methods that hide parts of the picture and watch the score: many passes forward."""

from collections.abc import Callable

import cv2
import numpy as np
from keras import ops

from engine.models.head import Head, target_probabilities

PASSES = 32  # masked pictures that go through the model together


def score_cam(head: Head, images: np.ndarray, target: np.ndarray, progress: Callable):
    """Score-CAM (Wang et al. 2020, algorithm 1, as in the authors' own code).

    Each map of the layer, enlarged to the picture and scaled to 0..1 by its own minimum and
    maximum, masks the picture; its weight is the target's probability for what is left. A map
    that is the same everywhere is left out. The heatmap is the weighted sum of the maps.

    Args:
        images: `(n, h, w, 3)` float32 as the model takes them; target: `(n,)` class numbers.
        progress: called with (passes done, all).

    Returns:
        raw maps `(n, h', w')` and the target's probabilities `(n,)` for the unmasked pictures.
    """
    activations, logits = head.fast(images)
    maps = ops.convert_to_numpy(activations)
    raw = np.empty(maps.shape[:3], np.float32)
    for i, image in enumerate(images):
        weights = _weights(head, image, maps[i], target[i], lambda done, i=i: progress(
            i * maps.shape[-1] + done, len(images) * maps.shape[-1]
        ))  # fmt: skip
        raw[i] = maps[i] @ weights
    return raw, target_probabilities(logits, target)


def _weights(head: Head, image: np.ndarray, maps: np.ndarray, target: int, progress: Callable):
    """The weight of each map `(h', w', k)`: `(k,)` float32, 0 for a flat one."""
    low, high = maps.min(axis=(0, 1)), maps.max(axis=(0, 1))
    told = np.flatnonzero(high > low)
    weights = np.zeros(maps.shape[-1], np.float32)
    flat = len(weights) - len(told)
    progress(flat)
    for start in range(0, len(told), PASSES):
        chosen = told[start : start + PASSES]
        masked = image * _masks(maps[..., chosen], image.shape[:2])[..., None]
        _, logits = head.fast(masked)
        weights[chosen] = target_probabilities(logits, np.full(len(chosen), target))
        progress(flat + min(start + PASSES, len(told)))
    return weights


def _masks(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps `(h', w', m)` as masks `(m, h, w)` from 0 to 1."""
    large = np.stack([cv2.resize(one, size[::-1]) for one in np.moveaxis(maps, -1, 0)])
    low = large.min(axis=(1, 2), keepdims=True)
    span = large.max(axis=(1, 2), keepdims=True) - low
    return (large - low) / np.where(span > 0, span, 1)
