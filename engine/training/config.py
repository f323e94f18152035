"""TrainConfig: every hyperparameter with its bounds. Plain data: no Keras is imported here."""

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from engine.errors import ConfigError
from engine.models.backbones import BACKBONES
from engine.models.presets import MAX_IMAGE_SIZE, MIN_IMAGE_SIZE, PRESETS, find_preset

USUAL = "quick"  # the preset where neither a person nor a dataset says which
OF_NO_USE = ("learning_rate", "batch_size", "seed")  # to a head alone
WARM_UP = 0.2  # share of a one-cycle schedule in which the rate rises


class TrainConfig(BaseModel):
    """What a run is trained with. The same configuration and seed on a CPU give the same run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: Literal[*PRESETS] = Field(
        description="Network, and where the defaults come from. Where none is named: transfer, or "
        "quick for drawn pictures."
    )
    image_size: int = Field(
        ge=MIN_IMAGE_SIZE,
        le=MAX_IMAGE_SIZE,
        description="Pixels of a picture's side; at most the dataset's own. Half the size trains "
        "about four times faster and sees less detail.",
    )
    epochs: int = Field(ge=1, le=500, description="How often every training picture is seen.")
    batch_size: int = Field(
        ge=2, le=1024, description="Pictures between two changes of the weights."
    )
    optimizer: Literal["sgd", "adam", "adamw", "muon"] = Field(
        description="SGD with momentum, Adam, Adam with decoupled weight decay (AdamW), or Muon "
        "for the kernels of convolutions and AdamW for the rest."
    )
    learning_rate: float = Field(
        gt=0, le=1, description="Size of a step: the highest rate of the schedule."
    )
    schedule: Literal["one-cycle", "exponential", "constant"] = Field(
        description="One cycle rises and falls by a cosine; exponential is the blog post's "
        "rate · 10^(−decay · epoch)."
    )
    decay: float = Field(
        ge=0,
        le=2,
        description="Of the exponential schedule: 0.1 divides the rate by 10 in ten epochs.",
    )
    momentum: float = Field(
        ge=0, le=0.999, description="Momentum of SGD and Muon; beta 1 of Adam and AdamW."
    )
    l2: float = Field(ge=0, le=1, description="L2 penalty on the weights of the first dense layer.")
    augment: bool = Field(
        description="Mirror and shift training pictures at random, so that fewer are learnt by "
        "heart."
    )
    early_stopping: int = Field(
        0,
        ge=0,
        le=500,
        description="End after so many epochs without a lower validation loss; 0 never ends early.",
    )
    backbone: Literal["", *BACKBONES] = Field(
        "",
        description="The network that has seen ImageNet; of the preset transfer alone.",
    )
    fine_tune: int = Field(
        0,
        ge=0,
        le=50,
        description="How many of the backbone's blocks, from the last, are trained on after its "
        "head; 0 leaves it as it is, which takes seconds.",
    )
    precision: Literal["float32", "bfloat16", "auto"] = Field(
        "float32",
        description="float32 is exact; bfloat16 is faster on processors with instructions for it; "
        "auto measures which of them is faster here.",
    )
    seed: int = Field(1, ge=0, le=2**31 - 1, description="Of weights, order and augmentation.")
    label_smoothing: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="Share of each label that is spread over all classes, in both losses, so that "
        "the network is not driven to be ever surer of what it has learnt by heart.",
    )
    crop: float = Field(
        1.0,
        ge=0.05,
        le=1,
        description="When augmenting: below 1, a random part of a training picture, of at least "
        "this share of its area, fills it, mirrored in every other epoch; 1 mirrors and shifts.",
    )
    progressive: bool = Field(
        False,
        description="Train on smaller pictures first: half the size for the first half of the "
        "epochs, 7/8 of it for the last fifth, since crops show things larger than whole pictures.",
    )

    def size_at(self, epoch: int) -> int:
        """Side of a training picture in `epoch`, counted from 0, in pixels.

        Progressive resizing as in MosaicML's Composer, to 7/8 of what is judged (Touvron et al.
        2019, "Fixing the train-test resolution discrepancy"); a multiple of 16 but for the size
        that was asked for.

        >>> [train_config("fast", epochs=10).size_at(epoch) for epoch in (0, 4, 6, 8, 9)]
        [64, 64, 80, 112, 112]
        """
        if not self.progressive:
            return self.image_size
        grown = min(1.0, max(0.0, (epoch / self.epochs - 0.5) / 0.3))
        side = self.image_size * (1 / 2 + grown * (7 / 8 - 1 / 2))
        return min(self.image_size, max(MIN_IMAGE_SIZE, 16 * round(side / 16)))

    def mean_size_at(self, epoch: int) -> int:
        """Side of a picture whose area is the mean over all epochs."""
        areas = [self.size_at(one) ** 2 for one in range(self.epochs)]
        return round(math.sqrt(sum(areas) / len(areas)))

    def work_at(self, epoch: float) -> float:
        """Share of a training's work that is done at `epoch`, a fraction within it included.

        A batch's time goes by the area of its pictures.
        """
        if not self.progressive:
            return epoch / self.epochs
        areas = [self.size_at(one) ** 2 for one in range(self.epochs)]
        shares = [min(1.0, max(0.0, epoch - one)) for one in range(self.epochs)]
        done = sum(area * share for area, share in zip(areas, shares, strict=True))
        return done / sum(areas)

    @field_validator("backbone", "fine_tune")
    @classmethod
    def _of_transfer_alone(cls, value: str | int, info: ValidationInfo) -> str | int:
        """Where there is no backbone, none can be chosen, and no blocks of it."""
        if bool(value) and info.data.get("preset") != "transfer":
            raise PydanticCustomError("backbone", "Only the preset transfer has a backbone")
        if info.field_name == "backbone" and not value and info.data.get("preset") == "transfer":
            raise PydanticCustomError("backbone", "The preset transfer needs one")
        return value

    @property
    def head_alone(self) -> bool:
        """Whether nothing but a head on stored features is trained. It is fitted to its end, so
        what is `OF_NO_USE` has no part in it."""
        return bool(self.backbone) and not self.fine_tune

    def rate_at(self, epoch: float) -> float:
        """Learning rate at `epoch`, a fraction within it included; the first epoch begins at 0.

        >>> train_config("classic").rate_at(10.5)
        0.001
        """
        if self.schedule == "exponential":
            return self.learning_rate * 10 ** (-self.decay * math.floor(epoch))
        if self.schedule == "constant":
            return self.learning_rate
        rising = WARM_UP * self.epochs
        if epoch < rising:
            return self.learning_rate * (0.1 + 0.9 * epoch / rising)
        falling = min(1.0, (epoch - rising) / (self.epochs - rising))
        return self.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * falling)) / 2)


def train_config(preset: str | None = None, **chosen) -> TrainConfig:
    """The preset's defaults with what was chosen; None leaves the default.

    Raises:
        ConfigError: naming the value, its bounds and the way out.
    """
    preset = USUAL if preset is None else preset
    defaults = find_preset(preset).defaults
    given = {name: value for name, value in chosen.items() if value is not None}
    try:
        return TrainConfig(**{"preset": preset, **defaults, **given})
    except ValidationError as error:
        name, value, reason = _first(error)
        raise ConfigError(
            f"{name} = {value} cannot be used: {reason}; choose another value."
        ) from None


def stored_config(stored: Any) -> TrainConfig:
    """A configuration as a run's record holds it, whichever version wrote it.

    A key that this version does not know is left out (the record keeps it); one that the older
    version did not write has the preset's default.

    Raises:
        ConfigError: naming the key whose value cannot be read.
    """
    newer = "a newer version may have written it, so update Camsight or train the run anew."
    if not isinstance(stored, dict):
        raise ConfigError(f"The stored configuration is {_short(stored)} and no table; {newer}")
    known = {name: value for name, value in stored.items() if name in TrainConfig.model_fields}
    preset = known.setdefault("preset", None)
    defaults = next((one.defaults for one in PRESETS.values() if one.name == preset), {})
    try:
        return TrainConfig.model_validate(defaults | known, strict=True)
    except ValidationError as error:
        name, value, reason = _first(error)
        raise ConfigError(
            f"The stored configuration has {name} = {value}, which cannot be read ({reason}); "
            f"{newer}"
        ) from None


def _first(error: ValidationError) -> tuple[str, str, str]:
    """Name, value and reason of the first field that is wrong."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    return name, _short(first["input"]), f"{first['msg'][0].lower()}{first['msg'][1:]}"


def _short(value: Any) -> str:
    return repr(value)[:60]
