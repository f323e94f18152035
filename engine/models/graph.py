"""A Keras model as the graph it is: which layer is used where, and what flows between the uses.

A layer may be used several times, in other models too, and a whole model may be used as a layer.
So what is walked here are nodes, one for each use, as Keras itself runs them, and never
`layer.input`, which is only the first use of all.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
from keras import ops

TURNS = ("Permute", "Transpose", "Moveaxis", "Swapaxes")  # what gives the axes another order
PADDINGS = ("ZeroPadding2D", "Cropping2D", "Pad")
TRIAL = 256  # pixels of a side that is known only with the picture, where sizes are compared


@dataclass(frozen=True)
class Graph:
    """The uses of layers and operations in a model, in the order in which they can be computed.

    nodes: (name, node). The name is the layer's; from its second use on, `conv#2`, `conv#3`.
    """

    inputs: Sequence
    outputs: Sequence
    nodes: tuple


def has_graph(operation) -> bool:
    """Whether it is a model whose layers can be walked (functional, or a built Sequential)."""
    return isinstance(operation, keras.Model) and bool(getattr(operation, "inputs", None))


def graph_of(model: keras.Model) -> Graph:
    """The model's own graph; it holds layers and not the model, which so can be forgotten."""
    function = getattr(model, "_functional", None) or model
    by_depth, place = function._nodes_by_depth, {x: i for i, x in enumerate(function._operations)}
    named: dict[str, object] = {}
    for depth in sorted(by_depth, reverse=True):
        for node in sorted(by_depth[depth], key=lambda node: place[node.operation]):
            if not node.is_input:
                named[_unused(node.operation.name, named)] = node
    return Graph(list(model.inputs), list(model.outputs), tuple(named.items()))


def _unused(name: str, named: dict) -> str:
    use = 1
    while (found := name if use == 1 else f"{name}#{use}") in named:
        use += 1
    return found


def run(graph: Graph, values: Sequence, visit: Callable, prefix: str = "") -> list:
    """The values of the graph's outputs, from those of its inputs.

    Args:
        visit: `(path, node, known) -> output(s)` for each use of a layer. path: its name, after
            those of the models that it lies in (`body/conv`). known: values by `id` of the tensors
            of the graph, as `node.arguments.fill_in` takes them.
    """
    known = dict(zip(map(id, graph.inputs), values, strict=True))
    for name, node in graph.nodes:
        if has_graph(node.operation):
            inner = [known[id(tensor)] for tensor in node.input_tensors]
            found = run(graph_of(node.operation), inner, visit, f"{prefix}{name}/")
        else:
            found = keras.tree.flatten(visit(prefix + name, node, known))
        known.update(zip(map(id, node.outputs), found, strict=True))
    return [known[id(tensor)] for tensor in graph.outputs]


def last_node(model: keras.Model) -> tuple[str, object]:
    """Path and node of what the model's first output comes out of."""
    prefix, tensor = "", model.outputs[0]
    while True:
        operation, index, at = tensor._keras_history
        last = operation._inbound_nodes[index]
        name = next(name for name, node in graph_of(model).nodes if node is last)
        if not has_graph(operation):
            return prefix + name, last
        prefix, model, tensor = f"{prefix}{name}/", operation, operation.outputs[at]


def spatial_maps(model: keras.Model) -> dict[str, str | None]:
    """The uses of layers with a map of more than 1 × 1, in order, and how its axes lie.

    "hwc" is (n, h, w, channels), "chw" (n, channels, h, w); None where the order cannot be told.
    A size that is known only with the picture (None) counts as more than 1.
    """
    return {path: axes for path, (axes, _, _) in _maps(model).items()}


def last_of_each_size(model: keras.Model) -> list[str]:
    """Of the layers with a spatial map, the last of each height and width, in order.

    What comes before the first layer with a kernel is left out, as it still is the picture, and so
    are paddings, whose map is that of the layer before them. Of a network of open size it is the
    sizes at a picture of 256 × 256 that are compared.
    """
    last, maps = {}, _maps(model)
    unknown = any(None in shape for _, shape, _ in maps.values())
    at_trial = _shapes_at_trial_size(model) if unknown else {}
    for path, (axes, shape, counts) in maps.items():
        shape = at_trial.get(path, shape)
        if axes and (counts or not any(one[2] for one in maps.values())):
            size = tuple(n for n, axis in zip(shape, axes, strict=True) if axis != "c")
            last.pop(size, None)
            last[size] = path
    return list(last.values())


def _shapes_at_trial_size(model: keras.Model) -> dict[str, tuple]:
    """Of each use of a layer the shape of its first output, without the batch; nothing is computed,
    and no use is added to the layers."""
    found = {}

    def visit(path, node, known):
        arguments, options = node.arguments.fill_in(known)
        outputs = node.operation.compute_output_spec(*arguments, **options)
        found[path] = tuple(keras.tree.flatten(outputs)[0].shape[1:])
        return outputs

    graph = graph_of(model)
    shapes = [(1, *(n or TRIAL for n in one.shape[1:])) for one in graph.inputs]
    pixels = [keras.KerasTensor(s, x.dtype) for s, x in zip(shapes, graph.inputs, strict=True)]
    run(graph, pixels, visit)
    return found


def channels(model: keras.Model) -> dict[str, int]:
    """How many channels the map of each layer has, where the order of its axes is known."""
    known = {path: one for path, one in _maps(model).items() if one[0]}
    return {path: shape[axes.index("c")] for path, (axes, shape, _) in known.items()}


def numbers_in_maps(model: keras.Model) -> int:
    """How many numbers all layers give of a picture; where it may be of any size, of one of 256
    pixels."""
    return sum(map(math.prod, _shapes_at_trial_size(model).values()))


def _maps(model: keras.Model) -> dict[str, tuple[str | None, tuple, bool]]:
    """Of each use of a layer with a spatial map the order of its axes, their lengths, and whether
    it is no padding and there was a kernel by then."""
    found: dict[str, tuple[str | None, tuple, bool]] = {}
    kernels = 0

    def visit(path, node, known):
        nonlocal kernels
        kernels += any(len(one.shape) > 1 for one in getattr(node.operation, "weights", ()))
        axes = _axes(node, [known[id(tensor)] for tensor in node.input_tensors])
        shape = node.outputs[0].shape
        if len(node.outputs) == 1 and len(shape) == 4 and _is_spatial(shape[1:], axes):
            counts = kernels > 0 and type(node.operation).__name__ not in PADDINGS
            found[path] = axes, tuple(shape[1:]), counts
        return [axes] * len(node.outputs)

    graph = graph_of(model)
    run(graph, ["hwc"] * len(graph.inputs), visit)
    return found


def _is_spatial(shape: Sequence, axes: str | None) -> bool:
    sides = [n for n, axis in zip(shape, axes or "hwc", strict=True) if axis != "c"]
    return sides != [1, 1]


def _axes(node, before: list[str | None]) -> str | None:
    """The order of a node's axes, from that of the tensors it takes; None: it cannot be told."""
    operation, shape = node.operation, tuple(node.outputs[0].shape)
    maps = [i for i, tensor in enumerate(node.input_tensors) if len(tensor.shape) == 4]
    known = {before[i] for i in maps or range(len(before))}
    axes = known.pop() if len(known) == 1 else None
    if axes is None or len(shape) != 4:
        return axes
    if not maps:  # made from something flat
        return axes if axes == "hwc" else None
    if type(operation).__name__ in TURNS:
        return _turned(operation, axes)
    stated = getattr(operation, "data_format", None)
    if stated is not None:
        return axes if axes.startswith("c") == (stated == "channels_first") else None
    came = tuple(node.input_tensors[maps[0]].shape)
    turned = came != shape and sorted(map(str, came)) == sorted(map(str, shape))
    return None if turned else axes


def _turned(operation, axes: str) -> str | None:
    """The order of axes after an operation that changes it: seen on an array of four lengths."""
    try:
        batch, *lengths = operation(ops.zeros((2, 3, 5, 7))).shape
        return "".join(axes[(3, 5, 7).index(n)] for n in lengths) if batch == 2 else None
    except Exception:  # a stranger's, that only has the name
        return None
