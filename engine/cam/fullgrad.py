"""FullGrad: what the pixels and the biases of all layers add to the score, as one map."""

import numpy as np

from engine.cam.asked import Asked, Found
from engine.cam.methods import check_choice
from engine.cam.scaling import resized, unit

RESCALE = ("channel", "layer")


def fullgrad(asked: Asked, *, rescale: str = "channel") -> Found:
    """FullGrad (Srinivas & Fleuret 2019, arXiv 1905.00780, eq. 8).

    S(x) = ψ(∇f(x) ⊙ x) + Σ_l Σ_c ψ(f^b(x)_c) over the channels c of all layers l with a map, where
    f^b = b ⊙ ∂f/∂(the layer's output before its activation) and ψ is the absolute value, rescaled
    to 0..1 and enlarged (bilinear) to the picture. Biases are those of `engine.models.biases`:
    batch normalisation's −γμ/σ + β among them, and implicit ones; with those of the layers without
    a map, which eq. 8 leaves out, they add up to the score. As ψ takes the absolute value, the map
    of one sigmoid's class 0 is that of its class 1.

    Args:
        rescale: what ψ brings to 0..1, each "channel", as in eq. 8, or all channels of a "layer" by
            one minimum and maximum, as in the authors' code (idiap/fullgrad-saliency), where weak
            channels stay weak. pytorch-grad-cam rescales channels, too, and knows no implicit bias.
            That code enlarges with aligned corners; here cells lie as they do in every other map.

    Raises:
        ConfigError: if there is no such `rescale`.
    """
    check_choice("rescale", rescale, RESCALE)
    n, size = len(asked.images), asked.images.shape[1:3]
    raw, logits = np.zeros((n, *size), np.float32), []
    for i in range(n):  # one by one: the gradients of all layers stand in memory together
        by_pixels, parts, logit = asked.full_gradients(i)
        logits.append(logit)
        raw[i] = unit(np.abs(by_pixels)).sum(axis=-1)
        for found in _by_size(parts, None if rescale == "layer" else (0, 1)).values():
            raw[i] += resized(found, size)
        asked.progress(i + 1, n)
    return Found(raw, asked.probabilities(np.stack(logits)))


def _by_size(parts: dict[str, np.ndarray], axis) -> dict[tuple, np.ndarray]:
    """The absolute values of the layers' maps `(h', w', k)`, rescaled over these axes and
    added up, by their height and width."""
    added: dict[tuple, np.ndarray] = {}
    for part in parts.values():
        found = unit(np.abs(part), axis).sum(axis=-1)
        added[found.shape] = added.get(found.shape, 0) + found
    return added
