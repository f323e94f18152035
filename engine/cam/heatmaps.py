"""explain(): a model and pictures become heatmaps."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from engine.cam.methods import check_method
from engine.errors import ConfigError

BATCH = 16  # pictures that a gradient method takes at once


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
            not changed.
        images: `(n, h, w, 3)` exactly as the model takes them (ours: RGB from 0 to 255); they are
            never rescaled.
        method: a name in `METHODS`.
        layer: a layer with a 4-D output; None is the last such layer.
        target: class number, for all pictures or one for each.
        progress: called with (steps done, all) and free to raise, which ends the work.

    Raises:
        LayerError: if the layer has no spatial map, or the model no logits to explain.
        ConfigError: if there is no such method or class, or the pictures have the wrong shape.

    Example:
        >>> heat = explain(model, images, method="grad-cam")  # doctest: +SKIP
        >>> heat.values.shape == images.shape[:3]  # doctest: +SKIP
        True
    """
    from engine.cam.gradients import grad_cam
    from engine.cam.perturbation import score_cam
    from engine.models.head import take_apart

    check_method(method)
    head = take_apart(model, layer)
    images, targets = _checked(images, target, head.classes, model.input_shape[1:])
    started = time.perf_counter()
    if method == "grad-cam":
        raw, scores = _in_batches(grad_cam, head, images, targets, progress)
    else:
        raw, scores = score_cam(head, images, targets, progress)
    raw = np.asarray(raw, np.float32)
    values = np.stack([enlarge(one, images.shape[1:3]) for one in raw])
    seconds = time.perf_counter() - started
    return Heatmaps(raw, values, np.asarray(scores, np.float32), head.layer, method, seconds)


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
    if any(known not in (None, n) for known, n in zip(shape, images.shape[1:], strict=True)):
        raise ConfigError(
            f"The pictures have the shape {images.shape} and the model takes (n, "
            f"{', '.join(str(n or 'any') for n in shape)}); resize them first."
        )
    targets = np.asarray(target, np.int32)
    if targets.shape not in ((), (len(images),)):
        raise ConfigError(
            f"There are {targets.size} targets for {len(images)} pictures; give one for all, or "
            "one for each."
        )
    targets = np.broadcast_to(targets, len(images))
    if targets.min() < 0 or targets.max() >= classes:
        raise ConfigError(f"The target {target} is no class; choose from 0 to {classes - 1}.")
    return images, targets


def _in_batches(method: Callable, head, images, targets, progress: Callable):
    parts = []
    for start in range(0, len(images), BATCH):
        stop = min(start + BATCH, len(images))
        raw, scores = method(head, images[start:stop], targets[start:stop])
        parts.append((np.asarray(raw), np.asarray(scores)))
        progress(stop, len(images))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))
