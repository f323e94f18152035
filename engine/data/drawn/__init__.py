"""Cats and dogs drawn by the program: the dataset that needs nobody's pictures."""

from engine.data.drawn.animal import ANIMAL, PARTS
from engine.data.drawn.picture import CLASS_NAMES, Drawn, draw, draw_one, labels

__all__ = ["ANIMAL", "CLASS_NAMES", "PARTS", "Drawn", "draw", "draw_one", "labels"]
