"""What a heatmap method is asked, what it can ask of the network, and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from keras import ops

from engine.cam.components import first_component
from engine.errors import LayerError
from engine.models.biases import full_gradients, with_map
from engine.models.head import Head, target_logits, target_probabilities, target_weights


@dataclass(frozen=True)
class Found:
    """What a method found in a batch of pictures.

    raw: `(n, h', w')` float32, signed, before ReLU: at the layer's resolution, or any other.
    scores: `(n,)` float32, the target's probability for the pictures as they are.
    error: `(n, h', w')`, the half width of the 95% error that the method states of `raw`.
    """

    raw: np.ndarray
    scores: np.ndarray
    error: np.ndarray | None = None


@dataclass(frozen=True)
class Asked:
    """A batch of pictures, and the network that is asked of them.

    heads: the network up to each layer that was asked for, and to its logits.
    images: `(n, h, w, 3)` float32, exactly as the model takes them. target: `(n,)` class numbers.
    score: what is differentiated or compared, "logit" or "probability".
    exact: forward passes in float32; otherwise in what the processor is fastest in.
    eigen: the channels are added along their first principal component, see `add`.
    seed: of whatever is drawn. progress: called with (steps done, all of this batch, as many for
        each picture), at the end at least, and free to raise, which ends the work.
    engines, passes: who computed, and how many forward passes of single pictures it took; remarks:
        why it was not who computes fastest, a sentence each.
    """

    heads: tuple[Head, ...]
    images: np.ndarray
    target: np.ndarray
    score: str = "logit"
    exact: bool = True
    eigen: bool = False
    seed: int = 0
    progress: Callable[[int, int], None] = lambda done, total: None
    engines: dict[str, None] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)
    passes: list[int] = field(default_factory=lambda: [0])
    _compiled: dict = field(default_factory=dict)

    @property
    def head(self) -> Head:
        return self.heads[0]

    def weights(self) -> np.ndarray:
        """What each logit counts for in the target's score, `(n, units)`."""
        return target_weights(self.target, self.head.units)

    def scores(self, logits, of: np.ndarray | None = None) -> np.ndarray:
        """The target's score, as `score` has it, of logits `(m, units)`; of: `(m,)`, which picture
        of the batch each is of, if they are not those of the batch itself."""
        target = self.target if of is None else self.target[of]
        return (target_logits if self.score == "logit" else target_probabilities)(logits, target)

    def probabilities(self, logits, of: np.ndarray | None = None) -> np.ndarray:
        """The target's probability of logits `(m, units)`; of: as in `scores`."""
        return target_probabilities(logits, self.target if of is None else self.target[of])

    def add(self, terms: np.ndarray) -> np.ndarray:
        """A layer's weighted maps `(n, h', w', k)` as one `(n, h', w')` float32: their sum.

        By eigen smoothing, if `eigen` asks for it (pytorch-grad-cam's; it has no paper), what they
        hold of their first principal component, with the sign of their sum: what only single maps
        show is left out.
        """
        if self.eigen:
            return first_component(terms)
        return np.sum(terms, axis=-1, dtype=np.float32)

    # --- what can be asked of the network ---------------------------------------------------------

    def activations(self) -> tuple[np.ndarray, np.ndarray]:
        """The layer's maps `(n, h', w', k)`, and logits `(n, units)`."""
        found = self.head.fast(self.images)
        self.count(len(self.images))
        return self._finite(found)

    def gradients(self, weights: np.ndarray | None = None):
        """The layer's maps, the score's gradient by them, `(n, h', w', k)`, and logits.

        weights: `(n, units)`, what the logits count for instead of the target's own.
        """
        weights = self.weights() if weights is None else weights
        found = self.head.gradients(self.images, weights, self.score == "probability")
        self.count(len(self.images))
        return self._finite(found)

    def several(self):
        """`gradients` of all layers that were asked for, in one pass: a list of the maps of each, a
        list of the gradients, and logits."""
        one_pass = self.head.several([head.layer for head in self.heads])
        maps, gradients, logits = one_pass(self.images, self.weights(), self.score == "probability")
        self.count(len(self.images))
        return self._finite(maps), self._finite(gradients), np.asarray(logits)

    def curvature(self, utility: Callable):
        """The layer's maps, a utility's gradient by them, its Hessian times them, and logits; see
        `engine.models.head.Head.curvature`."""
        found = self.head.curvature(self.images, self.weights(), utility)
        self.count(len(self.images))
        return self._finite(found)

    def pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """The score's gradient by the pixels `(n, h, w, 3)`, and logits."""
        found = self.head.pixels(self.images, self.weights(), self.score == "probability")
        self.count(len(self.images))
        return self._finite(found)

    def full_gradients(self, picture: int):
        """What the pixels `(h, w, 3)`, and by layer with a map its bias `(h', w', k)`, add to the
        score of one picture; and its logits. See `engine.models.biases.full_gradients`."""
        one = slice(picture, picture + 1)
        pixels, parts, logits = full_gradients(
            self.head, self.images[one], self.weights()[one], self.score == "probability"
        )
        self.count(1)
        maps = {path: part[0] for path, part in with_map(self.head, parts).items()}
        return np.asarray(pixels)[0], maps, np.asarray(logits)[0]

    def masked(
        self,
        of: np.ndarray,
        maps,
        mode: str = "unit",
        under: np.ndarray | None = None,
        told: Callable[[int], None] = lambda done: None,
    ) -> np.ndarray:
        """Logits `(m, units)` of pictures of which a mask leaves a part.

        A mask is a map enlarged to the picture (bilinear); what is seen is
        under + mask · (picture − under). All of that happens inside the compiled graph.

        Args:
            of: `(m,)`, which picture of the batch each row is of.
            maps: `(m, h', w')` float32, or a function of a row's number that gives its map.
            mode: "unit", (x − min) / (max − min) of the enlarged map; "span", x / (max − min);
                "raw", the enlarged map as it is. Where max = min the first two give 0.
            under: `(n, h, w, 3)`, what shows where the mask is 0; None is zeros.
            told: called with the rows done so far.
        """
        map_of = maps.__getitem__ if isinstance(maps, np.ndarray) else maps
        images = self.images
        under = np.zeros_like(images) if under is None else np.asarray(under, np.float32)
        size, channels = images.shape[1:3], images.shape[3]

        head = self.head  # and not self, whose pictures would be kept with what is compiled

        def logits(pictures, below, small):
            mask = mask_of(small, size, mode)
            return head.walk(below + mask * (pictures - below))[1]

        def row(number: int):
            picture = of[number]
            return images[picture], under[picture], np.asarray(map_of(number), np.float32)

        if not len(of):
            return np.empty((0, self.head.units), np.float32)
        shapes = [(*size, channels), (*size, channels), np.shape(map_of(0))]
        return self._passes(f"masked, {mode}", logits, shapes, len(of), row, told)

    def seen(
        self, pictures, count: int | None = None, told: Callable[[int], None] = lambda done: None
    ) -> np.ndarray:
        """Logits `(m, units)` of whole pictures `(m, h, w, 3)`, or of a function of a row's number
        that gives one, `count` times."""
        picture_of = pictures.__getitem__ if isinstance(pictures, np.ndarray) else pictures
        head = self.head
        return self._passes(
            "whole",
            lambda pixels: head.walk(pixels)[1],
            [self.images.shape[1:]],
            len(pictures) if count is None else count,
            lambda number: (np.asarray(picture_of(number), np.float32),),
            told,
        )

    def replaced(
        self,
        of: np.ndarray,
        activations: Callable[[int], np.ndarray],
        told: Callable[[int], None] = lambda done: None,
    ) -> np.ndarray:
        """Logits `(m, units)` where the layer gives other maps; what lies before it is computed
        only where something behind it needs it.

        Args:
            of: `(m,)`, which picture of the batch each row is of.
            activations: a row's number to the layer's maps `(h', w', k)`.
        """
        if not len(of):
            return np.empty((0, self.head.units), np.float32)
        shapes = [self.images.shape[1:], np.shape(activations(0))]

        def row(number: int):
            return self.images[of[number]], np.asarray(activations(number), np.float32)

        name = f"replaced {self.head.layer}"
        return self._passes(name, self.head.replaced, shapes, len(of), row, told)

    def _passes(self, name, function, shapes, count, row, told) -> np.ndarray:
        key = (name, *shapes)
        if key not in self._compiled:
            self._compiled[key] = self.head.passes(name, function, shapes, self.exact)
        together = self._compiled[key]
        self.count(count, together.compiled.engine)
        if together.compiled.note:
            self.remarks[together.compiled.note] = None
        return together(count, row, told)

    def _finite(self, found) -> tuple[np.ndarray, ...]:
        """What a pass gave, as arrays; numbers that overflowed are said, and no map is made."""
        arrays = tuple(np.asarray(one) for one in found)
        for array in arrays:
            check_finite(array, self.head.layer)
        return arrays

    def count(self, passes: int, engine: str = "TensorFlow, float32") -> None:
        """Write down forward passes of single pictures."""
        self.engines[engine] = None
        self.passes[0] += passes


def check_finite(found: np.ndarray, layer: str | None) -> None:
    """Raise a LayerError that names the first picture whose numbers are not finite."""
    broken = np.flatnonzero(~np.isfinite(found.reshape(len(found), -1)).all(axis=1))
    if len(broken):
        where = "in the network" if layer is None else f"at the layer '{layer}'"
        raise LayerError(
            f"The heatmap of picture {broken[0]} (counted from 0) is not finite {where}, as the "
            "model's numbers overflow; look at its weights and at the pixels."
        )


def mask_of(small, size: tuple[int, int], mode: str):
    """Maps `(m, h', w')` as masks `(m, h, w, 1)`, in the graph."""
    large = ops.image.resize(small[..., None], size, interpolation="bilinear")
    if mode == "raw":
        return large
    low = ops.min(large, axis=(1, 2), keepdims=True)
    span = ops.max(large, axis=(1, 2), keepdims=True) - low
    some = ops.where(span > 0, span, 1.0)
    inside = (large - low) if mode == "unit" else large
    return ops.where(span > 0, inside / some, 0.0)
