"""A score as the sum of what the pixels and the layers' biases add to it: full gradients.

Srinivas & Fleuret 2019 (arXiv 1905.00780), proposition 1: f(x) = ∇f(x)·x + Σ b·∂f/∂b for a network
of ReLUs. A layer's bias here is what its output is more than its linear part, y − J·x. For a
convolution, a dense layer and a batch normalisation that is the bias that they add; for a ReLU, a
pooling or a sum it is 0; for another nonlinearity, such as a ReLU6 where it saturates, a swish or a
gate, it is what the paper calls the implicit bias. So the sum is complete for every network.
"""

import numpy as np
from keras import activations, layers, ops, tree

from engine import backend
from engine.models.float32 import without_activation
from engine.models.head import Head, score_of

# Whose output without activation is a linear map and a bias. Their bias is what they give for
# zeros: to find it as y − J·x would take three times as long.
AFFINE = (
    layers.Conv1D, layers.Conv2D, layers.Conv2DTranspose, layers.DepthwiseConv2D,
    layers.SeparableConv2D, layers.Dense, layers.EinsumDense, layers.BatchNormalization,
)  # fmt: skip
WITHOUT_BIAS = (  # of which y = J·x
    layers.Add, layers.AveragePooling2D, layers.Concatenate, layers.Dropout, layers.Flatten,
    layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, layers.LeakyReLU,
    layers.MaxPooling2D, layers.Permute, layers.Reshape, layers.UpSampling2D, layers.ZeroPadding2D,
)  # fmt: skip
ROUNDING = 1e-5  # of a layer's largest output: what of y − J·x is no more than float32


def full_gradients(head: Head, pixels, weights, probability: bool = False):
    """What the pixels and each bias add to the score of each picture, in one compiled pass.

    A layer with an activation inside is taken apart before it, so its bias is the layer's own.

    Args:
        pixels: `(n, h, w, c)`. weights: `(n, units)`, what each logit counts for in the score.
        probability: the score is the probability, and not the logit.

    Returns:
        gradient times input `(n, h, w, c)`; by the layer's path what its bias adds, in the shape
        of its output, and by "path (relu6)" that of an activation inside; logits `(n, units)`.
    """

    def one_pass(pixels, weights, probability: bool):
        biases = {}

        def scored(x, watch):
            watch(x)
            outputs = [x]

            def add(path, output, bias):
                watch(output)
                outputs.append(output)
                biases[path] = bias
                return output

            _, logits = head.walk(x, how=lambda *asked: _computed(*asked, add))
            return tuple(outputs), score_of(logits, weights, probability), logits

        outputs, gradients, logits = backend.gradients_of(scored, pixels)
        parts = {
            path: bias * gradient
            for (path, bias), gradient in zip(biases.items(), gradients[1:], strict=True)
        }
        return gradients[0] * outputs[0], parts, logits

    return head.once(("full gradients",), one_pass)(pixels, weights, probability)


def with_map(head: Head, parts: dict) -> dict[str, np.ndarray]:
    """Of the parts those with a map, `(n, h', w', k)`."""
    found = {}
    for key, part in parts.items():
        axes = head.maps.get(key, head.maps.get(key.rsplit(" (", 1)[0]))
        if axes:
            found[key] = np.asarray(part).transpose(0, *(1 + axes.index(axis) for axis in "hwc"))
    return found


def _computed(path: str, layer, inputs, compute, add):
    """What the layer gives; `add` is told each output and its bias."""
    if type(layer) in WITHOUT_BIAS or _is_relu(layer):
        return compute(layer, inputs)
    if type(layer) not in AFFINE:
        return _with_biases(path, lambda tensors: compute(layer, tensors), inputs, add)
    linear = without_activation(layer) if _has_activation(layer) else layer
    found = compute(linear, inputs)
    if getattr(layer, "use_bias", True):
        found = add(path, found, compute(linear, [ops.zeros_like(one[:1]) for one in inputs]))
    if linear is layer:
        return found
    if layer.activation is activations.relu:
        return layer.activation(found)
    activation = layer.activation  # a function, or a layer
    of = f"{path} ({getattr(activation, '__name__', type(activation).__name__)})"
    return _with_biases(of, lambda tensors: layer.activation(*tensors), [found], add)


def _with_biases(path: str, function, inputs, add):
    """What a function gives, each output with its own bias."""
    found, at = function(inputs), iter(backend.linear_parts(function, inputs))
    return tree.map_structure(lambda y: add(path, y, _unlike(y, next(at))), found)


def _unlike(output, linear):
    """y − J·x; 0 for a picture of which it is no more than rounding."""
    bias, every = output - linear, tuple(range(1, len(output.shape)))
    most = ROUNDING * ops.max(ops.abs(output), axis=every, keepdims=True)
    return ops.where(ops.max(ops.abs(bias), axis=every, keepdims=True) > most, bias, 0.0)


def _is_relu(layer) -> bool:
    if type(layer) is layers.ReLU:
        return layer.max_value is None and not layer.threshold
    return type(layer) is layers.Activation and layer.activation is activations.relu


def _has_activation(layer) -> bool:
    return getattr(layer, "activation", activations.linear) is not activations.linear
