"""`transfer`: a backbone that has seen ImageNet, an average over its last maps, one dense layer.

The whole is one Keras network from pixels to probability, the backbone's layers in it by name, so
that judging, heatmaps and the command line treat it as any other.
"""

import pkgutil

import keras
import numpy as np
from keras import layers

from engine.models.backbones import BACKBONES, blocks, enlarged
from engine.models.networks import probability

FEATURES = "average"  # the layer whose output a head is trained on


def transfer(pixels, classes: int, policy, backbone: str):
    """Pixels from 0 to 255 to probabilities.

    Small pictures are enlarged first, see `engine.models.backbones.enlarged`.
    """
    x, size = pixels, enlarged(pixels.shape[1])
    if size > pixels.shape[1]:
        x = layers.Resizing(size, size, interpolation="bilinear", name="enlarge", dtype=policy)(x)
    maps = pkgutil.resolve_name(BACKBONES[backbone].function)(x, policy)
    return probability(layers.GlobalAveragePooling2D(name=FEATURES, dtype=policy)(maps), classes)


def load_imagenet(model: keras.Model, backbone: str) -> None:
    """Give the model's backbone its ImageNet weights.

    Raises:
        WeightsError: if they are missing, damaged, or of another network.
    """
    pkgutil.resolve_name(BACKBONES[backbone].load)(model, backbone)


def features_of(model: keras.Model) -> keras.Model:
    """The model up to what its head sees, `(n, features)`; it shares the layers."""
    return keras.Model(model.inputs, model.get_layer(FEATURES).output, name=f"{model.name}_body")


def set_head(model: keras.Model, weights: np.ndarray, bias: np.ndarray) -> None:
    """Give the dense layer at the end weights `(features, units)` and bias `(units,)`."""
    model.get_layer("probability").set_weights([weights, bias])


def unfreeze(model: keras.Model, backbone: str, last: int) -> None:
    """Let the backbone's `last` blocks learn, and the head. Its BatchNorms stay as ImageNet left
    them: a few batches of a few pictures would only spoil their averages."""
    names = [layer.name for layer in model.layers]
    chosen = {name for block in blocks(backbone, names)[-last:] for name in block}
    for layer in model.layers:
        norm = isinstance(layer, layers.BatchNormalization)
        layer.trainable = layer.name == "probability" or (layer.name in chosen and not norm)
