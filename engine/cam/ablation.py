"""Methods that take maps of a layer away and watch the score: Ablation-CAM and LIFT-CAM."""

import numpy as np

from engine.cam.asked import Asked, Found
from engine.models.lift import multipliers_of


def ablation_cam(asked: Asked) -> Found:
    """Ablation-CAM (Desai and Ramaswamy 2020, eq. 6).

    The weight of map k is (y − y_k) / y, the share of the target's logit y that is lost when the
    map is set to 0; the heatmap is the weighted sum of the maps. A map that is 0 everywhere loses
    nothing and costs no pass; one that is the same everywhere, but not 0, is taken away like any.

    The paper explains the class that the network chose, whose logit is positive. Where y is
    negative the division would turn the map round, so here it is by |y|, which is the same for the
    paper's case; where y is 0 there is no division. pytorch-grad-cam divides by y, and in a layer
    with negative values sets the map not to 0 but far below its minimum.
    """
    maps, logits = asked.activations()
    of, channels = np.nonzero((maps != 0).any(axis=(1, 2)))
    total = len(maps) * maps.shape[-1]
    nothing = total - len(of)

    def without(row: int) -> np.ndarray:
        left = maps[of[row]].copy()
        left[..., channels[row]] = 0
        return left

    found = asked.replaced(of, without, told=lambda done: asked.progress(nothing + done, total))
    scores = asked.scores(logits)
    weights = np.zeros((len(maps), maps.shape[-1]), np.float32)
    weights[of, channels] = scores[of] - asked.scores(found, of)
    weights /= np.where(scores == 0, 1, np.abs(scores))[:, None]
    asked.progress(total, total)
    return Found(asked.add(maps * weights[:, None, None]), asked.probabilities(logits))


def lift_cam(asked: Asked) -> Found:
    """LIFT-CAM (Jung and Oh 2021, arXiv 2102.05228, eq. 9): the weight of a map is what DeepLIFT
    says that it contributes to the target's score, against maps that are 0 everywhere.

    That approximates the map's SHAP value, its mean gain over all orders in which maps could be
    added; where nothing but a linear function follows the layer it is the SHAP value. The weights
    of a picture's maps sum to the score less that of a picture whose maps are all 0. It takes one
    pass over both, and one back; see `engine.models.lift` for what is not linear.
    """
    maps, multipliers, logits = multipliers_of(
        asked.head, asked.images, asked.weights(), asked.score == "probability"
    )
    maps, multipliers, logits = map(np.asarray, (maps, multipliers, logits))
    asked.count(2 * len(maps))
    alpha = np.sum(maps * multipliers, axis=(1, 2), keepdims=True)
    asked.progress(len(maps), len(maps))
    return Found(asked.add(maps * alpha), asked.probabilities(logits))
