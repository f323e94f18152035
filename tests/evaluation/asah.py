"""The data that pROC's own examples use: see tests/fixtures/README.md."""

import csv
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).resolve().parents[1] / "fixtures" / "aSAH.csv"
PREDICTORS = ("s100b", "ndka", "wfns")


@cache
def asah() -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """Labels `(113,)`, 1 for a poor outcome (41), and each predictor's scores `(113,)`."""
    with FILE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    labels = np.array([int(row["outcome"] == "Poor") for row in rows])
    return labels, {name: np.array([float(row[name]) for row in rows]) for name in PREDICTORS}
