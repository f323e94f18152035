"""What is asked of the process that holds the models, and what it answers; known to both sides."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from engine.cam.methods import METHODS
from engine.errors import CamsightError
from engine.runs.record import Run

QUICK, SLOW = "quick", "slow"
MANY = 16  # passes; a map of fewer is there at once
USUAL_CHANNELS = 256  # of a layer, where a rough number will do


def passes_of(method: str) -> int:
    """About how many forward passes a map of one picture takes."""
    return METHODS[method].cost.passes(USUAL_CHANNELS)


@dataclass(frozen=True, eq=False)
class Request:
    """What is asked of a run's model.

    Attributes:
        verb: "channels" (of its layers), "scores" (probabilities of pictures), "explain" (heatmaps)
            or "export" (the model as a file).
        images: `(n, s, s, 3)` uint8, for scores and heatmaps.
        method, how: what `engine.cam.explain` is asked for.
    """

    verb: Literal["channels", "scores", "explain", "export"]
    run: Run
    images: np.ndarray | None = None
    method: str = ""
    how: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> tuple[str, str | None]:
        """Which model is meant: where it lies, and its weights."""
        return str(self.run.folder), self.run.weights_sha256

    @property
    def lane(self) -> str:
        """Whether it is answered at once, or takes so long that others must not stand behind it."""
        return SLOW if self.verb == "explain" and passes_of(self.method) > MANY else QUICK

    @cached_property
    def key(self) -> tuple:
        """The same for all who ask for the very same."""
        pixels = b"" if self.images is None else np.ascontiguousarray(self.images).data
        seen = hashlib.sha256(pixels).hexdigest()
        return self.verb, self.model, seen, self.method, repr(sorted(self.how.items()))


# --- answers: any number of Waiting and Working, and one of the others at the end -----------------


@dataclass(frozen=True)
class Waiting:
    """behind: how many are at work or before it, on the same lane of the same model."""

    behind: int


@dataclass(frozen=True)
class Working:
    """Steps done, of all."""

    done: int
    total: int


@dataclass(frozen=True, eq=False)
class Done:
    value: Any


@dataclass(frozen=True, eq=False)
class Refused:
    error: CamsightError


News = Waiting | Working | Done | Refused
