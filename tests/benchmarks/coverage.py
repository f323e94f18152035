"""How often the intervals of an AUC hold the truth, and how wide they are.

    python -m tests.benchmarks.coverage [--draws 4000] [--write] [--only independent|subjects]

Scores are binormal: those of negatives are normal with mean 0, those of positives with mean
sqrt(2) Φ⁻¹(AUC), both with variance 1. Of pictures by subject, each subject has four of one class,
or two of each class, whose scores share a normal part with a variance of ICC. Every method answers
as `auc_interval` does, so that Newcombe's stands in where it finds no width.

--write puts both tables into engine/evaluation/coverage.json, from where the warnings on the pages
come. The bootstraps are given a quarter of the draws, of 1,000 a tenth.
"""

import argparse
import json
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import sqrt
from pathlib import Path
from statistics import NormalDist

import numpy as np

from engine.evaluation import coverage
from engine.evaluation.intervals import DEFAULT, INTERVALS, auc_interval

EACH, AUCS = (20, 50, 200, 1000), (0.6, 0.75, 0.9, 0.95, 0.99)
ICCS, PICTURES = (0.0, 0.3, 0.7), 4  # of a subject
SLOW = ("bootstrap", "bootstrap-bca")


@dataclass(frozen=True)
class Cell:
    """Shares of intervals that hold the truth, and their mean width; of a one-sided bound the
    share that lies on the right side of it."""

    held: float
    width: float
    above_lower: float


def scores(rng: np.random.Generator, n: int, auc: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores `(2n,)` of independent pictures."""
    y_true = np.repeat([0, 1], n)
    return y_true, rng.normal(size=2 * n) + y_true * sqrt(2) * NormalDist().inv_cdf(auc)


def scores_by_subject(
    rng: np.random.Generator, subjects: int, auc: float, icc: float, mixed: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores and subjects of `PICTURES` pictures each; mixed: of both classes."""
    groups = np.repeat(np.arange(2 * subjects), PICTURES)
    y_true = groups % 2 if not mixed else np.arange(len(groups)) % 2
    own, shared = rng.normal(size=len(groups)), rng.normal(size=2 * subjects)[groups]
    spread = sqrt(icc) * shared + sqrt(1 - icc) * own
    return y_true, spread + y_true * sqrt(2) * NormalDist().inv_cdf(auc), groups


def fewer(n: int) -> int:
    """By how much fewer draws a bootstrap is given."""
    return 4 if n < 500 else 10


def measured(auc: float, found: Iterable) -> Cell:
    found = list(found)
    held = [one.low <= auc <= one.high for one in found]
    widths = [one.high - one.low for one in found]
    return Cell(float(np.mean(held)), float(np.mean(widths)),
                float(np.mean([one.low <= auc for one in found])))  # fmt: skip


def independent(method: str, draws: int, cell: tuple[int, float]) -> Cell:
    n, auc = cell
    if method in SLOW:
        draws //= fewer(n)
    rng = np.random.default_rng([n, round(1000 * auc)])
    drawn = (scores(rng, n, auc) for _ in range(draws))
    return measured(auc, (auc_interval(*one, method, seed=k) for k, one in enumerate(drawn)))


def by_subject(asked: str, draws: int, cell: tuple[int, float, float, bool]) -> Cell:
    """asked: a method, or "naive": the default as if each picture were of its own subject."""
    subjects, auc, icc, mixed = cell
    rng = np.random.default_rng([subjects, round(1000 * auc), round(10 * icc), mixed])
    found = []
    for k in range(draws // fewer(PICTURES * subjects) if asked in SLOW else draws):
        y_true, y_score, groups = scores_by_subject(rng, *cell)
        if asked == "naive":
            found.append(auc_interval(y_true, y_score))
        else:
            found.append(auc_interval(y_true, y_score, asked, groups=groups, seed=k))
    return measured(auc, found)


def of_independent(pool: ProcessPoolExecutor, draws: int) -> dict:
    """What the warnings come from: by method a row for each of `EACH`, of each of `AUCS`."""
    cells = [(n, auc) for n in EACH for auc in AUCS]
    print("| pictures | AUC | " + " | ".join(INTERVALS) + " |")
    print("| --- " * (2 + len(INTERVALS)) + "|")
    found = {name: list(pool.map(partial(independent, name, draws), cells)) for name in INTERVALS}
    for at, (n, auc) in enumerate(cells):
        print(f"| {n:,} / {n:,} | {auc} | " + " | ".join(map(told, row(found, at))) + " |")
    off = {name: np.mean([abs(cell.held - 0.95) for cell in of]) for name, of in found.items()}
    print("| mean distance from 95% | | " + " | ".join(f"{100 * o:.2f}" for o in off.values()), "|")
    print(f"\nThe nearest to 95% over the table: {min(off, key=off.get)}; the default: {DEFAULT}.")
    one = [f"{100 * cell.above_lower:.1f}" for cell in found[DEFAULT]]
    print(f"Lower bounds of the default, at 97.5% each, lie below the truth in {', '.join(one)}%.")
    held = {
        name: np.reshape([cell.held for cell in of], (-1, len(AUCS))) for name, of in found.items()
    }
    return table(EACH, AUCS, held)


def of_subjects(pool: ProcessPoolExecutor, draws: int) -> dict:
    """The same of subjects whose pictures have most in common, of one class or of both."""
    names, few, aucs = [*INTERVALS, "naive"], (20, 50, 200), (0.75, 0.95)
    cells = [
        (n, auc, icc, mixed)
        for mixed in (False, True) for icc in ICCS for n in few for auc in aucs
    ]  # fmt: skip
    print(f"\n| subjects, {PICTURES} pictures each | AUC | ICC | " + " | ".join(names) + " |")
    print("| --- " * (3 + len(names)) + "|")
    found = {name: list(pool.map(partial(by_subject, name, draws), cells)) for name in names}
    for at, (n, auc, icc, mixed) in enumerate(cells):
        of = f"{2 * n} with both classes" if mixed else f"{n} / {n}"
        print(f"| {of} | {auc} | {icc} | " + " | ".join(map(told, row(found, at))) + " |")
    of_worst = [at for at, (_, _, icc, _) in enumerate(cells) if icc == ICCS[-1]]
    held = {
        name: np.reshape([of[at].held for at in of_worst], (-1, len(few), len(aucs))).mean(axis=0)
        for name, of in found.items() if name != "naive"
    }  # fmt: skip
    return table(few, aucs, held)


def table(of_a_class: tuple, aucs: tuple, held: dict[str, np.ndarray]) -> dict:
    coverage = {name: np.round(of, 4).tolist() for name, of in held.items()}
    return {"of_a_class": of_a_class, "auc": aucs, "coverage": coverage}


def row(found: dict[str, list[Cell]], at: int) -> list[Cell]:
    return [of[at] for of in found.values()]


def told(cell: Cell) -> str:
    return f"{100 * cell.held:.1f} ({cell.width:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--write", action="store_true", help="what the warnings come from")
    parser.add_argument("--only", choices=["independent", "subjects"])
    asked = parser.parse_args()
    print(f"Coverage in % (mean width) of 95% intervals, {asked.draws:,} draws a cell.\n")
    known = json.loads(Path(coverage.TABLE).read_text(encoding="utf-8"))
    with ProcessPoolExecutor(2) as pool:
        if asked.only != "subjects":
            known["independent"] = of_independent(pool, asked.draws)
        if asked.only != "independent":
            known["subjects"] = of_subjects(pool, asked.draws)
    if asked.write:
        text = json.dumps(known, indent=1).replace("\n     ", " ").replace("\n    ]", "]")
        Path(coverage.TABLE).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
