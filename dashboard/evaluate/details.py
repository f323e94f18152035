"""The tabs under a judged run: its mistakes, scikit-learn's report, every number."""

import streamlit as st

from dashboard import words
from dashboard.evaluate import figures, means, mistakes
from dashboard.evaluate.choice import Choice
from engine.commands.evaluate import Evaluation
from engine.runs.store import Run

TABS = ("Mistakes", "Classification report", "All numbers")
_TAB = "evaluate_tab"


def show(found: Evaluation, choice: Choice) -> None:
    bodies = (
        lambda: mistakes.gallery(found, choice.all_classes),
        lambda: _report(found, choice),
        lambda: _all_numbers(found, choice),
    )
    tabs = st.tabs(TABS, key=_TAB, on_change="rerun")
    for tab, body in zip(tabs, bodies, strict=True):
        if tab.open:
            with tab:
                body()


def show_cell(cell: str, run: Run) -> None:
    """Open the pictures of a cell that was clicked, before tabs are drawn; free the chosen one."""
    mistakes.choose(None if cell == mistakes.chosen(run) else cell)
    st.session_state[_TAB] = TABS[0]


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


def _all_numbers(found: Evaluation, choice: Choice) -> None:
    names = ("Figure", "Value", "95% interval", "Where it comes from")
    whole = choice.all_classes
    if whole:
        _table(names, [*means.rows(whole, choice.method), *figures.about(found.run)])
        st.caption("Each class against the rest, the worst first:")
        _table(means.COLUMNS, means.by_class(whole))
        name = words.markdown(choice.positive, 40)
        st.caption(f"{name} against the rest, at the chosen threshold:")
        _table(names, figures.rows(found, choice.method))
    else:
        _table(names, [*figures.rows(found, choice.method), *figures.about(found.run)])
    st.caption("The closing line of the blog post that this project began from:")
    st.code((whole or found).closing_line(), language=None, wrap_lines=True)
    st.caption("How it was trained:")
    _table(
        ("Hyperparameter", "Value"),
        [(name, str(value)) for name, value in found.run.config.items()],
    )


def _table(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    columns = zip(*rows, strict=True)
    cells = {
        name: [words.markdown(cell) for cell in column]
        for name, column in zip(names, columns, strict=True)
    }
    st.table(cells, border="horizontal", hide_index=True)
