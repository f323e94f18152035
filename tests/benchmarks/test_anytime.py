"""How near Anytime Score-CAM comes to the exact map, by the share of the channels that are asked.

    python -m pytest -o addopts= -qs tests/benchmarks/test_anytime.py
    python -m tests.benchmarks.test_anytime --workspace W --run RUN [--layer L ...] [--count 20]

The first trains `quick` on drawn pictures and asserts what is promised; the second takes any run
and the first pictures of its test part. Both classes are asked for by turns. "rank" is Spearman's
correlation over the places of a map before its ReLU, at the layer's resolution, in the mean;
"error" is the largest difference as a share of the map's largest |value|, in the median; "holds" is
the share of pictures that stay in the stated band at every place, "band" its half width. The
figures stand in docs/decisions/017-anytime.md.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from engine import inference
from engine.cam import explain
from engine.commands.prepare import prepare
from engine.commands.train import create_run, train_run
from engine.data.dataset import open_dataset
from engine.data.decode import resize
from engine.runs import store
from engine.training.config import train_config
from engine.workspace import Workspace

SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)
LAYERS = ("stem_relu", "block1_out", "block2_conv2_norm", "block2_out")  # of `quick`
COUNT = 40


def test_a_quarter_of_the_passes_is_near_the_exact_map(tmp_path):
    place = Workspace(tmp_path / "workspace")
    prepare(place, "drawn", "drawn", count=1600, image_size=64)
    run = create_run(place, "drawn", train_config("quick", epochs=6))
    train_run(place, run)
    model, images = of_run(place, run.id, COUNT)
    for layer in LAYERS:
        found = table(model, images, layer)
        ours, others = found[0.25]
        assert ours[0] >= 0.95
        assert ours[1] < others[1]


def table(model, images: np.ndarray, layer: str | None) -> dict[float, tuple]:
    """Printed, and by share of the passes: correlation and error, of ours and the other's."""
    targets = np.arange(len(images)) % 2
    exact = explain(model, images, "score-cam", layer, targets)
    alive = exact.passes / len(images) - 1
    say(f"\n{exact.layer}: {alive:.0f} channels that are not flat, {len(images)} pictures")
    say(f"{'':>14} {'anytime-score-cam':^31} {'faster-score-cam':^19}")
    say(f"{'passes':>14}     rank   error  holds    band        rank   error")
    found = {}
    for share in SHARES:
        asks = max(2, round(share * alive)) if share < 1 else 0
        options = {"tolerance": 1e-9 if asks else 0, "channels": asks}
        ours = explain(model, images, "anytime-score-cam", layer, targets, options=options)
        others = explain(
            model, images, "faster-score-cam", layer, targets,
            options={"channels": asks or exact.raw.shape[0] * 10**6},
        )  # fmt: skip
        found[share] = near(ours.raw, exact.raw), near(others.raw, exact.raw)
        report(f"{share:>7.0%} {asks or alive:>6.0f}", ours, exact, found[share])
    ours = explain(model, images, "anytime-score-cam", layer, targets)
    asked = ours.passes / len(images) - 1
    both = near(ours.raw, exact.raw), (np.nan, np.nan)
    report(f"stops {asked / alive:.0%}".rjust(7) + f"{asked:>6.0f}", ours, exact, both)
    return found


def report(what: str, ours, exact, both) -> None:
    (rank, error), (other_rank, other_error) = both
    slack = 1e-5 * np.abs(exact.raw).max()
    holds = (np.abs(ours.raw - exact.raw) <= ours.error + slack).all(axis=(1, 2)).mean()
    band = np.median(ours.error.max(axis=(1, 2)) / largest(exact.raw))
    say(
        f"{what} {rank:>8.3f} {error:>7.3f} {holds:>6.0%} {band:>7.3f} "
        f"{other_rank:>11.3f} {other_error:>7.3f}"
    )


def near(raw: np.ndarray, exact: np.ndarray) -> tuple[float, float]:
    """The mean rank correlation, and the median of the largest errors."""
    ranks = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(raw, exact, strict=True)]
    return float(np.nanmean(ranks)), float(np.median(largest(raw - exact) / largest(exact)))


def largest(maps: np.ndarray) -> np.ndarray:
    return np.abs(maps).max(axis=(1, 2))


def of_run(place: Workspace, run_id: str, count: int):
    """A run's network, and the first pictures of its test part."""
    run = store.open_run(place, run_id)
    dataset = open_dataset(place, run.dataset)
    rows = dataset.indices("test")[:count]
    images = np.stack([resize(dataset.images[i], run.image_size) for i in rows])
    return inference.load(run).model, images.astype(np.float32)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--layer", action="append")
    parser.add_argument("--count", type=int, default=20)
    given = parser.parse_args()
    network, pictures = of_run(Workspace(given.workspace), given.run, given.count)
    for one in given.layer or [None]:
        table(network, pictures, one)
