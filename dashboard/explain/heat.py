"""Scores and heatmaps: taken from what is kept for all sessions, or computed and kept."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dashboard import state, words
from dashboard.explain.options import AS_USUAL, Options
from dashboard.explain.pictures import Picture
from engine.cam.methods import METHODS
from engine.data.decode import resize
from engine.evaluation import multiclass
from engine.runs.record import Run
from engine.serving.client import Behind
from engine.serving.protocol import MANY, passes_of

SAID = "what it says"
SCORE_BYTES = 300  # of a picture's kept scores with their key, apart from the numbers
NOTE_BYTES = 500  # of a number that is kept with its key


@dataclass(frozen=True)
class Wish:
    """What is to be explained, and how: the target is a class name, or SAID."""

    run: Run
    layer: str
    target: str
    methods: tuple[str, ...]
    options: Options = AS_USUAL

    def target_of(self, picture: Picture) -> int:
        return picture.says if self.target == SAID else self.run.class_names.index(self.target)

    def asked(self, method: str) -> dict:
        """What `engine.cam.explain` is asked for beside model, picture, method and target.

        What the method does not look at is left as it is, so that its maps serve whatever is chosen
        there.
        """
        options, about = self.options, METHODS[method]
        layers = (self.layer, *options.also)
        several = len(layers) > 1 and about.layers != "none"
        layer = layers if several else self.layer if about.layers == "one" else None
        return {
            "layer": layer,
            "combine": options.combine if several else "mean",
            "score": (options.score or about.score or None) if about.of_class else None,
            "flips": options.flips,
            "eigen": options.eigen and about.smooths,
            "precision": options.precision if about.rounds else "float32",
        }

    def joined(self, method: str) -> bool:
        """Whether its raw map is of several layers, each drawn from 0 to 1 before."""
        return METHODS[method].layers == "one" and isinstance(self.asked(method)["layer"], tuple)

    def key(self, picture: Picture, method: str) -> tuple:
        target = self.target_of(picture) if METHODS[method].of_class else None
        return (picture.id, target, *self.kind(method))

    def kind(self, method: str) -> tuple:
        """What all its maps by a method have in common, whatever the picture and the class."""
        return (self.run.weights_sha256, self.run.image_size, method, *self.asked(method).values())


def kept_score(run: Run, picture: Picture) -> Picture:
    """The picture with what the model says of it, if that was computed before."""
    scores = state.kept().get((picture.id, run.weights_sha256))
    return picture if scores is None else replace(picture, scores=scores)


def scored(run: Run, pictures: Sequence[Picture], waiting: Behind) -> list[Picture]:
    """The pictures with what the model says of them; waiting: told behind how many it is."""
    images = np.stack([seen(run, picture) for picture in pictures])
    found = multiclass.by_class(state.models().scores(run, images, waiting))
    for picture, scores in zip(pictures, found, strict=True):
        key = (picture.id, run.weights_sha256)
        state.kept().put(key, scores, SCORE_BYTES + scores.nbytes)
    return [replace(one, scores=scores) for one, scores in zip(pictures, found, strict=True)]


def kept(wish: Wish, picture: Picture, method: str):
    """The heatmap if it was made before, else None."""
    return state.kept().get(wish.key(picture, method))


def made(
    wish: Wish,
    picture: Picture,
    method: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
    waiting: Behind = lambda behind: None,
):
    """The heatmap of one picture by one method.

    Args:
        progress: called with (steps done, all). waiting: told behind how many it is.

    Raises:
        CamsightError: if the model cannot be explained so.
    """
    image, target = seen(wish.run, picture)[None], wish.target_of(picture)
    asked = wish.asked(method)
    heat = state.models().explain(
        wish.run, image, method, target=target, progress=progress, waiting=waiting, **asked
    )
    size = sum(one.nbytes for one in (heat.values, heat.raw, heat.error) if one is not None)
    state.kept().put(wish.key(picture, method), heat, size)
    _time(wish, method, heat.seconds)
    return heat


def seen(run: Run, picture: Picture) -> np.ndarray:
    """What the model takes: the picture at the run's own size, `(s, s, 3)` uint8."""
    return resize(picture.pixels, run.image_size)


# --- what it costs --------------------------------------------------------------------------------


def costs(wish: Wish, method: str) -> str:
    """What a method costs: in passes, and in seconds where it was timed here."""
    about, channels = METHODS[method], _channels(wish.run).get(wish.layer)
    layers = 1 + len(wish.options.also) if about.layers == "one" else 1
    times = layers * (2 if wish.options.flips else 1)
    said = about.cost if channels is None or layers > 1 else about.cost.at(channels)
    said = f"{times} × ({said})" if times > 1 else said
    seconds = state.kept().get(("seconds", *wish.kind(method)))
    timed = "" if seconds is None else f", {words.duration(seconds)} here"
    return f"{said}{timed}{'' if about.exact else ', approximate'}"


def _time(wish: Wish, method: str, seconds: float) -> None:
    """Keep the shortest: the first map of a layer waits for its graph to be compiled."""
    key = ("seconds", *wish.kind(method))
    before = state.kept().get(key)
    state.kept().put(key, seconds if before is None else min(seconds, before), NOTE_BYTES)


def count_channels(run: Run, waiting: Behind) -> None:
    """Keep how many channels each layer has, which loads the model; nothing where it is known."""
    if not _channels(run):
        found = state.models().channels(run, waiting)
        state.kept().put(("channels", run.weights_sha256), found, NOTE_BYTES * len(found))


def _channels(run: Run) -> dict[str, int]:
    return state.kept().get(("channels", run.weights_sha256)) or {}


def waits(what: str, behind: int) -> str:
    """ "Score-CAM waits behind 3 others"."""
    return f"{what} waits behind {behind} {'other' if behind == 1 else 'others'}"


class Pace:
    """How far the slow maps are and how long the rest will take, said a few times a second.

    Streamlit ends the script at such a moment if "Stop here" was pressed.
    """

    def __init__(self, methods: Sequence[str], say: Callable[[float, str], None]):
        passes = [passes_of(method) for method in methods]
        none_slow = max(passes) <= MANY
        self._slow = [at for at, many in enumerate(passes) if many > MANY or none_slow]
        counted = [max(1, passes[at]) for at in self._slow]
        self._before = np.cumsum([0, *counted]) / sum(counted)  # shares of all passes
        self._methods, self._say = methods, say
        self._started, self._last, self._share = time.monotonic(), 0.0, 0.0

    def wait(self, at: int, behind: int) -> None:
        """at: which of the maps waits; behind: how many maps, of whomever."""
        title = METHODS[self._methods[at]].title
        self._say(self._share, waits(title, behind) if behind else "Heatmaps")

    def tell(self, at: int, done: int, total: int) -> None:
        """at: which of the maps is being made; done of total: its steps."""
        now = time.monotonic()
        if at not in self._slow or now - self._last < 0.2:
            return
        self._last = now
        nth = self._slow.index(at)
        before, after = self._before[nth : nth + 2]
        share = self._share = float(min(1.0, before + (after - before) * done / total))
        said = f"{METHODS[self._methods[at]].title}, map {nth + 1} of {len(self._slow)}"
        if done:
            left = (now - self._started) * (1 - share) / max(share, 1e-6)
            said += f", about {words.about(left)} left"
        self._say(share, said)
