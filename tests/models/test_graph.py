"""Which layers have a spatial map, and what they are called."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from engine.errors import LayerError
from engine.models.apart import choose_layer, take_apart
from engine.models.build import spatial_layers
from engine.models.graph import last_of_each_size
from tests.models.strangers import backbone, mobile_net, nested_twice, network, start


def classifier(pixels, x):
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))


def test_a_map_of_1_by_1_is_no_map():
    """MobileNet's `conv_preds` came last, and its heatmap was one colour all over."""
    found = spatial_layers(mobile_net())
    assert "conv_preds" not in found
    assert "conv_pw_13_relu" not in found  # 1 × 1 where pictures are 32 × 32
    assert found[-1] == "conv_pad_12"
    larger = keras.applications.MobileNet((64, 64, 3), alpha=0.25, weights=None, classes=4)
    assert choose_layer(larger, None) == "conv_pw_13_relu"


def test_the_last_of_each_size_is_neither_the_picture_nor_a_padding():
    """The scaled pixels counted as a layer, and a map counted twice where it was padded."""
    pixels = keras.Input((32, 32, 3))
    x = layers.ZeroPadding2D(1)(layers.Rescaling(1 / 255)(pixels))
    x = layers.Conv2D(4, 3, padding="same", name="fine")(x)
    x = layers.Conv2D(4, 3, strides=2, name="coarse")(layers.ZeroPadding2D(2)(x))
    x = layers.ReLU(name="coarse_relu")(x)
    assert last_of_each_size(classifier(pixels, x)) == ["fine", "coarse_relu"]


def test_of_a_model_without_kernels_every_map_counts():
    pixels = keras.Input((8, 8, 3))
    x = layers.AveragePooling2D(2, name="small")(layers.Rescaling(0.1, name="scaled")(pixels))
    model = keras.Model(pixels, layers.Softmax()(layers.GlobalAveragePooling2D()(x)))
    assert last_of_each_size(model) == ["scaled", "small"]


def test_where_sizes_come_with_the_picture_each_resolution_has_its_layer_all_the_same():
    """All were of the size (None, None), so that only the last layer of all was found."""

    def of(side):
        pixels = keras.Input((side, side, 3))
        x = layers.Conv2D(4, 3, padding="same", name="fine")(pixels / 255)
        x = layers.ReLU(name="fine_relu")(x)
        inside = keras.Input((side, side, 4))
        y = layers.Conv2D(4, 3, strides=2, padding="same", name="half")(inside)
        body = keras.Model(inside, layers.Conv2D(4, 3, strides=2, name="deep")(y), name="body")
        return classifier(pixels, layers.BatchNormalization(name="norm")(body(x)))

    model = of(None)
    uses = len(model.get_layer("fine")._inbound_nodes)
    found = last_of_each_size(model)
    assert found == last_of_each_size(of(256)) == ["fine_relu", "body/half", "norm"]
    assert len(model.get_layer("fine")._inbound_nodes) == uses


def test_a_layer_inside_a_nested_model_is_named_as_a_path():
    pixels = keras.Input((32, 32, 3))
    model = classifier(pixels, layers.ReLU(name="relu")(backbone()(pixels)))
    assert spatial_layers(model)[1:] == ["body/maps", "body/deep", "relu"]
    assert take_apart(model, "body/maps").layer == "body/maps"
    with pytest.raises(LayerError, match="The layer 'body/conv9' does not exist; choose one of "):
        take_apart(model, "body/conv9")
    with pytest.raises(LayerError, match="The layer 'body' is a model, of which a layer must be"):
        take_apart(model, "body")


def test_each_use_of_a_layer_has_a_name_and_a_map_of_its_own():
    pixels = keras.Input((32, 32, 3))
    conv = layers.Conv2D(3, 3, padding="same", name="conv")
    model = classifier(pixels, conv(conv(pixels)))
    assert spatial_layers(model) == ["conv", "conv#2"]
    images = np.random.default_rng(2).uniform(0, 1, (2, 32, 32, 3)).astype(np.float32)
    first, second = (take_apart(model, name).forward(images)[0] for name in ("conv", "conv#2"))
    np.testing.assert_allclose(first, conv(images), atol=1e-6)
    np.testing.assert_allclose(second, conv(conv(images)), atol=1e-6)


def test_a_model_used_twice_has_each_of_its_maps_twice():
    found = [name for name in spatial_layers(nested_twice()) if "deep" in name]
    assert found == ["body/deep", "body#2/deep"]
    model = network("a backbone used twice, a head that is a model")
    images = np.random.default_rng(2).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    body = next(layer for layer in model.layers if layer.name == "body")
    maps = {np.asarray(take_apart(model, x).forward(images)[0]).tobytes() for x in found}
    assert maps == {np.asarray(body(x)).tobytes() for x in (images, images[:, :, ::-1])}


def test_a_use_is_never_called_as_another_layer_is():
    pixels = keras.Input((32, 32, 3))
    conv = layers.Conv2D(3, 1, name="conv")
    x = layers.ReLU(name="conv#2")(conv(conv(pixels)))
    found = spatial_layers(classifier(pixels, x))
    assert len(set(found)) == len(found) == 3


def test_layers_of_one_model_do_not_show_up_in_another():
    pixels, x = start()
    shared = layers.Conv2D(2, 3, name="shared")
    classifier(pixels, layers.Conv2D(2, 3, name="elsewhere")(shared(x)))
    other = keras.Input((32, 32, 3))
    model = classifier(other, shared(layers.Conv2D(4, 1, name="own")(other)))
    assert spatial_layers(model) == ["own", "shared"]


def test_layers_that_give_several_tensors_do_not_break_the_list():
    pixels, x = start()
    x = layers.GlobalAveragePooling2D()(x)
    _, state, _ = layers.LSTM(4, return_state=True)(layers.Reshape((2, 2))(x))
    model = keras.Model(pixels, layers.Dense(1, activation="sigmoid")(state))
    assert take_apart(model).layer == "maps"


def test_sizes_that_come_with_the_picture_are_maps():
    pixels = keras.Input((None, None, 3))
    model = classifier(pixels, layers.Conv2D(2, 3, name="maps")(pixels / 255))
    head = take_apart(model)
    assert head.layer == "maps"
    for size in (20, 33):
        maps, _ = head.fast(np.zeros((1, size, size, 3), np.float32))
        assert maps.shape == (1, size - 2, size - 2, 2)


TURNED = {
    "Permute": layers.Permute((3, 1, 2)),
    "transpose": lambda x: ops.transpose(x, (0, 3, 1, 2)),
    "moveaxis": lambda x: ops.moveaxis(x, -1, 1),
    "swapaxes, twice": lambda x: ops.swapaxes(ops.swapaxes(x, 1, 3), 2, 3),
}


@pytest.mark.parametrize("turn", TURNED)
def test_maps_with_channels_first_are_turned_back(turn):
    """The raw heatmap was of shape (n, channels, w)."""
    pixels, x = start()
    x = layers.ReLU(name="after")(TURNED[turn](x[:, :20]))  # 20 × 30: sides must not be confused
    x = layers.MaxPooling2D(2, data_format="channels_first", name="pooled")(x)
    x = layers.GlobalAveragePooling2D(data_format="channels_first")(x)
    model = keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))
    images = np.random.default_rng(2).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    maps = np.asarray(take_apart(model, "maps").forward(images)[0])[:, :20]
    after = np.asarray(take_apart(model, "after").forward(images)[0])
    np.testing.assert_allclose(after, np.maximum(maps, 0), atol=1e-6)
    pooled = after.reshape(2, 10, 2, 15, 2, 4).max(axis=(2, 4))
    np.testing.assert_allclose(take_apart(model).forward(images)[0], pooled, atol=1e-6)


def test_height_and_width_that_change_places_are_put_back():
    pixels, x = start()
    model = classifier(pixels, layers.Permute((2, 1, 3), name="turned")(x))
    images = np.random.default_rng(2).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    maps, turned = (take_apart(model, name).forward(images)[0] for name in ("maps", "turned"))
    np.testing.assert_allclose(turned, maps, atol=1e-6)


def test_axes_whose_order_cannot_be_told_are_refused_by_name():
    pixels, x = start()
    x = layers.Reshape((4, 30, 30), name="shuffled")(x)
    turned = layers.Permute((3, 1, 2), name="turned")(pixels[:, 1:-1, 1:-1, :1])
    x = layers.Multiply(name="mixed")([turned, x])  # one of known axes and one of others
    model = classifier(pixels, x)
    assert spatial_layers(model)[-1] == "turned"
    assert not {"shuffled", "mixed"} & set(spatial_layers(model))
    with pytest.raises(LayerError, match="layer 'shuffled' have their axes in an order"):
        take_apart(model, "shuffled")


def test_a_model_that_reads_pictures_with_channels_first_is_refused_by_name():
    pixels = keras.Input((3, 32, 32))
    x = layers.MaxPooling2D(2, data_format="channels_first", name="pooled")(pixels)
    x = layers.GlobalAveragePooling2D(data_format="channels_first")(x)
    model = keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))
    with pytest.raises(LayerError, match="'pooled' have their axes in an order that"):
        take_apart(model)


def random_graph(rng) -> keras.Model:
    """Layers and models used once or several times, in any order, in branches that meet."""
    pixels = keras.Input((12, 12, 3))
    uses = [layers.Conv2D(3, 3, padding="same", activation="tanh") for _ in range(2)]
    inner = keras.Input((12, 12, 3))
    uses += [layers.ReLU(), keras.Model(inner, uses[0](layers.ReLU()(uses[1](inner))))]
    uses += [keras.Sequential([keras.Input((12, 12, 3)), uses[3], layers.BatchNormalization()])]
    maps = [layers.Rescaling(1 / 255)(pixels)]
    for _ in range(6):
        x = uses[rng.integers(len(uses))](maps[rng.integers(len(maps))])
        maps.append(x + maps[rng.integers(len(maps))] if rng.random() < 0.5 else x)
    mean = layers.GlobalAveragePooling2D()(maps[-1])
    answer = layers.Dense(3)
    return keras.Model(pixels, layers.Softmax()(answer(ops.tanh(answer(mean)))))


@pytest.mark.parametrize("seed", range(8))
def test_any_graph_is_walked_as_keras_itself_runs_it(seed):
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    model = random_graph(rng)
    images = rng.uniform(0, 255, (2, 12, 12, 3)).astype(np.float32)
    names = spatial_layers(model)
    assert len(set(names)) == len(names)
    for layer in rng.choice(names, 2):
        maps, logits = take_apart(model, str(layer)).forward(images)
        assert maps.shape == (2, 12, 12, 3)
        np.testing.assert_allclose(ops.softmax(logits), model(images, training=False), atol=1e-5)
