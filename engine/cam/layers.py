"""Methods that look at several layers at once, each map enlarged to the picture.

Whoever names no layer gets the last of each resolution.
"""

import numpy as np

from engine.cam.asked import Asked, Found
from engine.cam.gradients import grad_cam_weights, plus_plus_weights
from engine.cam.methods import check_number
from engine.cam.scaling import resized, unit

LEAST = 0.1  # what the last layer that counts at all counts for in Winsor-CAM


def refine_cam(asked: Asked) -> Found:
    """RefineCAM (Domeniconi et al. 2026): what the maps of all layers show, and no map denies.

    Grad-CAM++ of each layer after its ReLU, enlarged to the picture (bilinear) and drawn from 0 to
    1 by its own minimum and maximum; the heatmap is their product. The early layers give the fine
    outlines, the late ones take away what belongs to other things. A layer whose map is the same
    everywhere says nothing of a place: it counts as 1, or as 0 where its map is zero.

    The paper tries any CAM and several ways to mix; what the authors gave to pytorch-grad-cam as
    the method, Grad-CAM++ and the product, is followed.
    """
    activations, gradients, logits = asked.several()
    size, product = asked.images.shape[1:3], 1.0
    for a, g in zip(activations, gradients, strict=True):
        small = asked.add(plus_plus_weights(a, g) * a)
        even = np.ptp(small, axis=(1, 2), keepdims=True) == 0
        heat = _drawn(_enlarged(_drawn(small), size))
        product = product * np.where(even, small[:, :1, :1] > 0, heat)
    asked.progress(len(asked.images), len(asked.images))
    return Found(product.astype(np.float32), asked.probabilities(logits))


def winsor_cam(asked: Asked, *, percentile: float = 90.0) -> Found:
    """Winsor-CAM (Wall et al. 2025): Grad-CAM of each layer, weighed by how much the layer counts.

    A layer counts by the mean of its Grad-CAM weights over channels, after a ReLU. Of a picture's
    layers that count, those above the `percentile` of them are cut down to it (winsorised), and
    what remains is spread from 0.1 to 1 (all 1 if they are equal). The heatmap is the sum over
    layers of that times the layer's Grad-CAM, after its ReLU and from 0 to 1 by its own minimum
    and maximum. Layers that do not count, and flat maps, are left out.

    With `percentile` 0 all layers that count do so equally; with 100 nothing is cut. The paper
    takes all convolutions and leaves the percentile to the reader; 90 is the one of its authors'
    code, and so are the 0.1 and the minimum and maximum. With one sigmoid output a layer's weight
    for class 0 is minus that for class 1, so a layer counts for one of the two.
    """
    check_number("percentile", percentile, 0, 100)
    activations, gradients, logits = asked.several()
    maps, counts = [], []
    for a, g in zip(activations, gradients, strict=True):
        alpha = grad_cam_weights(g)
        maps.append(_enlarged(_drawn(asked.add(alpha * a)), asked.images.shape[1:3]))
        counts.append(np.maximum(alpha.mean(axis=(1, 2, 3)), 0))
    counts = np.stack([_winsorised(one, percentile) for one in np.stack(counts, axis=-1)])
    asked.progress(len(asked.images), len(asked.images))
    raw = np.einsum("nl,lnhw->nhw", counts, np.stack(maps))
    return Found(raw.astype(np.float32), asked.probabilities(logits))


def _drawn(maps: np.ndarray) -> np.ndarray:
    """A layer's maps `(n, h', w')` after their ReLU, each from 0 to 1 by its own minimum and
    maximum; one that is the same everywhere becomes 0."""
    return unit(np.maximum(maps, 0), axis=(1, 2))


def _enlarged(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.stack([resized(one, size) for one in maps])


def _winsorised(counts: np.ndarray, percentile: float) -> np.ndarray:
    """What the layers of one picture count for, `(layers,)`: those above 0 from 0.1 to 1."""
    found, some = np.zeros_like(counts), counts > 0
    if some.any():
        cut = np.minimum(counts[some], np.percentile(counts[some], percentile))
        span = cut.max() - cut.min()
        found[some] = LEAST + (1 - LEAST) * (cut - cut.min()) / span if span > 0 else 1
    return found
