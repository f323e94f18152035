"""Models whose scores stand in one file: their AUCs beside each other, and which of them differ."""

import streamlit as st

from dashboard import words
from dashboard.evaluate import figures
from dashboard.parts import downloads
from engine.commands.auc import Models
from engine.evaluation.compare import DIFFERENCES, Pair


def show(models: Models) -> None:
    areas = models.intervals
    downloads.table(
        "Models",
        {
            "Model": list(areas),
            "AUC": [words.three_digits(area.value) for area in areas.values()],
            "Interval": [figures.bounds(area) for area in areas.values()],
            "Method": [figures.method(area) for area in areas.values()],
        },
        "scores-models", "scores-models",
    )  # fmt: skip
    pairs = models.pairs
    columns = {
        "Difference": [f"{words.plain(p.a, 40)} − {words.plain(p.b, 40)}" for p in pairs],
        "Says": [_says(p) for p in pairs],
        "of AUCs": [words.signed(p.found.difference) for p in pairs],
        words.level(pairs[0].found.level): [_bounds(p) for p in pairs],
        "z": [f"{p.found.z:.2f}".replace("-", "−") for p in pairs],
        "Test": [words.p_value(p.found.p) for p in pairs],
    }
    if len(pairs) > 1:
        columns["After Holm"] = [words.p_value(p.p_holm) for p in pairs]
    downloads.table("Which of them differ", columns, "scores-differences", "scores-differences")
    st.caption(_how(models))


def _bounds(pair: Pair) -> str:
    return f"{words.signed(pair.found.low)} to {words.signed(pair.found.high)}"


def _says(pair: Pair) -> str:
    if pair.p_holm >= 1 - pair.found.level:
        return "these rows do not tell"
    return f"{words.plain(pair.a if pair.found.difference > 0 else pair.b, 40)} is better"


def _how(models: Models) -> str:
    """Whose test it is, and what corrects it."""
    pairs = models.pairs
    by = words.listed(
        list(dict.fromkeys(DIFFERENCES[pair.found.method].title for pair in pairs))
    )
    n, subjects = pairs[0].found.n, pairs[0].found.subjects
    rows = f"{words.count(subjects)} subjects with {words.count(n)} rows" if subjects else (
        f"{words.count(n)} rows")  # fmt: skip
    said = f"{by}, paired: all models scored the same {rows}."
    if len(pairs) > 1:
        said += (
            f" Of {len(pairs)} tests some find a difference by luck alone: Holm's correction keeps "
            f"the chance of any such finding below {words.level(1 - pairs[0].found.level)}."
        )
    if any(pair.found.too_narrow for pair in pairs):
        said += " Near an AUC of 1 and on few rows, DeLong's intervals are known to be too narrow."
    return said
