"""What Explain shows: which pictures, and how heat is drawn on them."""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
import streamlit as st

from dashboard import state, words
from engine.cam.overlay import colour, overlay
from engine.data.decode import decode_in_child, resize
from engine.errors import PictureError
from engine.runs.store import Run

SHOWN = 400  # pixels of a picture's side in the browser's memory; about twice what is displayed
CLASS_TINTS = ("orange", "blue")


@dataclass(frozen=True)
class Picture:
    """A picture as the dataset holds it, with what is known of it."""

    name: str
    pixels: np.ndarray  # (s, s, 3) uint8, at the dataset's size
    truth: int | None  # None for an upload
    score: float | None  # for class 1; None until a model has said

    @property
    def sha(self) -> str:
        return hashlib.sha256(self.pixels.tobytes()).hexdigest()

    @property
    def says(self) -> int:
        return int(self.score >= 0.5)


def from_test(run: Run, rows: list[int], told: dict) -> list[Picture]:
    """Pictures of the run's dataset by their rows, with the scores that the run stored."""
    data = state.dataset_of(run)
    score_of = dict(zip(told["indices"].tolist(), told["y_score"].tolist(), strict=True))
    return [
        Picture(data.file_names[row], data.images[row], int(data.labels[row]), score_of[row])
        for row in rows
    ]


def one_of_each(told: dict) -> list[int]:
    """Rows of the surest right answer for each class, then of the surest mistakes."""
    rows = []
    right = (told["y_score"] >= 0.5) == (told["y_true"] == 1)
    for wanted in (True, False):
        for label in (0, 1):
            members = np.flatnonzero((told["y_true"] == label) & (right == wanted))
            if len(members):
                surest = members[np.argmax(np.abs(told["y_score"][members] - 0.5))]
                rows.append(int(told["indices"][surest]))
    return rows


def at_random(told: dict, count: int, seed: int) -> list[int]:
    """Rows of `count` pictures of the test part, the same for the same seed."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(told["indices"], min(count, len(told["indices"])), replace=False)
    return [int(row) for row in chosen]


@st.cache_data(max_entries=200, show_spinner=False)
def decoded(data: bytes, size: int) -> np.ndarray | str:
    """An uploaded file's pixels, or why it was refused; decoded in a process of its own."""
    try:
        return decode_in_child(data, size)
    except PictureError as error:
        return str(error)


@st.cache_data(max_entries=2000, show_spinner=False)
def drawn(
    sha: str, heat_key: tuple, look: tuple, _pixels: np.ndarray, _heat: np.ndarray
) -> np.ndarray:
    """A heatmap as it is shown, `(SHOWN, SHOWN, 3)` uint8. look: view, colour map, opacity, by."""
    view, colour_map, opacity, by = look
    if view == "heatmap":
        return cv2.resize(colour(_heat, colour_map), (SHOWN, SHOWN), interpolation=cv2.INTER_CUBIC)
    return overlay(large(_pixels), _heat, colour_map, opacity, by)


def large(pixels: np.ndarray) -> np.ndarray:
    return cv2.resize(pixels, (SHOWN, SHOWN), interpolation=cv2.INTER_CUBIC)


def seen_by(run: Run, picture: Picture) -> np.ndarray:
    """What the model takes: the picture at the run's own size, `(s, s, 3)` uint8."""
    return resize(picture.pixels, run.image_size)


def tinted(run: Run, label: int) -> str:
    """A class name in bold and in its colour."""
    return f":{CLASS_TINTS[label]}[**{words.markdown(run.class_names[label], 24)}**]"


def colour_bar(colour_map: str) -> np.ndarray:
    """Heat from 0 to 1 as a strip `(10, 160, 3)` uint8."""
    return colour(np.tile(np.linspace(0, 1, 160, dtype=np.float32), (10, 1)), colour_map)


def range_of(low: float, high: float) -> str:
    """The range of a raw map, in three digits: "−0.065 to 0.43", "15 to 302"."""
    return " to ".join(
        (f"{v:,.0f}" if abs(v) >= 100 else f"{v:.3g}").replace("-", "−") for v in (low, high)
    )
