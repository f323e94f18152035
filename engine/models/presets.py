"""The register of presets: plain data, so that no page waits for Keras.

An entry is all that a preset needs beside its network: TrainConfig, the command line, `build` and
the pages read it.
"""

from dataclasses import dataclass

from engine.errors import ConfigError

MIN_IMAGE_SIZE = 32
MAX_IMAGE_SIZE = 512


@dataclass(frozen=True)
class Preset:
    """A network with the hyperparameters it was made for.

    Attributes:
        network: what it is, in a sentence.
        function: where it is, "module:function"; loaded when a model is built.
        defaults: go into TrainConfig.
        start: what gives its first weights by the training pictures, "module:function" of
            `(model, pictures (n, h, w, 3) uint8)`; "" where chance alone does.
    """

    name: str
    network: str
    function: str
    defaults: dict
    start: str = ""


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "transfer",
            "A backbone that has seen ImageNet's 1.2 million photographs, and a new head on its "
            "features: the best answer on photographs, in about a minute.",
            "engine.models.transfer:transfer",
            {
                "image_size": 224,
                "epochs": 12,
                "batch_size": 32,
                "optimizer": "adamw",
                "learning_rate": 1e-4,
                "schedule": "one-cycle",
                "decay": 0.1,
                "momentum": 0.9,
                "l2": 0.02,
                "augment": True,
                "backbone": "efficientnet-lite0",
            },
        ),
        Preset(
            "quick",
            "A small residual network for a first answer on two cores.",
            "engine.models.networks:quick",
            {
                "image_size": 64,
                "epochs": 8,
                "batch_size": 32,
                "optimizer": "adamw",
                "learning_rate": 3e-3,
                "schedule": "one-cycle",
                "decay": 0.1,
                "momentum": 0.9,
                "l2": 0.01,
                "augment": True,
            },
        ),
        Preset(
            "classic",
            "The VGG-like network of the blog post: seven convolutions, each followed by "
            "BatchNorm.",
            "engine.models.networks:classic",
            {
                "image_size": 150,
                "epochs": 20,
                "batch_size": 32,
                "optimizer": "sgd",
                "learning_rate": 1e-2,
                "schedule": "exponential",
                "decay": 0.1,
                "momentum": 0.9,
                "l2": 0.01,
                "augment": False,
            },
        ),
        Preset(
            "fast",
            "A residual network behind a frozen whitening of 2 × 2 patches: the best from scratch "
            "in a quarter of an hour on two cores.",
            "engine.models.fast:fast",
            {
                "image_size": 128,
                "epochs": 30,
                "batch_size": 64,
                "optimizer": "muon",
                "learning_rate": 5e-3,
                "schedule": "one-cycle",
                "decay": 0.1,
                "momentum": 0.95,
                "l2": 0.0,
                "augment": True,
                "precision": "auto",
                "label_smoothing": 0.1,
                "crop": 0.35,
                "progressive": True,
            },
            start="engine.models.fast:whiten",
        ),
    )
}


def find_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        ConfigError: if there is none, naming those that there are.
    """
    if name not in PRESETS:
        raise ConfigError(
            f"The preset '{name}' does not exist; choose one of {', '.join(PRESETS)}."
        )
    return PRESETS[name]
