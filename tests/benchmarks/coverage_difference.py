"""How often the interval of a difference of two AUCs holds the truth, and how wide it is.

    python -m tests.benchmarks.coverage_difference [--draws 2000] [--replicates 600]

prints the tables of docs/comparison.md. Scores are binormal: both models' scores of a picture
correlate by rho; with subjects, a share ICC of each model's variance is the subject's own. Coverage
of a two-sided 95% interval in %, and its mean width. The bootstrap costs a hundred times as much
as the others, so it is drawn less often, and at one correlation alone.
"""

import argparse
from itertools import product
from math import sqrt
from statistics import NormalDist

import numpy as np

from engine.evaluation import compare

AUCS = ((0.6, 0.6), (0.75, 0.75), (0.9, 0.9), (0.8, 0.95), (0.95, 0.95), (0.9, 0.98), (0.95, 0.99))
SIZES, RHOS = (20, 50, 100, 200), (0.0, 0.5, 0.9)
METHODS = ("delong", "mover", "bootstrap")
PICTURES = 4  # of each subject


def noise(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    """`(2, n)` standard normal, the rows correlated by rho."""
    own = rng.normal(size=(2, n))
    return sqrt(rho) * rng.normal(size=n) + sqrt(1 - rho) * own


def scores(rng, labels: np.ndarray, aucs, rho: float, subject=None, icc: float = 0.0):
    """`(2, n)`: unit variance in each class, apart so that the AUCs are these."""
    found = noise(rng, len(labels), rho)
    if subject is not None:
        found = sqrt(1 - icc) * found + sqrt(icc) * noise(rng, subject.max() + 1, rho)[:, subject]
    apart = [sqrt(2) * NormalDist().inv_cdf(auc) for auc in aucs]
    return found + np.outer(apart, labels)


class Tally:
    """Coverage and mean width by the name of a method."""

    def __init__(self, truth: float):
        self.truth, self.of = truth, {}

    def add(self, name: str, low: float, high: float) -> None:
        held = low - 1e-12 <= self.truth <= high + 1e-12
        self.of.setdefault(name, []).append((held, high - low))

    def row(self, *methods: str) -> str:
        return " | ".join(map(self._cell, methods))

    def _cell(self, method: str) -> str:
        if method not in self.of:
            return "–"
        held, width = np.mean(self.of[method], axis=0)
        return f"{100 * held:.1f} / {width:.3f}"


def independent(draws: int, replicates: int) -> None:
    print("| n of each class | AUCs | rho | DeLong | variance recovery | bootstrap |")
    print("| --- | --- | --- | --- | --- | --- |")
    for n, aucs, rho in product(SIZES, AUCS, RHOS):
        rng, tally = np.random.default_rng(n), Tally(aucs[0] - aucs[1])
        labels = np.repeat([1, 0], n)
        for draw in range(draws):
            a, b = scores(rng, labels, aucs, rho)
            for method in METHODS:
                if method == "bootstrap" and (draw >= replicates or rho != 0.5 or n > 100):
                    continue
                found = compare.paired(labels, a, b, method=method, seed=draw)
                tally.add(method, found.low, found.high)
        print(f"| {n} | {aucs[0]}, {aucs[1]} | {rho} | {tally.row(*METHODS)} |", flush=True)


def on_different_pictures(draws: int) -> None:
    print("\n| n of each class | AUCs | DeLong, t | variance recovery |")
    print("| --- | --- | --- | --- |")
    for n, aucs in product(SIZES, AUCS):
        rng, tally = np.random.default_rng(n), Tally(aucs[0] - aucs[1])
        labels = np.repeat([1, 0], n)
        for _ in range(draws):
            a, b = scores(rng, labels, aucs, 0.0)
            for method in METHODS[:2]:
                found = compare.unpaired(labels, a, labels, b, method=method)
                tally.add(method, found.low, found.high)
        print(f"| {n} | {aucs[0]}, {aucs[1]} | {tally.row(*METHODS[:2])} |", flush=True)


def by_subject(draws: int, replicates: int) -> None:
    """Subjects of four pictures, which are of one class, or two of each."""
    print("\n| subjects | classes of a subject | AUCs | ICC | DeLong, naive | DeLong | recovery "
          "| bootstrap |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    designs = product((30, 100), ("one", "both"), ((0.75, 0.75), (0.8, 0.95)), (0.0, 0.3, 0.7))
    for count, classes, aucs, icc in designs:
        rng, tally = np.random.default_rng(count), Tally(aucs[0] - aucs[1])
        subject = np.repeat(np.arange(count), PICTURES)
        labels = (subject if classes == "one" else np.arange(len(subject))) % 2
        for draw in range(draws):
            a, b = scores(rng, labels, aucs, 0.5, subject, icc)
            for method in METHODS:
                if method == "bootstrap" and draw >= replicates:
                    continue
                found = compare.paired(labels, a, b, method=method, groups=subject, seed=draw)
                if method == "delong":
                    tally.add("naive", *found.naive)
                tally.add(method, found.low, found.high)
        row = tally.row("naive", *METHODS)
        print(f"| {count} | {classes} | {aucs[0]}, {aucs[1]} | {icc} | {row} |", flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--draws", type=int, default=2000)
    asked.add_argument("--replicates", type=int, default=600, help="draws of the bootstrap")
    given = asked.parse_args()
    independent(given.draws, given.replicates)
    on_different_pictures(given.draws)
    by_subject(given.draws // 2, given.replicates // 2)


if __name__ == "__main__":
    main()
