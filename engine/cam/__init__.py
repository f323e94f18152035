"""Model and images in, heatmaps out. For others: `explain`, `METHODS`, `overlay`."""

from engine.cam.heatmaps import Heatmaps, explain
from engine.cam.methods import METHODS
from engine.cam.overlay import COLOUR_MAPS, colour, overlay

__all__ = ["COLOUR_MAPS", "METHODS", "Heatmaps", "colour", "explain", "overlay"]
