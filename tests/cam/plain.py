"""A small network computed twice: by Keras, and by NumPy that knows nothing of Keras or the engine.

Pictures of 15 × 13, a layer "maps" of 7 × 6 with six channels, of which one is zero everywhere and
one the same everywhere, then another convolution, so that what follows the maps is not linear.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import keras
import numpy as np
from keras import layers

SIZE = (15, 13)
CASES = [(1, 0), (1, 1), (2, 0), (2, 1), (5, 3)]  # units, target: every kind of last layer
ZERO, EVEN = 2, 4  # the channels of "maps" that are flat


@dataclass(frozen=True)
class Plain:
    """Weights of the network and its passes in float64, a picture at a time."""

    first: np.ndarray  # (3, 3, 3, 6), stride 2
    first_bias: np.ndarray
    second: np.ndarray  # (3, 3, 6, 4)
    second_bias: np.ndarray
    dense: np.ndarray  # (4, units)
    dense_bias: np.ndarray

    def keras(self) -> keras.Model:
        pixels = keras.Input((*SIZE, 3))
        x = layers.Conv2D(6, 3, strides=2, activation="relu", name="maps")(pixels)
        x = layers.Conv2D(4, 3, activation="relu", name="late")(x)
        x = layers.GlobalAveragePooling2D()(x)
        units = len(self.dense_bias)
        activation = "sigmoid" if units == 1 else "softmax"
        model = keras.Model(pixels, layers.Dense(units, activation=activation, name="answer")(x))
        model.get_layer("maps").set_weights([self.first, self.first_bias])
        model.get_layer("late").set_weights([self.second, self.second_bias])
        model.get_layer("answer").set_weights([self.dense, self.dense_bias])
        return model

    def maps(self, image) -> np.ndarray:
        return np.maximum(convolve(image, self.first, 2) + self.first_bias, 0)

    def late(self, maps) -> np.ndarray:
        return np.maximum(convolve(maps, self.second, 1) + self.second_bias, 0)

    def after(self, maps) -> np.ndarray:
        """The logits, from the maps on."""
        return self.late(maps).mean(axis=(0, 1)) @ self.dense + self.dense_bias

    def logits(self, image) -> np.ndarray:
        return self.after(self.maps(image))

    def weights(self, target: int) -> np.ndarray:
        """What each logit counts for in the target's."""
        units = len(self.dense_bias)
        return np.array([2.0 * target - 1]) if units == 1 else np.eye(units)[target]

    def score(self, logits, target: int, kind: str = "logit") -> float:
        units = len(self.dense_bias)
        if kind == "logit":
            return logits @ self.weights(target)
        if units == 1:
            return 1 / (1 + np.exp(-logits[0] * (2 * target - 1)))
        return np.exp(logits[target]) / np.exp(logits).sum()

    def gradient(self, image, target: int) -> tuple[np.ndarray, np.ndarray]:
        """The gradient of the target's logit with respect to the picture and to the maps."""
        maps = self.maps(image)
        late = self.late(maps)
        back = (self.dense @ self.weights(target)) / late[..., 0].size * (late > 0)
        to_maps = (matrix(maps.shape, self.second, 1).T @ back.ravel()).reshape(maps.shape)
        to_first = (to_maps * (maps > 0)).ravel()
        return (matrix(image.shape, self.first, 2).T @ to_first).reshape(image.shape), to_maps


def convolve(image, kernel, stride: int) -> np.ndarray:
    """A convolution without padding and bias."""
    rows = (image.shape[0] - kernel.shape[0]) // stride + 1
    columns = (image.shape[1] - kernel.shape[1]) // stride + 1
    out = np.zeros((rows, columns, kernel.shape[3]))
    for i in range(rows):
        for j in range(columns):
            window = image[i * stride : i * stride + 3, j * stride : j * stride + 3]
            out[i, j] = np.tensordot(window, kernel, 3)
    return out


def matrix(shape, kernel, stride: int) -> np.ndarray:
    """The same convolution as a matrix, to be turned round."""
    numbers, rows = np.arange(np.prod(shape)).reshape(shape), []
    for i in range((shape[0] - 3) // stride + 1):
        for j in range((shape[1] - 3) // stride + 1):
            window = numbers[i * stride : i * stride + 3, j * stride : j * stride + 3].ravel()
            rows.append(np.zeros((kernel.shape[3], numbers.size)))
            rows[-1][:, window] = kernel.reshape(-1, kernel.shape[3]).T
    return np.concatenate(rows)


def plain(units: int, flat: bool = True, seed: int = 4) -> Plain:
    """A network of one sigmoid or a softmax; `flat`: with the two channels that say nothing."""
    rng = np.random.default_rng(seed)
    first, first_bias = rng.normal(0, 0.4, (3, 3, 3, 6)), rng.normal(0, 0.1, 6) * flat
    if flat:
        first[..., ZERO], first_bias[ZERO] = 0, -1
        first[..., EVEN], first_bias[EVEN] = 0, 0.7
    parts = (
        first,
        first_bias,
        rng.normal(0, 0.4, (3, 3, 6, 4)),
        rng.normal(0, 0.1, 4),
        rng.normal(0, 0.1, (4, units)),
        rng.normal(0, 0.3, units),
    )
    return Plain(*(part.astype(np.float32) for part in parts))


@cache
def built(units: int, flat: bool = True) -> tuple[Plain, keras.Model]:
    """The network twice: in NumPy, and in Keras."""
    net = plain(units, flat)
    return net, net.keras()


def pictures(count: int = 3) -> np.ndarray:
    """Blobs on noise, so that the channels differ in what they hide."""
    rng = np.random.default_rng(11)
    images = rng.uniform(0, 1, (count, *SIZE, 3))
    for i, image in enumerate(images):
        image[2 + i : 7 + i, 3 : 7 + i] *= 4
    return images.astype(np.float32)


def enlarged(one) -> np.ndarray:
    return cv2.resize(np.asarray(one, np.float64), SIZE[::-1], interpolation=cv2.INTER_LINEAR)


def unit(mask) -> np.ndarray:
    """From 0 to 1; a flat mask is zero."""
    span = mask.max() - mask.min()
    return (mask - mask.min()) / span if span else np.zeros_like(mask)


def softmax(x) -> np.ndarray:
    x = np.exp(np.asarray(x) - np.max(x))
    return x / x.sum()
