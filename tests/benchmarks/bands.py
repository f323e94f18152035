"""How often a band holds the whole true ROC curve, and how large it is: ours beside others.

    python -m tests.benchmarks.bands [--draws 200] [--subjects]

Scores are binormal, or ("mixture") a share of the positives scores as the negatives do and the rest
far above. A band holds the curve where it does at each of 999 values of 1 - specificity. `rocci`
(0.3, a dependency of this file alone) is asked for its distribution-free band and its binormal one
at as many values, since between a few it draws straight lines. The table stands in
docs/bands.md.
"""

import argparse
import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats
from scipy.special import ndtr, ndtri

from engine.evaluation import bands
from engine.evaluation.operating import table

FINE = np.linspace(0, 1, 1001)[1:-1]
AUCS = (0.75, 0.9, 0.95, 0.99)
COUNTS = ((20, 20), (50, 50), (200, 200))
Ends = tuple[np.ndarray, np.ndarray]


def ours(labels, scores, groups=None) -> Ends:
    band = bands.simultaneous(labels, scores, groups=groups, specificities=1 - FINE)
    return band.low, band.high


def campbell(labels, scores, groups=None) -> Ends:
    """Rectangles of one size, by Kolmogorov & Smirnov's distribution: Campbell 1994."""
    counts, each = table(labels, scores), 0.95**0.5
    fpr, tpr = counts.fp / counts.fp[-1], counts.tp / counts.tp[-1]
    across, up = (stats.kstwo.ppf(each, of[-1]) for of in (counts.fp, counts.tp))
    low = np.append(0, tpr - up)[np.searchsorted(fpr + across, FINE, "right")]
    high = np.append(tpr + up, 1)[np.searchsorted(fpr - across, FINE, "right")]
    return low, high


def studentised(labels, scores, groups=None) -> Ends:
    """The curve ± c standard errors by bootstrap (not below a binomial one), c from the largest
    deviation of each replicate: a sup-t band, as Jensen, Müller & Schäfer 2000 make it."""
    counts = bands.thinned(table(labels, scores))
    drawn = np.concatenate(
        [
            bands._sensitivities(fp, tp, FINE)
            for fp, tp in bands._redrawn(labels, scores, counts, groups, seed=1, times=400)
        ]
    )
    found = bands._sensitivities(counts.fp[None], counts.tp[None], FINE)[0]
    p, z = counts.tp[-1], 1.96
    least = (found * (1 - found) / p + z**2 / (4 * p**2)) / (1 + z**2 / p) ** 2
    error = np.sqrt(np.maximum(drawn.var(axis=0, ddof=1), least))
    c = np.quantile((np.abs(drawn - found) / error).max(axis=1), 0.95)
    return found - c * error, found + c * error


def rocci(normal: bool) -> Callable[..., Ends]:
    from rocci import roc_band

    options = {"n_boot": 400, "grid_size": 1001, "random_state": 1, "n_threads": 1}

    def band(labels, scores, groups=None) -> Ends:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = roc_band(labels, scores, normal=normal, **options)
        return np.interp(FINE, made.fpr, made.lower), np.interp(FINE, made.fpr, made.upper)

    return band


def binormal(auc: float, labels, rng) -> tuple[Callable[[], np.ndarray], np.ndarray]:
    """How to draw scores, and the true curve at FINE."""
    apart = float(ndtri(auc)) * 2**0.5
    return lambda: rng.normal(apart * labels, 1), ndtr(ndtri(FINE) + apart)


def mixture(auc: float, labels, rng) -> tuple[Callable[[], np.ndarray], np.ndarray]:
    easy = (auc - 0.5) / (float(ndtr(4 / 2**0.5)) - 0.5)
    if easy > 1:
        easy = 1.0
    return (
        lambda: rng.normal(4 * labels * (rng.random(len(labels)) < easy), 1),
        easy * ndtr(ndtri(FINE) + 4) + (1 - easy) * FINE,
    )


def clustered(auc: float, labels, rng, alike: float) -> tuple[Callable[[], np.ndarray], np.ndarray]:
    """Binormal, four pictures of each subject, whose scores have this intraclass correlation."""
    apart = float(ndtri(auc)) * 2**0.5

    def draw() -> np.ndarray:
        own = np.repeat(rng.normal(0, alike**0.5, len(labels) // 4), 4)
        return apart * labels + own + rng.normal(0, (1 - alike) ** 0.5, len(labels))

    return draw, ndtr(ndtri(FINE) + apart)


def measured(methods: dict[str, Callable], draw, truth, labels, groups, draws: int) -> str:
    held, area = dict.fromkeys(methods, 0), dict.fromkeys(methods, 0.0)
    for _ in range(draws):
        scores = draw()
        for name, method in methods.items():
            low, high = (end.clip(0, 1) for end in method(labels, scores, groups))
            held[name] += bool(((low <= truth + 1e-9) & (truth - 1e-9 <= high)).all())
            area[name] += float((high - low).mean())
    return " | ".join(f"{100 * held[name] / draws:.1f} ({area[name] / draws:.3f})" for name in held)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--draws", type=int, default=200)
    asked.add_argument("--subjects", action="store_true", help="four pictures of each subject")
    given = asked.parse_args()
    rng = np.random.default_rng(5)
    if given.subjects:
        by_subject(rng, given.draws)
        return
    methods = {"rectangles": ours, "Campbell": campbell, "studentised": studentised}
    try:
        methods |= {"rocci": rocci(normal=False), "rocci, normal": rocci(normal=True)}
    except ImportError:
        print("rocci is not installed: pip install rocci")
    print("| scores | n | AUC | " + " | ".join(methods) + " |")
    print("| --- | --- | --- | " + "--- | " * len(methods))
    for kind, counts in ((binormal, COUNTS), (mixture, ((50, 50),))):
        for p, n in counts:
            labels = np.repeat([1, 0], [p, n])
            for auc in AUCS:
                draw, truth = kind(auc, labels, rng)
                row = measured(methods, draw, truth, labels, None, given.draws)
                print(f"| {kind.__name__} | {p}/{n} | {auc} | {row} |", flush=True)


def by_subject(rng: np.random.Generator, draws: int) -> None:
    print("| ICC | subjects | AUC | by subject | as if independent |")
    print("| --- | --- | --- | --- | --- |")
    methods = {
        "by subject": ours,
        "as if independent": lambda labels, scores, groups: ours(labels, scores),
    }
    for alike in (0.0, 0.3, 0.7):
        for each in (20, 50):
            labels, groups = np.repeat([1, 0], 4 * each), np.repeat(np.arange(2 * each), 4)
            for auc in AUCS:
                draw, truth = clustered(auc, labels, rng, alike)
                row = measured(methods, draw, truth, labels, groups, draws)
                print(f"| {alike} | {each}/{each} | {auc} | {row} |", flush=True)


if __name__ == "__main__":
    main()
