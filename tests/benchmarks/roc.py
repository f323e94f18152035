"""How fast AUCs, their intervals and their comparisons are, beside scikit-learn and MLstatkit.

    python -m tests.benchmarks.roc [--times 7] [--large]

Each pair runs in alternation, in one process; the figures are medians, and the ratio is the median
of the ratios of neighbours. MLstatkit stands in requirements-bench.txt and is left out, and said to
be, where it is not installed. --large judges 10,000,000 scores as well.
"""

import argparse
import os
import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec
from math import sqrt
from statistics import NormalDist, median
from time import perf_counter

import numpy as np
from sklearn.metrics import roc_auc_score

from engine.evaluation import bootstrap, compare
from engine.evaluation.intervals import auc_interval


def drawn(n: int, auc: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    y_true = rng.integers(0, 2, n)
    return y_true, rng.normal(size=n) + y_true * sqrt(2) * NormalDist().inv_cdf(auc)


def in_turn(what: str, ours: Callable, theirs: Callable, times: int, bar: str) -> None:
    """Print seconds of both, and ours over theirs."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(times)]
    mine, other = (median(of) for of in zip(*pairs, strict=True))
    ratio = median(a / b for a, b in pairs)
    print(f"{what}: {mine:.4f} s against {other:.4f} s, ratio {ratio:.4f} ({bar})")


def seconds(of: Callable) -> float:
    start = perf_counter()
    of()
    return perf_counter() - start


def one_at_a_time(y_true: np.ndarray, y_score: np.ndarray, times: int) -> np.ndarray:
    """The loop that people write: pictures of each class drawn again, and scikit-learn's AUC."""
    rng = np.random.default_rng(1)
    of = [np.flatnonzero(y_true == label) for label in (0, 1)]
    found = np.empty(times)
    for k in range(times):
        at = np.concatenate([rng.choice(members, len(members)) for members in of])
        found[k] = roc_auc_score(y_true[at], y_score[at])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--large", action="store_true")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores")
    million = drawn(1_000_000)
    in_turn(
        "AUC with DeLong's interval, 1,000,000 scores, against roc_auc_score alone",
        lambda: auc_interval(*million, "delong"), lambda: roc_auc_score(*million),
        asked.times, "at most 2",
    )  # fmt: skip
    some = drawn(5_000)
    in_turn(
        "2,000 stratified replicates of 5,000 scores, against a loop over roc_auc_score",
        lambda: bootstrap.replicates(*some, times=2000), lambda: one_at_a_time(*some, 2000),
        max(2, asked.times // 3), "at most 0.05",
    )  # fmt: skip
    y_true, a = drawn(10_000)
    b = a + np.random.default_rng(0).normal(size=len(a))
    if find_spec("MLstatkit"):
        from MLstatkit import Delong_test

        in_turn(
            "DeLong's paired test of 10,000 scores, against MLstatkit",
            lambda: compare.paired(y_true, a, b), lambda: Delong_test(y_true, a, b),
            asked.times, "at most 0.1",
        )  # fmt: skip
    else:
        took = seconds(lambda: compare.paired(y_true, a, b))
        print(f"DeLong's paired test of 10,000 scores: {took:.4f} s; MLstatkit is not installed "
              "(requirements-bench.txt), so nothing stands beside it")  # fmt: skip
    if asked.large:
        large = drawn(10_000_000)
        tracemalloc.start()
        took = seconds(lambda: auc_interval(*large, "delong"))
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        print(f"10,000,000 scores: {took:.1f} s, {peak:,.0f} MB above the scores themselves")


if __name__ == "__main__":
    main()
