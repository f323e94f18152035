"""How often the interval of a cross-validated AUC holds what it is of.

    python -m tests.benchmarks.coverage_folds

Linear models learn on all folds but one from features of N(±δ, 1). With weights w the true AUC of a
model is Φ(√2 δ·w / |w|), and the interval is of the mean of those that were trained.
"""

from math import sqrt

import numpy as np
from scipy.stats import norm

from engine.evaluation.folds import cross_validated

TIMES, FEATURES = 400, 5
CELLS = [(n, away, folds, repeats)
         for n in (60, 200, 1000) for away in (0.35, 0.9) for folds, repeats in ((10, 1), (10, 5))
         if n < 1000 or repeats == 1]  # fmt: skip


def dealt(rng, labels: np.ndarray, folds: int) -> np.ndarray:
    of = np.empty(len(labels), int)
    for label in (0, 1):
        at = np.flatnonzero(labels == label)
        of[at] = rng.permutation(np.arange(len(at)) % folds)
    return of


def cell(n: int, away: float, folds: int, repeats: int) -> tuple[float, ...]:
    """Mean true AUC, how often the interval holds it, and the corrected one, and their widths."""
    rng, delta = np.random.default_rng(1), np.r_[away, np.zeros(FEATURES - 1)]
    labels = np.arange(n) % 2
    truth, held, corrected, widths = [], 0, 0, []

    def learn(x, y) -> tuple[np.ndarray, float]:
        w = x[y == 1].mean(axis=0) - x[y == 0].mean(axis=0)
        return w, float(norm.cdf(sqrt(2) * delta @ w / np.linalg.norm(w)))

    for _ in range(TIMES):
        x = rng.normal(size=(n, FEATURES)) + np.outer(2 * labels - 1, delta)
        scores, of, true = np.empty((repeats, n)), np.empty((repeats, n), int), []
        for r in range(repeats):
            of[r] = dealt(rng, labels, folds)
            for v in range(folds):
                judged = of[r] == v
                w, auc = learn(x[~judged], labels[~judged])
                scores[r, judged] = x[judged] @ w
                true.append(auc)
        found = cross_validated(labels, scores, of)
        truth.append(np.mean(true))
        held += found.low <= truth[-1] <= found.high
        low, high = found.corrected
        corrected += low <= truth[-1] <= high
        widths.append((found.high - found.low, high - low))
    return float(np.mean(truth)), held / TIMES, corrected / TIMES, *np.mean(widths, axis=0)


def main() -> None:
    print("| n | true AUC | folds | repeats | paper, % | corrected, % | width | corrected |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for n, away, folds, repeats in CELLS:
        truth, held, corrected, width, wider = cell(n, away, folds, repeats)
        print(f"| {n:,} | {truth:.3f} | {folds} | {repeats} | {100 * held:.1f} | "
              f"{100 * corrected:.1f} | {width:.3f} | {wider:.3f} |")  # fmt: skip


if __name__ == "__main__":
    main()
