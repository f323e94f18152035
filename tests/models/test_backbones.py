"""Backbones are the networks whose weights they take, flat in the run's model."""

import hashlib
import http.server
import threading
from functools import partial

import keras
import numpy as np
import pytest
from keras import applications
from keras.src.applications import efficientnet, mobilenet_v2

from engine import files
from engine.errors import WeightsError
from engine.models import lite0, transfer
from engine.models.apart import take_apart
from engine.models.backbones import BACKBONES, blocks
from engine.models.build import build, spatial_layers
from engine.settings import settings

SIZE = 224
LARGE = 288  # which is not enlarged


@pytest.fixture(scope="module")
def lite0_model():
    """Lite0 with its weights and its own head of a thousand classes, at 224 pixels."""
    pixels = keras.Input((SIZE, SIZE, 3))
    maps = lite0.lite0(pixels, keras.DTypePolicy("float32"))
    average = keras.layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(pixels, keras.layers.Dense(1000, name="imagenet")(average))
    lite0.load_imagenet(model)
    return model


@pytest.fixture
def weights_from(monkeypatch):
    """A function that makes a path what CAMSIGHT_BACKBONES names."""

    def use(path):
        monkeypatch.setenv("CAMSIGHT_BACKBONES", str(path))
        settings.cache_clear()

    yield use
    monkeypatch.undo()
    settings.cache_clear()


def noise(n: int = 2, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (n, size, size, 3)).astype(np.float32)


def randomised(model: keras.Model) -> keras.Model:
    """Every weight another than at the start, moving averages too."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        layer.set_weights([w * rng.uniform(0.8, 1.2, w.shape) for w in layer.get_weights()])
    return model


def test_lite0_has_as_many_weights_as_it_was_published_with(lite0_model):
    assert lite0_model.count_params() == 4_694_024
    assert build("transfer", SIZE, backbone="efficientnet-lite0").count_params() == 3_413_024 + 1281


def test_lite0_takes_rings_for_what_is_round(lite0_model):
    """As the network that tells dogs from cats on photographs (tests/commands) says: a digital
    clock, a loudspeaker, a shield, a screen, a cash machine of ImageNet. With a kernel turned
    the wrong way, BatchNorms mixed up, or another scale of the pixels, it says others."""
    away = np.hypot(*np.mgrid[-112:112, -112:112])
    rings = [128 + 127 * np.sin(away / 9), 128 + 127 * np.cos(away / 15), 255 - away]
    (logits,) = lite0_model.predict(np.stack(rings, axis=-1)[None].astype(np.float32), verbose=0)
    first = logits.argsort()[::-1][:5]
    assert first.tolist() == [530, 632, 787, 782, 480]
    assert logits[first] == pytest.approx([5.110, 4.638, 4.535, 4.403, 4.193], abs=0.01)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_s_layers_stand_in_the_model_by_name(name):
    model = build("transfer", 64, 3, backbone=name)
    assert model.output_shape == (None, 3)
    assert model.get_layer("enlarge").output.shape[1:3] == (SIZE, SIZE)
    head = take_apart(model)  # compares the layers, one by one, with what the model says
    assert head.layer == spatial_layers(model)[-1]
    found = blocks(name, [layer.name for layer in model.layers])
    assert len(found) > 8
    transfer.unfreeze(model, name, 1)
    learning = {layer.name for layer in model.layers if layer.trainable_weights}
    assert learning - {"probability"} <= set(found[-1])
    assert len(learning) >= 2


def test_pictures_large_enough_are_left_as_they_are():
    names = [layer.name for layer in build("transfer", LARGE, backbone="mobilenet-0.25").layers]
    assert "enlarge" not in names


THEIRS = {
    "mobilenet-v2": (applications.MobileNetV2, applications.mobilenet_v2.preprocess_input),
    "resnet50": (applications.ResNet50, applications.resnet50.preprocess_input),
    "convnext-tiny": (applications.ConvNeXtTiny, lambda pixels: pixels),
    "mobilenet-0.25": (
        partial(applications.MobileNet, alpha=0.25), applications.mobilenet.preprocess_input,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "top"), [(name, name == "mobilenet-0.25") for name in THEIRS])
def test_features_from_a_file_are_those_of_keras_itself(name, top, tmp_path, weights_from):
    make, prepare = THEIRS[name]
    shape = (LARGE, LARGE, 3) if top else (None, None, 3)
    theirs = randomised(make(include_top=top, weights=None, input_shape=shape))
    theirs.save_weights(tmp_path / f"{name}.weights.h5")
    weights_from(tmp_path)
    model = build("transfer", LARGE, backbone=name)
    transfer.load_imagenet(model, name)
    last = theirs.get_layer("conv_pw_13_relu").output if top else theirs.output
    maps = keras.Model(theirs.inputs, last)
    expected = maps.predict(prepare(noise(size=LARGE)), verbose=0).mean(axis=(1, 2))
    assert 0 < np.abs(expected).max() < 1e6
    found = transfer.features_of(model).predict(noise(size=LARGE), verbose=0)
    assert np.allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """`publish(model, "name.h5")`: a file on a server of this test, and its MD5; where Keras keeps
    what it downloads is the test's own, too."""
    folder = tmp_path / "published"
    folder.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def put(model: keras.Model, name: str) -> tuple[str, str]:
        model.save(folder / name)
        told = hashlib.md5((folder / name).read_bytes()).hexdigest()
        return f"http://127.0.0.1:{server.server_port}/", told

    yield put
    server.shutdown()


def test_weights_are_downloaded_where_there_is_a_network(publish, monkeypatch):
    """By Keras's own code, which for EfficientNet adds a layer to what it downloads; the second
    model needs no server any more."""
    shape = (LARGE, LARGE, 3)
    made = applications.EfficientNetB0(False, None, input_shape=shape)
    randomised(made)
    address, md5 = publish(made, "efficientnetb0_notop.h5")
    monkeypatch.setattr(efficientnet, "BASE_WEIGHTS_PATH", address)
    monkeypatch.setitem(efficientnet.WEIGHTS_HASHES, "b0", ("", md5))
    model = build("transfer", LARGE, backbone="efficientnet-b0")
    transfer.load_imagenet(model, "efficientnet-b0")
    theirs = applications.EfficientNetB0(False, "imagenet", input_shape=shape)
    expected = theirs.predict(noise(size=LARGE), verbose=0).mean(axis=(1, 2))
    found = transfer.features_of(model).predict(noise(size=LARGE), verbose=0)
    assert np.allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_without_a_network_or_a_file_the_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(mobilenet_v2, "BASE_WEIGHT_PATH", "http://127.0.0.1:9/")
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    model = build("transfer", 32, backbone="mobilenet-v2")
    with pytest.raises(WeightsError, match=r"mobilenet-v2 could not be downloaded .*CAMSIGHT_BACK"):
        transfer.load_imagenet(model, "mobilenet-v2")


def test_a_file_of_another_network_is_a_sentence(tmp_path, weights_from):
    path = tmp_path / "my.weights.h5"
    build("quick", 32).save_weights(path)
    weights_from(path)
    model = build("transfer", 32, backbone="mobilenet-0.25")
    before = model.get_layer("conv1").get_weights()[0].copy()
    with pytest.raises(WeightsError, match=r"my\.weights\.h5' holds no weights of mobilenet-0\.2"):
        transfer.load_imagenet(model, "mobilenet-0.25")
    assert (model.get_layer("conv1").get_weights()[0] == before).all()


def test_installed_weights_that_are_not_those_published_are_a_sentence(tmp_path, monkeypatch):
    path = tmp_path / "other.pth"
    path.write_bytes(b"something else")
    assert files.sha256(lite0.weights_file()) == lite0.SHA256
    monkeypatch.setattr(lite0, "weights_file", lambda: path)
    with pytest.raises(WeightsError, match="is not the file that was published"):
        lite0.load_imagenet(build("transfer", 32, backbone="efficientnet-lite0"))
