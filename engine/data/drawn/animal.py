"""One drawn animal, sampled and not yet painted: what it is, where it stands, how it looks at us.

`ear_lean` and `muzzle_lean` run from 0 (a cat's: pricked ears, small nose, two whisker pads) to
1 (a dog's: hanging ears, long snout, broad nose), with every shape between them. Nothing else here
depends on the class. The head is drawn in units of its own radius, its middle at (0, 0).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.data.drawn.canvas import rotation

ANIMAL = 1
PARTS = 2

INK = (44, 36, 38)
# How far the feet are below the head's middle, and how wide the shadow under them is
FEET = {"sitting": (2.68, 1.25), "standing": (2.66, 1.6), "lying": (1.82, 1.7)}


@dataclass(frozen=True)
class Coat:
    """Three tones of fur, RGB, and how they are spread."""

    base: tuple
    dark: tuple
    light: tuple
    pattern: str  # plain, tabby, patches, spots, socks or points
    bib: bool
    ear_tone: float  # 0: as the head, 1: the dark tone
    muzzle_tone: float  # 0: as the head, 1: the light tone
    seed: int


@dataclass(frozen=True)
class Face:
    """What stands in a face whatever the class."""

    width: float
    height: float
    cheek: float
    eyes: str  # round, slit, bead, sleepy or happy
    iris: tuple
    eye_size: float
    eye_gap: float
    nose: tuple
    whiskers: int  # a side
    whisker_color: tuple
    tongue: bool
    blush: bool


@dataclass(frozen=True)
class Animal:
    """One animal. Positions and sizes are fractions of the picture, angles radians."""

    x: float
    y: float
    radius: float
    tilt: float
    turn: float  # -1 looks left, 1 looks right
    pose: str  # sitting, lying or standing
    tail: float  # side and lift
    coat: Coat
    face: Face
    collar: tuple | None
    ear_lean: float
    ear_droop: tuple[float, float]
    ear_length: float
    ear_width: float
    muzzle_lean: float
    muzzle_size: float

    @property
    def foot(self) -> float:
        return self.y + FEET[self.pose][0] * self.radius

    def body(self, points) -> np.ndarray:
        """From body units (head radii below the head's middle) to the picture."""
        return np.multiply(points, self.radius) + self._middle

    def head(self, points) -> np.ndarray:
        """From head units to the picture, the head tilted about the neck."""
        return np.matmul(points, self._tilted) + self._head_shift

    def front(self, points, depth: float) -> np.ndarray:
        """As `head`, for what stands out towards us: a turn of the head moves it sideways."""
        aside = self._head_shift + self.turn * depth * self._tilted[0]
        return np.matmul(points, self._narrowed) + aside

    @cached_property
    def _middle(self) -> np.ndarray:
        return np.array((self.x, self.y))

    @cached_property
    def _tilted(self) -> np.ndarray:
        return rotation(self.tilt).T * self.radius

    @cached_property
    def _narrowed(self) -> np.ndarray:
        return self._tilted * ((1 - 0.12 * abs(self.turn),), (1,))

    @cached_property
    def _head_shift(self) -> np.ndarray:
        neck = np.array((0.0, 0.7))
        return neck * self.radius - neck @ self._tilted + self._middle
