"""Methods that mask the picture by a layer's maps and watch the score: Score-CAM and its kin."""

import numpy as np

from engine.cam.asked import Asked, Found


def score_cam(asked: Asked) -> Found:
    """Score-CAM (Wang et al. 2020, arXiv 1910.01279 v1, algorithm 1, as in the authors' code).

    Each map of the layer, enlarged to the picture and scaled to 0..1 by its own minimum and
    maximum, masks the picture; its weight is the target's probability for what is left. A map
    that is the same everywhere is left out and costs no pass. The heatmap is the weighted sum of
    the maps.
    """
    maps, logits = asked.activations()
    of, channels = alive(maps)
    total = maps.shape[0] * maps.shape[-1]
    flat = total - len(of)
    masked = asked.masked(
        of,
        lambda row: maps[of[row], ..., channels[row]],
        told=lambda done: asked.progress(flat + done, total),
    )
    weights = np.zeros((len(maps), maps.shape[-1]), np.float32)
    weights[of, channels] = asked.scores(masked, of)
    asked.progress(total, total)
    return Found(asked.add(maps * weights[:, None, None]), asked.probabilities(logits))


def alive(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which maps `(n, h', w', k)` are not the same everywhere: their pictures and channels."""
    return np.nonzero(maps.max(axis=(1, 2)) > maps.min(axis=(1, 2)))
