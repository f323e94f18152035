"""A classifier taken apart at its last activation, so that its logits can be reached.

From a logit of 17 on, float32's sigmoid is exactly 1 and its gradient 0: a heatmap made from the
probability would vanish on the surest pictures. Scores and gradients here come from the logit.

The model's layers are run one by one, each as itself, and the last one without its activation.
Before that is believed it is compared, on noise, with what the model itself says: a model that
comes out otherwise is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import keras
import numpy as np
from keras import ops

from engine import backend
from engine.errors import LayerError
from engine.models.float32 import OTHER_FLOATS, call, without_activation
from engine.models.graph import Graph, graph_of, has_graph, last_node, run, spatial_maps

ACTIVATIONS = {"sigmoid": ops.sigmoid, "softmax": ops.softmax}
TOLERANCE = 1e-4  # of probabilities that must be the same
HALF_TOLERANCE = 0.1  # of a float16 or bfloat16 model's own probabilities and those in float32
UNKNOWN_SIZE = 128  # pixels of the noise for a model that takes any size


@dataclass(frozen=True)
class Head:
    """A model up to a layer and to its logits; the model itself is not changed.

    forward: pixels `(n, h, w, 3)` -> `(activations (n, h', w', k), logits (n, units))`, float32.
        A second argument is called with the activations before anything is computed from them.
    fast: the same of the pixels alone as one compiled graph, for many passes.
    units: 1 for a sigmoid, else the number of classes.
    """

    forward: Callable
    fast: Callable
    layer: str
    units: int

    @property
    def classes(self) -> int:
        return max(2, self.units)


@dataclass(frozen=True)
class _Classifier:
    """A graph that ends at `path` in an activation, "sigmoid" or "softmax"; found to be right."""

    graph: Graph
    path: str
    activation: str
    units: int


@dataclass(frozen=True)
class _Kept:
    classifier: _Classifier
    made_of: list  # weights, activations and precisions: with others it is another model
    heads: dict[str, Head] = field(default_factory=dict)  # by layer: graphs are traced once


_kept: WeakKeyDictionary[keras.Model, _Kept] = WeakKeyDictionary()


def take_apart(model: keras.Model, layer: str | None = None) -> Head:
    """`model` up to `layer` (None: the last with a spatial map) and to its logits.

    Args:
        layer: a name of `engine.models.build.spatial_layers`.

    Raises:
        LayerError: if the layer does not exist or has no spatial map, if the model does not end in
            a sigmoid of one unit or a softmax, or if it says something else than its layers do
            when they are run one by one.
    """
    layer, axes = _choose(model, layer)
    made_of, kept = _made_of(model), _kept.get(model)
    if kept is None or not _same(kept.made_of, made_of):
        kept = _kept[model] = _Kept(_classifier(model), made_of)
    if layer not in kept.heads:
        kept.heads[layer] = _head(kept.classifier, layer, axes)
    return kept.heads[layer]


def _head(classifier: _Classifier, layer: str, axes: str) -> Head:
    to_last = [0, *(1 + axes.index(axis) for axis in "hwc")]
    back = [0, *(1 + "hwc".index(axis) for axis in axes)]

    def forward(pixels, watch=lambda activations: None):
        found = []

        def at_layer(path, output):
            if path != layer:
                return output
            found.append(ops.transpose(output, to_last) if axes != "hwc" else output)
            watch(found[0])
            return ops.transpose(found[0], back) if axes != "hwc" else output

        _, logits = _run(classifier, pixels, at_layer)
        return found[0], logits

    return Head(forward, backend.compiled(lambda x: forward(x)), layer, classifier.units)


def _run(classifier: _Classifier, pixels, see=lambda path, output: output):
    """The model's output and its logits, float32; `see` may watch or replace what a layer gives."""
    logits = []

    def visit(path, node, known):
        args, kwargs = node.arguments.fill_in(known)
        if path == classifier.path:
            if hasattr(node.operation, "activation"):
                logits.append(call(path, without_activation(node.operation), args, kwargs))
            else:  # nothing but a sigmoid or softmax: the logits are what goes in
                logits.append(known[id(node.input_tensors[0])])
        return see(path, call(path, node.operation, args, kwargs))

    with keras.StatelessScope():  # moving averages, seeds and losses of the model stay as they are
        output, *_ = run(classifier.graph, [ops.convert_to_tensor(pixels, "float32")], visit)
    return ops.cast(output, "float32"), ops.cast(logits[0], "float32")


def _made_of(model: keras.Model) -> list:
    layers = [layer for layer in model._flatten_layers() if not has_graph(layer)]
    return [
        *model.variables,
        *(layer.dtype_policy for layer in layers),
        *(getattr(layer, "activation", None) for layer in layers),
    ]


def _same(before: list, now: list) -> bool:
    return len(before) == len(now) and all(a is b for a, b in zip(before, now, strict=True))


def choose_layer(model: keras.Model, layer: str | None) -> str:
    """The layer's name, checked; None is the last layer with a spatial map."""
    return _choose(model, layer)[0]


def _choose(model: keras.Model, layer: str | None) -> tuple[str, str]:
    """The layer's name, and the order of its axes, as in `spatial_maps`."""
    if not has_graph(model):
        raise LayerError(
            "The model has no graph of layers; give a functional or built sequential Keras model."
        )
    maps = spatial_maps(model)
    known = [name for name, axes in maps.items() if axes]
    if layer is None and known:
        layer = known[-1]
    if layer in known:
        return layer, maps[layer]
    if layer in maps or (maps and not known):
        raise LayerError(
            f"The maps of the layer '{layer or list(maps)[-1]}' have their axes in an order that "
            "cannot be told; pictures and maps must be (n, height, width, channels)."
        )
    if not known:
        raise LayerError("The model has no layer with a spatial map; a heatmap needs one.")
    found = next((one for one in model._flatten_layers() if one.name == layer), None)
    what = "does not exist" if found is None else (
        "is a model, of which a layer must be named" if has_graph(found) else "has no spatial map"
    )  # fmt: skip
    raise LayerError(f"The layer '{layer}' {what}; choose one of {', '.join(known)}.")


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


def _classifier(model: keras.Model) -> _Classifier:
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
    found = _Classifier(graph_of(model), path, activation, units)
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


def _activation(operation) -> str | None:
    kind = type(operation).__name__.lower()
    if kind in ACTIVATIONS:  # keras.layers.Softmax, keras.ops.sigmoid and the like
        return kind
    return getattr(getattr(operation, "activation", None), "__name__", None)


def _compare(model: keras.Model, classifier: _Classifier) -> None:
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
    one_by_one, logits = _run(classifier, fed)
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
