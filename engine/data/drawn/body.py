"""The drawn animal from the neck down, and the pattern of its coat. Alike in both classes."""

import numpy as np

from engine.data.drawn.animal import FEET, INK, Animal, Coat
from engine.data.drawn.canvas import (
    Canvas,
    bezier,
    blend,
    circle,
    circles,
    clipped,
    glaze,
    mirrored,
    paint,
    smooth,
    stroke,
)

# Control points, in head radii from the head's middle
SITTING_TRUNK = mirrored(
    [(0, 0.4), (0.55, 0.6), (0.74, 1.4), (0.86, 2.2), (0.6, 2.66), (0, 2.7)]
)  # fmt: skip
STANDING_TRUNK = np.array([
    (-0.6, 0.9), (0.1, 0.65), (0.9, 0.85), (1.6, 1.0), (1.68, 1.6), (0.9, 2.0), (0, 2.05),
    (-0.62, 1.6),
])  # fmt: skip
LYING_TRUNK = np.array([
    (-0.85, 0.9), (0, 0.55), (0.95, 0.75), (1.55, 1.25), (1.5, 1.75), (0.5, 1.86),
    (-0.7, 1.84), (-1.05, 1.45),
])  # fmt: skip


def draw_shadow(canvas: Canvas, animal: Animal) -> None:
    foot, width = FEET[animal.pose]
    glaze(canvas, animal.body(circle(0.1, foot, width, 0.22)), INK, 0.22)


def draw_tail(canvas: Canvas, animal: Animal) -> None:
    side, foot = np.sign(animal.tail), FEET[animal.pose][0]
    lift = abs(animal.tail)
    start, end = (side * 0.6, foot - 0.3), (side * (1.55 + 0.2 * lift), foot - 0.4 - 1.3 * lift)
    curve = animal.body(bezier(start, (side * 1.9, foot - 0.1), end))
    stroke(canvas, curve, animal.coat.base, 0.3 * animal.radius)
    tip = animal.coat.dark if animal.coat.pattern in ("tabby", "points") else animal.coat.base
    stroke(canvas, curve[-5:], tip, 0.3 * animal.radius)


def draw_sitting_body(canvas: Canvas, animal: Animal) -> None:
    coat = animal.coat
    for side in (-1, 1):
        haunch = animal.body(circle(side * 0.72, 2.25, 0.42, 0.5))
        paint(canvas, haunch, blend(coat.base, coat.dark, 0.25))
    _furred(canvas, animal, animal.body(smooth(SITTING_TRUNK)), animal.body((0, 1.6)))
    for side in (-1, 1):
        _leg(canvas, animal, side * 0.3, 1.75, 2.62)


def draw_standing_body(canvas: Canvas, animal: Animal) -> None:
    """Three quarters from the front: the trunk goes back to the side of the tail."""
    back = np.sign(animal.tail)
    for x in (1.05, 1.45):
        _leg(canvas, animal, back * x, 1.7, 2.55, shade=0.3)
    outline = animal.body(smooth(STANDING_TRUNK * (back, 1)))
    _furred(canvas, animal, outline, animal.body((back * 0.4, 1.4)))
    for x in (-0.34, 0.24):
        _leg(canvas, animal, back * x, 1.6, 2.62)


def draw_lying_body(canvas: Canvas, animal: Animal) -> None:
    back = np.sign(animal.tail)
    outline = animal.body(smooth(LYING_TRUNK * (back, 1)))
    _furred(canvas, animal, outline, animal.body((back * 0.3, 1.25)))
    for x in (-0.5, 0.15):
        paint(canvas, animal.body(circle(back * x, 1.74, 0.28, 0.17)), _paw_tone(animal.coat))


def _leg(canvas: Canvas, animal: Animal, x: float, top: float, foot: float, shade=0.0) -> None:
    coat = animal.coat
    leg = smooth([(x - 0.18, top), (x + 0.18, top), (x + 0.17, foot), (x - 0.17, foot)])
    paint(canvas, animal.body(leg + (0.03, 0)), blend(coat.base, coat.dark, 0.6))
    paint(canvas, animal.body(leg), blend(coat.base, coat.dark, shade))
    paint(canvas, animal.body(circle(x, foot, 0.24, 0.15)), _paw_tone(coat))


def _paw_tone(coat: Coat):
    if coat.pattern == "socks":
        return coat.light
    return coat.dark if coat.pattern == "points" else coat.base


def _furred(canvas: Canvas, animal: Animal, outline: np.ndarray, middle: np.ndarray) -> None:
    """A trunk with its coat's pattern, a bib, and the soft shadow that the head throws on it."""
    coat, reach = animal.coat, animal.radius
    paint(canvas, outline, coat.base)
    with clipped(canvas, outline) as inside:
        draw_pattern(inside, coat, middle, reach * 1.5, coat.seed + 1)
        if coat.bib:
            bib = animal.body(smooth(mirrored([(0, 0.4), (0.42, 0.9), (0.36, 1.6), (0, 2.05)])))
            paint(inside, bib, coat.light)
        glaze(inside, animal.body(circle(0.12, 0.55, 0.95, 0.62)), coat.dark, 0.5)


def draw_collar(canvas: Canvas, animal: Animal) -> None:
    if animal.collar is None:
        return
    band = bezier((-0.58, 0.78), (0, 1.22), (0.58, 0.78))
    stroke(canvas, animal.body(band), animal.collar, 0.15 * animal.radius)
    tag = animal.body(circle(0, 1.1, 0.13))
    paint(canvas, tag, (238, 200, 96))
    stroke(canvas, animal.body([(0, 1.12), (0, 1.2)]), (150, 112, 40), 0.04 * animal.radius)


BODIES = {
    "sitting": draw_sitting_body,
    "standing": draw_standing_body,
    "lying": draw_lying_body,
}


def draw_pattern(canvas: Canvas, coat: Coat, middle, reach: float, seed: int) -> None:
    """Stripes, patches or spots about `middle`; the canvas is expected to be clipped."""
    rng = np.random.default_rng(seed)
    if coat.pattern == "tabby":
        paint(canvas, middle + reach * smooth(_stripes(rng)), coat.dark)
    elif coat.pattern == "patches":
        for x, y, size in rng.uniform((-1, -1, 0.25), (1, 1, 0.5), size=(4, 3)):
            knots = circle(x, y, size, size * 0.8)[::6] + rng.uniform(-0.1, 0.1, size=(6, 2))
            paint(canvas, middle + reach * smooth(knots), coat.light if x < 0 else coat.dark)
    elif coat.pattern == "spots":
        spots = 0.45 * GRID + rng.uniform(-0.1, 0.1, size=(len(GRID), 2))
        paint(canvas, middle + reach * circles(spots, 0.1, 0.08), coat.dark)


GRID = np.array([(x + 0.5 * (y % 2), y) for y in range(-2, 3) for x in (-2, -1, 0, 1)])


def _stripes(rng: np.random.Generator) -> np.ndarray:
    """Control points of stripes, broad at either flank and pointed towards the middle."""
    height = 0.3 * np.arange(-3, 4) + rng.uniform(-0.08, 0.08, size=(2, 7))
    tip = 0.3 + rng.uniform(-0.1, 0.1, size=(2, 7))
    half, flank = (tip + 1.1) / 2, np.full_like(tip, 1.1)
    x = np.stack([flank, half, tip, half, flank], axis=-1)
    y = height[..., None] + (-0.09, -0.02, 0.1, 0.1, 0.06)
    x[0] *= -1
    return np.stack([x, y], axis=-1).reshape(14, 5, 2)
