"""What stands around the drawn animal: rooms, gardens, nights, backdrops, and things in front.

All of it comes from one distribution whatever the class. `floor` is the height of the horizon or
the skirting board, as a fraction of the picture from its top.
"""

import cv2
import numpy as np

from engine.data.drawn.canvas import (
    Canvas,
    bezier,
    blend,
    box,
    circle,
    circles,
    fade,
    glaze,
    paint,
    smooth,
    stroke,
)
from engine.data.drawn.things import (
    ACCENTS,
    FLOORS,
    GREENS,
    NIGHTS,
    PAPER,
    SKIES,
    WALLS,
    WOOD,
    draw_ball,
    draw_bunting,
    draw_carton,
    draw_cloud,
    draw_cushion,
    draw_flower,
    draw_frame,
    draw_lamp,
    draw_leaf,
    draw_plant,
    draw_shelf,
    draw_sofa,
    draw_tree,
    draw_window,
    pick,
    tinted,
)


def draw_background(
    canvas: Canvas, rng: np.random.Generator, floor: float, softness: float
) -> None:
    """One scene, out of focus by `softness` (half the blur's width, a fraction of the picture)."""
    pick(rng, (draw_room, draw_room, draw_garden, draw_garden, draw_night, draw_backdrop))(
        canvas, rng, floor
    )
    reach = 2 * round(softness * canvas.side / 2) + 1
    for _ in range(2 if reach > 1 else 0):  # twice, so that a star stays round
        cv2.blur(canvas.pixels, (reach, reach), dst=canvas.pixels)


def draw_room(canvas: Canvas, rng: np.random.Generator, floor: float) -> None:
    wall, ground = tinted(rng, pick(rng, WALLS)), tinted(rng, pick(rng, FLOORS))
    fade(canvas, wall, blend(wall, (255, 250, 240), 0.2))
    _wallpaper(canvas, rng, wall)
    paint(canvas, box(0, floor, 1, 1), ground)
    lower = floor + (1 - floor) * (np.arange(1, 6) / 5) ** 1.6
    gaps = box(0, 0, 1, 0.006) + np.stack([0 * lower, lower], axis=1)[:, None]
    paint(canvas, gaps, blend(ground, (60, 44, 36), 0.3))
    paint(canvas, box(0, floor - 0.025, 1, floor + 0.005), blend(wall, PAPER, 0.7))
    if rng.random() < 0.5:
        rug = tinted(rng, pick(rng, ACCENTS))
        paint(canvas, circle(rng.uniform(0.2, 0.8), (floor + 1) / 2 + 0.05, 0.42, 0.13), rug)
    for _ in range(int(rng.integers(1, 4))):
        pick(rng, (draw_window, draw_frame, draw_shelf, draw_bunting, draw_lamp))(
            canvas, rng, floor
        )
    for _ in range(int(rng.integers(1, 4))):
        thing = pick(rng, (draw_sofa, draw_plant, draw_plant, draw_carton, draw_ball, draw_cushion))
        thing(canvas, rng, rng.random(), floor + rng.uniform(0.02, 0.12), rng.uniform(0.1, 0.2))


def draw_garden(canvas: Canvas, rng: np.random.Generator, floor: float) -> None:
    top, bottom = pick(rng, SKIES)
    fade(canvas, tinted(rng, top), tinted(rng, bottom))
    if rng.random() < 0.5:
        paint(canvas, circle(rng.random(), rng.uniform(0.05, 0.3), 0.07), (255, 240, 196))
    for _ in range(int(rng.integers(0, 4))):
        draw_cloud(canvas, rng.random(), rng.uniform(0.05, 0.4), rng.uniform(0.05, 0.1))
    _landscape(canvas, rng, floor, [tinted(rng, pick(rng, GREENS)) for _ in range(3)])
    for _ in range(int(rng.integers(1, 5))):
        thing = pick(rng, (draw_flower, draw_flower, draw_ball, draw_carton, draw_plant))
        thing(canvas, rng, rng.random(), floor + rng.uniform(0.05, 0.3), rng.uniform(0.06, 0.14))


def draw_night(canvas: Canvas, rng: np.random.Generator, floor: float) -> None:
    top, bottom = pick(rng, NIGHTS)
    fade(canvas, top, bottom)
    paint(canvas, circles(rng.random((14, 2)) * (1, floor), 0.006), (238, 232, 210))
    x, y = rng.random(), rng.uniform(0.08, 0.3)
    paint(canvas, circle(x, y, 0.08), (246, 236, 204))
    paint(canvas, circle(x + 0.035, y - 0.015, 0.068), blend(top, bottom, y))
    hills = [blend(pick(rng, GREENS), top, share) for share in (0.75, 0.65, 0.55)]
    _landscape(canvas, rng, floor, hills)


def draw_backdrop(canvas: Canvas, rng: np.random.Generator, floor: float) -> None:
    """Paper shapes on a wall, as in a poster."""
    fade(canvas, tinted(rng, pick(rng, WALLS)), tinted(rng, pick(rng, WALLS)))
    for _ in range(int(rng.integers(4, 9))):
        x, y, size = rng.uniform((0, 0, 0.05), (1, 1, 0.24))
        color = tinted(rng, pick(rng, ACCENTS + WALLS))
        kind = rng.integers(4)
        if kind == 0:
            shape = circle(x, y, size, size * rng.uniform(0.5, 1), rng.uniform(0, 3))
        elif kind == 1:
            shape = circle(x, y, size, None, rng.uniform(0, 3))[::12]
        elif kind == 2:
            shape = smooth(circle(x, y, size)[::6] + rng.normal(0, size * 0.2, (6, 2)))
        else:
            shape = circle(x, y, size, None, rng.uniform(0, 3))[::9]
        glaze(canvas, shape, color, rng.uniform(0.5, 1))


def _wallpaper(canvas: Canvas, rng: np.random.Generator, wall) -> None:
    ink = blend(wall, pick(rng, ACCENTS), 0.35)
    kind, pitch = rng.integers(4), rng.uniform(0.08, 0.16)
    steps = np.arange(0, 1.05, pitch)
    if kind == 0:
        paint(canvas, box(0, 0, pitch * 0.4, 1) + np.stack([steps, 0 * steps], 1)[:, None], ink)
    elif kind == 1:
        column, row = np.meshgrid(np.arange(len(steps)), np.arange(len(steps)))
        dots = np.stack([column + 0.5 * (row % 2), row], axis=-1).reshape(-1, 2) * pitch
        paint(canvas, circles(dots, pitch * 0.14)[:, ::3], ink)


def _landscape(canvas: Canvas, rng: np.random.Generator, floor: float, greens) -> None:
    """Two ranges of hills, trees between them, and a meadow."""
    x = np.linspace(-0.05, 1.05, 24)
    for lift, color in zip((0.2, 0.09, 0.0), greens, strict=True):
        phase, pitch = rng.uniform(0, 6.3), rng.uniform(3, 8)
        height = floor - lift * rng.uniform(0.6, 1.2) + 0.035 * np.sin(x * pitch + phase)
        ridge = np.stack([x, height], axis=1)
        paint(canvas, np.concatenate([ridge, [(1.05, 1.05), (-0.05, 1.05)]]), color)
        if lift > 0:
            for _ in range(int(rng.integers(0, 3))):
                foot = int(rng.integers(2, 22))
                leaf = blend(color, pick(rng, GREENS), 0.6)
                draw_tree(canvas, rng, x[foot], height[foot] + 0.02, rng.uniform(0.1, 0.22), leaf)
    if rng.random() < 0.3:
        _fence(canvas, rng, floor)


def _fence(canvas: Canvas, rng: np.random.Generator, floor: float) -> None:
    tone = tinted(rng, pick(rng, (PAPER, WOOD)))
    post = np.array([(0, 0.05), (0, -0.12), (0.03, -0.16), (0.06, -0.12), (0.06, 0.05)])
    places = np.arange(rng.uniform(-0.1, 0), 1, 0.11)
    paint(canvas, post + np.stack([places, floor + 0 * places], axis=1)[:, None], tone)
    paint(canvas, box(0, floor - 0.08, 1, floor - 0.055), blend(tone, (60, 50, 44), 0.15))


def draw_occluder(
    canvas: Canvas, rng: np.random.Generator, x: float, y: float, size: float
) -> None:
    """Something about `size` wide, its middle at (x, y), hiding what is behind."""
    kind = pick(rng, (_sprig, _sprig, _ball_in_front, _bloom, _butterfly, _balloon))
    kind(canvas.marking(0), rng, x, y, size)


def _sprig(canvas: Canvas, rng, x: float, y: float, size: float) -> None:
    """A twig that grows in from the nearer side."""
    side = -1 if x < 0.5 else 1
    leaf, bow = tinted(rng, pick(rng, GREENS)), rng.uniform(-0.15, 0.25)
    twig = bezier(
        (0.5 + side * 0.56, y + bow), ((x + 0.5 + side * 0.5) / 2, y + bow * 0.2), (x, y), 12
    )
    stroke(canvas, twig, WOOD, 0.012)
    for step, (px, py) in enumerate(twig[1:]):
        lean = side * -1.5 + (0.9 if step % 2 else -0.9)
        tone = blend(leaf, (30, 66, 60), 0.25 * (step % 2))
        draw_leaf(canvas, px, py + (0.2 - 0.4 * (step % 2)) * size, size * 0.42, lean, tone)


def _ball_in_front(canvas: Canvas, rng, x: float, y: float, size: float) -> None:
    draw_ball(canvas, rng, x, y + size * 0.5, size * 1.1)


def _balloon(canvas: Canvas, rng, x: float, y: float, size: float) -> None:
    tone = tinted(rng, pick(rng, ACCENTS))
    stroke(canvas, bezier((x, y + size * 0.6), (x - 0.04, y + 0.3), (x + 0.03, 1.05)), PAPER, 0.006)
    knot = [
        (x, y + size * 0.5),
        (x - size * 0.1, y + size * 0.68),
        (x + size * 0.1, y + size * 0.68),
    ]
    paint(canvas, knot, blend(tone, (60, 30, 40), 0.15))
    paint(canvas, circle(x, y, size * 0.48, size * 0.58), tone)
    glaze(
        canvas, circle(x - size * 0.18, y - size * 0.24, size * 0.1, size * 0.16, 0.5), PAPER, 0.6
    )


def _bloom(canvas: Canvas, rng, x: float, y: float, size: float) -> None:
    tone = tinted(rng, pick(rng, ACCENTS))
    stroke(canvas, bezier((x, y), (x + 0.1, (y + 1) / 2), (x, 1.05)), pick(rng, GREENS), 0.018)
    for turn in np.arange(7) * 2 * np.pi / 7:
        petal = circle(
            x + np.cos(turn) * size * 0.3,
            y + np.sin(turn) * size * 0.3,
            size * 0.24,
            size * 0.2,
            turn,
        )
        paint(canvas, petal, tone)
    paint(canvas, circle(x, y, size * 0.2), (246, 206, 104))


def _butterfly(canvas: Canvas, rng, x: float, y: float, size: float) -> None:
    tone = tinted(rng, pick(rng, ACCENTS))
    for side in (-1, 1):
        paint(
            canvas,
            circle(x + side * size * 0.24, y - size * 0.12, size * 0.28, size * 0.22, side * -0.6),
            tone,
        )
        paint(
            canvas,
            circle(x + side * size * 0.18, y + size * 0.16, size * 0.18, size * 0.16),
            blend(tone, PAPER, 0.3),
        )
    paint(canvas, circle(x, y, size * 0.05, size * 0.28), (50, 40, 44))
