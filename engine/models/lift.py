"""DeepLIFT's multipliers (Shrikumar et al. 2017, arXiv 1704.02685), by way of gradients.

A batch holds everything twice: as it is, and as it is for a reference. What a layer gives for the
first half stays what it is, but its gradient becomes the slope between the two halves; so the
gradient of a score is DeepLIFT's multiplier, whose chain rule is the gradient's.

- A linear layer's slope is its gradient.
- Of a function of each number alone, a ReLU or another activation, the slope is Δy / Δx (the
  Rescale rule), and the gradient where Δx is about 0.
- Pooling by the maximum owes Δy to one place: the largest, where y grew, or else the reference's
  largest (as in Captum and SHAP); the slope there is Δy / Δx again.
- A layer normalisation keeps the scale of the picture's own numbers (as relevance propagation does:
  Ali et al. 2022, arXiv 2202.07304), since a reference of zeros has none to go half way to.
- For anything else the rule says nothing: a product, a softmax, another normalisation. There it is
  the mean gradient on the line between the two (by Gauss and Legendre, at eight places), which for
  a function of one number is the rule again and keeps what the rule keeps: the contributions sum to
  Δy, up to what eight places miss.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from engine import backend
from engine.models.classifier import in_its_place
from engine.models.float32 import without_activation
from engine.models.head import Head, score_of

LINEAR = (
    "Add", "Average", "AveragePooling2D", "BatchNormalization", "Concatenate", "Conv2D",
    "Conv2DTranspose", "Cropping2D", "Dense", "DepthwiseConv2D", "Dropout", "Flatten",
    "GlobalAveragePooling2D", "Identity", "Permute", "Rescaling", "Reshape", "SeparableConv2D",
    "SpatialDropout2D", "Subtract", "UpSampling2D", "ZeroPadding2D",
)  # fmt: skip
ONE_BY_ONE = (
    "elu", "gelu", "hard_sigmoid", "hard_silu", "leaky_relu", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "softplus", "softsign", "tanh",
)  # fmt: skip
LAYERS_ONE_BY_ONE = ("ELU", "LeakyReLU", "PReLU", "ReLU")
LARGEST = ("GlobalMaxPooling2D", "MaxPooling2D")
NEAR = 1e-4  # of a number: where Δx is less of it, Δy / Δx is rounding
PLACES, SHARES = np.polynomial.legendre.leggauss(8)  # on −1..1


def multipliers_of(head: Head, pixels, weights, probability: bool = False):
    """Activations `(n, h', w', k)` of the head's layer, DeepLIFT's multipliers of the score by them
    against activations of 0, and logits, in one compiled pass.

    Args:
        weights: `(n, units)`, what each logit counts for in the score.
        probability: the score is the probability, and not the logit.
    """

    def one_pass(pixels, weights, probability: bool):
        def scored(x, watch):
            found = []

            def with_reference(seen):
                found.append(ops.split(seen, 2)[0])
                watch(found[0])
                return ops.concatenate([found[0], ops.zeros_like(found[0])])

            _, logits = head.through(
                (head.layer,), ops.concatenate([x, x]), instead=with_reference,
                how=lambda *of: (_lifted if found else in_its_place)(*of),
            )  # fmt: skip
            both = ops.concatenate([weights, weights])
            total = between(lambda z, w: score_of(z, w, probability), logits, both)
            return found[0], ops.split(total, 2)[0], ops.split(logits, 2)[0]

        return backend.gradients_of(scored, pixels)

    return head.once(("lift",), one_pass)(pixels, weights, probability)


def _lifted(path: str, layer, inputs, compute):
    """What a layer gives in such a batch; see `engine.models.classifier.run_layers`."""

    def as_it_is(*inputs):
        return compute(layer, inputs)

    kind, activation = type(layer).__name__, getattr(layer, "activation", None)
    if kind in LINEAR:
        if activation in (None, keras.activations.linear):
            return as_it_is(*inputs)
        before = compute(without_activation(layer), inputs)
        return (rescaled if _one_by_one(activation) else between)(activation, before)
    if kind in LAYERS_ONE_BY_ONE or _one_by_one(activation if kind == "Activation" else layer):
        return rescaled(as_it_is, *inputs)
    if kind in LARGEST:
        return pooled(as_it_is, *inputs)
    if kind == "LayerNormalization" and layer.axis == [-1] and not layer.rms_scaling:
        return normalised(as_it_is, *inputs, layer)
    return between(as_it_is, *inputs)


def _one_by_one(function) -> bool:
    """Whether it is a known activation: a function, or an operation of that name (`Relu6`)."""
    if isinstance(function, keras.Layer):
        return False
    name = getattr(function, "__name__", type(function).__name__)
    return name.lower().replace("_", "") in {one.replace("_", "") for one in ONE_BY_ONE}


def rescaled(function: Callable, x):
    """A function of each number alone, with the slope between both halves for its gradient."""
    y = function(x)
    (x, reference), (y, y_reference) = ops.split(x, 2), ops.split(y, 2)
    return _sloped(y, y_reference, x, reference, _moved(x))


def pooled(function: Callable, x):
    """The maximum of several places, which owes its growth to one of them."""
    x, reference = ops.split(x, 2)
    y, y_reference = function(x), function(reference)
    grew = y > y_reference
    here = ops.where(grew, y, backend.derivative(function, reference, x))
    there = ops.where(grew, backend.derivative(function, x, reference), y_reference)
    moved = ops.where(grew, _moved(y), _moved(function(ops.stop_gradient(reference) + _moved(x))))
    return _sloped(y, y_reference, here, there, moved)


def normalised(function: Callable, x, layer: keras.layers.LayerNormalization):
    """A normalisation over the last axis, which moves as if its scale were a constant."""
    y, y_reference = ops.split(ops.stop_gradient(function(x)), 2)
    x, _ = ops.split(x, 2)
    centred = x - ops.mean(x, axis=-1, keepdims=True)
    scale = ops.rsqrt(ops.mean(centred**2, axis=-1, keepdims=True) + layer.epsilon)
    if layer.scale:
        scale = scale * ops.cast(layer.gamma, "float32")
    return ops.concatenate([y + _moved(centred) * ops.stop_gradient(scale), y_reference])


def _sloped(y, y_reference, x, reference, moved):
    """Both halves, of which the first moves by (y − y_reference) / (x − reference)."""
    step = x - reference
    near = ops.abs(step) <= NEAR * (ops.abs(x) + ops.abs(reference))
    slope = ops.stop_gradient((y - y_reference) / ops.where(near, 1.0, step))
    straight = ops.stop_gradient(y) + slope * moved
    return ops.concatenate([ops.where(near, y, straight), ops.stop_gradient(y_reference)])


def between(function: Callable, *inputs):
    """Any function, with its mean gradient on the line between both halves for its gradient."""
    halves = [ops.split(one, 2) for one in inputs]
    along = [
        function(*(
            ops.stop_gradient(reference + place * (x - reference)) + _moved(x)
            for x, reference in halves
        ))
        for place in (PLACES + 1) / 2
    ]  # fmt: skip

    def both(y, *along):
        y, y_reference = ops.split(ops.stop_gradient(y), 2)
        mean = sum(share * one for share, one in zip(SHARES / 2, along, strict=True))
        return ops.concatenate([y + _moved(mean), y_reference])

    return keras.tree.map_structure(both, function(*inputs), *along)  # of several outputs, each


def _moved(x):
    """Zeros that move as x does."""
    return x - ops.stop_gradient(x)
