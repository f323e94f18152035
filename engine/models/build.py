"""A preset's name and a picture size become a Keras model that takes RGB pixels from 0 to 255.

Preprocessing is the first layer, so that a model file alone explains a picture rightly. Every layer
carries a name of ours: automatic names depend on which thread built what before.
"""

import pkgutil

import keras
from keras import layers

from engine.models.graph import spatial_maps
from engine.models.presets import find_preset


def build(
    preset: str,
    image_size: int,
    classes: int = 2,
    *,
    l2: float = 0.01,
    precision: str = "float32",
    backbone: str = "",
) -> keras.Model:
    """The untrained network of `preset`, from pixels `(n, image_size, image_size, 3)` to
    probabilities, float32: of two classes that of class 1 `(n, 1)` by a sigmoid, of more that of
    each `(n, classes)` by a softmax.

    Args:
        backbone: of `transfer`, a name of `engine.models.backbones`; "" is the preset's own.
        precision: "float32", or "bfloat16" for Keras's mixed_bfloat16 (weights stay float32).

    Raises:
        ConfigError: if there is no such preset.
    """
    chosen = find_preset(preset)
    network = pkgutil.resolve_name(chosen.function)
    backbone = backbone or chosen.defaults.get("backbone", "")
    policy = keras.DTypePolicy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    pixels = keras.Input((image_size, image_size, 3), name="pixels", dtype="float32")
    if backbone:
        return keras.Model(pixels, network(pixels, classes, policy, backbone), name=preset)
    scaled = layers.Rescaling(1 / 255, name="scale", dtype=policy)(pixels)
    probability = network(scaled, classes, l2, policy)
    return keras.Model(pixels, probability, name=preset)


def spatial_layers(model: keras.Model) -> list[str]:
    """Names of the layers with a spatial map, in order: a 4-D output of more than 1 × 1.

    A layer in a model that is used as a layer is named as a path (`body/block3_out`); the second
    use of a layer is `conv#2`.
    """
    return [name for name, axes in spatial_maps(model).items() if axes]
