"""A classifier taken apart at its last activation, so that its logits can be reached.

From a logit of 17 on, float32's sigmoid is exactly 1 and its gradient 0: a heatmap made from the
probability would vanish on the surest pictures. Scores and gradients here come from the logit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import keras
from keras import ops

from engine import backend
from engine.errors import LayerError
from engine.models.build import spatial_layers

_heads: WeakKeyDictionary = WeakKeyDictionary()  # model -> {layer: Head}: graphs are traced once


@dataclass(frozen=True)
class Head:
    """A model up to a layer and to its logits; the model itself is not changed.

    forward: pixels `(n, h, w, 3)` -> `(activations (n, h', w', k), logits (n, units))`, float32.
    fast: the same as one compiled graph, for many passes.
    units: 1 for a sigmoid, else the number of classes.
    """

    forward: Callable
    fast: Callable
    layer: str
    units: int

    @property
    def classes(self) -> int:
        return max(2, self.units)


def take_apart(model: keras.Model, layer: str | None = None) -> Head:
    """`model` up to `layer` (None: the last with a 4-D output) and to its logits.

    Raises:
        LayerError: if the layer does not exist or has no spatial map, or if the model does not end
            in a sigmoid of one unit or a softmax.
    """
    layer = choose_layer(model, layer)
    heads = _heads.setdefault(model, {})
    if layer not in heads:
        heads[layer] = _take_apart(model, layer)
    return heads[layer]


def _take_apart(model: keras.Model, layer: str) -> Head:
    before, to_logits = _logits(model)
    inner = keras.Model(model.inputs[0], [model.get_layer(layer).output, before])

    def forward(pixels):
        activations, features = inner(pixels, training=False)
        return ops.cast(activations, "float32"), to_logits(ops.cast(features, "float32"))

    return Head(forward, backend.compiled(forward), layer, units=model.outputs[0].shape[-1])


def choose_layer(model: keras.Model, layer: str | None) -> str:
    """The layer's name, checked; None is the last layer with a spatial map."""
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise LayerError(
            "The model has no graph of layers; give a functional or built sequential Keras model."
        )
    known = spatial_layers(model)
    if not known:
        raise LayerError("The model has no layer with a spatial map; a heatmap needs one.")
    if layer is None:
        return known[-1]
    if layer not in known:
        exists = any(layer == found.name for found in model.layers)
        what = "has no spatial map" if exists else "does not exist"
        raise LayerError(f"The layer '{layer}' {what}; choose one of {', '.join(known)}.")
    return layer


def target_weights(target, units: int):
    """What each logit counts for in the target's score, `(n, units)` float32.

    With one sigmoid output the score of class 0 is 1 − p = sigmoid(−logit), so its weight is −1.
    """
    if units == 1:
        return 2.0 * ops.cast(target, "float32")[:, None] - 1.0
    return ops.one_hot(target, units, dtype="float32")


def target_probabilities(logits, target):
    """Probability of each picture's target class: logits `(n, units)`, target `(n,)` -> `(n,)`."""
    units = logits.shape[-1]
    weights = target_weights(target, units)
    if units == 1:
        return ops.sigmoid(ops.sum(logits * weights, axis=-1))
    return ops.sum(ops.softmax(logits, axis=-1) * weights, axis=-1)


def _logits(model: keras.Model):
    """The tensor before the last activation, and a function from it to the logits."""
    if len(model.inputs) != 1 or len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        raise LayerError(
            "The model must have one input and one output of shape (n, classes); give a classifier "
            "of whole pictures."
        )
    last = model.outputs[0]._keras_history.operation
    activation = getattr(last, "activation", None)
    units = model.outputs[0].shape[-1]
    known = "softmax" if isinstance(last, keras.layers.Softmax) else getattr(
        activation, "__name__", None
    )  # fmt: skip
    if (units == 1) != (known == "sigmoid") or known not in ("sigmoid", "softmax"):
        raise LayerError(
            f"The model ends in {units} unit(s) with the activation '{known}'; heatmaps need one "
            "unit with a sigmoid, or a softmax over the classes."
        )
    if isinstance(last, keras.layers.Dense):
        return last.input, lambda x: _affine(x, last)
    return last.input, lambda x: x


def _affine(x, dense: keras.layers.Dense):
    y = ops.matmul(x, ops.cast(dense.kernel, "float32"))
    return y if dense.bias is None else y + ops.cast(dense.bias, "float32")
