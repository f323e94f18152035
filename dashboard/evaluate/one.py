"""A run judged at one threshold, drawn: its ROC curve, its scores, its confusion matrix."""

import numpy as np
import streamlit as st

from dashboard import words
from dashboard.evaluate import charts, details, figures, mistakes
from dashboard.parts import evidence
from dashboard.parts.charts import show as draw
from engine.commands.evaluate import Evaluation
from engine.evaluation.proportions import wilson
from engine.runs.store import Run


def take_click(run: Run) -> None:
    """Of the matrix, before anything is drawn; a click on the chosen cell frees it."""
    cell = getattr(st.session_state.get("matrix"), "clicked", None)
    if cell in evidence.CELLS:
        details.show_cell(cell, run)


def draw_roc(found: Evaluation) -> None:
    st.markdown("## ROC curve")
    c, curve = found.confusion, found.curve()
    point = (1 - c.specificity, c.sensitivity, found.threshold)
    wrong, hit = wilson(c.fp, c.fp + c.tn), wilson(c.tp, c.tp + c.fn)
    figure = charts.roc(
        curve.fpr, curve.tpr, curve.thresholds, point, found.class_names,
        cross=(wrong.low, wrong.high, hit.low, hit.high),
    )  # fmt: skip
    of = "" if found.target is None else f" for {words.plain(found.class_names[1], 24)}"
    alt = (
        f"ROC curve of {found.run.id}{of} on {found.part}, AUC "
        f"{words.three_digits(found.interval.value)}; at threshold "
        f"{words.threshold(found.threshold)}, sensitivity {words.percent(c.sensitivity)} and "
        f"specificity {words.percent(c.specificity)}."
    )
    draw(figure, "roc", alt)


def draw_scores(found: Evaluation) -> None:
    figure = charts.scores_by_class(found.y_true, found.y_score, found.threshold, found.class_names)
    first, second = (words.plural(words.plain(n, 24)) for n in found.class_names)
    alt = (
        f"Scores by class: half of the {second} score above "
        f"{np.median(found.y_score[found.y_true == 1]):.2f}, half of {_the(first)} below "
        f"{np.median(found.y_score[found.y_true == 0]):.2f}."
    )
    draw(figure, "scores", alt)


def _the(name: str) -> str:
    """With its article, unless it has one: "the cats", "the rest"."""
    return name if name.startswith("the ") else f"the {name}"


def draw_matrix(found: Evaluation) -> None:
    st.markdown("## Confusion matrix")
    c, what = found.confusion, mistakes.chosen(found.run)
    evidence.confusion_matrix(
        c.tn, c.fp, c.fn, c.tp, found.class_names, key="matrix",
        chosen=what if what in evidence.CELLS else None,
    )  # fmt: skip
    evidence.cards(figures.precisions(found), key="precisions", small=True)
