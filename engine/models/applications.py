"""Backbones out of `keras.applications`, each with what it wants done to the pixels inside.

Their layers stand in the model by name: a nested model would hide them from whoever explains it.
"""

import socket
import warnings
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import applications, layers

from engine.errors import WeightsError
from engine.models.backbones import SEES
from engine.settings import settings

DOWNLOAD_SECONDS = 30  # without an answer
CAFFE_MEAN = (123.68, 116.779, 103.939)  # red, green, blue; what ResNet50's pictures lose
STDDEV = np.array([0.229, 0.224, 0.225])[:, None]  # of ImageNet's red, green, blue
# What Keras does to the pixels before the first convolution, done to its kernel (h, w, in, out)
# instead: ResNet50's is for blue, green, red; EfficientNet's input is divided once more by the
# root of the deviation, in a layer that Keras adds only where it downloads the weights.
TURNED = {
    "resnet50": {"conv1_conv": lambda kernel: kernel[:, :, ::-1]},
    "efficientnet-b0": {"stem_conv": lambda kernel: kernel / np.sqrt(STDDEV)},
}
MAKERS = {
    "mobilenet-v2": applications.MobileNetV2,
    "efficientnet-b0": applications.EfficientNetB0,
    "resnet50": applications.ResNet50,
    "convnext-tiny": applications.ConvNeXtTiny,
    "mobilenet-0.25": partial(applications.MobileNet, alpha=0.25),
}


def mobilenet_v2(pixels, policy):
    return _maps("mobilenet-v2", _from_minus_one_to_one(pixels, policy))


def mobilenet_0_25(pixels, policy):
    return _maps("mobilenet-0.25", _from_minus_one_to_one(pixels, policy))


def efficientnet_b0(pixels, policy):
    return _maps("efficientnet-b0", pixels)  # scales by itself


def convnext_tiny(pixels, policy):
    return _maps("convnext-tiny", pixels)  # scales by itself


def resnet50(pixels, policy):
    centred = layers.Normalization(
        mean=CAFFE_MEAN, variance=(1.0, 1.0, 1.0), name="centre", dtype=policy
    )
    return _maps("resnet50", centred(pixels))


def _from_minus_one_to_one(pixels, policy):
    return layers.Rescaling(1 / 127.5, offset=-1, name="scale", dtype=policy)(pixels)


def _maps(backbone: str, x):
    return MAKERS[backbone](include_top=False, weights=None, input_tensor=x).output


# --- their weights --------------------------------------------------------------------------------


def load_imagenet(model: keras.Model, backbone: str) -> None:
    """Give a model that `backbone` is part of its ImageNet weights: from the file that
    CAMSIGHT_BACKBONES names, or downloaded by Keras.

    Raises:
        WeightsError: if there is no such file and no network, or it is of another network.
    """
    theirs = _from_file(backbone) or _downloaded(backbone)
    ours = [layer for layer in model.layers if layer.weights and layer.name != "probability"]
    # by order: some have automatic names; what comes after the last of ours is their own head
    for layer, other in zip(ours, (one for one in theirs.layers if one.weights), strict=False):
        weights = other.get_weights()
        if other.name in TURNED.get(backbone, {}):
            weights[0] = TURNED[backbone][other.name](weights[0])
        layer.set_weights(weights)
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()  # what it divides by is made from its weights


def weights_file(backbone: str) -> Path | None:
    """The file by setting: CAMSIGHT_BACKBONES itself, or `<backbone>.weights.h5` in that folder."""
    place = settings().backbones
    if place is None:
        return None
    found = place / f"{backbone}.weights.h5" if place.is_dir() else place
    return found if found.is_file() else None


def _from_file(backbone: str) -> keras.Model | None:
    path = weights_file(backbone)
    if path is None:
        return None
    for with_top in (True, False):
        model = MAKERS[backbone](
            include_top=with_top, weights=None, input_shape=(SEES, SEES, 3)
        )
        try:
            with warnings.catch_warnings():  # what does not fit may be no more than a warning
                warnings.simplefilter("error", UserWarning)
                model.load_weights(path)
            return model
        except (ValueError, KeyError, OSError, IndexError, TypeError, UserWarning):
            continue
    raise WeightsError(
        f"'{path}' holds no weights of {backbone}; take the file that Keras publishes for it, or "
        "choose another backbone."
    )


def _downloaded(backbone: str) -> keras.Model:
    kept = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_SECONDS)
    try:
        return MAKERS[backbone](
            include_top=False, weights="imagenet", input_shape=(SEES, SEES, 3)
        )
    except Exception as error:  # of the network, of the disk, of a file that has another hash
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WeightsError(
            f"The ImageNet weights of {backbone} could not be downloaded ({why}); put the file "
            f"that Keras publishes into a folder as {backbone}.weights.h5 and name the folder in "
            "CAMSIGHT_BACKBONES, or choose efficientnet-lite0, whose weights are installed."
        ) from error
    finally:
        socket.setdefaulttimeout(kept)
