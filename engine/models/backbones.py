"""The register of backbones, networks that have seen ImageNet: plain data, as that of presets."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

SEES = 224  # pixels of a picture's side, for which all of them were trained
MOST = 288
STEP = 32  # pixels of the side for one of the last maps


@dataclass(frozen=True)
class Backbone:
    """A network up to its last maps, whose weights others have trained on ImageNet.

    Attributes:
        about: what it is, in a sentence.
        function: "module:function" of the pixels and the dtype policy; gives the last maps.
        load: "module:function" that gives a model of them their weights.
        block: a pattern whose first group names the block that a layer belongs to. A layer without
            one belongs to the block before it.
    """

    name: str
    about: str
    function: str
    load: str
    block: str


def _of_keras(name: str, about: str, block: str) -> Backbone:
    where = "engine.models.applications:"
    return Backbone(name, about, f"{where}{name.replace('-', '_').replace('.', '_')}",
                    f"{where}load_imagenet", block)  # fmt: skip


BACKBONES = {
    one.name: one
    for one in (
        Backbone(
            "efficientnet-lite0",
            "EfficientNet-Lite0: 3.4 million weights, which are installed with Camsight.",
            "engine.models.lite0:lite0",
            "engine.models.lite0:load_imagenet",
            r"(block\d+_\d+|top)",
        ),
        _of_keras("mobilenet-v2", "MobileNetV2: 2.3 million weights.", r"(block_\d+|Conv_1)"),
        _of_keras(
            "efficientnet-b0", "EfficientNetB0: 4 million weights.", r"(block\d+[a-z]|top_conv)"
        ),
        _of_keras("resnet50", "ResNet50: 23.6 million weights.", r"(conv\d_block\d+)"),
        _of_keras(
            "convnext-tiny", "ConvNeXtTiny: 27.8 million weights.", r"(stage_\d_block_\d)"
        ),
        _of_keras(
            "mobilenet-0.25",
            "MobileNet, a quarter as wide: 0.2 million weights, for the smallest machines.",
            r"conv_[pd]w_(\d+)",
        ),
    )
}


def enlarged(image_size: int) -> int:
    """The side to which pictures are enlarged before the backbone sees them: by half, from 224 to
    288 pixels; larger ones stay as they are.

    A network is better a little above the size it was trained on (Touvron et al. 2019, FixRes);
    measured for photographs of 150 and 200 pixels in docs/decisions/016.

    >>> [enlarged(size) for size in (64, 150, 200, 224, 300)]
    [224, 224, 288, 288, 300]
    """
    by_half = round(1.5 * image_size / STEP) * STEP
    return max(image_size, min(MOST, max(SEES, by_half)))


def blocks(backbone: str, layers: Iterable[str]) -> list[list[str]]:
    """The layers' names by block, in order; what stands before the first block is left out."""
    found: dict[str, list[str]] = {}
    current = None
    for layer in layers:
        match = re.search(BACKBONES[backbone].block, layer)
        current = match[1] if match else current
        if current:
            found.setdefault(current, []).append(layer)
    return list(found.values())
