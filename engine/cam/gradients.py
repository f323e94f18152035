"""Methods that weigh the maps of a layer by gradients: one pass forward, one back."""

import numpy as np

from engine.cam.asked import Asked, Found


def grad_cam(asked: Asked) -> Found:
    """Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2, before its ReLU).

    alpha_k is the gradient of the target's logit with respect to map k, averaged over the map; the
    heatmap is the sum of alpha_k · A_k.
    """
    activations, gradients, logits = asked.gradients()
    alpha = np.mean(gradients, axis=(1, 2), keepdims=True)
    asked.progress(len(activations), len(activations))
    return Found(asked.add(alpha * activations), asked.probabilities(logits))
