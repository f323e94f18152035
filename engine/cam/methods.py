"""The register of heatmap methods: plain data, so that no page waits for Keras."""

from dataclasses import dataclass

from engine.errors import ConfigError


@dataclass(frozen=True)
class Method:
    """name: in code, files and URLs. title: as the paper writes it. needs: what it costs."""

    name: str
    title: str
    paper: str
    idea: str
    needs: str  # "gradients": one pass; "passes": one forward pass for each channel


METHODS = {
    method.name: method
    for method in (
        Method(
            "grad-cam",
            "Grad-CAM",
            "Selvaraju et al. 2017",
            "Each map of the layer counts by the mean gradient of the class's logit.",
            "gradients",
        ),
        Method(
            "score-cam",
            "Score-CAM",
            "Wang et al. 2020",
            "Each map counts by the probability that the class keeps when only what the map "
            "shows is left of the picture.",
            "passes",
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
