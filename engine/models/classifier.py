"""A model as it must be to be explained: one picture in, a sigmoid of one unit or a softmax out.

From a logit of 17 on, float32's sigmoid is exactly 1 and its gradient 0: a heatmap made from the
probability would vanish on the surest pictures. Scores and gradients here come from the logit.

The model's layers are run one by one, each as itself, and the last one without its activation.
Before that is believed it is compared, on noise, with what the model itself says: a model that
comes out otherwise is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from engine import backend
from engine.errors import LayerError
from engine.models.float32 import OTHER_FLOATS, call, without_activation
from engine.models.graph import Graph, graph_of, has_graph, last_node, run

ACTIVATIONS = {"sigmoid": ops.sigmoid, "softmax": ops.softmax}
TOLERANCE = 1e-4  # of probabilities that must be the same
HALF_TOLERANCE = 0.1  # of a float16 or bfloat16 model's own probabilities and those in float32
UNKNOWN_SIZE = 128  # pixels of the noise for a model that takes any size


@dataclass(frozen=True)
class Classifier:
    """A graph that ends at `path` in an activation, "sigmoid" or "softmax"; found to be right."""

    graph: Graph
    path: str
    activation: str
    units: int
    variables: tuple  # all that the model's answer hangs on


def classifier(model: keras.Model) -> Classifier:
    """The model as what it must be: one picture in, a sigmoid of one unit or a softmax out."""
    if len(model.inputs) != 1 or len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        raise LayerError(
            "The model must have one input and one output of shape (n, classes); give a classifier "
            "of whole pictures."
        )
    path, node = last_node(model)
    activation, units = _activation(node.operation), model.outputs[0].shape[-1]
    if (units == 1) != (activation == "sigmoid") or activation not in ACTIVATIONS:
        raise LayerError(
            f"The model ends in {units} unit(s) with the activation '{activation}', in the layer "
            f"'{path}'; heatmaps need one unit with a sigmoid, or a softmax over the classes."
        )
    found = Classifier(graph_of(model), path, activation, units, tuple(model.variables))
    try:
        _compare(model, found)
    except LayerError:
        raise
    except Exception as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise LayerError(
            f"The model '{model.name}' cannot be run layer by layer up to '{path}' ({why}); a "
            "heatmap needs that."
        ) from error
    return found


def unsound_weights(model: keras.Model) -> Callable:
    """A compiled function that says whether weights of the model may be NaN or infinite, by their
    sum; a ReLU may hide them from whoever looks at what the model says."""
    floats = [one for one in model.variables if keras.backend.is_float_dtype(one.dtype)]

    def unsound():
        return ops.logical_not(ops.isfinite(sum(ops.sum(ops.cast(x, "float32")) for x in floats)))

    return backend.compiled(unsound)


def name_unsound(model: keras.Model) -> None:
    """Raise a LayerError that names a layer whose weights are NaN or infinite."""
    for layer in model._flatten_layers(include_self=False):
        for variable in () if has_graph(layer) else layer.variables:
            floats = keras.backend.is_float_dtype(variable.dtype)
            if floats and not ops.all(ops.isfinite(variable)):
                what = "NaN" if ops.any(ops.isnan(variable)) else "infinite numbers"
                raise LayerError(
                    f"The weights of the layer '{layer.name}' hold {what}, so the model says "
                    "nothing of any picture; load weights from before its training went wrong."
                )


def _activation(operation) -> str | None:
    kind = type(operation).__name__.lower()
    if kind in ACTIVATIONS:  # keras.layers.Softmax, keras.ops.sigmoid and the like
        return kind
    return getattr(getattr(operation, "activation", None), "__name__", None)


def _compare(model: keras.Model, classifier: Classifier) -> None:
    """Raise a LayerError unless the layers one by one, and the logits, say what the model says."""
    pixels = classifier.graph.inputs[0]
    n, *sizes, channels = pixels.shape
    shape = (n or 2, *(size or UNKNOWN_SIZE for size in sizes), channels or 3)
    noise = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    noise[0] /= 255  # networks differ in the range that they take
    fed = ops.convert_to_tensor(noise, pixels.dtype)
    with keras.StatelessScope():
        struct = keras.tree.map_structure(lambda tensor: fed, _input(model))
        says = keras.tree.flatten(model(struct, training=False))[0]
    one_by_one, logits = run_layers(classifier, fed)
    again = ACTIVATIONS[classifier.activation](logits)
    whole = all(layer.compute_dtype not in OTHER_FLOATS for layer in model._flatten_layers())
    if not _close(one_by_one, says, TOLERANCE if whole else HALF_TOLERANCE):
        raise LayerError(
            f"The model '{model.name}' says something else than its layers do one by one; a "
            "heatmap of it would be wrong."
        )
    if not _close(again, one_by_one, TOLERANCE):
        raise LayerError(
            f"The layer '{classifier.path}', in which the model ends, gives something else than a "
            f"{classifier.activation} of what it computes; a heatmap of it would be wrong."
        )


def _input(model: keras.Model):
    """The structure in which the model takes its one input: a tensor, a list or a dictionary."""
    return getattr(model, "_functional", model).input


def _close(a, b, tolerance: float) -> bool:
    a, b = (ops.convert_to_numpy(ops.cast(x, "float32")) for x in (a, b))
    return np.allclose(a, b, rtol=0, atol=tolerance, equal_nan=True)


def as_it_is(path, layer, output):
    return output


def in_its_place(path, layer, inputs, compute):
    return compute(layer, inputs)


def run_layers(classifier: Classifier, pixels, see=as_it_is, how=in_its_place):
    """The model's output and its logits, float32.

    Args:
        see: `(path, layer, output) -> output`, to watch or replace what a layer gives.
        how: `(path, layer, inputs, compute) -> output`, how a layer is computed from its tensors;
            `compute` does it for any layer in its place and any tensors.
    """
    logits = []

    def visit(path, node, known):
        inputs = [known[id(tensor)] for tensor in node.input_tensors]

        def compute(layer, values):
            filled = dict(zip(map(id, node.input_tensors), values, strict=True))
            return call(path, layer, *node.arguments.fill_in(filled))

        if path != classifier.path:
            return see(path, node.operation, how(path, node.operation, inputs, compute))
        if hasattr(node.operation, "activation"):
            logits.append(how(path, without_activation(node.operation), inputs, compute))
        else:  # nothing but a sigmoid or softmax: the logits are what goes in
            logits.append(inputs[0])
        return see(path, node.operation, compute(node.operation, inputs))

    with keras.StatelessScope():  # moving averages, seeds and losses of the model stay as they are
        output, *_ = run(classifier.graph, [ops.convert_to_tensor(pixels, "float32")], visit)
    return ops.cast(output, "float32"), ops.cast(logits[0], "float32")
