"""The presets' networks, from pixels between 0 and 1 to probabilities (see `probability`).

Each takes the scaled pixels, the number of classes, the L2 penalty and the dtype policy of its
layers; which network is which preset's stands in `engine.models.presets`.
"""

import keras
from keras import layers


def classic(x, classes: int, l2: float, policy):
    """The network of the blog post: Conv, ReLU, BatchNorm, seven times; global average; Dense."""
    x = layers.BatchNormalization(name="input_norm", dtype=policy)(x)
    for stage, (filters, convolutions) in enumerate(((32, 2), (64, 2), (128, 3)), start=1):
        for step in range(1, convolutions + 1):
            name = f"conv{stage}_{step}"
            x = layers.Conv2D(
                filters, 3, padding="same", activation="relu", name=name, dtype=policy
            )(x)
            x = layers.BatchNormalization(name=f"{name}_norm", dtype=policy)(x)
        if stage < 3:
            x = layers.MaxPooling2D(name=f"pool{stage}", dtype=policy)(x)
    x = layers.GlobalAveragePooling2D(name="average", dtype=policy)(x)
    x = layers.Dense(
        256,
        activation="relu",
        kernel_regularizer=keras.regularizers.L2(l2),
        name="dense",
        dtype=policy,
    )(x)
    x = layers.BatchNormalization(name="dense_norm", dtype=policy)(x)
    return probability(x, classes)


def quick(x, classes: int, l2: float, policy):
    """A small residual network (He et al. 2016) for two cores: at 64 pixels its maps are 8 × 8."""
    x = _convolution(x, 32, 5, 2, "stem", policy)
    x = layers.Activation("relu", name="stem_relu", dtype=policy)(x)
    x = layers.MaxPooling2D(3, 2, padding="same", name="stem_pool", dtype=policy)(x)
    x = _residual_block(x, 64, 2, "block1", policy)
    x = _residual_block(x, 96, 1, "block2", policy)
    x = layers.GlobalAveragePooling2D(name="average", dtype=policy)(x)
    return probability(x, classes, kernel_regularizer=keras.regularizers.L2(l2))


def probability(x, classes: int, **more):
    """Of two classes the probability of class 1, `(n, 1)`; of more that of each, `(n, classes)`."""
    units, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")
    return layers.Dense(
        units, activation=activation, name="probability", dtype="float32", **more
    )(x)


def _residual_block(x, filters: int, stride: int, name: str, policy):
    """Two convolutions around a shortcut; the shortcut is projected where shapes differ."""
    shortcut = _convolution(x, filters, 1, stride, f"{name}_short", policy)
    x = _convolution(x, filters, 3, stride, f"{name}_conv1", policy)
    x = layers.Activation("relu", name=f"{name}_relu", dtype=policy)(x)
    x = _convolution(x, filters, 3, 1, f"{name}_conv2", policy)
    x = layers.Add(name=f"{name}_add", dtype=policy)([x, shortcut])
    return layers.Activation("relu", name=f"{name}_out", dtype=policy)(x)


def _convolution(x, filters: int, size: int, stride: int, name: str, policy):
    """Convolution and BatchNorm. Momentum 0.9: with Keras's 0.99 and 50 steps an epoch, the
    moving averages lag behind and validation is noise."""
    x = layers.Conv2D(
        filters, size, stride, padding="same", use_bias=False, name=name, dtype=policy
    )(x)
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm", dtype=policy)(x)
