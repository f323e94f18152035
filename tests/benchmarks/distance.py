"""How far approximate heatmaps are from what they approximate: the rank correlation of their maps.

    python -m tests.benchmarks.distance --workspace W --run RUN [--layer L] [--only EXPRESSION]
                                        [--count 20] [PICTURE ...]

Without pictures the first of the run's own test part are taken, and the class is what the model
says of each. Spearman's correlation is over the places of a map before its ReLU, at the layer's
resolution; the table has its mean and its smallest. Shapley values are the mean gain of a channel
over orders in which it could come, sampled in pairs of an order and its reverse.
"""

import argparse
import re
from functools import cache
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from engine import inference
from engine.cam import explain
from engine.cam.asked import Asked
from engine.data.dataset import open_dataset
from engine.data.decode import decode, resize
from engine.models.apart import take_apart
from engine.runs import store
from engine.workspace import Workspace

PAIRS = 50  # of orders of the channels, for Shapley values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--layer")
    parser.add_argument("--only", default="", help="rows in whose name this expression is found")
    parser.add_argument("--count", type=int, default=20)
    asked = parser.parse_args()
    run = store.open_run(Workspace(asked.workspace), asked.run)
    model, images = inference.load(run).model, _pictures(asked, run)
    target = np.argmax(probabilities(model, images), axis=1)
    head = take_apart(model, asked.layer)
    maps = np.asarray(head.fast(images[:1])[0])
    print(
        f"\n{asked.run}, layer {head.layer}: {maps.shape[1]} × {maps.shape[2]}, "
        f"{maps.shape[3]} channels, {len(images)} pictures\n"
    )

    @cache
    def by(method: str, seed: int = 0, **options) -> np.ndarray:
        return explain(
            model, images, method, asked.layer, target, seed=seed, options=options
        ).raw

    rows = {
        "faster-score-cam, score-cam": lambda: (by("faster-score-cam"), by("score-cam")),
        "group-cam, score-cam": lambda: (by("group-cam"), by("score-cam")),
        "ss-cam, score-cam-v2": lambda: (by("ss-cam"), by("score-cam-v2")),
        "ss-cam, of another seed": lambda: (by("ss-cam"), by("ss-cam", seed=1)),
        "lift-cam, ablation-cam": lambda: (by("lift-cam"), by("ablation-cam")),
        "lift-cam, Shapley values": lambda: (
            by("lift-cam"), shapley(Asked((head,), images, target)),
        ),
        "rise, with 2,000 masks": lambda: (by("rise"), by("rise", seed=1, masks=2000)),
        "hsic, with 1,500 masks": lambda: (by("hsic"), by("hsic", seed=1, masks=1500)),
        "sobol, with 32 designs": lambda: (by("sobol"), by("sobol", seed=1, designs=32)),
    }  # fmt: skip
    for name, pair in rows.items():
        if re.search(asked.only, name):
            _say(name, *pair())


def probabilities(model, images: np.ndarray) -> np.ndarray:
    """The probability of each class."""
    found = np.asarray(model(images, training=False))
    return np.hstack([1 - found, found]) if found.shape[1] == 1 else found


def _pictures(asked, run) -> np.ndarray:
    if asked.pictures:
        found = [decode(path.read_bytes(), run.image_size).pixels for path in asked.pictures]
    else:
        dataset = open_dataset(Workspace(asked.workspace), run.dataset)
        rows = dataset.indices("test")[: asked.count]
        found = [resize(dataset.images[i], run.image_size) for i in rows]
    return np.stack(found).astype(np.float32)


def shapley(asked: Asked) -> np.ndarray:
    """Maps `(n, h', w')` weighed by the mean gain of each channel when it comes in its turn."""
    maps, _ = asked.activations()
    n, k = len(maps), maps.shape[-1]
    rng, gains = np.random.default_rng(0), np.zeros((n, k))
    of = np.repeat(np.arange(n), k + 1)
    for _ in range(PAIRS):
        order = rng.permutation(k)
        for one in (order, order[::-1]):
            place = np.argsort(one)
            worth = asked.replaced(of, lambda i, p=place: maps[of[i]] * (p < i % (k + 1)))
            gains[:, one] += np.diff(asked.scores(worth, of).reshape(n, k + 1)) / (2 * PAIRS)
    return np.einsum("nhwk,nk->nhw", maps, gains)


def _say(what: str, some: np.ndarray, others: np.ndarray) -> None:
    found = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(some, others, strict=True)]
    print(f"{what:28} mean {np.nanmean(found):.3f}  smallest {np.nanmin(found):.3f}", flush=True)


if __name__ == "__main__":
    main()
