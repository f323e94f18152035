"""Things that stand or hang about, and the palettes that they share with walls and meadows.

Each stands with its foot at (x, y), about `size` wide, or finds its own place on the wall.
"""

import numpy as np

from engine.data.drawn.canvas import (
    Canvas,
    bezier,
    blend,
    box,
    circle,
    glaze,
    paint,
    smooth,
    stroke,
)

WALLS = [
    (240, 222, 200),
    (216, 226, 214),
    (206, 220, 230),
    (238, 208, 198),
    (226, 216, 232),
    (246, 234, 206),
    (150, 176, 170),
    (120, 142, 164),
    (196, 140, 122),
    (88, 104, 112),
]
FLOORS = [
    (198, 158, 120),
    (170, 128, 98),
    (222, 200, 172),
    (150, 150, 156),
    (132, 104, 90),
    (188, 176, 160),
]
ACCENTS = [
    (214, 104, 82),
    (232, 170, 76),
    (96, 142, 124),
    (84, 122, 160),
    (170, 112, 140),
    (226, 196, 160),
    (112, 92, 120),
    (60, 96, 98),
    (244, 236, 222),
    (230, 140, 120),
]
GREENS = [(104, 148, 98), (74, 118, 92), (140, 172, 104), (92, 138, 122), (172, 180, 96)]
SKIES = [
    ((150, 200, 232), (236, 240, 232)),
    ((244, 196, 160), (252, 232, 204)),
    ((168, 196, 214), (222, 228, 226)),
    ((196, 176, 216), (250, 214, 206)),
]
NIGHTS = [
    ((26, 34, 66), (74, 78, 120)),
    ((34, 30, 52), (112, 82, 110)),
    ((18, 44, 62), (60, 98, 110)),
]
TERRACOTTA, WOOD, PAPER = (192, 110, 82), (142, 104, 76), (246, 240, 228)


def pick(rng: np.random.Generator, choices):
    return choices[int(rng.integers(len(choices)))]


def tinted(rng: np.random.Generator, color, spread: float = 14) -> tuple:
    """A neighbour of a palette color, so that no two walls are the same."""
    r, g, b = (rng.normal(0, spread, 3) + color).tolist()
    return (min(255.0, max(0.0, r)), min(255.0, max(0.0, g)), min(255.0, max(0.0, b)))


def draw_tree(canvas: Canvas, rng, x: float, y: float, size: float, leaf) -> None:
    paint(canvas, box(x - size * 0.06, y - size * 0.5, x + size * 0.06, y), WOOD)
    if rng.random() < 0.5:
        for lift in (0.3, 0.65, 1.0):
            wide = size * (0.5 - 0.25 * lift)
            top = y - size * (lift + 0.5)
            paint(
                canvas, [(x - wide, top + size * 0.5), (x + wide, top + size * 0.5), (x, top)], leaf
            )
    else:
        paint(canvas, circle(x, y - size * 0.8, size * 0.36, size * 0.44), leaf)
        glaze(canvas, circle(x - size * 0.1, y - size * 0.9, size * 0.2), (255, 255, 230), 0.15)


def draw_cloud(canvas: Canvas, x: float, y: float, size: float) -> None:
    for dx, dy, share in ((-0.9, 0.1, 0.6), (0, -0.1, 0.9), (0.9, 0.12, 0.65)):
        glaze(
            canvas,
            circle(x + dx * size, y + dy * size, size * share, size * share * 0.7),
            PAPER,
            0.85,
        )


def draw_window(canvas: Canvas, rng, floor: float) -> None:
    x, wide, top = rng.uniform(0, 0.75), rng.uniform(0.2, 0.36), rng.uniform(0, 0.12)
    sky, bottom = pick(rng, SKIES + NIGHTS), top + floor * rng.uniform(0.45, 0.7)
    paint(canvas, box(x - 0.015, top - 0.015, x + wide + 0.015, bottom + 0.015), PAPER)
    paint(canvas, box(x, top, x + wide, bottom), sky[0])
    paint(canvas, box(x, (top + bottom) / 2, x + wide, bottom), blend(*sky, 0.5))
    paint(canvas, box(x + wide / 2 - 0.006, top, x + wide / 2 + 0.006, bottom), PAPER)
    curtain = tinted(rng, pick(rng, ACCENTS))
    for edge, way in ((x - 0.03, 1), (x + wide + 0.03, -1)):
        cloth = [
            (edge, top - 0.02),
            (edge + way * 0.1, top - 0.02),
            (edge + way * 0.04, bottom + 0.04),
            (edge, bottom + 0.04),
        ]
        paint(canvas, cloth, curtain)


def draw_frame(canvas: Canvas, rng, floor: float) -> None:
    x, y = rng.uniform(0, 0.85), rng.uniform(0.03, 0.35)
    wide, tall = rng.uniform(0.1, 0.22, 2)
    paint(canvas, box(x - 0.012, y - 0.012, x + wide + 0.012, y + tall + 0.012), WOOD)
    paint(canvas, box(x, y, x + wide, y + tall), PAPER)
    shape = circle(x + wide / 2, y + tall / 2, wide * 0.3, tall * 0.3)
    paint(canvas, shape[::12] if rng.random() < 0.5 else shape, tinted(rng, pick(rng, ACCENTS)))


def draw_shelf(canvas: Canvas, rng, floor: float) -> None:
    x, y = rng.uniform(-0.1, 0.7), rng.uniform(0.2, 0.45)
    for place in np.arange(x + 0.01, x + 0.34, 0.04):
        tall = rng.uniform(0.07, 0.14)
        paint(canvas, box(place, y - tall, place + 0.034, y), tinted(rng, pick(rng, ACCENTS)))
    paint(canvas, box(x, y, x + 0.38, y + 0.018), WOOD)


def draw_bunting(canvas: Canvas, rng, floor: float) -> None:
    left, right = rng.uniform(0, 0.25, 2)
    cord = bezier((-0.02, left), (0.5, max(left, right) + 0.16), (1.02, right), 12)
    stroke(canvas, cord, PAPER, 0.008)
    for x, y in cord[1:-1]:
        paint(canvas, [(x - 0.032, y), (x + 0.032, y), (x, y + 0.085)], pick(rng, ACCENTS))


def draw_lamp(canvas: Canvas, rng, floor: float) -> None:
    x, drop, size = rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.2), rng.uniform(0.07, 0.12)
    stroke(canvas, [(x, 0), (x, drop)], (70, 60, 58), 0.006)
    glaze(canvas, circle(x, drop + size, size * 2), (255, 236, 180), 0.25)
    shade = [
        (x - size * 0.4, drop),
        (x + size * 0.4, drop),
        (x + size, drop + size),
        (x - size, drop + size),
    ]
    paint(canvas, shade, tinted(rng, pick(rng, ACCENTS)))


def draw_sofa(canvas: Canvas, rng, x: float, y: float, size: float) -> None:
    tone = tinted(rng, pick(rng, ACCENTS))
    dark, wide, tall = blend(tone, (40, 30, 40), 0.2), size * 3.2, size * 1.9
    back = smooth(
        [(x - wide / 2, y - tall), (x + wide / 2, y - tall), (x + wide / 2, y), (x - wide / 2, y)]
    )
    paint(canvas, back, dark)
    paint(canvas, box(x - wide / 2, y - tall * 0.45, x + wide / 2, y), tone)
    for edge in (x - wide / 2, x + wide / 2):
        paint(canvas, circle(edge, y - tall * 0.3, size * 0.32, tall * 0.36), tone)


def draw_plant(canvas: Canvas, rng, x: float, y: float, size: float) -> None:
    pot = [
        (x - size * 0.32, y - size * 0.5),
        (x + size * 0.32, y - size * 0.5),
        (x + size * 0.24, y),
        (x - size * 0.24, y),
    ]
    leaf = tinted(rng, pick(rng, GREENS))
    for angle in np.linspace(-1.1, 1.1, 5) + rng.normal(0, 0.12, 5):
        reach = size * rng.uniform(0.6, 0.9)
        center = (x + np.sin(angle) * reach * 0.7, y - size * 0.5 - np.cos(angle) * reach * 0.7)
        draw_leaf(canvas, *center, reach * 0.6, angle, blend(leaf, (40, 70, 60), 0.2 * (angle > 0)))
    paint(canvas, pot, tinted(rng, TERRACOTTA))


def draw_leaf(canvas: Canvas, x: float, y: float, reach: float, angle: float, color) -> None:
    """A pointed leaf about (x, y), its tip towards `angle` (0 is up)."""
    along = np.array((np.sin(angle), -np.cos(angle))) * reach
    across = np.array((np.cos(angle), np.sin(angle))) * reach * 0.36
    middle = np.array((x, y))
    paint(canvas, smooth([middle + along, middle + across, middle - along, middle - across]), color)
    rib = blend(color, (240, 240, 210), 0.3)
    stroke(canvas, [middle - along * 0.8, middle + along * 0.8], rib, 0.03 * reach)


def draw_carton(canvas: Canvas, rng, x: float, y: float, size: float) -> None:
    tone = tinted(rng, (206, 166, 120))
    tall = size * rng.uniform(0.7, 1.2)
    paint(canvas, box(x - size / 2, y - tall, x + size / 2, y), tone)
    paint(
        canvas, box(x - size / 2, y - tall, x + size / 2, y - tall * 0.82), blend(tone, WOOD, 0.4)
    )
    paint(canvas, box(x - size * 0.06, y - tall, x + size * 0.06, y - tall * 0.5), (232, 208, 160))


def draw_ball(canvas: Canvas, rng, x: float, y: float, size: float) -> None:
    tone, r = tinted(rng, pick(rng, ACCENTS)), size * 0.45
    paint(canvas, circle(x, y - r, r), tone)
    for bend in (-0.7, 0.0, 0.7):
        thread = bezier(
            (x - r * 0.8, y - r * (1 + bend * 0.5)),
            (x + bend * r * 0.3, y - r * (1.5 + bend)),
            (x + r * 0.8, y - r * (1 + bend * 0.3)),
            8,
        )
        stroke(canvas, thread, blend(tone, PAPER, 0.4), size * 0.03)


def draw_cushion(canvas: Canvas, rng, x: float, y: float, size: float) -> None:
    tone, half = tinted(rng, pick(rng, ACCENTS)), size * 0.6
    corners = [
        (x - half, y - size),
        (x, y - size * 0.92),
        (x + half, y - size),
        (x + half * 0.9, y - size * 0.5),
        (x + half, y),
        (x, y - size * 0.06),
        (x - half, y),
        (x - half * 0.9, y - size * 0.5),
    ]
    paint(canvas, smooth(corners), tone)
    paint(canvas, circle(x, y - size * 0.5, size * 0.12), blend(tone, PAPER, 0.5))


def draw_flower(canvas: Canvas, rng, x: float, y: float, size: float) -> None:
    tone, head = tinted(rng, pick(rng, ACCENTS)), y - size
    stroke(
        canvas,
        bezier((x, y), (x + size * 0.2, y - size * 0.5), (x, head), 8),
        pick(rng, GREENS),
        size * 0.07,
    )
    for turn in np.arange(6) * np.pi / 3:
        petal = circle(x + np.cos(turn) * size * 0.2, head + np.sin(turn) * size * 0.2, size * 0.17)
        paint(canvas, petal[::2], tone)
    paint(canvas, circle(x, head, size * 0.13), (246, 206, 104))
