"""Heat becomes colour, and colour lies over the picture."""

import cv2
import numpy as np

from engine.errors import ConfigError

COLOUR_MAPS = {
    "inferno": cv2.COLORMAP_INFERNO,
    "viridis": cv2.COLORMAP_VIRIDIS,
    "cividis": cv2.COLORMAP_CIVIDIS,
    "ocean": cv2.COLORMAP_OCEAN,  # the blog post's
    "turbo": cv2.COLORMAP_TURBO,
}
OPACITIES = ("by heat", "even")
DIMMED = 0.3  # how much darker the picture is where it is cold, with opacity by heat


def colour(heat: np.ndarray, colour_map: str = "inferno") -> np.ndarray:
    """Heat `(h, w)` from 0 to 1 as RGB `(h, w, 3)` uint8.

    Raises:
        ConfigError: if there is no such colour map.
    """
    check_colour_map(colour_map)
    levels = np.round(255 * np.clip(heat, 0, 1)).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(levels, COLOUR_MAPS[colour_map]), cv2.COLOR_BGR2RGB)


def check_colour_map(name: str) -> None:
    """Raise a ConfigError if there is no colour map of that name."""
    if name not in COLOUR_MAPS:
        raise ConfigError(
            f"The colour map '{name}' does not exist; choose one of {', '.join(COLOUR_MAPS)}."
        )


def overlay(
    picture: np.ndarray,
    heat: np.ndarray,
    colour_map: str = "inferno",
    opacity: float = 0.7,
    by: str = "by heat",
) -> np.ndarray:
    """The picture `(h, w, 3)` uint8 RGB under its heat `(h, w)`; the heat is fitted to its size.

    Args:
        opacity: from 0 (picture alone) to 1.
        by: "even" mixes everywhere alike; "by heat" lets colour grow with heat and dims what is
            cold, so that a colour map whose zero is black does not darken the picture.
    """
    size = picture.shape[1::-1]
    if heat.shape != picture.shape[:2]:
        heat = np.clip(cv2.resize(heat, size, interpolation=cv2.INTER_CUBIC), 0, 1)
    coloured = colour(heat, colour_map).astype(np.float32)
    under = picture.astype(np.float32)
    if by == "even":
        alpha = np.float32(opacity)
    else:
        alpha = (opacity * heat**1.25)[..., None]
        under = under * (1 - DIMMED * opacity * (1 - heat[..., None]))
    return np.round(under * (1 - alpha) + coloured * alpha).astype(np.uint8)
