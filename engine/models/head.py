"""What can be asked of a classifier that is taken apart at a layer and at its last activation.

`engine.models.apart` makes a `Head` of a model and keeps it; how the model is run layer by layer,
and what is refused, stands in `engine.models.classifier`.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from keras import ops
from scipy.special import expit, softmax

from engine import backend
from engine.models.classifier import Classifier, as_it_is, in_its_place, run_layers
from engine.models.passes import Passes
from engine.models.together import Together


class Head:
    """A model up to a layer and to its logits; the model itself is not changed.

    Pixels are `(n, h, w, 3)` as the model takes them, activations `(n, h', w', k)`, logits
    `(n, units)`, all float32. What is compiled is traced at its first use and kept.

    Attributes:
        layer: the layer's name; None where only the whole network is asked, and the pixels stand
            for the activations. units: 1 for a sigmoid, else the number of classes.
        shape: `(h, w, channels)` that the model takes; None for a side that it leaves open.
        maps: how the axes of each layer's map lie, see `engine.models.graph.spatial_maps`.
    """

    def __init__(
        self, found: Classifier, maps: dict[str, str], passes: Passes, layer: str | None
    ):
        self.layer, self.units = layer, found.units
        self.shape = tuple(found.graph.inputs[0].shape[1:])
        self._classifier, self.maps = found, maps
        self._passes = passes
        self._compiled: dict[tuple, Callable] = {}
        self._lock = threading.Lock()

    @property
    def classes(self) -> int:
        return max(2, self.units)

    def forward(self, pixels, watch: Callable = lambda activations: None):
        """Activations and logits, uncompiled. `watch` is called with the activations before
        anything is computed from them."""
        if self.layer is None:
            watch(pixels)
            return pixels, self.through((), pixels)[1]
        (activations,), logits = self.through((self.layer,), pixels, lambda found: watch(found[0]))
        return activations, logits

    def fast(self, pixels):
        """`forward` of the pixels alone, as one compiled graph."""
        return self.compiled("fast", lambda pixels: self.forward(pixels))(
            ops.convert_to_tensor(pixels, "float32")
        )

    def walk(self, pixels, see: Callable = as_it_is, how: Callable = in_its_place):
        """The model's output and its logits, uncompiled.

        Args:
            see: `(path, layer, output) -> output` for each use of a layer, to watch or replace.
            how: `(path, layer, inputs, compute) -> output`, how a layer is computed, see
                `engine.models.classifier.run_layers`.
        """
        return run_layers(self._classifier, pixels, see, how)

    def logits(self, pixels) -> np.ndarray:
        """Logits of a batch, at once."""
        return np.asarray(self.fast(pixels)[1])

    def many(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Logits of many batches, in float32, by what is fastest once it is compiled."""
        whole = self.passes("whole", lambda pixels: self.walk(pixels)[1], [self.shape], exact=True)
        return whole.compiled.run(batches)

    def gradients(self, pixels, weights, probability: bool = False):
        """Activations, the gradient of the score by them, and logits, in one compiled pass.

        Args:
            weights: `(n, units)`, what each logit counts for in the score; see `target_weights`.
            probability: the score is the probability, and not the logit.
        """
        (activations,), (gradients,), logits = self.several((self.layer,))(
            pixels, weights, probability
        )
        return activations, gradients, logits

    def several(self, layers: Sequence[str]) -> Callable:
        """`gradients` of several layers in one compiled pass, activations and gradients as tuples:
        a function of `(pixels, weights, probability)`."""
        layers = tuple(layers)

        def one_pass(pixels, weights, probability: bool = False):
            def scored(x, watch):
                found, logits = self.through(layers, x, watch)
                return found, score_of(logits, weights, probability), logits

            return backend.gradients_of(scored, pixels)

        return self.once(("several", layers), one_pass)

    def curvature(self, pixels, weights, utility: Callable):
        """Activations, the gradient of a utility by them, its Hessian times them, and logits, in
        one compiled pass.

        Args:
            weights: as in `gradients`. utility: `(logits, weights) -> (n,)`, in Keras ops; it is
                traced once.
        """

        def one_pass(pixels, weights, probability: bool):
            def scored(x, watch):
                activations, logits = self.forward(x, watch)
                return activations, utility(logits, weights), logits

            return backend.curvature_of(scored, pixels)

        return self.once(("curvature", utility), one_pass)(pixels, weights)

    def pixels(self, pixels, weights, probability: bool = False):
        """The gradient of the score by the pixels, and logits, in one compiled pass."""

        def one_pass(pixels, weights, probability: bool):
            def scored(x, watch):
                watch(x)
                _, logits = run_layers(self._classifier, x)
                return x, score_of(logits, weights, probability), logits

            return backend.gradients_of(scored, pixels)[1:]

        return self.once(("pixels",), one_pass)(pixels, weights, probability)

    def passes(
        self, name: str, function: Callable, shapes: Sequence[tuple], exact: bool
    ) -> Together:
        """A function that ends in this model's logits, compiled for many passes of several
        callers, once for each set of weights.

        Args:
            name: of the function, and of the layer if it hangs on it; with the shapes it says
                which one is meant, for all heads of the model.
            shapes: of its tensors, without their first axis.
            exact: in float32; otherwise in what the processor is fastest in.
        """
        return self._passes.of(
            (name, *map(tuple, shapes), exact),
            lambda: backend.compile_passes(function, shapes, name=f"'{name}'", exact=exact),
        )

    def replaced(self, pixels, activations):
        """Logits of the pixels where the layer gives other activations, uncompiled."""
        return self.through((self.layer,), pixels, instead=lambda seen: activations)[1]

    def scored(self, pixels, weights, probability: bool = False):
        """What is differentiated, of whole pictures, `(n, units)` that add up to it; uncompiled."""
        return score_of(run_layers(self._classifier, pixels)[1], weights, probability)

    def compiled(self, name: str, function: Callable) -> Callable:
        """A function of tensors as one graph, which is traced once and kept under that name."""
        with self._lock:
            if (name,) not in self._compiled:
                self._compiled[(name,)] = backend.compiled(function)
            return self._compiled[(name,)]

    def once(self, key: tuple, function: Callable) -> Callable:
        """The compiled function of that key, by whether the score is the probability."""

        def call(pixels, weights, probability: bool = False):
            with self._lock:
                if (*key, probability) not in self._compiled:
                    self._compiled[(*key, probability)] = backend.compiled(
                        lambda x, w: function(x, w, probability)
                    )
            return self._compiled[(*key, probability)](
                ops.convert_to_tensor(pixels, "float32"), ops.convert_to_tensor(weights, "float32")
            )

        return call

    def through(
        self,
        layers: Sequence[str],
        pixels,
        watch: Callable = lambda found: None,
        instead: Callable = lambda seen: seen,
        how: Callable = in_its_place,
    ):
        """Activations of several layers as a tuple, and logits, uncompiled.

        Args:
            watch: called with a tuple of one layer's activations before anything is computed from
                them. instead: makes others of them. how: as in `walk`.
        """
        found = {}

        def at_layer(path, layer, output):
            if path not in layers:
                return output
            axes = self.maps[path]
            seen = output if axes == "hwc" else ops.transpose(output, _to_last(axes))
            found[path] = instead(seen)
            watch((found[path],))
            if axes == "hwc":
                return found[path]
            return ops.transpose(found[path], [0, *(1 + "hwc".index(axis) for axis in axes)])

        _, logits = run_layers(self._classifier, pixels, at_layer, how)
        return tuple(found[path] for path in layers), logits


def _to_last(axes: str) -> list[int]:
    return [0, *(1 + axes.index(axis) for axis in "hwc")]


def score_of(logits, weights, probability: bool):
    """What is differentiated: the weighted logits, or with weights of one class its probability."""
    if not probability:
        return logits * weights
    if logits.shape[-1] == 1:
        return ops.sigmoid(logits * weights)
    return ops.softmax(logits, axis=-1) * weights


def target_weights(target, units: int) -> np.ndarray:
    """What each logit counts for in the target's score: target `(n,)` -> `(n, units)` float32.

    With one sigmoid output the score of class 0 is 1 − p = sigmoid(−logit), so its weight is −1.
    """
    target = np.asarray(target)
    if units == 1:
        return (2 * target[:, None] - 1).astype(np.float32)
    return np.eye(units, dtype=np.float32)[target]


def target_logits(logits, target) -> np.ndarray:
    """The logit of each row's target class: logits `(n, units)`, target `(n,)` -> `(n,)`."""
    logits = np.asarray(logits, np.float32)
    return np.sum(logits * target_weights(target, logits.shape[-1]), axis=-1)


def target_probabilities(logits, target) -> np.ndarray:
    """The probability of each row's target class: logits `(n, units)`, target `(n,)` -> `(n,)`."""
    logits = np.asarray(logits, np.float32)
    if logits.shape[-1] == 1:
        return expit(target_logits(logits, target))
    return np.take_along_axis(softmax(logits, axis=-1), np.asarray(target)[:, None], 1)[:, 0]
