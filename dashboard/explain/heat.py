"""Scores and heatmaps: taken from what is kept for all sessions, or computed and kept."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dashboard import state, words
from dashboard.explain.pictures import Picture
from engine.cam.methods import METHODS
from engine.data.decode import resize
from engine.evaluation import multiclass
from engine.runs.store import Run

SAID = "what it says"
SCORE_BYTES = 300  # of a picture's kept scores with their key, apart from the numbers


@dataclass(frozen=True)
class Wish:
    """What is to be explained, and how: the target is a class name, or SAID."""

    run: Run
    layer: str
    target: str
    methods: tuple[str, ...]

    def target_of(self, picture: Picture) -> int:
        return picture.says if self.target == SAID else self.run.class_names.index(self.target)

    def key(self, picture: Picture, method: str) -> tuple:
        run = self.run
        target = self.target_of(picture)
        return (picture.id, run.weights_sha256, run.image_size, self.layer, method, target)


def kept_score(run: Run, picture: Picture) -> Picture:
    """The picture with what the model says of it, if that was computed before."""
    scores = state.kept().get((picture.id, run.weights_sha256))
    return picture if scores is None else replace(picture, scores=scores)


def scored(loaded, pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures with what the model says of them."""
    from engine import inference

    seen = np.stack([_seen(loaded.run, picture) for picture in pictures])
    with loaded.lock:
        found = multiclass.by_class(inference.probabilities(inference.logits(loaded.model, seen)))
    for picture, scores in zip(pictures, found, strict=True):
        key = (picture.id, loaded.run.weights_sha256)
        state.kept().put(key, scores, SCORE_BYTES + scores.nbytes)
    return [replace(one, scores=scores) for one, scores in zip(pictures, found, strict=True)]


def kept(wish: Wish, picture: Picture, method: str):
    """The heatmap if it was made before, else None."""
    return state.kept().get(wish.key(picture, method))


def made(loaded, wish: Wish, picture: Picture, method: str, progress: Callable[[int, int], None]):
    """The heatmap of one picture by one method; progress: called with (steps done, all).

    Raises:
        CamsightError: if the model cannot be explained so.
    """
    from engine.cam import explain

    target = wish.target_of(picture)
    image = _seen(wish.run, picture)[None]
    with loaded.lock:
        heat = explain(loaded.model, image, method, wish.layer, target, progress=progress)
    state.kept().put(wish.key(picture, method), heat, heat.values.nbytes + heat.raw.nbytes)
    return heat


def _seen(run: Run, picture: Picture) -> np.ndarray:
    """What the model takes: the picture at the run's own size, `(s, s, 3)` uint8."""
    return resize(picture.pixels, run.image_size)


class Pace:
    """How far the slow maps are and how long the rest will take, said a few times a second.

    Streamlit ends the script at such a moment if "Stop here" was pressed.
    """

    def __init__(self, methods: Sequence[str], say: Callable[[float, str], None]):
        slow = [at for at, method in enumerate(methods) if METHODS[method].needs == "passes"]
        self._slow = slow or list(range(len(methods)))
        self._methods, self._say = methods, say
        self._started, self._last = time.monotonic(), 0.0

    def tell(self, at: int, done: int, total: int) -> None:
        """at: which of the maps is being made; done of total: its steps."""
        now = time.monotonic()
        if at not in self._slow or now - self._last < 0.2:
            return
        self._last = now
        before = self._slow.index(at)
        share = min(1.0, (before + done / total) / len(self._slow))
        left = (now - self._started) * (1 - share) / max(share, 1e-6)
        title = METHODS[self._methods[at]].title
        of = f"picture {before + 1} of {len(self._slow)}"
        self._say(share, f"{title}, {of}, about {words.about(left)} left")
