"""All classes of a run of many: the means, who is taken for whom, and a line for each class."""

import re

import streamlit as st

from dashboard import words
from dashboard.evaluate import details, means, mistakes
from dashboard.evaluate.choice import CLASS, Choice
from dashboard.parts import classes, downloads, evidence
from engine.runs.record import Run


def take_clicks(run: Run) -> None:
    """Of the matrix and the table, before anything is drawn that they change."""
    cell = getattr(st.session_state.get("confusion"), "clicked", None)
    if cell and mistakes.classes_of(cell, run):
        details.show_cell(cell, run)
    row = getattr(st.session_state.get("classes"), "clicked", None)
    if row and re.fullmatch("[0-9]{1,3}", row) and int(row) < len(run.class_names):
        CLASS.choose(run.class_names[int(row)])


def pressed(run: Run) -> str | None:
    """The cell of the matrix of all classes whose pictures are shown."""
    what = mistakes.chosen(run)
    return what if mistakes.classes_of(what, run) else None


def show(choice: Choice, cell: str | None) -> None:
    """What is true of all classes; the heading of what follows, which is of one.

    Args:
        cell: that is `pressed`.
    """
    whole = choice.all_classes
    evidence.cards(means.cards(whole, choice.method), key="means")
    with st.grid(2, min_column_width=460, gap="medium"):
        left, right = st.container(), st.container()
    with left:
        names, file = choice.run.class_names, f"{choice.run.id}-{choice.part}"
        counts = {"truly": names} | dict(zip(names, whole.matrix.T.tolist(), strict=True))
        downloads.files("Confusion matrix of all classes", counts, "confusion", f"{file}-matrix")
        classes.confusion(whole.matrix, names, "confusion", cell, choice.target)
    with right:
        rows = dict(zip(means.COLUMNS, zip(*means.by_class(whole), strict=True), strict=True))
        downloads.files("Classes, the worst first", rows, "classes", f"{file}-classes")
        method = means.method(whole, choice.method)
        classes.table(means.class_rows(whole), "classes", method, choice.target)
    name = words.markdown(choice.positive, 40)
    st.markdown(f"## {name} against the rest")
    st.caption(
        f"Above, and among the mistakes below, the model says the class whose probability is the "
        f"largest. In these figures it says {name} where that of {name} is at least the threshold."
    )
