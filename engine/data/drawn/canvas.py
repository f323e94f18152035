"""A supersampled canvas: smooth shapes in, anti-aliased pixels and a mask of what they mean out.

Coordinates are fractions of the picture, (0, 0) top left and (1, 1) bottom right. Colours are RGB.
"""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

SUPERSAMPLE = 2
SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Canvas:
    """Pixels (s, s, 3) and marks (s, s), both uint8, drawn on in place.

    Every shape leaves `mark` in the marks under it, or leaves them as they are where it is None.
    """

    pixels: np.ndarray
    marks: np.ndarray
    mark: int | None = None

    @property
    def side(self) -> int:
        return self.pixels.shape[0]

    def marking(self, mark: int | None) -> "Canvas":
        """The same canvas, its shapes to leave another mark."""
        return replace(self, mark=mark)


def new_canvas(size: int) -> Canvas:
    side = size * SUPERSAMPLE
    return Canvas(np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.uint8))


def shrink(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Pixels averaged down to the picture's size; marks sampled, since bits have no average."""
    side = canvas.side // SUPERSAMPLE
    pixels = cv2.resize(canvas.pixels, (side, side), interpolation=cv2.INTER_AREA)
    middle = SUPERSAMPLE // 2
    return pixels, canvas.marks[middle::SUPERSAMPLE, middle::SUPERSAMPLE].copy()


def _fixed(canvas: Canvas, points) -> np.ndarray:
    """The points in OpenCV's fixed-point pixels."""
    return np.multiply(points, canvas.side << SUBPIXEL_BITS).astype(np.int32)


def _outlines(canvas: Canvas, points) -> list[np.ndarray]:
    corners = _fixed(canvas, points)
    return [corners] if corners.ndim == 2 else list(corners)


def paint(canvas: Canvas, points, color) -> None:
    """Fill a closed outline `(n, 2)`, or `(k, n, 2)` at once, which must not overlap."""
    corners = _outlines(canvas, points)
    cv2.fillPoly(canvas.pixels, corners, color, cv2.LINE_AA, SUBPIXEL_BITS)
    if canvas.mark is not None:
        cv2.fillPoly(canvas.marks, corners, canvas.mark, cv2.LINE_8, SUBPIXEL_BITS)


def stroke(canvas: Canvas, points, color, width: float) -> None:
    """Draw open lines, `(n, 2)` or `(k, n, 2)`; `width` is a fraction of the picture."""
    corners = _outlines(canvas, points)
    thick = max(1, round(width * canvas.side))
    cv2.polylines(canvas.pixels, corners, False, color, thick, cv2.LINE_AA, SUBPIXEL_BITS)
    if canvas.mark is not None:
        cv2.polylines(canvas.marks, corners, False, canvas.mark, thick, cv2.LINE_8, SUBPIXEL_BITS)


def glaze(canvas: Canvas, points, color, strength: float) -> None:
    """Fill an outline with a translucent color, marks untouched; `strength` 1 hides all below."""
    corners = _fixed(canvas, points)
    x, y, width, height = (edge >> SUBPIXEL_BITS for edge in cv2.boundingRect(corners))
    left, top = max(0, x - 1), max(0, y - 1)
    window = canvas.pixels[top : max(0, y + height + 2), left : max(0, x + width + 2)]
    if window.size == 0:
        return
    layer = window.copy()
    corners -= np.int32((left << SUBPIXEL_BITS, top << SUBPIXEL_BITS))
    cv2.fillPoly(layer, [corners], color, cv2.LINE_AA, SUBPIXEL_BITS)
    window[:] = cv2.addWeighted(layer, strength, window, 1 - strength, 0)


@contextmanager
def clipped(canvas: Canvas, outline):
    """What is drawn on the canvas given stays inside `outline`, and leaves the marks alone."""
    inside = np.zeros_like(canvas.marks)
    cv2.fillPoly(inside, [_fixed(canvas, outline)], 255, cv2.LINE_8, SUBPIXEL_BITS)
    layer = Canvas(canvas.pixels.copy(), canvas.marks)
    yield layer
    cv2.copyTo(layer.pixels, inside, canvas.pixels)


def fade(canvas: Canvas, top, bottom) -> None:
    """Cover the canvas with a vertical gradient."""
    ramp = np.linspace(0, 1, canvas.side, dtype=np.float32)[:, None]
    column = np.rint(np.float32(top) * (1 - ramp) + np.float32(bottom) * ramp).astype(np.uint8)
    cv2.resize(column[:, None], canvas.marks.shape, canvas.pixels, 0, 0, cv2.INTER_NEAREST)


def circle(x: float, y: float, rx: float, ry: float | None = None, angle: float = 0.0):
    """Outline of an ellipse, turned clockwise by `angle` radians."""
    points = _unit_circle() * (rx, rx if ry is None else ry)
    if angle:
        points = points @ rotation(angle).T
    return points + (x, y)


def circles(centers, rx: float, ry: float | None = None) -> np.ndarray:
    """Equal ellipses about centers `(k, 2)`; returns `(k, n, 2)`."""
    return circle(0, 0, rx, ry) + np.asarray(centers)[:, None]


@lru_cache(maxsize=1)
def _unit_circle() -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def rotation(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([(cos, -sin), (sin, cos)])


def smooth(controls) -> np.ndarray:
    """A closed Catmull-Rom curve through the control points `(..., n, 2)`: `(..., 8 n, 2)`."""
    controls = np.asarray(controls, dtype=float)
    return _closed_basis(controls.shape[-2]) @ controls


@lru_cache(maxsize=32)
def _closed_basis(count: int, steps: int = 8) -> np.ndarray:
    t = np.arange(steps) / steps
    weights = 0.5 * np.stack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
    )
    basis = np.zeros((count * steps, count))
    for knot in range(count):
        for neighbor, weight in zip(range(knot - 1, knot + 3), weights, strict=True):
            basis[knot * steps : (knot + 1) * steps, neighbor % count] += weight
    return basis


def bezier(start, bend, end, steps: int = 14) -> np.ndarray:
    """A quadratic curve from `start` to `end`, pulled towards `bend`; `(steps, 2)`."""
    return _bezier_basis(steps) @ np.array([start, bend, end], dtype=float)


@lru_cache(maxsize=16)
def _bezier_basis(steps: int) -> np.ndarray:
    t = np.linspace(0, 1, steps)
    return np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2], axis=1)


def mirrored(half) -> np.ndarray:
    """A symmetric outline from its right half, listed from top to bottom, ends on the axis."""
    half = np.asarray(half, dtype=float)
    return np.concatenate([half, half[-2:0:-1] * (-1, 1)])


def blend(first, second, share: float):
    """`first` at share 0, `second` at share 1: numbers, colors (three in a tuple) or arrays."""
    if isinstance(first, tuple):
        (r, g, b), (r2, g2, b2) = first, second
        return (r + (r2 - r) * share, g + (g2 - g) * share, b + (b2 - b) * share)
    return first + (second - first) * share
