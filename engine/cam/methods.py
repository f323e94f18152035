"""The register of heatmap methods: plain data, so that no page waits for Keras."""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import ConfigError


@dataclass(frozen=True)
class Method:
    """A method's facts and where its function stands; to add a method is to add an entry.

    name: in code, files and URLs. title: as the paper writes it. needs: what it costs.
    function: "module:function", imported when it is first run. It takes
        `(head, images (n, h, w, 3), target (n,), progress)`, a batch at a time, and returns raw
        maps `(n, h', w')` and the target's probabilities `(n,)`. It calls `progress` with (steps
        done, all of this batch), at its end at least, and lets through what that raises.
    """

    name: str
    title: str
    paper: str
    idea: str
    needs: str  # "gradients": one pass; "passes": one forward pass for each channel
    function: str

    def load(self) -> Callable:
        return pkgutil.resolve_name(self.function)


METHODS = {
    method.name: method
    for method in (
        Method(
            "grad-cam",
            "Grad-CAM",
            "Selvaraju et al. 2017",
            "Each map of the layer counts by the mean gradient of the class's logit.",
            "gradients",
            "engine.cam.gradients:grad_cam",
        ),
        Method(
            "score-cam",
            "Score-CAM",
            "Wang et al. 2020",
            "Each map counts by the probability that the class keeps when only what the map "
            "shows is left of the picture.",
            "passes",
            "engine.cam.perturbation:score_cam",
        ),
    )
}


def check_method(*names: str) -> None:
    """Raise a ConfigError at the first name that is no method."""
    for name in names:
        if name not in METHODS:
            raise ConfigError(
                f"The method '{name}' does not exist; choose one of {', '.join(METHODS)}."
            )
