"""A network that can be solved on paper, and a picture for it."""

import keras
import numpy as np
from keras import layers

# A network that can be solved on paper. The picture is 4 × 4; only its first channel counts.
# conv: 1 × 1, two maps: A = red, B = 2 · green. pool: mean of 2 × 2. dense: logit = 3·a + (−1)·b
# with a, b the means of the pooled maps.
WEIGHTS = (3.0, -1.0)


def on_paper(bias: float = 0.0, units: int = 1):
    pixels = keras.Input((4, 4, 3), name="pixels")
    maps = layers.Conv2D(2, 1, use_bias=False, name="maps")(pixels)
    pooled = layers.AveragePooling2D(2, name="pooled")(maps)
    mean = layers.GlobalAveragePooling2D(name="mean")(pooled)
    activation = "sigmoid" if units == 1 else "softmax"
    answer = layers.Dense(units, activation=activation, name="answer")(mean)
    model = keras.Model(pixels, answer)
    kernel = np.zeros((1, 1, 3, 2), np.float32)
    kernel[0, 0, 0, 0], kernel[0, 0, 1, 1] = 1, 2
    model.get_layer("maps").set_weights([kernel])
    if units == 1:
        model.get_layer("answer").set_weights([np.array(WEIGHTS)[:, None], np.array([bias])])
    else:
        columns = np.array([[0, WEIGHTS[0]], [0, WEIGHTS[1]]])
        model.get_layer("answer").set_weights([columns, np.array([0, bias])])
    return model


def picture(red, green) -> np.ndarray:
    image = np.zeros((1, 4, 4, 3), np.float32)
    image[0, ..., 0], image[0, ..., 1] = red, green
    image[0, ..., 2] = 77
    return image


RED = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [2, 2, 4, 4], [2, 2, 4, 4]])
GREEN = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 3, 3], [0, 0, 3, 3]])
IMAGE = picture(RED, GREEN)
# pooled maps: A = [[1, 0], [2, 4]], B = 2 · [[0, 1], [0, 3]]; means 7/4 and 2;
# logit = 3 · 7/4 − 2 = 13/4
LOGIT = 13 / 4


def sigmoid(x: float) -> float:
    return 1 / (1 + np.exp(-x))
