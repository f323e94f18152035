"""Small networks with fixed weights, once in Keras and once in NumPy.

`small(tail, units)` is a `Small`: a convolution with ReLU named "maps", and behind it a tail:

- "linear": the mean of each map and one Dense, so that the gradient by a map is the same number
  everywhere;
- "curved": a second convolution named "second", tanh, the mean, Dense, tanh, Dense, so that no
  derivative is constant.

NumPy's side is float64 and plain loops. Its gradients are complex steps (Squire & Trapp 1998), one
activation at a time: f'(x) = Im f(x + ih) / h, exact to the last digits, and nothing of it is
shared with backpropagation.
"""

from dataclasses import dataclass
from functools import cache

import keras
import numpy as np
from keras import layers

STEP = 1e-30
MAPS = 4


@dataclass(frozen=True)
class Small:
    model: keras.Model
    units: int
    tail: str

    @property
    def classes(self) -> int:
        return max(2, self.units)

    def maps(self, image, layer: str = "maps") -> np.ndarray:
        """What the layer gives for one picture: `(h', w', k)` float64."""
        maps = np.maximum(convolve(np.float64(image), *self._weights("maps"), stride=2), 0)
        return maps if layer == "maps" else self._second(maps)

    def logits(self, maps, layer: str = "maps") -> np.ndarray:
        """From the layer's maps on: `(units,)`, also for complex maps."""
        if self.tail == "curved" and layer == "maps":
            maps = self._second(maps)
        x = maps.mean(axis=(0, 1))
        if self.tail == "curved":
            kernel, bias = self._weights("hidden")
            x = np.tanh(x @ kernel + bias)
        kernel, bias = self._weights("answer")
        return x @ kernel + bias

    def logit(self, maps, target: int, layer: str = "maps"):
        """The target's; with one sigmoid that of class 0 is minus that of class 1."""
        logits = self.logits(maps, layer)
        return logits[target] if self.units > 1 else (2 * target - 1) * logits[0]

    def log_probability(self, maps, target: int):
        if self.units == 1:
            return -np.log(1 + np.exp(-self.logit(maps, target)))
        logits = self.logits(maps)
        return logits[target] - np.log(np.exp(logits).sum())

    def probability(self, maps, target: int):
        return np.exp(self.log_probability(maps, target))

    def gradient(self, maps, score) -> np.ndarray:
        """Of `score(maps)`, a number, by each activation, one after the other."""
        found = np.zeros(maps.shape)
        for place in np.ndindex(maps.shape):
            moved = maps.astype(complex)
            moved[place] += 1j * STEP
            found[place] = score(moved).imag / STEP
        return found

    def _second(self, maps) -> np.ndarray:
        return np.tanh(convolve(maps, *self._weights("second")))

    def _weights(self, layer: str) -> tuple[np.ndarray, np.ndarray]:
        kernel, bias = self.model.get_layer(layer).get_weights()
        return np.float64(kernel), np.float64(bias)


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int = 1) -> np.ndarray:
    """A convolution without padding, place by place."""
    size = kernel.shape[0]
    height, width = ((side - size) // stride + 1 for side in x.shape[:2])
    out = np.empty((height, width, kernel.shape[-1]), np.result_type(x, kernel))
    for row, column in np.ndindex(height, width):
        top, left = row * stride, column * stride
        seen = x[top : top + size, left : left + size]
        out[row, column] = np.tensordot(seen, kernel, axes=3) + bias
    return out


@cache
def small(tail: str = "linear", units: int = 1, sides: tuple = (11, 9)) -> Small:
    pixels = keras.Input((*sides, 3))
    x = layers.Conv2D(MAPS, 3, strides=2, activation="relu", name="maps")(pixels)
    if tail == "curved":
        x = layers.Conv2D(5, 2, activation="tanh", name="second")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    if tail == "curved":
        x = layers.Dense(6, activation="tanh", name="hidden")(x)
    activation = "sigmoid" if units == 1 else "softmax"
    model = keras.Model(pixels, layers.Dense(units, activation=activation, name="answer")(x))
    rng = np.random.default_rng(76)
    for weight in model.trainable_weights:
        spread = 0.4 if len(weight.shape) == 1 else 1.8 / np.sqrt(np.prod(weight.shape[:-1]))
        weight.assign(rng.normal(0, spread, weight.shape))
    return Small(model, units, tail)


def pictures(count: int, sides: tuple = (11, 9), seed: int = 11) -> np.ndarray:
    """Blots on dark ground, from 0 to 3."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 0.6, (count, *sides, 3))
    for image in images:
        top, left = rng.integers(0, sides[0] - 4), rng.integers(0, sides[1] - 4)
        image[top : top + 4, left : left + 4] += rng.uniform(0, 2.4, 3)
    return images.astype(np.float32)
