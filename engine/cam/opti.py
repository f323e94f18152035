"""Opti-CAM: the weights of the maps are searched for."""

import numpy as np
from keras import ops
from scipy.special import softmax

from engine import backend
from engine.cam.asked import Asked, Found, mask_of
from engine.cam.methods import check_number

MOMENTS, EPSILON = (0.9, 0.999), 1e-8  # Adam's own (Kingma and Ba 2015)


def opti_cam(asked: Asked, *, steps: int = 50, rate: float = 0.1) -> Found:
    """Opti-CAM (Zhang et al. 2024, arXiv 2301.07002, eq. 8 to 11).

    The heatmap S(u) is the sum of the maps weighed by a softmax of u over the channels; u is what
    makes the target's logit highest in the picture that is masked by S(u), enlarged and scaled to
    0..1. It starts at 0, the mean of the maps, and goes `steps` of Adam at `rate`, as in the
    authors' code for the paper's results. What is returned is that mask, at the picture's size.

    The authors' code rectifies the maps first, which the paper does not, and ends when the loss of
    a batch grew over a tenth of the steps; here all steps are taken, so that no picture hangs on
    its neighbours.

    Raises:
        ConfigError: if there is no step, or it goes nowhere.
    """
    check_number("number of steps", steps, 1)
    check_number("rate", rate, 1e-6)
    maps, logits = asked.activations()
    probability = asked.score == "probability"
    size = asked.images.shape[1:3]

    head = asked.head  # and not asked, whose pictures would be kept with what is compiled

    def gradient(u, pixels, maps, weights):
        def scored(pixels, watch):
            watch(u)
            alpha = ops.softmax(u, axis=-1)[:, None, None]
            mask = mask_of(ops.sum(maps * alpha, axis=-1), size, "unit")
            return u, head.scored(mask * pixels, weights, probability)

        return backend.gradients_of(scored, pixels)[1]

    compiled = head.compiled(f"opti {probability} {size}", gradient)
    given = [ops.convert_to_tensor(one) for one in (asked.images, maps, asked.weights())]
    u = np.zeros((len(maps), maps.shape[-1]), np.float32)
    mean, square = np.zeros_like(u), np.zeros_like(u)
    for step in range(1, steps + 1):
        slope = np.asarray(compiled(ops.convert_to_tensor(u), *given))
        mean += (1 - MOMENTS[0]) * (slope - mean)
        square += (1 - MOMENTS[1]) * (slope**2 - square)
        scaled = np.sqrt(square / (1 - MOMENTS[1] ** step)) + EPSILON
        u += rate * mean / (1 - MOMENTS[0] ** step) / scaled
        asked.count(len(u))
        asked.progress(step * len(u), steps * len(u))
    found = asked.add(maps * softmax(u, axis=-1)[:, None, None])
    mask = mask_of(ops.convert_to_tensor(found), size, "unit")
    return Found(np.asarray(mask)[..., 0], asked.probabilities(logits))
