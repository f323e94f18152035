"""How often intervals hold the truth: average precision, partial AUC, Brier, calibration error.

    python -m tests.benchmarks.areas [--draws 300]

Scores are binormal for the areas; for the rest they are probabilities whose log odds are normal
with a standard deviation of 2, multiplied by `sharper`. Beside our interval of the average
precision stands that of Boyd, Eng & Page 2013, a binomial one on the scale of log odds. The table
stands in docs/bands.md.
"""

import argparse

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri
from sklearn.metrics import average_precision_score

from engine.evaluation.calibration import calibration
from engine.evaluation.partial import partial_auc
from engine.evaluation.precision import precision_recall

Z = 1.959964


def binormal(p: int, n: int, auc: float, rng) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat([1, 0], [p, n])
    return labels, rng.normal(float(ndtri(auc)) * 2**0.5 * labels, 1)


def share(found: list[tuple[float, float]], truth: float) -> str:
    """Percent that hold it, and the mean width."""
    held = np.mean([low <= truth <= high for low, high in found])
    return f"{100 * held:.1f} ({np.mean([high - low for low, high in found]):.3f})"


def boyd(value: float, positives: int) -> tuple[float, float]:
    if value == 1:
        return positives / (positives + Z**2), 1.0
    half = Z / np.sqrt(positives * value * (1 - value))
    return float(expit(logit(value) - half)), float(expit(logit(value) + half))


def areas(rng, draws: int) -> None:
    print("| n | AUC | average precision | Boyd | partial AUC, 0.9–1 |")
    print("| --- | --- | --- | --- | --- |")
    u = (np.arange(20_000) + 0.5) / 200_000  # 1 - specificity up to 0.1
    for p, n in ((20, 20), (50, 50), (200, 200), (50, 450)):
        for auc in (0.75, 0.9, 0.95, 0.99):
            factor = 400_000 // (p + n)
            precise = average_precision_score(*binormal(p * factor, n * factor, auc, rng))
            part = 0.1 * ndtr(ndtri(u) + float(ndtri(auc)) * 2**0.5).mean()
            ours, theirs, partial = [], [], []
            for _ in range(draws):
                labels, scores = binormal(p, n, auc, rng)
                one = precision_recall(labels, scores).average_precision
                ours.append((one.low, one.high))
                theirs.append(boyd(one.value, p))
                of = partial_auc(labels, scores)
                partial.append((of.low, of.high))
            row = share(ours, precise), share(theirs, precise), share(partial, part)
            print(f"| {p}/{n} | {auc} | {' | '.join(row)} |", flush=True)


def probabilities(rng, draws: int) -> None:
    print("| n | sharper | Brier | calibration error |\n| --- | --- | --- | --- |")
    odds = np.linspace(-9, 9, 4001)
    weight = np.exp(-(odds**2) / 8) / np.exp(-(odds**2) / 8).sum()
    for n in (40, 100, 400):
        for sharper in (1, 1.5, 2, 3):
            said, so = expit(sharper * odds), expit(odds)
            error = np.abs(said - so) @ weight
            brier = (so * (1 - said) ** 2 + (1 - so) * said**2) @ weight
            found = []
            for _ in range(draws):
                drawn = rng.normal(0, 2, n)
                labels = (rng.random(n) < expit(drawn)).astype(int)
                if 0 < labels.sum() < n:
                    found.append(calibration(labels, expit(sharper * drawn)))
            row = (
                share([(one.brier.low, one.brier.high) for one in found], brier),
                share([(one.ece.low, one.ece.high) for one in found], error),
            )
            print(f"| {n} | {sharper} | {' | '.join(row)} |", flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--draws", type=int, default=300)
    draws = asked.parse_args().draws
    rng = np.random.default_rng(5)
    areas(rng, draws)
    probabilities(rng, draws)


if __name__ == "__main__":
    main()
