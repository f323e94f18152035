"""Methods that weigh the maps of a layer by gradients: one pass forward, one back.

A is a layer's maps and g the gradient of the target's score by them, both `(n, h', w', k)`. The
papers write the class's logit for the score. In a network with one sigmoid the logit of class 0
is minus that of class 1, and so are its gradients.
"""

from dataclasses import replace

import numpy as np
from keras import ops

from engine.cam.asked import Asked, Found
from engine.cam.methods import check_choice, check_number


def grad_cam(asked: Asked) -> Found:
    """Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2, before its ReLU).

    alpha_k is the gradient of the target's logit with respect to map k, averaged over the map; the
    heatmap is the sum of alpha_k · A_k.
    """
    activations, gradients, logits = asked.gradients()
    return _found(asked, grad_cam_weights(gradients), activations, logits)


def grad_cam_weights(gradients: np.ndarray) -> np.ndarray:
    """Grad-CAM's alpha, `(n, 1, 1, k)`."""
    return np.mean(gradients, axis=(1, 2), keepdims=True)


def grad_cam_pp(asked: Asked) -> Found:
    """Grad-CAM++ (Chattopadhay et al. 2018, eq. 19): the positive gradients count.

    alpha = g² / (2·g² + sum(A_k)·g³) at each place, 0 where its denominator is, and map k weighs
    the sum over places of alpha · ReLU(g). The paper differentiates exp(score), whose first three
    derivatives are exp(score) times g, g² and g³; that factor is positive and the same for all
    maps of a picture, and is left out. With one sigmoid, where g changes its sign with the class,
    class 0 is told from the places whose gradient is negative for class 1.

    pytorch-grad-cam does the same but for an epsilon. torch-cam 0.5 divides a copy that it throws
    away, so its weights are the sums of g² · ReLU(g).
    """
    activations, gradients, logits = asked.gradients()
    return _found(asked, plus_plus_weights(activations, gradients), activations, logits)


def plus_plus_weights(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Grad-CAM++'s weights, `(n, 1, 1, k)`."""
    first = gradients.astype(np.float64)  # the third power of a small gradient is 0 in float32
    return _second_order(activations, first, first**2, first**3)


def _second_order(activations, first, second, third) -> np.ndarray:
    """Weights from the derivatives of exp(score) without their factor, `(n, 1, 1, k)`."""
    total = np.sum(activations, axis=(1, 2), keepdims=True, dtype=np.float64)
    below = 2 * second + total * third
    alpha = np.divide(second, below, out=np.zeros_like(second), where=below != 0)
    weights = np.sum(alpha * np.maximum(first, 0), axis=(1, 2), keepdims=True)
    return weights.astype(np.float32)


def smooth_grad_cam_pp(asked: Asked, *, samples: int = 10, sigma: float = 0.1) -> Found:
    """Smooth Grad-CAM++ (Omeiza et al. 2019): Grad-CAM++ with the powers of g averaged over noisy
    copies of the picture. The maps that are weighed and summed are those of the picture itself.

    The paper prints the mean of g in alpha's numerator where Grad-CAM++, which it says it extends,
    has that of g². Here it is g², as in torch-cam, so that without noise the two methods agree.
    (torch-cam takes ReLU(g) of its last copy; the paper's mean is taken here.) Where nothing but
    the mean of each map and one Dense lies behind the layer, g is the same for every picture, and
    noise changes nothing.

    Args:
        samples: noisy copies. sigma: standard deviation of the noise, as a part of the picture's
            range (SmoothGrad's measure, Smilkov et al. 2017: 0.1 to 0.2).
    """
    check_number("number of samples", samples, 1)
    check_number("sigma of the noise", sigma, 0)
    images, n = asked.images, len(asked.images)
    activations, logits = asked.activations()
    spread = sigma * np.ptp(images, axis=(1, 2, 3), keepdims=True)
    powers = np.zeros((3, *activations.shape))
    for sample in range(samples):
        # of the sample alone, so that a picture gets the same noise in any company
        noise = np.random.default_rng((asked.seed, sample)).normal(size=images.shape[1:])
        noisy = replace(asked, images=(images + spread * noise).astype(np.float32))
        gradients = noisy.gradients()[1].astype(np.float64)
        powers += np.stack([gradients, gradients**2, gradients**3]) / samples
        asked.progress((sample + 1) * n, samples * n)
    raw = asked.add(_second_order(activations, *powers) * activations)
    return Found(raw, asked.probabilities(logits))


def xgrad_cam(asked: Asked) -> Found:
    """XGrad-CAM (Fu et al. 2020): map k weighs the mean of its gradient with its own
    activations as the weights, sum(A_k · g) / sum(A_k).

    Where the gradient is the same all over a map, that is Grad-CAM. A map whose sum is 0 weighs
    nothing; the paper has maps after a ReLU in mind, and where a layer gives negative values too
    their sum can be small and the weight large.
    """
    activations, gradients, logits = asked.gradients()
    total = activations.sum(axis=(1, 2), keepdims=True)
    weighed = np.sum(activations * gradients, axis=(1, 2), keepdims=True)
    weights = np.divide(weighed, total, out=np.zeros_like(total), where=total != 0)
    return _found(asked, weights, activations, logits)


def hires_cam(asked: Asked) -> Found:
    """HiResCAM (Draelos & Carin 2020): A · g at each place, summed over the maps.

    At a layer with nothing behind it but one linear step, the map's sum is the logit without its
    bias: what is shown is what the network added up. Grad-CAM differs where g does over a map.
    """
    activations, gradients, logits = asked.gradients()
    return _found(asked, gradients, activations, logits)


def layer_cam(asked: Asked) -> Found:
    """Layer-CAM (Jiang et al. 2021): A · ReLU(g) at each place, summed over the maps.

    The tanh with which the paper levels early layers before it fuses several (its eq. 9) is not
    part of the map of one layer, and is left to whoever fuses.
    """
    activations, gradients, logits = asked.gradients()
    return _found(asked, np.maximum(gradients, 0), activations, logits)


def finer_cam(asked: Asked, *, references: int = 3, strength: float = 0.6) -> Found:
    """Finer-CAM (Zhang et al. 2025): Grad-CAM of what tells the target from the classes like it,
    the mean over those of y_target − strength · y_class.

    Alike are the classes whose logits are nearest to the target's in this picture, as in the
    authors' code. That code weighs them by their probabilities; the paper's plain mean is followed,
    as in torch-cam. With one sigmoid the only other class has minus the target's logit, so the map
    is Grad-CAM times 1 + strength.

    Args:
        references: classes to compare with; all others if there are fewer.
        strength: 0 is Grad-CAM, 1 takes away all that the classes share.
    """
    check_number("number of references", references, 1)
    check_number("strength", strength, 0)
    if asked.head.units == 1:
        activations, gradients, logits = asked.gradients()
        return _found(asked, (1 + strength) * grad_cam_weights(gradients), activations, logits)
    logits, weights = asked.activations()[1], asked.weights()
    distance = np.abs(logits - np.sum(logits * weights, axis=1, keepdims=True))
    count = min(references, asked.head.units - 1)
    alike = np.argsort(np.where(weights > 0, np.inf, distance), axis=1, kind="stable")[:, :count]
    np.put_along_axis(weights, alike, -strength / count, axis=1)
    activations, gradients, _ = asked.gradients(weights)
    return _found(asked, grad_cam_weights(gradients), activations, logits)


def shapley_cam(asked: Asked, *, utility: str = "rest") -> Found:
    """ShapleyCAM (Cai 2025): map k weighs the mean over its places of g − H·A / 2.

    g and H are the gradient and the Hessian of a utility by the layer's maps: the Shapley values
    of the activations in its second-order Taylor expansion. The paper's utility is ReST, the
    logit plus the logarithm of the probability, which sees the other classes and does not vanish
    where the network is sure. With one sigmoid the probability is that of the class's own logit.
    Where the utility is linear in the maps H is 0, and that is Grad-CAM.

    Args:
        utility: "rest", or "score", what is asked for: the logit or the probability.
    """
    check_choice("utility", utility, ("rest", "score"))
    function = _rest if utility == "rest" else _logit if asked.score == "logit" else _probability
    activations, gradients, curvature, logits = asked.curvature(function)
    return _found(asked, grad_cam_weights(gradients - curvature / 2), activations, logits)


def _logit(logits, weights):
    return ops.sum(logits * weights, axis=-1)


def _log_probability(logits, weights):
    if logits.shape[-1] == 1:
        return ops.log_sigmoid(_logit(logits, weights))
    return ops.sum(ops.log_softmax(logits, axis=-1) * weights, axis=-1)


def _probability(logits, weights):
    return ops.exp(_log_probability(logits, weights))


def _rest(logits, weights):
    return _logit(logits, weights) + _log_probability(logits, weights)


def _found(asked: Asked, weights: np.ndarray, activations: np.ndarray, logits) -> Found:
    """The weighted maps, added; weights: `(n, h', w', k)`, or `(n, 1, 1, k)`."""
    asked.progress(len(activations), len(activations))
    return Found(asked.add(weights * activations), asked.probabilities(logits))
