"""The presets' names, words and bounds: plain data, so that no page waits for Keras."""

from dataclasses import dataclass

MIN_IMAGE_SIZE = 32
MAX_IMAGE_SIZE = 512


@dataclass(frozen=True)
class Preset:
    """A network with the hyperparameters it was made for; `defaults` go into TrainConfig."""

    name: str
    network: str
    defaults: dict


PRESETS = {
    "quick": Preset(
        "quick",
        "A small residual network for a first answer on two cores.",
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
    "classic": Preset(
        "classic",
        "The VGG-like network of the blog post: seven convolutions, each followed by BatchNorm.",
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
}
