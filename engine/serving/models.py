"""The models that are kept loaded, bounded by their size, and what each of them is asked."""

import gc
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from engine import backend, inference  # the backend before Keras: it keeps TensorFlow quiet
from engine.cam import explain
from engine.errors import JobError
from engine.inference import Loaded
from engine.models import passes, together
from engine.models.graph import channels, numbers_in_maps
from engine.runs.record import Run
from engine.serving.protocol import Request

Progress = Callable[[int, int], None]


@dataclass(eq=False)
class _Place:
    """Where one model stands, or will stand: whoever comes first loads it. users: at this moment.
    size: in bytes."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    loaded: Loaded | None = None
    users: int = 0
    size: int = 0


class Models:
    """Loaded models, the last used ones; any thread may ask them."""

    def __init__(self, most_bytes: int):
        """most_bytes: of all that are loaded; one that is in use stays, whatever its size."""
        self._most = most_bytes
        self._places: OrderedDict[tuple, _Place] = OrderedDict()
        self._lock = threading.Lock()

    def work(self, request: Request, progress: Progress):
        """What is asked of the run's model.

        Raises:
            CamsightError: if it cannot be had, naming why.
        """
        try:
            with self._using(request.run, request.model) as loaded:
                return WORK[request.verb](loaded, request, progress)
        except backend.OUT_OF_MEMORY as error:
            raise JobError(
                f"There is not enough memory for what '{request.run.id}' is asked; try again when "
                "less is going on, or choose a method of fewer passes."
            ) from error

    @contextmanager
    def _using(self, run: Run, name: tuple) -> Iterator[Loaded]:
        with self._lock:
            place = self._places.setdefault(name, _Place())
            self._places.move_to_end(name)
            place.users += 1
        try:
            with place.lock:
                if place.loaded is None:
                    place.loaded = inference.load(run)
                    place.size = size_of(place.loaded)
            self._evict()
            yield place.loaded
        finally:
            with self._lock:
                place.users -= 1
                if place.loaded is None and not place.users:
                    self._places.pop(name, None)

    def _evict(self) -> None:
        """Let those go that were not asked for longest, until the others are small enough."""
        with self._lock:
            size = sum(place.size for place in self._places.values())
            idle = [name for name, place in self._places.items() if not place.users]
            gone = []
            while size > self._most and idle:
                gone.append(self._places.pop(idle.pop(0)))
                size -= gone[-1].size
        if gone:
            gone.clear()
            gc.collect()  # layers and their models hold one another


def size_of(loaded: Loaded) -> int:
    """About what a model takes once it is explained, in bytes: its weights, and once more for each
    function of it that is kept compiled; and all its maps, of a batch.

    What the process grows by was between a half and once of that (classic, and a backbone, both at
    150 pixels).
    """
    weights = loaded.model.count_params() * (1 + passes.KEPT)
    return 4 * (weights + together.BATCH * numbers_in_maps(loaded.model))


# --- what is asked --------------------------------------------------------------------------------


def _channels(loaded: Loaded, request: Request, progress: Progress):
    return channels(loaded.model)


def _scores(loaded: Loaded, request: Request, progress: Progress):
    logits = inference.logits(loaded.model, request.images, progress=progress)
    return inference.probabilities(logits)


def _explain(loaded: Loaded, request: Request, progress: Progress):
    return explain(
        loaded.model, request.images, request.method, progress=progress, **request.how
    )


def _export(loaded: Loaded, request: Request, progress: Progress):
    return inference.saved(loaded)


WORK = {"channels": _channels, "scores": _scores, "explain": _explain, "export": _export}
