"""explain(): a model and pictures become heatmaps."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from engine.cam.methods import METHODS, check_method
from engine.errors import ConfigError, LayerError

BATCH = 16  # pictures that a method takes at once


@dataclass(frozen=True)
class Heatmaps:
    """What `explain` found.

    raw: `(n, h', w')` float32, signed, at the layer's own resolution, before ReLU.
    values: `(n, h, w)` float32 from 0 to 1: raw enlarged (bilinear), ReLU, divided by its maximum;
        a map that is nowhere positive stays zero.
    scores: `(n,)` float32, the target's probability for the pictures as they are.
    seconds: for all of them together.
    """

    raw: np.ndarray
    values: np.ndarray
    scores: np.ndarray
    layer: str
    method: str
    seconds: float


def explain(
    model,
    images: np.ndarray,
    method: str = "score-cam",
    layer: str | None = None,
    target: int | Sequence[int] = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Heatmaps:
    """Heatmaps of what speaks for `target` in each picture.

    Args:
        model: a Keras model of whole pictures that ends in one sigmoid unit or in a softmax; it is
            not changed. One that computes in float16 or bfloat16 is explained in float32.
        images: `(n, h, w, 3)` exactly as the model takes them (ours: RGB from 0 to 255); they are
            never rescaled.
        method: a name in `METHODS`.
        layer: a layer with a spatial map, by its name, by its path in a model that is used as a
            layer (`body/block3_out`), or by its use (`conv#2`); None is the last such layer.
        target: class number, for all pictures or one for each.
        progress: called with (steps done, all) and free to raise, which ends the work.

    Raises:
        LayerError: if the layer has no spatial map, if the model has no logits to explain or
            cannot be taken apart, or if its numbers overflow.
        ConfigError: if there is no such method or class, or the pictures have the wrong shape or
            hold numbers that are not finite.

    Example:
        >>> heat = explain(model, images, method="grad-cam")  # doctest: +SKIP
        >>> heat.values.shape == images.shape[:3]  # doctest: +SKIP
        True
    """
    from engine.models.head import take_apart

    check_method(method)
    head = take_apart(model, layer)
    images, targets = _checked(images, target, head.classes, model.inputs[0].shape[1:])
    started = time.perf_counter()
    raw, scores = _in_batches(METHODS[method].load(), head, images, targets, progress)
    _check_maps(raw, head.layer)
    values = np.stack([enlarge(one, images.shape[1:3]) for one in raw])
    seconds = time.perf_counter() - started
    return Heatmaps(raw, values, scores, head.layer, method, seconds)


def enlarge(raw: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A signed map `(h', w')` as heat `(h, w)` from 0 to 1: bilinear, ReLU, by its own maximum."""
    heat = np.maximum(cv2.resize(raw, size[::-1], interpolation=cv2.INTER_LINEAR), 0)
    return heat / heat.max() if heat.max() > 0 else heat


def _checked(images, target, classes: int, shape) -> tuple[np.ndarray, np.ndarray]:
    images = np.asarray(images, np.float32)
    if images.ndim != 4 or len(images) == 0:
        raise ConfigError(
            f"The pictures have the shape {images.shape}; give at least one, as (n, h, w, 3)."
        )
    if len(shape) != 3 or any(
        known not in (None, n) for known, n in zip(shape, images.shape[1:], strict=True)
    ):
        raise ConfigError(
            f"The pictures have the shape {images.shape} and the model takes (n, "
            f"{', '.join(str(n or 'any') for n in shape)}); resize them first."
        )
    broken = np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))
    if len(broken):
        raise ConfigError(
            f"The picture {broken[0]} (counted from 0) holds numbers that are not finite; give "
            "pixels without NaN and infinity."
        )
    return images, _targets(target, len(images), classes)


def _targets(target, n: int, classes: int) -> np.ndarray:
    targets = np.asarray(target)
    if targets.dtype.kind not in "biuf" or not np.isin(targets, np.arange(classes)).all():
        raise ConfigError(f"The target {target} is no class; choose from 0 to {classes - 1}.")
    if targets.shape not in ((), (n,)):
        raise ConfigError(
            f"There are {targets.size} targets for {n} pictures; give one for all, or one for each."
        )
    return np.broadcast_to(targets, n).astype(np.int32)


def _in_batches(method: Callable, head, images, targets, progress: Callable):
    """Raw maps and scores of all pictures; the steps of a batch become steps of all."""
    parts, n = [], len(images)
    for start in range(0, n, BATCH):
        stop = min(start + BATCH, n)

        def told(done: int, total: int, start=start, size=stop - start) -> None:
            progress(start * total // size + done, n * total // size)

        parts.append(method(head, images[start:stop], targets[start:stop], told))
    raw, scores = (
        np.concatenate([np.asarray(one, np.float32) for one in part])
        for part in zip(*parts, strict=True)
    )
    return raw, scores


def _check_maps(raw: np.ndarray, layer: str) -> None:
    if raw.shape[1:] == (1, 1):
        raise LayerError(
            f"The layer '{layer}' has a map of 1 × 1 for pictures of this size; choose an earlier "
            "layer, or larger pictures."
        )
    broken = np.flatnonzero(~np.isfinite(raw).all(axis=(1, 2)))
    if len(broken):
        raise LayerError(
            f"The heatmap of picture {broken[0]} (counted from 0) is not finite at the layer "
            f"'{layer}', as the model's numbers overflow; look at its weights and at the pixels."
        )
