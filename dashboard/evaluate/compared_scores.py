"""Models whose scores stand in one file: their AUCs beside each other, and which of them differ."""

import streamlit as st

from dashboard import words
from dashboard.evaluate import figures
from dashboard.parts import difference, downloads
from engine.commands.auc import Models
from engine.evaluation.differences import DIFFERENCES


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
    columns = difference.table(models.pairs)
    downloads.table("Which of them differ", columns, "scores-pairs", "scores-differences")
    st.caption(_how(models))


def _how(models: Models) -> str:
    """Whose test it is, on what, and what corrects it."""
    found = [pair.found for pair in models.pairs]
    tests = words.listed([DIFFERENCES[name].title for name in {one.method: 0 for one in found}])
    n, subjects = words.count(found[0].n), found[0].subjects
    rows = f"{n} rows of {words.count(subjects)} subjects" if subjects else f"{n} rows"
    said = f"{tests}, paired: all models scored the same {rows}."
    if len(found) > 1:
        said += (
            f" Of {len(found)} tests some find a difference by luck alone; Holm's correction keeps "
            f"the chance of any such finding at {words.level(1 - found[0].level)}."
        )
    if any(one.too_narrow for one in found):
        said += " Near an AUC of 1 and on few rows, DeLong's intervals are known to be too narrow."
    return said
