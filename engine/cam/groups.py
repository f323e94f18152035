"""Methods that ask of few masks, or of many parts of the picture: Group-CAM and SESS."""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np

from engine.cam.asked import Asked, Found
from engine.cam.heatmaps import BATCH, enlarge
from engine.cam.methods import METHODS, Method, check_method, check_number
from engine.cam.scaling import resized, unit
from engine.cam.score import alive
from engine.errors import ConfigError


def group_cam(
    asked: Asked, *, groups: int = 32, below: float = 70.0, blur: int = 51, sigma: float = 50.0
) -> Found:
    """Group-CAM (Zhang et al. 2021, arXiv 2103.13859 v4), in the steps of the authors' code.

    The maps, weighed as by Grad-CAM, are added up in groups of neighbouring channels; of each sum
    what is positive and above its percentile `below` is a mask. It is enlarged, scaled to 0..1, and
    lets the picture through over a blurred one (a Gaussian of `sigma` on `blur` pixels). Its weight
    is how much more probable the target is than in the blurred picture; the heatmap is the weighted
    sum of the scaled masks. A mask that is the same everywhere is left out and costs no pass.

    As in the authors' code a group has ceil(k / groups) channels, so that there may be fewer groups
    than asked for. `score` is what is compared; gradients are the logit's.

    Raises:
        ConfigError: if there is no group, no percentile, or no width to blur by.
    """
    check_number("number of groups", groups, 1)
    check_number("percentile", below, 0, 99.9)
    check_number("number of pixels to blur by", blur, 1)
    check_number("sigma of the blur", sigma, 1e-3)
    if blur % 2 == 0:
        raise ConfigError(f"The number of pixels to blur by cannot be {blur}; give an odd one.")
    maps, gradients, logits = replace(asked, score="logit").gradients()
    masks = _groups(maps * gradients.mean(axis=(1, 2), keepdims=True), groups)
    masks[masks <= np.percentile(masks, below, axis=(1, 2), keepdims=True)] = 0
    of, which = alive(masks)
    blurred = np.stack([cv2.GaussianBlur(image, (blur, blur), sigma) for image in asked.images])
    blurred = blurred.reshape(asked.images.shape)  # OpenCV leaves out an only channel
    total = len(masks) * (masks.shape[-1] + 1)
    left_out = total - len(of)
    base = asked.scores(asked.seen(blurred))
    masked = asked.masked(
        of,
        lambda row: masks[of[row], ..., which[row]],
        under=blurred,
        told=lambda done: asked.progress(left_out + done, total),
    )
    weights = np.zeros((len(masks), masks.shape[-1]), np.float32)
    weights[of, which] = asked.scores(masked, of) - base[of]
    for picture, number in zip(of, which, strict=True):
        masks[picture, ..., number] = _scaled(masks[picture, ..., number], blurred.shape[1:3])
    asked.progress(total, total)
    return Found(asked.add(masks * weights[:, None, None]), asked.probabilities(logits))


def _groups(weighted: np.ndarray, groups: int) -> np.ndarray:
    """Maps `(n, h', w', k)` as sums of neighbours, what is positive of them."""
    size = math.ceil(weighted.shape[-1] / groups)
    sums = np.add.reduceat(weighted, range(0, weighted.shape[-1], size), axis=-1)
    return np.maximum(sums, 0)


def _scaled(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map so that it is from 0 to 1 once it is enlarged."""
    large = resized(mask, size)
    span = large.max() - large.min()
    return (mask - large.min()) / span if span else np.zeros_like(mask)


def sess(
    asked: Asked,
    *,
    method: str = "grad-cam",
    scales: int = 12,
    keep: float = 1.0,
    blur: float = 5.0,
) -> Found:
    """SESS (Tursun et al. 2022, arXiv 2207.01769): maps of many parts of the picture, put together.

    The picture is enlarged to `scales` sizes, from its own on by 2/7 more each (224, 288, 352, … in
    the paper), and each is cut into windows of its own size, side by side, of which the last in a
    row and column is moved back inside. Of all windows the share `keep` is used in which the target
    is most probable (the pre-filter; the authors' code keeps all). The other method's map of each,
    from 0 to 1, is multiplied by the window's probability over the highest one, and laid back in
    its place; the result is at each pixel the mean of those that are positive there, smoothed by a
    Gaussian of `blur` pixels on 11, as in the authors' code (0: not at all).

    Args:
        method: any other method of one layer or of the whole network; with its own options at their
            defaults.

    Raises:
        ConfigError: if the method does not fit, or there is nothing to look at.
    """
    check_method(method)
    inner = METHODS[method]
    if inner.name == "sess" or inner.layers == "several":
        raise ConfigError(
            f"SESS cannot be made of '{method}'; give a method of one layer, or of the whole "
            "network."
        )
    check_number("number of scales", scales, 1)
    check_number("share of windows that are kept", keep, 0.001, 1)
    check_number("width of the blur", blur, 0)
    size = asked.images.shape[1:3]
    windows = _windows(size, scales)
    kept = math.ceil(keep * len(windows))
    steps = len(windows) + kept
    total = steps * len(asked.images)
    raw, scores = np.zeros((len(asked.images), *size), np.float32), []
    for i, image in enumerate(asked.images):
        one = replace(
            asked,
            target=asked.target[i : i + 1],
            score=asked.score or inner.score,
        )

        def told(done: int, i=i) -> None:
            asked.progress(i * steps + done, total)

        raw[i], score = _enhanced(one, image, windows, kept, inner, told)
        if blur:
            raw[i] = cv2.GaussianBlur(raw[i], (11, 11), blur)
        scores.append(score)
    asked.progress(total, total)
    return Found(raw, np.array(scores, np.float32))


def _windows(size: tuple[int, int], scales: int) -> list[tuple]:
    """Of each window the height and width of the enlarged picture, and where in it: (rows,
    columns). The first is the picture itself."""
    found = []
    for scale in range(scales):
        large = tuple(round(n * (1 + 2 * scale / 7)) for n in size)
        rows, columns = (
            [slice(min(at, big - n), min(at, big - n) + n) for at in range(0, big, n)]
            for n, big in zip(size, large, strict=True)
        )
        found += [(large, place) for place in itertools.product(rows, columns)]
    return found


def _enhanced(
    asked: Asked, image: np.ndarray, windows: list, kept: int, inner: Method, told: Callable
):
    """One picture's map `(h, w)`, made of those of its windows, and its probability; told: called
    with the windows done so far, each of `kept` twice."""
    size = image.shape[:2]
    sizes = {large: resized(image, large) for large, _ in windows}
    parts = [sizes[large][place] for large, place in windows]
    logits = asked.seen(parts.__getitem__, len(parts), told=told)
    likely = asked.probabilities(logits, np.zeros(len(parts), int))
    best = np.argsort(-likely, kind="stable")[:kept]
    shares = likely / (likely.max() or 1)
    heats = _heats(asked, [parts[i] for i in best], inner, lambda done: told(len(parts) + done))
    total, count = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for number, heat in zip(best, heats, strict=True):
        large, place = windows[number]
        laid = np.zeros(large, np.float32)
        laid[place] = heat * shares[number]
        laid = resized(laid, size)
        total += laid
        count += laid > 0
    return total / np.maximum(count, 1), likely[0]


def _heats(asked: Asked, parts: list, inner: Method, told: Callable) -> Iterator[np.ndarray]:
    """The other method's map of each part, from 0 to 1; `asked` is of one picture's target."""
    for start in range(0, len(parts), BATCH):
        some = np.stack(parts[start : start + BATCH])

        def step(done: int, of: int, start=start, count=len(some)) -> None:  # noqa: B008
            told(start + count * done // of)

        target = np.repeat(asked.target, len(some))
        found = inner.load()(replace(asked, images=some, target=target, progress=step))
        for raw in found.raw:
            yield unit(enlarge(raw, some.shape[1:3]))
