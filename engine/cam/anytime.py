"""Anytime Score-CAM: some channels are asked, and the others' weights follow from theirs."""

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import stdtrit
from threadpoolctl import ThreadpoolController

from engine import backend
from engine.cam.asked import Asked, Found
from engine.cam.methods import check_number
from engine.errors import ConfigError

STEP = 8  # channels of a picture between two looks at its error, at least: a batch of passes
FIRST = 256  # of so many channels STEP are asked before the first look
GROWTH = 4  # after n channels the next look is n / GROWTH further on, if that is more than STEP
LENGTHS = (0.7, 1.0, 1.4, 2.0, 2.8)  # of the kernel, in the masks' root mean square distance
NOISES = (1e-3, 3e-2)  # what a weight has to itself, as a share of the kernel's variance
MATTERS = 0.01  # a kernel that is less probable than that, next to the best, is left out
EVEN = 0.1  # what each place of a mask counts for at least, next to the mean energy of the layer
ROUNDING = 1e-6  # of the scores' mean square, which no process is told to be below
OUTSIDE = 0.0025  # 5% for some 20 directions in which a map can be off
CAUTION = 1.6  # by how much networks were further off than the process believes, see the decision


_LIBRARIES = ThreadpoolController()


def anytime_score_cam(asked: Asked, *, tolerance: float = 0.4, channels: int = 0) -> Found:
    """Score-CAM (see `engine.cam.score`) of as few passes as a stated error allows; ours.

    Similar masks leave similar pictures, and those get similar scores. So the weight w is taken
    for a Gaussian process over masks (Rasmussen & Williams 2006, sections 2.7 and 5.4):
    w ~ m + GP(0, s² k) with k(i, j) = exp(−‖√u (mask_i − mask_j)‖² / 2 l²), where u is the layer's
    energy Σ_k A_k² at each place, a tenth of it even. Given the weights that were seen the others
    have an expectation and a covariance Σ; the map Σ_seen w A + Σ_unseen E(w) A has the variance
    A' Σ A. m and s² are integrated out, l and noise averaged over a grid by their marginal
    likelihood. The channel that is asked next is the one that lowers the sum of the variance over
    the map the most, whatever its weight will be.

    `Found.error` is the half width of a band that the exact map leaves nowhere, in 95% of
    pictures: the standard deviation times Student's quantile times `CAUTION`. Asking ends when it
    is at most `tolerance` times the largest |value| of the map; 0 asks every channel, which is
    exact. It ends after so many `channels`, too, if they are not 0, whatever the error is then. A
    map that is the same everywhere costs no pass. By eigen smoothing no error is stated, nor where
    passes are in bfloat16, whose rounding the process knows nothing of: asking ends as it would.

    Raises:
        ConfigError: if tolerance is negative, or channels is too few for an error to be known.
    """
    check_number("tolerance", tolerance, 0)
    check_number("number of channels", channels, 0)
    if channels == 1:
        raise ConfigError(
            f"There is no error after {channels} channels; give 0 (all), or 2 or more."
        )
    maps, logits = asked.activations()
    n, *size, k = maps.shape
    with _alone():
        pictures = [_Picture(i, maps[i], tolerance, channels or k) for i in range(n)]
    total = n * k
    while unsure := [one for one in pictures if not one.sure]:
        done = total - sum(len(one.channels) - len(one.asked) for one in unsure)
        with _alone():
            rows = [(one, channel) for one in unsure for channel in one.next()]
        of = np.array([one.number for one, _ in rows])
        masked = asked.masked(
            of,
            lambda row, rows=rows: maps[rows[row][0].number, ..., rows[row][1]],
            told=lambda now, done=done: asked.progress(done + now, total),
        )
        found = asked.scores(masked, of)
        with _alone():
            for one in unsure:
                one.learn(found[of == one.number])
    weights = np.zeros((n, k), np.float32)
    for one in pictures:
        weights[one.number, one.channels] = one.weights
    asked.progress(total, total)
    rounded = not asked.exact and backend.passes_dtype() != "float32"
    return Found(
        asked.add(maps * weights[:, None, None]),
        asked.probabilities(logits),
        None if asked.eigen or rounded else np.stack([one.error.reshape(size) for one in pictures]),
    )


def _alone():
    """Linear algebra in one thread: its matrices are small, and threads that wait for one another
    beside a training take ten times as long."""
    return _LIBRARIES.limit(limits=1, user_api="blas")


class _Picture:
    """A picture's maps that are not flat: which were asked, and what follows for all.

    maps: `(k, places)`, over the largest of them, whose squares may be too large for float32.
    asked: numbers among them. weights: `(k,)`. error: `(places,)`. sure: nothing more is asked.
    """

    def __init__(self, number: int, maps: np.ndarray, tolerance: float, most: int):
        self.number, self._tolerance = number, tolerance
        self.channels = np.flatnonzero(maps.max(axis=(0, 1)) > maps.min(axis=(0, 1)))
        self._scale = np.abs(maps[..., self.channels]).max(initial=0)
        self.maps = maps.reshape(-1, maps.shape[-1]).T[self.channels] / (self._scale or 1)
        self._most = min(most, len(self.channels))
        self.asked: list[int] = []
        self._scores = np.empty(0)
        self.weights = np.zeros(len(self.channels))
        self.error = np.zeros(self.maps.shape[1], np.float32)
        self.sure = not (len(self.channels) and np.isfinite(self.maps).all())
        if (tolerance or self._most < len(self.channels)) and not self.sure:
            self._apart = _apart(self.maps)
            self._order = _order(self.maps, _likeness(self._apart))
        else:
            self._order = iter(range(len(self.channels)))

    def next(self) -> np.ndarray:
        """The channels to be asked before the next look at the error."""
        k, n = len(self.channels), len(self.asked)
        more = max(STEP, n / GROWTH, k / FIRST * STEP) if self._tolerance else k
        more = min(STEP * math.ceil(more / STEP), self._most - n)
        chosen = list(itertools.islice(self._order, more))
        self.asked += chosen
        return self.channels[chosen]

    def learn(self, scores: np.ndarray) -> None:
        """The scores of those that `next` gave."""
        self._scores = np.append(self._scores, scores)
        if len(self.asked) == len(self.channels):
            self.weights, self.error[:] = self._scores[np.argsort(self.asked)], 0
        elif not np.isfinite(self._scores).all():  # the network overflows: so does the map
            self.weights, self._most = np.full(len(self.channels), np.nan), len(self.asked)
        else:
            self.weights, error = _guess(self.maps, self._apart, self.asked, self._scores)
            self.error = (self._scale * error).astype(np.float32)
        largest = self._scale * np.abs(self.weights @ self.maps).max()
        near = self.error.max() <= self._tolerance * largest
        self.sure = near or len(self.asked) == self._most


def _apart(maps: np.ndarray) -> np.ndarray:
    """Squared distances `(k, k)` of the masks that the maps `(k, places)` make, each place counting
    by the layer's energy there; their mean is 1."""
    low = maps.min(axis=1, keepdims=True)
    masks = (maps - low) / (maps.max(axis=1, keepdims=True) - low)
    energy = np.square(maps).sum(axis=0)
    points = masks * np.sqrt(energy / energy.mean() + EVEN)
    distance = 2 * points.var(axis=0).sum()
    points = points / np.sqrt(distance) if distance > 0 else points
    squares = np.square(points).sum(axis=1)
    return np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0)


def _likeness(apart: np.ndarray, length: float = 1) -> np.ndarray:
    """The kernel, of squared distances."""
    return np.exp(apart / (-2 * length**2))


def _order(maps: np.ndarray, likeness: np.ndarray) -> Iterator[int]:
    """Channels, each the one that lowers the variance of the map, summed over it, the most.

    By a pivoted Cholesky factorisation of the kernel; the next channel costs what one look at all
    maps does.
    """
    shown = maps.T @ likeness  # (places, k): a weight's error in the map
    left = np.ones(len(maps))
    columns = np.empty((len(maps),) * 2, np.float32)  # of the factor; the memory is taken as used
    asked: list[int] = []
    for n in range(len(maps)):
        gain = np.einsum("pk,pk->k", shown, shown) / (left + NOISES[0])
        gain[asked] = -1
        best = int(np.argmax(gain))
        asked.append(best)
        yield best
        column = likeness[:, best] - columns[:n, best] @ columns[:n]
        spread = max(float(column[best]), 0.0) + NOISES[0]
        shown -= np.outer(shown[:, best], column / spread)
        columns[n] = column / np.sqrt(spread)
        left = np.maximum(left - columns[n] ** 2, 0)


class _Process(NamedTuple):
    """A Gaussian process with a kernel of one length and noise, given n scores.

    evidence: logarithm of its marginal likelihood. factor: `(n, n)`, Cholesky's of the covariance,
    of which s² is left out. level: m. ones, off: `(n,)`, factor⁻¹ 1 and factor⁻¹ (scores − m).
    """

    evidence: float
    noise: float
    factor: np.ndarray
    level: float
    ones: np.ndarray
    off: np.ndarray
    spread: float  # s²


def _process(likeness: np.ndarray, scores: np.ndarray, length: float, noise: float) -> _Process:
    n = len(scores)
    factor = np.linalg.cholesky(likeness + noise * np.eye(n))
    told, ones = solve_triangular(factor, np.stack([scores, np.ones(n)], axis=1), lower=True).T
    level = ones @ told / (ones @ ones)
    off = told - level * ones
    energy = off @ off + ROUNDING * np.mean(scores**2)
    evidence = -np.log(np.diag(factor)).sum() - 0.5 * (
        (n - 1) * np.log(energy or 1) + np.log(ones @ ones) + np.log(length) ** 2
    )  # the last term is a prior: lengths about 1
    return _Process(evidence, noise, factor, level, ones, off, energy / (n - 1))


def _expect(process: _Process, near, maps, prior) -> tuple[np.ndarray, np.ndarray]:
    """What m scores are expected to be, `(m,)`, and the variance of the map that they make.

    near: `(n, m)`, their likeness to the n that are known. maps: `(m, places)`. prior: `(places,)`,
    the map's variance if none were known, but for s² and noise.
    """
    known = solve_triangular(process.factor, near, lower=True)
    told = known @ maps
    variance = prior + process.noise * np.square(maps).sum(axis=0) - np.square(told).sum(axis=0)
    level = (maps.sum(axis=0) - process.ones @ told) ** 2 / (process.ones @ process.ones)
    expected = process.level + process.off @ known
    return expected, process.spread * (np.maximum(variance, 0) + level)


def _guess(maps, apart, asked: list[int], scores) -> tuple[np.ndarray, np.ndarray]:
    """Weights of all channels, those that were not asked as expected, and the map's error."""
    rest = np.setdiff1d(np.arange(len(maps)), asked)
    known, near, unknown = (
        apart[np.ix_(*of)] for of in ((asked, asked), (asked, rest), (rest, rest))
    )
    shown = maps[rest]
    processes = []
    for length in LENGTHS:
        likeness = _likeness(known, length).astype(np.float64)
        processes += [(length, _process(likeness, scores, length, noise)) for noise in NOISES]
    evidence = np.array([process.evidence for _, process in processes])
    chance = np.exp(evidence - evidence.max())
    kept = np.flatnonzero(chance > MATTERS)
    chance = chance[kept] / chance[kept].sum()
    given = {}
    for length in {processes[at][0] for at in kept}:
        prior = np.einsum("kp,kp->p", shown, _likeness(unknown, length) @ shown)
        given[length] = _likeness(near, length), shown, prior
    found = [_expect(process, *given[length]) for length, process in (processes[i] for i in kept)]
    expected, variances = (np.stack(one) for one in zip(*found, strict=True))
    weights = np.empty(len(maps))
    weights[asked], weights[rest] = scores, chance @ expected
    apart = (expected - weights[rest]) @ shown
    deviation = np.sqrt(chance @ (variances + apart**2))
    return weights, CAUTION * stdtrit(len(scores) - 1, 1 - OUTSIDE / 2) * deviation
