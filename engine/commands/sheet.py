"""A contact sheet: pictures as rows, heatmap methods as columns, what each is written under it."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from engine.data.decode import resize

CELL, GAP, MOST_COLUMNS = 160, 8, 8  # pixels of a side and between; a picture and seven maps
PAPER, INK, GREY = (252, 251, 248), (17, 19, 21), (105, 104, 100)
LINES = 17  # pixels of a line of text; a cell has two


def sheet(rows: Sequence[Sequence[tuple[np.ndarray, str, str]]]) -> np.ndarray:
    """Cells `(pixels (h, w, 3) uint8, title, remark)` in rows, drawn as `(h, w, 3)` uint8.

    The first cell of a row is its picture. A row of more than `MOST_COLUMNS` cells goes on below
    itself, beside an empty first column, so that a sheet of thirty methods can be looked at.
    """
    from PIL import Image, ImageDraw

    lines = [line for row in rows for line in _folded(row)]
    columns = max(len(line) for line in lines)
    height = CELL + 2 * LINES + GAP
    size = (GAP + columns * (CELL + GAP), GAP + len(lines) * height)
    drawn = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(drawn)
    for i, line in enumerate(lines):
        for j, cell in enumerate(line):
            if cell is None:
                continue
            pixels, title, remark = cell
            x, y = GAP + j * (CELL + GAP), GAP + i * height
            drawn.paste(Image.fromarray(resize(pixels, CELL)), (x, y))
            for at, (text, ink, points) in enumerate(((title, INK, 13), (remark, GREY, 11))):
                font = _font(points)
                place = (x, y + CELL + 2 + at * LINES)
                pen.text(place, _fitting(text, font, CELL), font=font, fill=ink)
    return np.asarray(drawn)


def _folded(row: Sequence) -> list[list]:
    """Its cells in lines: the first holds the picture, the others an empty place below it."""
    first, maps, width = row[0], row[1:], MOST_COLUMNS - 1
    parts = [maps[at : at + width] for at in range(0, max(len(maps), 1), width)]
    return [[first if at == 0 else None, *part] for at, part in enumerate(parts)]


@cache
def _font(points: int):
    """Matplotlib's own font, which knows Latin, Greek and Cyrillic letters; Pillow brings none."""
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", points)


def _fitting(text: str, font, width: int) -> str:
    """The text, shortened in its middle where it would not fit."""
    text = " ".join(text.split())
    left, right = len(text) // 2, len(text) // 2
    shown = text
    while font.getlength(shown) > width and left > 0:
        left, right = left - 1, right + 1
        shown = f"{text[:left]}…{text[right:]}"
    return shown
