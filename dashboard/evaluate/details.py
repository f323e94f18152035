"""The tabs under a judged run; only the body of the one that is open is made."""

import streamlit as st

from dashboard import words
from dashboard.evaluate import (
    calibration_tab,
    comparison,
    crossed,
    figures,
    means,
    mistakes,
    operating_tab,
    plan,
    precision_tab,
)
from dashboard.evaluate.choice import Choice
from dashboard.evaluate.judged import file_name
from dashboard.parts import downloads
from dashboard.parts.params import Param
from engine.commands.evaluate import Evaluation
from engine.runs.record import Run

MISTAKES, CROSSED = "Mistakes", "Cross-validation"
TABS = (
    MISTAKES, "Precision and recall", "Calibration", "Operating points", "Comparison", CROSSED,
    "How many pictures?", "All numbers",
)  # fmt: skip
TAB = Param("tab", TABS)


def show(found: Evaluation, choice: Choice) -> None:
    level = found.interval.level
    bodies = (
        lambda: mistakes.gallery(found, choice.all_classes),
        lambda: precision_tab.show(found),
        lambda: calibration_tab.show(found),
        lambda: operating_tab.show(found),
        lambda: comparison.show(found, choice.against),
        lambda: crossed.show(found.run, level),
        lambda: plan.show(found.run, level),
        lambda: _all_numbers(found, choice),
    )
    tabs = st.tabs(TABS, key=TAB.carry(), on_change="rerun", bind="query-params")
    for tab, body in zip(tabs, bodies, strict=True):
        if tab.open:
            with tab:
                body()


def show_cell(cell: str, run: Run) -> None:
    """Open the pictures of a cell that was clicked, before tabs are drawn; free the chosen one."""
    mistakes.choose(None if cell == mistakes.chosen(run) else cell)
    open_tab(MISTAKES)


def open_tab(name: str) -> None:
    """Called before tabs are drawn."""
    st.session_state[TAB.key] = name


def _all_numbers(found: Evaluation, choice: Choice) -> None:
    names = ("Figure", "Value", "Interval", "Where it comes from")
    whole, files = choice.all_classes, file_name(found)
    error = calibration_tab.error_card(found, calibration_tab.measured(found))
    rows = figures.rows(found, choice.method, error)
    if whole:
        of_all = [*means.rows(whole, choice.method), *figures.about(found.run)]
        _table("All classes", names, of_all, "numbers", f"{files}-all-classes")
        _table("Each class against the rest, the worst first", means.COLUMNS,
               means.by_class(whole), "numbers-classes", f"{files}-classes")  # fmt: skip
        name = words.plain(choice.positive, 40)
        _table(f"{name} against the rest, at the chosen threshold", names, rows, "numbers-class",
               f"{files}-numbers")  # fmt: skip
    else:
        _table("Every figure", names, [*rows, *figures.about(found.run)], "numbers",
               f"{files}-numbers")  # fmt: skip
    _report(found, choice)
    st.caption("The closing line of the blog post that this project began from:")
    st.code((whole or found).closing_line(), language=None, wrap_lines=True)
    configuration = [(name, str(value)) for name, value in found.run.config.items()]
    _table("How it was trained", ("Hyperparameter", "Value"), configuration, "numbers-config",
           f"{found.run.id}-configuration")  # fmt: skip


def _table(
    title: str, names: tuple[str, ...], rows: list[tuple[str, ...]], key: str, file: str
) -> None:
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    downloads.table(title, columns, key, file)


def _report(found: Evaluation, choice: Choice) -> None:
    if choice.all_classes:
        st.caption(
            f"scikit-learn's report on the {found.part} split; the model says the class of the "
            "largest probability."
        )
        st.code(choice.all_classes.report(), language=None)
        return
    at = words.threshold(found.threshold)
    st.caption(f"scikit-learn's report on the {found.part} split, at a threshold of {at}.")
    st.code(found.report(), language=None)
