"""The register of heatmap methods: plain data, so that no page waits for Keras."""

import inspect
import math
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import ConfigError

FAMILIES = (
    "gradient", "perturbation", "factorisation", "optimisation", "whole network", "control",
)  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """Passes through the network for one picture, with the method's own options.

    forward: of the picture, masked or not. per_channel: more of them for each channel of the layer.
    backward: passes back; one takes about as long as two forward.
    """

    forward: int = 1
    per_channel: float = 0
    backward: int = 0

    def passes(self, channels: int) -> int:
        """In forward passes, at a layer of so many channels."""
        return round(self.forward + self.per_channel * channels + 2 * self.backward)

    def __str__(self) -> str:
        each = f"{self.per_channel:g} " if self.per_channel != 1 else ""
        parts = (
            f"{self.forward:,} forward" if self.forward else "",
            f"{each}forward for each channel" if self.per_channel else "",
            f"{self.backward:,} backward" if self.backward else "",
        )
        return " + ".join(filter(None, parts)) or "none"


@dataclass(frozen=True)
class Method:
    """A method's facts and where its function stands; to add a method is to add an entry.

    name: in code, files and URLs. title: as the paper writes it. link: where the paper is.
    function: "module:function", imported when it is first run. It takes an `engine.cam.asked.Asked`
        and its own options as keywords with defaults, and returns a `Found`.
    score: what it differentiates or compares unless it is asked otherwise, "logit" or
        "probability"; "" where the class plays no part.
    layers: "one"; "several" where it takes more by itself; "none" where it is of the whole network.
    exact: whether it computes what its paper defines; else `distance` says how far it is from what.
    """

    name: str
    title: str
    family: str
    paper: str
    link: str
    idea: str
    function: str
    cost: Cost
    score: str = "logit"
    layers: str = "one"
    exact: bool = True
    distance: str = ""

    def load(self) -> Callable:
        return pkgutil.resolve_name(self.function)

    @property
    def needs(self) -> str:
        """ "gradients", "passes" (more than one forward), both, or "one pass"."""
        many = self.cost.per_channel or self.cost.forward > 1
        needed = ["gradients"] * bool(self.cost.backward) + ["passes"] * bool(many)
        return " and ".join(needed) or "one pass"


GRADIENT = (
    Method(
        "grad-cam", "Grad-CAM", "gradient", "Selvaraju et al. 2017", "arXiv:1610.02391",
        "Each map of the layer counts by the mean gradient of the class's logit.",
        "engine.cam.gradients:grad_cam", Cost(backward=1),
    ),
)  # fmt: skip

PERTURBATION = (
    Method(
        "score-cam", "Score-CAM", "perturbation", "Wang et al. 2020", "arXiv:1910.01279v1",
        "Each map counts by the probability that the class keeps when only what the map shows is "
        "left of the picture.",
        "engine.cam.score:score_cam", Cost(per_channel=1), score="probability",
    ),
)  # fmt: skip

FACTORISATION: tuple[Method, ...] = ()

OPTIMISATION: tuple[Method, ...] = ()

WHOLE_NETWORK = (
    Method(
        "fullgrad", "FullGrad", "whole network", "Srinivas & Fleuret 2019", "arXiv:1905.00780",
        "What the pixels and the biases of all layers add to the score, in absolute values.",
        "engine.cam.fullgrad:fullgrad", Cost(forward=2, backward=1), layers="none",
    ),
)  # fmt: skip

CONTROL = (
    Method(
        "random", "Random", "control", "", "",
        "Noise that looks at nothing.",
        "engine.cam.controls:random", Cost(), score="", layers="none",
    ),
    Method(
        "center", "Center", "control", "", "",
        "A Gaussian in the middle, where most photographers aim.",
        "engine.cam.controls:center", Cost(), score="", layers="none",
    ),
    Method(
        "edges", "Edges", "control", "Sobel & Feldman 1968", "",
        "Where brightness changes, whatever the network makes of it.",
        "engine.cam.controls:edges", Cost(), score="", layers="none",
    ),
    Method(
        "input-gradient", "Input gradient", "control", "Simonyan et al. 2013", "arXiv:1312.6034",
        "Pixels of which a small change would change the score most, up or down.",
        "engine.cam.controls:input_gradient", Cost(backward=1), layers="none",
    ),
    Method(
        "occlusion", "Occlusion", "control", "Zeiler & Fergus 2014", "arXiv:1311.2901",
        "How much the score falls when a grey square hides the place.",
        "engine.cam.blackbox:occlusion", Cost(forward=170), score="probability", layers="none",
    ),
    Method(
        "rise", "RISE", "control", "Petsiuk et al. 2018", "arXiv:1806.07421",
        "What keeping a pixel adds to the score, on average over random masks.",
        "engine.cam.blackbox:rise", Cost(forward=501), score="probability", layers="none",
        exact=False, distance="…",
    ),
    Method(
        "hsic", "HSIC", "control", "Novello et al. 2022", "arXiv:2206.06219",
        "How much the score depends on whether the place is seen, up or down.",
        "engine.cam.blackbox:hsic", Cost(forward=513), layers="none",
        exact=False, distance="…",
    ),
    Method(
        "sobol", "Sobol", "control", "Fel et al. 2021", "arXiv:2111.04138",
        "The part of the score's variance, under random dimming, that the place has a hand in.",
        "engine.cam.blackbox:sobol", Cost(forward=401), layers="none",
        exact=False, distance="…",
    ),
)  # fmt: skip

METHODS = {
    method.name: method
    for family in (GRADIENT, PERTURBATION, FACTORISATION, OPTIMISATION, WHOLE_NETWORK, CONTROL)
    for method in family
}
USUAL = ("grad-cam", "score-cam")  # what is made where nobody chose


def check_method(*names: str) -> None:
    """Raise a ConfigError at the first name that is no method."""
    for name in names:
        if name not in METHODS:
            raise ConfigError(
                f"The method '{name}' does not exist; choose one of {', '.join(METHODS)}."
            )


def check_choice(what: str, chosen: str, known) -> None:
    """Raise a ConfigError if what was chosen is not known."""
    if chosen not in known:
        raise ConfigError(f"There is no {what} '{chosen}'; choose one of {', '.join(known)}.")


def check_number(what: str, number: float, low: float, high: float = math.inf) -> None:
    """Raise a ConfigError unless a number lies between two others; what: "number of masks"."""
    if not low <= number <= high:
        bounds = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise ConfigError(f"The {what} cannot be {number:g}; give {bounds}.")


def check_options(method: Method, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as numbers of the kind that the method's defaults are.

    Raises:
        ConfigError: if the method has no such option, or its value is of another kind.
    """
    parameters = inspect.signature(method.load()).parameters.values()
    own = {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}
    found = {}
    for name, value in options.items():
        if name not in own:
            known = f"it has {', '.join(own)}" if own else "it has none"
            raise ConfigError(f"{method.title} has no option '{name}'; {known}.")
        kind = type(own[name])
        try:
            found[name] = kind(value)
        except (TypeError, ValueError):
            raise ConfigError(
                f"The option '{name}' of {method.title} cannot be '{value}'; give it like "
                f"{own[name]}, its default."
            ) from None
    return found
