"""What the load test asks of Explain, and whether what it was shown is what it asked for."""

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
from PIL import Image

from engine import identity
from engine.cam.methods import METHODS
from engine.commands import compare
from engine.data import dataset as datasets
from engine.runs import store
from engine.runs.record import Run
from engine.workspace import Workspace
from tests.benchmarks.tab import Tab

POOL = 30  # pictures of a run that are asked for
FAST = ("grad-cam", "layer-cam", "hires-cam")
SLOW = "score-cam"  # a pass for each channel
MOST_CHANNELS = "classic", "quick"  # presets whose last layer has few enough of them for it
SIDE = 48  # pixels at which two pictures are compared: a JPEG's noise is gone there
FAR = 16.0  # mean of the absolute differences, of 255


@dataclass(frozen=True)
class Asked:
    """One picture of a run by two methods. name: of its file, as the page writes it. target: a
    class, always: where a link names none, a page keeps what was chosen on it before."""

    run: str
    picture: str
    name: str
    methods: tuple[str, ...]
    target: str

    @property
    def query(self) -> str:
        methods = "".join(f"&m={name}" for name in self.methods)
        asked = f"run={self.run}&pics={self.picture[: identity.SHORT]}{methods}"
        return f"{asked}&target={quote(self.target)}"


@dataclass(frozen=True)
class Seen:
    """A picture that somebody's page showed. method: "" for the picture without heat."""

    asked: Asked
    method: str
    data: bytes


class Pool:
    """The pictures that may be asked for, of each run that has its dataset."""

    def __init__(self, workspace: Workspace):
        data = datasets.read_datasets(workspace)[0]
        self.pixels: dict[str, np.ndarray] = {}
        self._of: dict[str, list[tuple]] = {}
        self.runs: dict[str, Run] = {}
        for run in store.list_runs(workspace):
            dataset = compare.dataset_of(run, data)
            if run.judged and dataset:
                self._take(run, dataset)

    def _take(self, run: Run, dataset) -> None:
        told = store.predictions(run, "test")
        rows = compare.rows(run, told, dataset)
        chosen = np.random.default_rng(0).choice(np.flatnonzero(rows >= 0), POOL, replace=False)
        self.runs[run.id], self._of[run.id] = run, []
        for place in chosen:
            pixels = np.array(dataset.images[rows[place]])
            picture = identity.of_picture(pixels)
            self.pixels[picture] = pixels
            name = dataset.file_names[rows[place]].rsplit("/", 1)[-1]
            self._of[run.id].append((picture, name))

    def draw(self, rng: np.random.Generator, slow: bool = False) -> Asked:
        """Any picture of any run, by two methods; slow: one of them is."""
        runs = [id for id, run in self.runs.items() if not slow or run.preset in MOST_CHANNELS]
        run = str(rng.choice(runs))
        picture, name = self._of[run][rng.integers(POOL)]
        methods = tuple(str(one) for one in rng.choice(FAST, 2, replace=False))
        target = str(rng.choice(self.runs[run].class_names))
        return Asked(run, picture, name, (methods[0], SLOW) if slow else methods, target)


def on_page(tab: Tab, asked: Asked) -> tuple[list[Seen], list[str]]:
    """What the page shows for what was asked, all pictures fetched; and what is wrong about it."""
    wanted = {asked.name: ""}
    wanted |= {f"{METHODS[m].title} of {asked.name} for {asked.target}": m for m in asked.methods}
    shown = [one for one in tab.shown() if not one.alt.endswith("from 0 to 1")]
    wrong = [f"shows “{one.alt}” unasked" for one in shown if one.alt not in wanted]
    wrong += [f"lacks “{alt}”" for alt in wanted.keys() - {one.alt for one in shown}]
    seen = [
        Seen(asked, wanted[one.alt], tab.pictures[one.url])
        for one in shown
        if one.alt in wanted and one.url in tab.pictures
    ]
    return seen, [f"{asked.run}: the page {what}" for what in wrong]


def wrong_ones(
    workspace: Workspace, pool: Pool, seen: Sequence[Seen], folder: Path
) -> tuple[list[str], str]:
    """Those that are not what `engine.commands.explain` makes of the same, in words; and how far
    all of them are from that, and from the nearest other.

    Each must be near to what was asked for, and nearer to it than to any other picture, method or
    class that anybody asked for.

    Args:
        folder: an empty one, for what is made.
    """
    right = expected(workspace, pool, {(one.asked, one.method) for one in seen}, folder)
    keys, all_right, wrong = list(right), np.stack(list(right.values())), []
    from_own, from_others = [0.0], [255.0]
    for one in seen:
        key = _key(one.asked, one.method)
        far = np.abs(all_right - _small(np.array(Image.open(io.BytesIO(one.data))))).mean((1, 2, 3))
        own, nearest = far[keys.index(key)], int(far.argmin())
        from_own.append(own)
        others = [at for at, other in enumerate(keys) if other[1] != key[1]]
        from_others.append(far[others].min() if others else 255.0)
        if own > FAR or own > far[nearest] + 0.5:
            wrong.append(f"{key} is {own:.1f} from itself, {far[nearest]:.1f} from {keys[nearest]}")
    how = f"at most {max(from_own):.1f} of 255 from what they should be, and"
    return wrong, f"{how} {min(from_others):.1f} or more from every other picture's"


def expected(workspace: Workspace, pool: Pool, wanted, folder: Path) -> dict[tuple, np.ndarray]:
    """What each picture is, small, by run, picture, method and class."""
    from engine.commands.explain import explain

    found, groups = {}, defaultdict(set)
    for asked, method in wanted:
        key = _key(asked, method)
        if not method:
            found[key] = _small(pool.pixels[asked.picture])
        else:
            methods = FAST if method in FAST else (method,)
            groups[asked.run, methods, key[-1]].add(asked.picture)
    for at, ((run, methods, target), asked_for) in enumerate(groups.items()):
        (out := folder / str(at)).mkdir()
        paths = [out / f"{picture}.png" for picture in sorted(asked_for)]
        for path in paths:
            Image.fromarray(pool.pixels[path.stem]).save(path)
        made = explain(workspace, run, paths, out, methods=methods, target=target, raw=True)
        for one in made:
            picture = Path(one.picture).stem
            shown = _as_shown(pool.pixels[picture], one.raw)
            found[run, picture, one.method, target] = _small(shown)
    return found


def _as_shown(pixels: np.ndarray, raw: str) -> np.ndarray:
    """As Explain draws it where nobody has chosen a look."""
    from engine.cam.overlay import overlay

    large = cv2.resize(pixels, (480, 480), interpolation=cv2.INTER_CUBIC)
    return overlay(large, np.load(raw)["values"], "inferno", 0.75, "by heat")


def _key(asked: Asked, method: str) -> tuple[str, str, str, str]:
    return asked.run, asked.picture, method, asked.target if method else ""


def _small(pixels: np.ndarray) -> np.ndarray:
    return cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)


def tally(seen: Sequence[Seen]) -> str:
    maps = [one for one in seen if one.method]
    return f"{len(maps)} heatmaps, {len({_key(one.asked, one.method) for one in maps})} of them new"
