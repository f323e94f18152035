"""Evaluate: how good a run is, how sure that is, and where it is wrong."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import state, words
from dashboard.evaluate import charts, figures, mistakes, take_along, threshold, unjudged
from dashboard.parts import evidence, links, params
from dashboard.parts.charts import show as draw
from dashboard.parts.choose import choose_run, describe, say_unfound, unfound
from dashboard.parts.params import RUN, Param
from dashboard.parts.pictures import PARTS
from engine.commands import evaluate
from engine.commands.evaluate import Evaluation
from engine.errors import CamsightError
from engine.evaluation import intervals
from engine.evaluation.intervals import INTERVALS
from engine.runs.store import Run

INTERVAL = Param("interval", list(INTERVALS), next(iter(INTERVALS)))
PART = Param("split", PARTS)
TABS = ("Mistakes", "Classification report", "All numbers")


@dataclass(frozen=True)
class Choice:
    """What is judged: a run on one part, its AUC's interval made by a method."""

    run: Run
    method: str
    part: str

    def at(self, threshold: float) -> Evaluation:
        """The run judged at a threshold.

        Raises:
            CamsightError: if its predictions cannot be read.
        """
        predicted = state.predictions(self.run, self.part)
        return evaluate.judge(self.run, self.part, predicted, threshold, self.method)


def show() -> None:
    left, bar = st.columns([1, 3.4], vertical_alignment="bottom")
    title = left.container(gap=None)
    title.title("Evaluate")
    runs = state.runs()
    if not runs:
        title.caption("How good is it, and how sure are we")
        nothing_to_judge()
        return
    choosers = bar.container(horizontal=True, vertical_alignment="bottom")
    with choosers:
        run = choose_run(runs)
        choice = choose(run) if run.judged else None
    title.caption(describe(run))
    say_unfound(run)
    others = [other.id for other in runs if other.judged and other.id != run.id]
    if choice is None:
        unjudged.show(run, others)
        return
    try:
        first = choice.at(evaluate.THRESHOLD)
    except CamsightError as error:
        st.error(words.markdown(error), title=f"The figures of {run.id} cannot be shown")
        unjudged.ways_on(run, others)
        return
    say_limits(first, choice.method)
    with choosers:
        more = st.popover("…", on_change="rerun", help="Link, files, heatmaps")
    judged(choice)
    if more.open:
        with more:
            at = st.session_state[threshold.THRESHOLD.key]
            take_along.show(choice.at(at), {INTERVAL.key: choice.method, PART.key: choice.part})


def nothing_to_judge() -> None:
    if asked := RUN.asked():
        st.warning(unfound(asked))
    with st.container(border=True):
        st.markdown(
            "**There is no run to judge yet.** Its ROC curve, its AUC with a 95% interval and its "
            "mistakes stand here as soon as a first training has ended."
        )
        st.page_link(links.TRAIN, label="Train", icon=":material/arrow_forward:")


# --- choose ---------------------------------------------------------------------------------------


def choose(run: Run) -> Choice:
    method = choose_interval()
    part = st.segmented_control(
        "Judge on", PARTS, default=PARTS[0], required=True, key=PART.carry(), bind="query-params",
    )  # fmt: skip
    return Choice(run, method, part if part in PARTS else PARTS[0])


def choose_interval() -> str:
    asked = INTERVAL.asked()
    ideas = " ".join(f"{one.title}: {one.idea}" for one in INTERVALS.values())
    return INTERVAL.select_box(
        "Interval", INTERVAL.options, INTERVAL.start(asked if asked in INTERVALS else None),
        format_func=lambda name: INTERVALS[name].title,
        help=f"How the AUC's 95% interval is made. {ideas} Rates have Wilson intervals.",
    )  # fmt: skip


def say_limits(found: Evaluation, asked: str) -> None:
    """In a line each, so that the charts stay where they are looked for."""
    if notes := figures.notes(found):
        st.warning("  \n".join(notes), icon=":material/warning:")
    if found.interval.method != asked:
        st.caption(
            f"At an AUC of {found.interval.value:g} {INTERVALS[asked].title}'s standard error is "
            f"0, which would claim certainty: its interval comes from "
            f"{INTERVALS[found.interval.method].title}."
        )


# --- curves, threshold, matrix --------------------------------------------------------------------


@st.fragment
def judged(choice: Choice) -> None:
    """All that depends on the threshold; moving it redraws no more than this."""
    take_click()
    cards = st.container()
    with st.grid(3, min_column_width=330, gap="medium"):
        left, middle, right = st.container(), st.container(), st.container()
    with middle:
        st.markdown("## Scores by class")
        chart = st.container()
        at = threshold.choose(choice.run)
        params.keep()  # all choosers are drawn; one may leave before the figures are
        threshold.rules(choice.run)
    found = choice.at(at)
    with cards:
        evidence.cards(figures.cards(found, choice.method), key="figures")
    with left:
        draw_roc(found)
    with chart:
        draw_scores(found)
    with right:
        draw_matrix(found)
    details(found, choice.method)


def take_click() -> None:
    """Of the matrix, before anything is drawn; a click on the chosen cell frees it."""
    cell = getattr(st.session_state.get("matrix"), "clicked", None)
    if cell in evidence.CELLS:
        mistakes.choose(None if cell == mistakes.chosen() else cell)
        st.session_state["evaluate_tab"] = TABS[0]


def draw_roc(found: Evaluation) -> None:
    st.markdown("## ROC curve")
    c, curve = found.confusion, found.curve()
    point = (1 - c.specificity, c.sensitivity, found.threshold)
    wrong, hit = intervals.wilson(c.fp, c.fp + c.tn), intervals.wilson(c.tp, c.tp + c.fn)
    figure = charts.roc(
        curve.fpr, curve.tpr, curve.thresholds, point, found.run.class_names,
        cross=(wrong.low, wrong.high, hit.low, hit.high),
    )  # fmt: skip
    alt = (
        f"ROC curve of {found.run.id} on {found.part}, AUC "
        f"{words.three_digits(found.interval.value)}; at threshold "
        f"{words.threshold(found.threshold)}, sensitivity {words.percent(c.sensitivity)} and "
        f"specificity {words.percent(c.specificity)}."
    )
    draw(figure, "roc", alt)


def draw_scores(found: Evaluation) -> None:
    figure = charts.scores_by_class(
        found.y_true, found.y_score, found.threshold, found.run.class_names
    )
    first, second = (words.plural(words.plain(n, 24)) for n in found.run.class_names)
    alt = (
        f"Scores by class: half of the {second} score above "
        f"{np.median(found.y_score[found.y_true == 1]):.2f}, half of the {first} below "
        f"{np.median(found.y_score[found.y_true == 0]):.2f}."
    )
    draw(figure, "scores", alt)


def draw_matrix(found: Evaluation) -> None:
    st.markdown("## Confusion matrix")
    c, what = found.confusion, mistakes.chosen()
    evidence.confusion_matrix(
        c.tn, c.fp, c.fn, c.tp, found.run.class_names, key="matrix",
        chosen=what if what in evidence.CELLS else None,
    )  # fmt: skip
    evidence.cards(figures.precisions(found), key="precisions", small=True)


# --- details --------------------------------------------------------------------------------------


def details(found: Evaluation, method: str) -> None:
    bodies = (mistakes.gallery, report, lambda found: all_numbers(found, method))
    tabs = st.tabs(TABS, key="evaluate_tab", on_change="rerun")
    for tab, body in zip(tabs, bodies, strict=True):
        if tab.open:
            with tab:
                body(found)


def report(found: Evaluation) -> None:
    at = words.threshold(found.threshold)
    st.caption(f"scikit-learn's report on the {found.part} split, at a threshold of {at}.")
    st.code(found.report(), language=None)


def all_numbers(found: Evaluation, method: str) -> None:
    names = ("Figure", "Value", "95% interval", "Where it comes from")
    st.table(_columns(names, figures.table(found, method)), border="horizontal", hide_index=True)
    st.caption("The closing line of the blog post that this project began from:")
    st.code(found.closing_line(), language=None, wrap_lines=True)
    st.caption("How it was trained:")
    rows = [(name, str(value)) for name, value in found.run.config.items()]
    st.table(_columns(("Hyperparameter", "Value"), rows), border="horizontal", hide_index=True)


def _columns(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> dict[str, list[str]]:
    columns = zip(*rows, strict=True)
    return {
        name: [words.markdown(cell) for cell in column]
        for name, column in zip(names, columns, strict=True)
    }


show()
