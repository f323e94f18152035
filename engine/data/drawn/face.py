"""The head of the drawn animal: skull, eyes and whiskers alike in both classes, and the deciding
parts, ears and muzzle, which follow `ear_lean` and `muzzle_lean`."""

import numpy as np

from engine.data.drawn.animal import INK, Animal
from engine.data.drawn.body import draw_pattern
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

PINK = (236, 150, 150)


def draw_head(canvas: Canvas, animal: Animal) -> None:
    face, coat = animal.face, animal.coat
    half = [
        (0, -0.9),
        (0.56, -0.76),
        (0.95, -0.12),
        (0.86 + face.cheek, 0.4),
        (0.46, 0.82),
        (0, 0.92),
    ]
    outline = animal.head(smooth(mirrored(half)) * (face.width, face.height))
    paint(canvas, outline, coat.base)
    with clipped(canvas, outline) as inside:
        draw_pattern(inside, coat, animal.head((animal.turn * 0.1, 0.0)), animal.radius, coat.seed)
        _draw_markings(inside, animal)
        shade = smooth([(1.2, -0.9), (1.3, 0.6), (0.4, 1.3), (0.9, 0.5), (0.98, -0.1)])
        glaze(inside, animal.head(shade), coat.dark, 0.45)
        if face.blush:
            for side in (-1, 1):
                cheek = animal.front(circle(side * 0.62, 0.3, 0.19, 0.14), 0.2)
                glaze(inside, cheek, PINK, 0.5)


def _draw_markings(canvas: Canvas, animal: Animal) -> None:
    coat = animal.coat
    if coat.pattern == "tabby":
        for x in (-0.24, 0, 0.24):
            mark = smooth([(x - 0.06, -0.95), (x + 0.06, -0.95), (x * 0.8, -0.38)])
            paint(canvas, animal.front(mark, 0.12), coat.dark)
    elif coat.pattern == "socks":
        blaze = smooth(mirrored([(0, -0.95), (0.12, -0.5), (0.2, 0.1), (0.5, 0.7), (0, 1.0)]))
        paint(canvas, animal.front(blaze, 0.22), coat.light)
    elif coat.pattern == "points":
        glaze(canvas, animal.front(circle(0, 0.25, 0.62, 0.66), 0.22), coat.dark, 0.75)


def draw_eyes(canvas: Canvas, animal: Animal) -> None:
    """Both eyes, of one kind; no kind belongs to a class."""
    face, size, line = animal.face, animal.face.eye_size, 0.06 * animal.radius
    middles = np.array([(-face.eye_gap, -0.1), (face.eye_gap, -0.1)])

    def pair(rx: float, ry: float, shift=(0.0, 0.0)) -> np.ndarray:
        return animal.front(circles(middles + np.multiply(shift, size), rx * size, ry * size), 0.24)

    if face.eyes == "happy":
        arc = bezier((-size, 0.05), (0, -0.26), (size, 0.05))
        ink = INK if sum(animal.coat.base) > 280 else (226, 214, 200)
        stroke(canvas, animal.front(arc + middles[:, None], 0.24), ink, line)
        return
    if face.eyes == "bead":
        paint(canvas, pair(0.86, 0.95), INK)
    else:
        paint(canvas, pair(1.16, 1.12), INK)
        paint(canvas, pair(1.0, 0.97), face.iris)
        paint(canvas, pair(0.3 if face.eyes == "slit" else 0.6, 0.72), INK)
    if face.eyes == "sleepy":
        lids = pair(1.2, 1.16)[:, UPPER_HALF]
        paint(canvas, lids, blend(animal.coat.base, animal.coat.dark, 0.35))
    paint(canvas, pair(0.26, 0.26, (-0.3, -0.34)), (252, 252, 248))


UPPER_HALF = slice(18, 36)  # of a circle's outline


def draw_ears(canvas: Canvas, animal: Animal) -> None:
    """Both ears; the pink inside shows where they stand and not where they hang."""
    coat = animal.coat
    outer = blend(coat.base, coat.dark, coat.ear_tone)
    hanging = min(1.0, max(0.0, (animal.ear_lean - 0.35) / 0.35))
    inner = blend(blend(PINK, coat.dark, 0.25), blend(outer, coat.dark, 0.4), hanging)
    for side, droop in zip((-1, 1), animal.ear_droop, strict=True):
        outline = ear_outline(animal, side, droop)
        center = outline.mean(axis=0)
        paint(canvas, animal.head(outline), outer)
        paint(canvas, animal.head(center + 0.6 * (outline - center)), inner)


ALONG = np.linspace(0, 1, 14)[:, None]
POINTED = (1 - ALONG) ** 0.85
LEAF = (0.62 + 0.6 * ALONG) * np.sqrt(1 - ALONG**4) * np.minimum(1, 0.55 + 2 * ALONG)


def ear_outline(animal: Animal, side: int, droop: float) -> np.ndarray:
    """A pointed or rounded leaf about a bent spine, in head units; closed, `(28, 2)`.

    The lean turns the tip from up to down, rounds it and lengthens the ear.
    """
    lean, face = animal.ear_lean, animal.face
    fall = blend(0.2, 2.86, lean) + droop
    length = blend(1.08, 1.2, lean) * animal.ear_length
    base = np.array((blend(0.54, 0.58, lean), blend(-0.58, -0.64, lean)))
    bend = base + 0.55 * length * np.array((np.sin(fall / 2), -np.cos(fall / 2)))
    tip = base + length * np.array((np.sin(fall), -np.cos(fall)))
    slope = (1 - ALONG) * (bend - base) + ALONG * (tip - bend)
    normal = slope[:, ::-1] * (-1, 1) / np.sqrt((slope**2).sum(axis=1, keepdims=True))
    width = blend(0.45, 0.29, lean) * animal.ear_width * (1 - 0.14 * side * animal.turn)
    half = width * blend(POINTED, LEAF, lean) * normal
    spine = bezier(base, bend, tip, len(ALONG))
    outline = np.concatenate([spine + half, (spine - half)[::-1]])
    return outline * (side * face.width, face.height) + (0.06 * animal.turn, 0)


CAT_SNOUT = mirrored([(0, 0.18), (0.14, 0.22), (0.33, 0.36), (0.36, 0.52), (0.2, 0.66), (0, 0.7)])
DOG_SNOUT = mirrored([(0, -0.3), (0.2, -0.12), (0.42, 0.3), (0.54, 0.7), (0.32, 1.0), (0, 1.06)])
CAT_NOSE = mirrored([(0, 0.21), (0.12, 0.19), (0.08, 0.27), (0, 0.33)])
DOG_NOSE = mirrored([(0, 0.06), (0.26, 0.12), (0.24, 0.32), (0, 0.42)])


def draw_muzzle(canvas: Canvas, animal: Animal) -> None:
    """Snout, whisker pads, mouth, tongue and nose, from a cat's to a dog's by `muzzle_lean`."""
    lean, coat = animal.muzzle_lean, animal.coat
    depth = blend(0.26, 0.34, lean)
    size, sink = animal.muzzle_size, (0, 0.3 - 0.3 * animal.muzzle_size)

    def place(outline):
        return animal.front(np.multiply(outline, size) + sink, depth)

    tone = blend(coat.base, coat.light, coat.muzzle_tone)
    snout = smooth(blend(CAT_SNOUT, DOG_SNOUT, lean))
    glaze(canvas, place(snout + (0.03, 0.04)), coat.dark, 0.35)
    paint(canvas, place(snout), tone)
    _draw_mouth(canvas, animal, tone, place)
    nose = place(smooth(blend(CAT_NOSE, DOG_NOSE, lean)))
    paint(canvas, nose, animal.face.nose)
    shine = circle(-0.04 - 0.04 * lean, blend(0.22, 0.17, lean), blend(0.025, 0.055, lean), 0.025)
    glaze(canvas, place(shine), (255, 255, 255), 0.6)


def _draw_mouth(canvas: Canvas, animal: Animal, tone, place) -> None:
    lean, coat = animal.muzzle_lean, animal.coat
    pad, drop = blend(0.2, 0.25, lean), blend(0.47, 0.58, lean)
    for side in (-1, 1):
        cheek = circle(side * pad * 0.86, drop - 0.04, pad, pad * 0.84)
        paint(canvas, place(cheek), blend(tone, coat.light, 0.45))
    if animal.face.tongue:
        tip = drop + blend(0.28, 0.4, lean)
        tongue = smooth(mirrored([(0, drop), (0.1, drop + 0.03), (0.1, tip - 0.06), (0, tip)]))
        paint(canvas, place(tongue), (226, 108, 118))
        stroke(
            canvas, place([(0, drop + 0.1), (0, tip - 0.08)]), (192, 78, 92), 0.03 * animal.radius
        )
    line = 0.05 * animal.radius
    ink = INK if sum(coat.base) > 280 or coat.muzzle_tone > 0.5 else (24, 18, 18)
    stroke(canvas, place([(0, 0.3), (0, drop)]), ink, line)
    for side in (-1, 1):
        reach = side * blend(0.24, 0.34, lean)
        curve = bezier(
            (0, drop), (reach * 0.6, drop + blend(0.16, 0.2, lean)), (reach, drop + 0.02)
        )
        stroke(canvas, place(curve), ink, line)


def draw_whiskers(canvas: Canvas, animal: Animal) -> None:
    """On either class, from the same places, so that they say nothing."""
    face = animal.face
    if not face.whiskers:
        return
    hairs = [
        bezier(
            (side * 0.34, y), (side * 0.8, y - 0.05), (side * 1.2, y + 2.2 * (y - 0.5) + 0.02), 8
        )
        for side in (-1, 1)
        for y in (0.4, 0.5, 0.6)[: face.whiskers]
    ]
    stroke(canvas, animal.front(hairs, 0.26), face.whisker_color, 0.02 * animal.radius)
