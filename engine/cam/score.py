"""Methods that mask the picture by a layer's maps and watch the score: Score-CAM and its kin."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from scipy.special import softmax

from engine.cam.asked import Asked, Found
from engine.cam.methods import check_number


def score_cam(asked: Asked) -> Found:
    """Score-CAM (Wang et al. 2020, arXiv 1910.01279 v1, algorithm 1, as in the authors' code).

    Each map of the layer, enlarged to the picture and scaled to 0..1 by its own minimum and
    maximum, masks the picture; its weight is the target's probability for what is left. A map
    that is the same everywhere is left out and costs no pass. The heatmap is the weighted sum of
    the maps.
    """
    return _by_score(asked, alive)


def score_cam_unshifted(asked: Asked) -> Found:
    """Score-CAM as the blog post had it, whose masks keep their minimum.

    The enlarged map is divided by max − min and its minimum is not taken off, so that a mask of
    ReLU maps that is nowhere 0 dims no place to black, and may be brighter than 1. The weight is
    the target's probability for the masked picture. A map that is the same everywhere, which this
    scales to no number, is left out.
    """
    return _by_score(asked, alive, mode="span")


def faster_score_cam(asked: Asked, *, channels: int = 10) -> Found:
    """Faster-Score-CAM (Tabayashi 2020, github.com/tabayashi0117/Score-CAM): Score-CAM of the
    `channels` maps that vary most over the layer's places. It was never a paper's; 10 is the number
    of its author's examples.

    Raises:
        ConfigError: if `channels` is not positive.
    """
    check_number("number of channels", channels, 1)

    def varied(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        of, living = alive(maps)
        first = np.argsort(-maps.var(axis=(1, 2)), axis=-1, kind="stable")[:, :channels]
        kept = (living[:, None] == first[of]).any(axis=1)
        return of[kept], living[kept]

    return _by_score(asked, varied)


def score_cam_v2(asked: Asked) -> Found:
    """Score-CAM as in the paper's second version (arXiv 1910.01279 v2, algorithm 1).

    S_k = f(M_k) − f(X_b), the target's score for the picture under mask k less that of a baseline,
    which is black; the weights are exp(S_k) / Σ exp(S_i), a softmax over the channels. The
    baseline is the same for all channels and cancels. f is the logit: the paper leaves open whether
    it is taken before or after the network's softmax (section 3.2 speaks for after), and torch-cam
    and pytorch-grad-cam take it before; `score="probability"` takes it after.

    Where the libraries differ: torch-cam's baseline is the picture itself and pytorch-grad-cam has
    none, which is all one; torch-cam scales a map before it is enlarged, the paper and this after.
    A map that is the same everywhere has no scale. Both libraries add an epsilon, so that its mask
    is black; so here: its S is 0, and one pass over a black picture serves all such maps.
    """
    return _by_softmax(asked, [(asked.images, None)], 1)


def ss_cam(asked: Asked, *, samples: int = 35, sigma: float = 2.0) -> Found:
    """SS-CAM (Wang et al. 2020, arXiv 2006.14255), its first kind, which smooths by noise on the
    maps (the second adds it to the masked picture).

    S_k is the mean of f((s(A_k) + δ) · X) − f(X_b) over `samples` of noise δ ~ N(0, sigma²) at
    each pixel, with the map enlarged and scaled to 0..1 by s; the weights are a softmax of S over
    the channels, as in `score_cam_v2`, and so are f, the baseline and maps that are the same
    everywhere, of which the noise is left. torch-cam does the same, but scales a map before it is
    enlarged. Code that goes by the authors' name adds noise of another width to maps that are not
    scaled, and weighs by the mean probability.

    Here all channels and pictures see the same noise, which cancels where channels are compared;
    each alone is distributed as in the paper.

    Raises:
        ConfigError: if `samples` is not positive or `sigma` is negative.
    """
    check_number("number of samples", samples, 1)
    check_number("width of the noise", sigma, 0)

    def noisy():
        for sample in range(samples):
            rng = np.random.default_rng((asked.seed, sample))
            noise = rng.normal(0, sigma, (*asked.images.shape[1:3], 1)).astype(np.float32)
            under = asked.images * noise
            yield asked.images + under, under

    return _by_softmax(asked, noisy(), samples)


def is_cam(asked: Asked, *, steps: int = 10) -> Found:
    """IS-CAM (Naidu et al. 2020, arXiv 2010.03023, algorithm 1): masks that grow step by step.

    S_k is the mean over i = 0 … steps − 1 of f(M_i) − f(X_b), where M_i adds up: M_i = M_(i−1) +
    (i / steps) · s(A_k) · X from M_(−1) = 0. So the mask is scaled by i(i + 1) / (2 steps), past 1
    from the fourth of ten steps on; that is what the algorithm says, and its author said it again
    when torch-cam built it (its pull request 13). torch-cam counts i from 1. The weights are a
    softmax of S over the channels; f, the baseline and maps that are the same everywhere are as in
    `score_cam_v2`. The step 0 is black for every channel and costs no pass.

    Raises:
        ConfigError: if there are fewer than two steps, of which the first is black.
    """
    check_number("number of steps", steps, 2)
    scales = [i * (i + 1) / (2 * steps) for i in range(1, steps)]
    return _by_softmax(asked, ((asked.images * scale, None) for scale in scales), steps)


def alive(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which maps `(n, h', w', k)` are not the same everywhere: their pictures and channels."""
    return np.nonzero(maps.max(axis=(1, 2)) > maps.min(axis=(1, 2)))


def _by_score(asked: Asked, choose: Callable, mode: str = "unit") -> Found:
    """Maps weighed by the score of what they leave of the picture.

    choose: maps to (pictures, channels) of those that count, as `alive`.
    """
    maps, logits = asked.activations()
    of, channels = choose(maps)
    total = len(maps) * maps.shape[-1]
    left_out = total - len(of)
    masked = asked.masked(
        of,
        lambda row: maps[of[row], ..., channels[row]],
        mode,
        told=lambda done: asked.progress(left_out + done, total),
    )
    weights = np.zeros((len(maps), maps.shape[-1]), np.float32)
    weights[of, channels] = asked.scores(masked, of)
    asked.progress(total, total)
    return Found(asked.add(maps * weights[:, None, None]), asked.probabilities(logits))


def _by_softmax(asked: Asked, looks: Iterable, count: int) -> Found:
    """Maps weighed by a softmax over the channels of their score in several looks, added up and
    divided by `count`.

    looks: `(images, under)`, what a mask lets through and what it hides it by (None: black). A map
    that is the same everywhere lets nothing through.
    """
    maps, logits = asked.activations()
    of, channels = alive(maps)
    n, k = len(maps), maps.shape[-1]
    dead = np.flatnonzero(np.bincount(of, minlength=n) < k)
    flat, black = n * k - len(of), None
    mean = np.zeros((n, k), np.float32)
    for number, (images, under) in enumerate(looks):
        start = number * n * k + flat
        scores = np.zeros((n, k), np.float32)
        if len(dead) and under is not None:
            scores[dead] = asked.scores(asked.seen(under[dead]), dead)[:, None]
        elif len(dead):
            if black is None:
                black = asked.seen(np.zeros_like(images[:1]))
            scores[dead] = asked.scores(np.repeat(black, len(dead), axis=0), dead)[:, None]
        masked = replace(asked, images=images).masked(
            of,
            lambda row: maps[of[row], ..., channels[row]],
            under=under,
            told=lambda done, start=start: asked.progress(start + done, count * n * k),
        )
        scores[of, channels] = asked.scores(masked, of)
        mean += scores / count
    asked.progress(count * n * k, count * n * k)
    alpha = softmax(mean, axis=-1)
    return Found(asked.add(maps * alpha[:, None, None]), asked.probabilities(logits))
