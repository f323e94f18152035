"""The preset `fast`: a network for a quarter of an hour on two cores, from scratch.

Its shape is measured in docs/fast.md: what is large in it are channels at 16 × 16 and 8 × 8, where
a convolution keeps a processor busy, and not maps, which keep its memory busy.
"""

import keras
import numpy as np
from keras import layers

from engine.models.networks import probability

PATCH = 2  # side of the patches that the first layer whitens, and its stride
EPSILON = 5e-4  # added to a direction's variance: below it there is noise and no picture


def fast(x, classes: int, l2: float, policy):
    """Whitened patches, a stem, two stages of one widening convolution and one residual block.

    At 128 pixels the maps of the stem are 32 × 32, those of the stages 16 × 16 and 8 × 8.
    """
    x = layers.Conv2D(
        2 * 3 * PATCH**2, PATCH, PATCH, padding="same", name="whiten", trainable=False,
        dtype=policy,
    )(x)  # fmt: skip
    x = layers.Activation("relu", name="whiten_relu", dtype=policy)(x)
    x = _convolution(x, 48, "stem", policy, stride=2)
    x = layers.BatchNormalization(momentum=0.9, name="stem_norm", dtype=policy)(x)
    x = layers.Activation("relu", name="stem_relu", dtype=policy)(x)
    for stage, filters in enumerate((96, 192), start=1):
        x = _convolution(x, filters, f"widen{stage}", policy)
        x = layers.MaxPooling2D(name=f"pool{stage}", dtype=policy)(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"widen{stage}_norm", dtype=policy)(x)
        x = layers.Activation("relu", name=f"widen{stage}_relu", dtype=policy)(x)
        x = _block(x, filters, f"block{stage}", policy)
    x = layers.GlobalAveragePooling2D(name="average", dtype=policy)(x)
    return probability(x, classes, kernel_regularizer=keras.regularizers.L2(l2))


def _block(x, filters: int, name: str, policy):
    """Two convolutions beside a path that goes past them (He et al. 2016)."""
    past = x
    for step in (1, 2):
        x = _convolution(x, filters, f"{name}_conv{step}", policy)
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm{step}", dtype=policy)(x)
        if step == 1:
            x = layers.Activation("relu", name=f"{name}_relu", dtype=policy)(x)
    x = layers.Add(name=f"{name}_add", dtype=policy)([x, past])
    return layers.Activation("relu", name=f"{name}_out", dtype=policy)(x)


def _convolution(x, filters: int, name: str, policy, stride: int = 1):
    return layers.Conv2D(
        filters, 3, stride, padding="same", use_bias=False, kernel_initializer="he_normal",
        name=name, dtype=policy,
    )(x)  # fmt: skip


def whiten(model: keras.Model, pictures: np.ndarray) -> None:
    """Give the first layer its weights, which no training changes: patches of the pictures come
    out uncorrelated and of variance 1, each direction once as it is and once negated.

    Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU", section 3.2.

    Args:
        pictures: `(n, h, w, 3)` uint8; a few hundred training pictures are enough.
    """
    patches = np.concatenate([_patches(picture) for picture in pictures])
    variances, directions = np.linalg.eigh(np.cov(patches, rowvar=False))
    whitening = directions / np.sqrt(variances + EPSILON)
    both = np.concatenate([whitening, -whitening], axis=1)
    layer = model.get_layer("whiten")
    layer.kernel.assign(both.reshape(layer.kernel.shape))
    layer.bias.assign(-patches.mean(axis=0) @ both)


def _patches(picture: np.ndarray) -> np.ndarray:
    """The picture's patches side by side, `(n, 12)`, as pixels from 0 to 1."""
    rows, columns = (side // PATCH for side in picture.shape[:2])
    whole = picture[: rows * PATCH, : columns * PATCH].astype(np.float64) / 255
    apart = whole.reshape(rows, PATCH, columns, PATCH, 3).transpose(0, 2, 1, 3, 4)
    return apart.reshape(rows * columns, -1)
