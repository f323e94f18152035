"""What was compiled of a model for many passes: kept while its weights are those of then."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from keras import ops

from engine.backend import Compiled
from engine.models.together import Together

KEPT = 6  # compiled functions of one model, each of which holds its weights


@dataclass
class _Place:
    """Where one function will stand; whoever comes first compiles it, and no other place waits."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    together: Together | None = None


class Passes:
    """The compiled functions of one model, by name, the last used ones."""

    def __init__(self, variables: Sequence):
        self._variables = variables
        self._places: OrderedDict[tuple, _Place] = OrderedDict()
        self._weights = b""
        self._lock = threading.Lock()

    def of(self, key: tuple, compile_it: Callable[[], Compiled]) -> Together:
        """The function of that key, compiled if it is new or if the weights are."""
        weights = self._digest()
        with self._lock:
            if weights != self._weights:
                self._places.clear()  # of no use any more; whoever is at work with one keeps it
                self._weights = weights
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            if len(self._places) > KEPT:
                self._places.popitem(last=False)
        with place.lock:
            if place.together is None:
                place.together = Together(compile_it())
        return place.together

    def _digest(self) -> bytes:
        told = hashlib.blake2b(digest_size=16)
        for variable in self._variables:
            told.update(np.ascontiguousarray(ops.convert_to_numpy(variable)).data)
        return told.digest()
