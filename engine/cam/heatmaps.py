"""explain(): a model and pictures become heatmaps."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.cam.methods import (
    METHODS,
    Method,
    check_choice,
    check_method,
    check_number,
    check_options,
)
from engine.cam.notes import note
from engine.cam.scaling import resized
from engine.errors import ConfigError, LayerError

BATCH = 16  # pictures that a method takes at once
COMBINE = {"mean": np.mean, "max": np.max}  # several layers
SCORES = ("logit", "probability")
PRECISIONS = ("float32", "auto")


@dataclass(frozen=True)
class Heatmaps:
    """What `explain` found.

    raw: `(n, h', w')` float32, signed, before ReLU: at the layer's own resolution, or the method's;
        of several layers that were combined, `(n, h, w)` from 0 to 1.
    values: `(n, h, w)` float32 from 0 to 1: raw enlarged (bilinear), ReLU, divided by its maximum;
        a map that is nowhere positive stays zero.
    scores: `(n,)` float32, the target's probability for the pictures as they are.
    layer: its name, of several with " + " between them; "" for a method of the whole network.
    seconds: for all of them together.
    notes: a sentence for each picture about its map, "" where there is nothing to say.
    error: `(n, h', w')`, the half width of the 95% error of raw, where a method states one.
    passes: forward passes of single pictures, all in all. engine: what computed them.
    """

    raw: np.ndarray
    values: np.ndarray
    scores: np.ndarray
    layer: str
    method: str
    seconds: float
    notes: tuple[str, ...] = ()
    error: np.ndarray | None = None
    passes: int = 0
    engine: str = ""


def explain(
    model,
    images: np.ndarray,
    method: str = "score-cam",
    layer: str | Sequence[str] | None = None,
    target: int | Sequence[int] = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    combine: str = "mean",
    score: str | None = None,
    flips: bool = False,
    eigen: bool = False,
    precision: str = "float32",
    batch: int = BATCH,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
) -> Heatmaps:
    """Heatmaps of what speaks for `target` in each picture.

    Args:
        model: a Keras model of whole pictures that ends in one sigmoid unit or in a softmax; it is
            not changed. One that computes in float16 or bfloat16 is explained in float32. Several
            threads may ask one model at once; their forward passes share batches.
        images: `(n, h, w, 3)` exactly as the model takes them (ours: RGB from 0 to 255); they are
            never rescaled.
        method: a name in `METHODS`.
        layer: a layer with a spatial map, by its name, by its path in a model that is used as a
            layer (`body/block3_out`), or by its use (`conv#2`); several, as a sequence; None is the
            last such layer, and for a method of several layers the last of each resolution. A
            method of the whole network looks at none, whatever is named.
        target: class number, for all pictures or one for each.
        progress: called with (steps done, all) and free to raise, which ends the work.
        combine: how several layers become one map: each from 0 to 1, then their "mean" or "max".
        score: what is differentiated or compared, "logit" (before the last activation) or
            "probability" (after it); None is the method's own.
        flips: the mean of the maps of the picture and of its mirror image, mirrored back.
        eigen: eigen smoothing, see `engine.cam.asked.Asked.add`.
        precision: of forward passes: "float32", or "auto", bfloat16 where the processor has it.
        batch: pictures that a method takes at once.
        seed: of whatever a method draws.
        options: the method's own, by name.

    Raises:
        LayerError: if the layer has no spatial map, if the model has no logits to explain or
            cannot be taken apart, or if its numbers overflow.
        ConfigError: if there is no such method, option or class, or the pictures have the wrong
            shape or hold numbers that are not finite.

    Example:
        >>> heat = explain(model, images, method="grad-cam")  # doctest: +SKIP
        >>> heat.values.shape == images.shape[:3]  # doctest: +SKIP
        True
    """
    from engine.cam.asked import Asked

    check_method(method)
    chosen = METHODS[method]
    check_choice("way to combine layers", combine, COMBINE)
    check_choice("score", score or SCORES[0], SCORES)
    check_choice("precision", precision, PRECISIONS)
    check_number("number of pictures at once", batch, 1)
    check_number("seed", seed, 0)
    heads = _heads(model, layer, chosen)
    images, targets = _checked(images, target, heads[0].classes, heads[0].shape)
    options = check_options(chosen, options or {})
    started = time.perf_counter()
    asked = Asked(
        heads, images, targets, score or chosen.score, exact=precision == "float32", eigen=eigen,
        seed=seed,
    )  # fmt: skip
    found = _find(chosen, asked, options, flips, batch, progress)
    raw = found[0].raw
    if len(found) > 1:
        drawn = [np.stack([enlarge(one, images.shape[1:3]) for one in part.raw]) for part in found]
        raw = COMBINE[combine](drawn, axis=0)
    values = np.stack([enlarge(one, images.shape[1:3]) for one in raw])
    return Heatmaps(
        raw, values, found[0].scores,
        layer="" if chosen.layers == "none" else " + ".join(head.layer for head in heads),
        method=method,
        seconds=time.perf_counter() - started,
        notes=tuple(" ".join(filter(None, (note(one), *asked.remarks))) for one in raw),
        error=found[0].error if len(found) == 1 else None,
        passes=asked.passes[0],
        engine=" and ".join(asked.engines),
    )  # fmt: skip


def _heads(model, layer, method: Method) -> tuple:
    """The model up to each layer that the method is to look at."""
    from engine.models.apart import choose_layer, take_apart, take_whole
    from engine.models.graph import last_of_each_size

    if method.layers == "none":
        return (take_whole(model),)
    if layer is None and method.layers == "several":
        choose_layer(model, None)  # raises where there is no layer
        names = last_of_each_size(model)
    else:
        names = [layer] if layer is None or isinstance(layer, str) else layer
        if not isinstance(names, Sequence) or not all(isinstance(one, str | None) for one in names):
            raise ConfigError(f"The layer {layer!r} is no name; name one, or several as a list.")
        if not names:
            raise ConfigError("No layer was given; name one, or several, or leave it out.")
    return tuple(take_apart(model, name) for name in dict.fromkeys(names))


def _find(chosen: Method, asked, options, flips: bool, size: int, progress: Callable) -> list:
    """What the method finds, at each layer that it looks at by itself; with `flips` the mean of
    that and of what it finds in the mirror image."""
    each = [asked]
    if chosen.layers == "one":
        each = [replace(asked, heads=(head,)) for head in asked.heads]
    function, runs = chosen.load(), len(each) * (2 if flips else 1)

    def work(one, at: int):
        return _in_batches(
            lambda batch: function(batch, **options), one, size,
            lambda done, total: progress(at * total + done, runs * total),
        )  # fmt: skip

    found = []
    for at, one in enumerate(each):
        if flips:
            mirrored = replace(one, images=one.images[:, :, ::-1])
            maps = _mean_of_both(work(one, 2 * at), work(mirrored, 2 * at + 1))
        else:
            maps = work(one, at)
        _check_found(maps, one.head.layer)
        found.append(maps)
    return found


def _mean_of_both(found, mirrored):
    """Of a picture's maps and those of its mirror image."""
    both = {"raw": (found.raw + mirrored.raw[:, :, ::-1]) / 2}
    if found.error is not None:  # at worst both err alike
        both["error"] = (found.error + mirrored.error[:, :, ::-1]) / 2
    return replace(found, **both)


def enlarge(raw: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A signed map `(h', w')` as heat `(h, w)` from 0 to 1: bilinear, ReLU, by its own maximum."""
    heat = np.maximum(resized(raw, size), 0)
    return heat / heat.max() if heat.max() > 0 else heat


def _checked(images, target, classes: int, shape) -> tuple[np.ndarray, np.ndarray]:
    try:
        images = np.asarray(images, np.float32)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"The pictures are no array of numbers ({error}); give (n, h, w, 3)."
        ) from error
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


def _in_batches(method: Callable, asked, size: int, progress: Callable):
    """What a method finds in all pictures; the steps of a batch become steps of all."""
    parts, n = [], len(asked.images)
    for start in range(0, n, size):
        stop = min(start + size, n)

        def told(done: int, total: int, start=start, count=stop - start) -> None:
            progress(start * total // count + done, n * total // count)

        parts.append(method(replace(
            asked, images=asked.images[start:stop], target=asked.target[start:stop], progress=told
        )))  # fmt: skip
    if len(parts) == 1:
        return parts[0]
    whole = ("raw", "scores") if parts[0].error is None else ("raw", "scores", "error")
    return replace(
        parts[0], **{name: np.concatenate([getattr(one, name) for one in parts]) for name in whole}
    )


def _check_found(found, layer: str | None) -> None:
    from engine.cam.asked import check_finite

    raw = found.raw
    if raw.shape[1:] == (1, 1) and layer is not None:
        raise LayerError(
            f"The layer '{layer}' has a map of 1 × 1 for pictures of this size; choose an earlier "
            "layer, or larger pictures."
        )
    check_finite(np.append(raw.reshape(len(raw), -1), found.scores[:, None], axis=1), layer)
