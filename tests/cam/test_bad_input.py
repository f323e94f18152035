"""What cannot be explained is said in a sentence, whatever the method."""

import keras
import numpy as np
import pytest
from keras import layers

from engine.cam import METHODS, explain
from engine.errors import ConfigError, LayerError
from tests.models.strangers import network

IMAGES = np.random.default_rng(2).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
SOME = ("grad-cam", "score-cam", "fullgrad", "random", "rise")


def ending_in(*ends):
    pixels = keras.Input((32, 32, 3))
    x = layers.Conv2D(4, 3, name="maps")(pixels)
    for end in ends:
        x = end(x)
    return keras.Model(pixels, x)


def test_nan_weights_are_named_by_every_method():
    """The heatmap was said not to be finite, "as the model's numbers overflow"; and a ReLU after
    the layer would hide it altogether."""
    model = network("a nested backbone")
    kernel, bias = model.get_layer("body").get_layer("maps").get_weights()
    kernel[0, 1, 2, 3] = np.nan
    model.get_layer("body").get_layer("maps").set_weights([kernel, bias])
    for method in METHODS:
        with pytest.raises(LayerError, match="The weights of the layer 'maps' hold NaN, so"):
            explain(model, IMAGES, method)


def test_nan_that_came_after_the_first_heatmap_is_named_too():
    """In what batch normalisation has seen, which no training step looks at."""
    model = network("augmentation, noise and dropout")
    assert explain(model, IMAGES, "grad-cam").raw.any()
    norm = next(one for one in model.layers if isinstance(one, layers.BatchNormalization))
    norm.moving_variance.assign(np.full(norm.moving_variance.shape, np.nan))
    with pytest.raises(LayerError, match=f"The weights of the layer '{norm.name}' hold NaN"):
        explain(model, IMAGES, "grad-cam")


@pytest.mark.parametrize("method", SOME)
@pytest.mark.parametrize(
    ("ends", "sentence"),
    [
        ([layers.GlobalAveragePooling2D(), layers.Dense(1)], "ends in 1 unit.* 'linear'"),
        ([layers.Conv2D(2, 1, activation="softmax")], r"one output of shape \(n, classes\)"),
        ([layers.GlobalAveragePooling2D(), layers.Dense(3, activation="sigmoid")],
         "ends in 3 unit.* 'sigmoid'"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_classify_pictures_is_refused(method, ends, sentence):
    with pytest.raises(LayerError, match=sentence):
        explain(ending_in(*ends), IMAGES, method)


def test_what_is_no_keras_model_is_refused():
    with pytest.raises(LayerError, match="The model has no graph of layers; give a functional"):
        explain(lambda pictures: pictures, IMAGES, "grad-cam")


@pytest.mark.parametrize("method", SOME)
def test_a_wrong_class_or_picture_is_refused_by_every_method(method):
    model = network("Dense, then Softmax")
    with pytest.raises(ConfigError, match="The target 3 is no class; choose from 0 to 2"):
        explain(model, IMAGES, method, target=3)
    with pytest.raises(ConfigError, match=r"\(2, 30, 32, 3\) and the model takes \(n, 32, 32, 3"):
        explain(model, IMAGES[:, 1:-1], method)
    if METHODS[method].layers == "one":
        with pytest.raises(LayerError, match=r"The layer '.*' has no spatial map; choose"):
            explain(model, IMAGES, method, layer=model.layers[-2].name)
