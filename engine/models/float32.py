"""A layer used as it is, but in float32, or without its activation, and itself left unchanged.

In float16 gradients below 6e-8 are 0, and a heatmap made of them is empty.
"""

import inspect
from copy import copy

import keras

from engine.errors import LayerError

OTHER_FLOATS = ("float16", "bfloat16", "float64")


def call(path: str, operation, args: tuple, kwargs: dict):
    """`operation(*args, **kwargs)` in inference and in float32.

    Raises:
        LayerError: if something within it is fixed to another precision.
    """
    if isinstance(operation, keras.layers.Layer):
        operation = in_float32(path, operation)
        if "training" in inspect.signature(operation.call).parameters:
            kwargs = kwargs | {"training": False}
    found = operation(*args, **kwargs)
    for one in keras.tree.flatten(found):
        _check_precision(path, keras.backend.standardize_dtype(one.dtype))
    return found


def in_float32(path: str, layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer, or its twin that computes in float32 from the same weights."""
    for inner in layer._flatten_layers(include_self=False):
        _check_precision(path, inner.compute_dtype)
    if layer.compute_dtype not in OTHER_FLOATS:
        return layer
    policy = layer.dtype_policy
    if isinstance(policy, keras.dtype_policies.DTypePolicyMap):
        policy = policy[layer.path]
    policy = copy(policy)  # keeps the weights' precision, and how they are quantised
    policy._compute_dtype = "float32"
    return twin(layer, _dtype_policy=policy)


def without_activation(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer's twin that stops before its activation, whatever its own `call` does."""
    return twin(layer, activation=keras.activations.linear)


def twin(layer: keras.layers.Layer, **changes) -> keras.layers.Layer:
    """Another object with the layer's weights and settings but for `changes`.

    Neither `copy.copy`, which saves and reads a layer as a file, nor `from_config`, which does not
    know quantised weights: what the layer holds is put into a new object.
    """
    other = object.__new__(type(layer))
    vars(other).update(vars(layer) | changes)
    return other


def _check_precision(path: str, dtype: str) -> None:
    if dtype in OTHER_FLOATS:
        raise LayerError(
            f"The layer '{path}' computes in {dtype} inside and cannot be explained in float32, "
            "which heatmaps need; build the model in float32 and give it the same weights."
        )
