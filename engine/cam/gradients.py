"""Methods that weigh the maps of a layer by gradients: one pass forward, one back."""

from collections.abc import Callable

from keras import ops

from engine import backend
from engine.models.head import Head, target_probabilities, target_weights


def grad_cam(head: Head, images, target, progress: Callable):
    """Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2, before its ReLU).

    alpha_k is the gradient of the target's logit with respect to map k, averaged over the map; the
    heatmap is the sum of alpha_k · A_k.

    Args:
        images: `(n, h, w, 3)` float32 as the model takes them; target: `(n,)` class numbers.
        progress: called with (pictures done, all) at the end.

    Returns:
        raw maps `(n, h', w')` and the target's probabilities `(n,)`.
    """
    activations, gradients, logits = backend.gradients_of_sum(
        head.forward, images, target_weights(target, head.units)
    )
    alpha = ops.mean(gradients, axis=(1, 2), keepdims=True)
    progress(len(images), len(images))
    return ops.sum(alpha * activations, axis=-1), target_probabilities(logits, target)
