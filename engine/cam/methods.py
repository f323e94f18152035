"""The register of heatmap methods: plain data, so that no page waits for Keras."""

import inspect
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

    def at(self, channels: int) -> "Cost":
        """The cost at a layer of so many channels, none of it for each channel any more."""
        return Cost(self.forward + round(self.per_channel * channels), 0, self.backward)

    def __str__(self) -> str:
        """ "1 pass forward, 1 back"; "1 pass forward and 1 for each channel"; "no pass"."""
        each = f" and {self.per_channel:g} for each channel" if self.per_channel else ""
        back = f", {self.backward:,} back" if self.backward else ""
        if not (self.forward or each or back):
            return "no pass"
        return f"{self.forward:,} {'pass' if self.forward == 1 else 'passes'} forward{each}{back}"


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

WHOLE_NETWORK: tuple[Method, ...] = ()

CONTROL: tuple[Method, ...] = ()

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


def own_options(method: Method) -> dict[str, Any]:
    """The options that a method has of its own, with their defaults. It imports the method."""
    parameters = inspect.signature(method.load()).parameters.values()
    return {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}


def check_options(method: Method, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as numbers of the kind that the method's defaults are.

    Raises:
        ConfigError: if the method has no such option, or its value is of another kind.
    """
    own = own_options(method)
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
