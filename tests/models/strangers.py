"""Networks as strangers build them, each with a last layer or a graph that is hard to take apart.

NETWORKS: name -> a function that builds one for pictures of 32 × 32, in the range 0 to 255.
"""

import keras
import numpy as np
from keras import layers, ops

from engine.models.build import build

SIZE = 32


def start(dtype=None):
    pixels = keras.Input((SIZE, SIZE, 3), name="pixels")
    x = layers.Rescaling(1 / 255, dtype=dtype)(pixels)
    return pixels, layers.Conv2D(4, 3, activation="relu", name="maps", dtype=dtype)(x)


def ending(*ends, dtype=None):
    pixels, x = start(dtype)
    x = layers.GlobalAveragePooling2D(name="average", dtype=dtype)(x)
    for end in ends:
        x = end(x)
    return keras.Model(pixels, x)


def shake(model, scale: float = 0.6):
    """Weights away from their start, so that no answer is 0.5 for every picture."""
    rng = np.random.default_rng(4)
    for weight in model.trainable_weights:
        fan_in = max(1, np.prod(weight.shape[:-1]))
        weight.assign(rng.normal(0, scale * np.sqrt(2 / fan_in), weight.shape))
    return model


def backbone(name: str = "body"):
    pixels, x = start()
    return keras.Model(pixels, layers.Conv2D(5, 3, strides=2, name="deep")(x), name=name)


def nested():
    pixels = keras.Input((SIZE, SIZE, 3))
    x = layers.GlobalAveragePooling2D()(backbone()(pixels))
    return keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))


def nested_twice():
    """One backbone on the picture and on its mirror image, and a head that is a model, too."""
    pixels = keras.Input((SIZE, SIZE, 3))
    body = backbone()
    mirrored = body(ops.flip(pixels, axis=2))
    x = layers.GlobalAveragePooling2D()(layers.Concatenate()([body(pixels), mirrored]))
    head = keras.Sequential([layers.Dense(6, activation="relu"), layers.Dense(3), layers.Softmax()])
    return keras.Model(pixels, head(x))


def sequential_in_sequential():
    pixels = keras.Input((SIZE, SIZE, 3))
    body = keras.Sequential([pixels, layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.ReLU()])
    end = keras.Sequential([layers.GlobalMaxPooling2D(), layers.Dense(1, activation="sigmoid")])
    return keras.Sequential([body, end])


def shared_with_another_model():
    """Built second out of layers whose first uses lie in another model."""
    conv, mean = layers.Conv2D(4, 3, name="maps"), layers.GlobalAveragePooling2D()
    answer = layers.Dense(1, activation="sigmoid")
    for scale in (255.0, 50.0):
        pixels = keras.Input((SIZE, SIZE, 3))
        model = keras.Model(pixels, answer(mean(conv(pixels / scale))))
    return model


def dense_used_twice():
    pixels, x = start()
    mean, most = layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)
    answer = layers.Dense(1, activation="sigmoid")
    return keras.Model(pixels, answer(mean + most * answer(most)))


def activation_used_twice():
    pixels, x = start()
    mean, sigmoid = layers.GlobalAveragePooling2D()(x), layers.Activation("sigmoid")
    gate = sigmoid(layers.Dense(4)(mean) * 5)
    return keras.Model(pixels, sigmoid(layers.Dense(1)(mean * gate)))


class Hotter(layers.Dense):
    """A Dense whose `call` is its own."""

    def call(self, inputs):
        return self.activation(3 * ops.matmul(inputs, self.kernel) + 0.5)


def to_int8(model):
    model.quantize("int8", filters=lambda layer: isinstance(layer, layers.Dense))
    return model


def quantised():
    model = shake(ending(layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")))
    return to_int8(model)


def with_augmentation():
    pixels = keras.Input((SIZE, SIZE, 3))
    x = layers.RandomFlip()(pixels)
    x = layers.RandomRotation(0.2)(x)
    x = layers.Conv2D(4, 3, name="maps")(x / 255)
    x = layers.GaussianNoise(0.9)(layers.BatchNormalization()(x))
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))


def dropout_always_on():
    pixels, x = start()
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x), training=True)
    return keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))


def channels_first():
    pixels, x = start()
    x = layers.Permute((3, 1, 2))(x)
    x = layers.BatchNormalization(axis=1)(x)
    x = layers.AveragePooling2D((2, 3), data_format="channels_first", name="pooled")(x)
    x = layers.GlobalAveragePooling2D(data_format="channels_first")(x)
    return keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))


def mobile_net():
    scaled = layers.Rescaling(1 / 127.5, -1)(keras.Input((SIZE, SIZE, 3)))
    model = keras.applications.MobileNet(
        (SIZE, SIZE, 3), alpha=0.25, weights=None, classes=4, input_tensor=scaled
    )
    for layer in model.layers:  # untrained, its numbers would fade from layer to layer
        layer.momentum = 0.0
    noise = np.random.default_rng(4).uniform(0, 255, (8, SIZE, SIZE, 3))
    model(ops.convert_to_tensor(noise, "float32"), training=True)
    return model


def in_precision(policy: str):
    """The last layers in float16 or mixed, too, as `keras.config.set_dtype_policy` makes them."""
    ends = [layers.Dense(8, activation="relu", dtype=policy), layers.Dense(1, dtype=policy)]
    return shake(ending(*ends, layers.Activation("sigmoid", dtype=policy), dtype=policy))


def input_in_a_dictionary():
    pixels, x = start()
    x = layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    return keras.Model({"pixels": pixels}, {"answer": x})


NETWORKS = {
    "quick": lambda: build("quick", SIZE),
    "classic": lambda: build("classic", SIZE),
    "a nested backbone": nested,
    "a backbone used twice, a head that is a model": nested_twice,
    "a Sequential of Sequentials": sequential_in_sequential,
    "layers shared with another model": shared_with_another_model,
    "the last Dense used twice": dense_used_twice,
    "the last Activation used twice": activation_used_twice,
    "a Dense with a call of its own": lambda: ending(Hotter(1, activation="sigmoid")),
    "Dense with softmax": lambda: ending(layers.Dense(3, activation="softmax")),
    "Dense without bias": lambda: ending(layers.Dense(1, activation="sigmoid", use_bias=False)),
    "Dense, then Activation": lambda: ending(layers.Dense(1), layers.Activation("sigmoid")),
    "Dense, then Softmax": lambda: ending(layers.Dense(3), layers.Softmax()),
    "operations at the end": lambda: ending(layers.Dense(1), lambda x: ops.sigmoid(2 * x - 0.3)),
    "softmax as an operation": lambda: ending(layers.Dense(3), ops.softmax),
    "quantised to int8": quantised,
    "augmentation, noise and dropout": with_augmentation,
    "dropout that is called with training=True": dropout_always_on,
    "channels first": channels_first,
    "MobileNet": mobile_net,
    "its input in a dictionary": input_in_a_dictionary,
    "float64": lambda: in_precision("float64"),
}

AS_BUILT = ("quick", "classic", "quantised to int8", "MobileNet")


def network(name: str) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = NETWORKS[name]()
    return model if name in AS_BUILT else shake(model)


def says(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The model's own probabilities, `(n, units)` float64."""
    takes = getattr(model, "_functional", model).input
    fed = {"pixels": images} if isinstance(takes, dict) else images
    found = keras.tree.flatten(model.predict(fed, verbose=0))[0]
    return found.astype(np.float64)
