"""A run judged at one threshold, drawn: its ROC curve, its scores, its confusion matrix."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard import words
from dashboard.evaluate import charts, details, figures, mistakes
from dashboard.evaluate.judged import Judged, file_name, rates
from dashboard.parts import downloads, evidence
from engine.commands.evaluate import Evaluation
from engine.evaluation.bands import Band
from engine.runs.record import Run


def take_click(run: Run) -> None:
    """Of the matrix, before anything is drawn; a click on the chosen cell frees it."""
    cell = getattr(st.session_state.get("matrix"), "clicked", None)
    if cell in evidence.CELLS:
        details.show_cell(cell, run)


def draw_roc(
    judged: Judged, found: Evaluation, others: Sequence[charts.Line] = (),
    band: Band | None = None,
) -> None:  # fmt: skip
    """The curve with the marker of the threshold.

    Args:
        found: `judged` at the threshold.
        others: further curves.
    """
    figure = charts.roc([judged.line, *others], found.class_names, _point(found), band)
    c, of = found.confusion, _of(found)
    alt = (
        f"ROC curve of {of} on {found.part}, AUC "
        f"{words.three_digits(found.interval.value)}; at threshold "
        f"{words.threshold(found.threshold)}, sensitivity {words.percent(c.sensitivity)} and "
        f"specificity {words.percent(c.specificity)}."
    )
    downloads.chart(
        "ROC curve", figure, "roc", alt, f"{file_name(found)}-roc",
        lambda: _curve_columns(found, band),
    )  # fmt: skip


def _point(found: Evaluation) -> charts.Point:
    known = rates(found)
    hit, right = known["sensitivity"], known["specificity"]
    return charts.Point(
        found.threshold, (hit.value, hit.low, hit.high), (right.value, right.low, right.high)
    )


def _curve_columns(found: Evaluation, band: Band | None) -> dict[str, Sequence]:
    """Every point of the curve, also those that the chart leaves out; the band at each of them."""
    curve = found.curve()
    specificity = 1 - curve.fpr
    known = {"threshold": curve.thresholds, "sensitivity": curve.tpr, "specificity": specificity}
    if band is None:
        return known
    rising = band.specificity[::-1]
    ends = {"band_low": band.low[::-1], "band_high": band.high[::-1]}
    return known | {name: np.interp(specificity, rising, end) for name, end in ends.items()}


def _of(found: Evaluation) -> str:
    of = found.run.id if found.run else "these scores"
    return of if found.target is None else f"{of} for {words.plain(found.class_names[1], 24)}"


def draw_scores(judged: Judged, found: Evaluation) -> None:
    figure = charts.scores_by_class(judged.counts, found.threshold, found.class_names)
    first, second = (words.plural(words.plain(n, 24)) for n in found.class_names)
    below, above = judged.medians
    alt = (
        f"Scores by class: half of the {second} score above {above:.2f}, half of {_the(first)} "
        f"below {below:.2f}."
    )
    edges = judged.counts.edges
    downloads.chart(
        "Scores by class", figure, "scores", alt, f"{file_name(found)}-scores",
        {
            "score from": edges[:-1], "score to": edges[1:],
            found.class_names[0]: judged.counts.negatives,
            found.class_names[1]: judged.counts.positives,
        },
    )  # fmt: skip


def _the(name: str) -> str:
    """With its article, unless it has one: "the cats", "the rest"."""
    return name if name.startswith("the ") else f"the {name}"


def draw_matrix(found: Evaluation, clickable: bool = True) -> None:
    """The matrix at the threshold.

    Args:
        clickable: whether there are pictures to show of a cell.
    """
    c = found.confusion
    negative, positive = found.class_names
    counts = {"truly": (negative, positive), negative: (c.tn, c.fn), positive: (c.fp, c.tp)}
    downloads.files("Confusion matrix", counts, "matrix", f"{file_name(found)}-matrix")
    what = mistakes.chosen(found.run) if clickable else None
    evidence.confusion_matrix(
        c.tn, c.fp, c.fn, c.tp, found.class_names, key="matrix",
        chosen=what if what in evidence.CELLS else None, choose=clickable,
    )  # fmt: skip
    evidence.cards(figures.precisions(found), key="precisions", small=True)
