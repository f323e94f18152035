"""A model is taken apart once for each layer, and what was found is kept as long as it holds."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import keras

from engine.errors import LayerError
from engine.models.classifier import Classifier, classifier, name_unsound, unsound_weights
from engine.models.graph import has_graph, spatial_maps
from engine.models.head import Head
from engine.models.passes import Passes


@dataclass(frozen=True)
class _Kept:
    """What was found of a model, as long as it is `made_of` the same."""

    classifier: Classifier
    made_of: list  # weights, activations and precisions: with others it is another model
    maps: dict[str, str | None]
    unsound: Callable  # whether weights may be NaN or infinite
    passes: Passes
    heads: dict[str | None, Head] = field(default_factory=dict)  # by layer: graphs are traced once


_kept: WeakKeyDictionary[keras.Model, _Kept] = WeakKeyDictionary()
_locks: WeakKeyDictionary[keras.Model, threading.RLock] = WeakKeyDictionary()
_listing = threading.Lock()  # of both, for no longer than it takes to look something up


def take_apart(model: keras.Model, layer: str | None = None) -> Head:
    """`model` up to `layer` (None: the last with a spatial map) and to its logits.

    Several threads may do it at once.

    Args:
        layer: a name of `engine.models.build.spatial_layers`.

    Raises:
        LayerError: if the layer does not exist or has no spatial map, if the model does not end in
            a sigmoid of one unit or a softmax, or if it says something else than its layers do
            when they are run one by one.
    """
    return _head(model, choose_layer(model, layer))


def take_whole(model: keras.Model) -> Head:
    """`model` up to no layer, for whoever asks the whole network.

    Raises:
        LayerError: as `take_apart`, but for layers.
    """
    _check_graph(model)
    return _head(model, None)


def _head(model: keras.Model, layer: str | None) -> Head:
    with _listing:
        lock = _locks.setdefault(model, threading.RLock())
    with lock:  # whoever asks another model does not wait
        kept = _look(model) or _keep(model)
        if kept.unsound():
            name_unsound(model)
        if layer not in kept.heads:
            kept.heads[layer] = Head(kept.classifier, kept.maps, kept.passes, layer)
        return kept.heads[layer]


def _look(model: keras.Model) -> _Kept | None:
    """What is known of the model, unless it was changed since."""
    with _listing:
        kept = _kept.get(model)
    return kept if kept and _same(kept.made_of, _made_of(model)) else None


def _keep(model: keras.Model) -> _Kept:
    made_of, found = _made_of(model), classifier(model)
    kept = _Kept(
        found, made_of, spatial_maps(model), unsound_weights(model), Passes(found.variables)
    )
    with _listing:
        _kept[model] = kept
    return kept


def _check_graph(model) -> None:
    if not has_graph(model):
        raise LayerError(
            "The model has no graph of layers; give a functional or built sequential Keras model."
        )


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
    _check_graph(model)
    kept = _look(model)
    maps = kept.maps if kept else spatial_maps(model)
    known = [name for name, axes in maps.items() if axes]
    if layer is None and known:
        layer = known[-1]
    if layer in known:
        return layer
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
