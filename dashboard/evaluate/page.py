"""Evaluate: how good a run is, how sure that is, and where it is wrong."""

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import state, words
from dashboard.evaluate import (
    any_scores,
    calibration_tab,
    crossed,
    details,
    figures,
    limits,
    many,
    one,
    plan,
    take_along,
    threshold,
    unjudged,
)
from dashboard.evaluate.charts import Line
from dashboard.evaluate.choice import (
    CLASS,
    Choice,
    alike,
    choose,
    choose_band,
    choose_class,
    say_unfound_class,
)
from dashboard.parts import evidence, links, params
from dashboard.parts.choose import choose_run, describe, say_unfound, unfound
from dashboard.parts.params import RUN, Param
from engine.commands import evaluate
from engine.commands.evaluate import Evaluation
from engine.commands.folds import FEW
from engine.errors import CamsightError

FILE = "file"
SOURCE = Param("of", ("run", FILE), "run")


def show() -> None:
    left, bar = st.columns([1, 3.4], vertical_alignment="bottom")
    title = left.container(gap="xsmall")
    title.title("Evaluate")
    runs = state.runs()
    if not runs:
        title.caption("How good is it, and how sure are we")
        nothing_to_judge()
        st.markdown("## Scores from a file")
        any_scores.show()
        st.markdown("## How many pictures?")
        plan.show(None)
        return
    if choose_source(title) == FILE:
        any_scores.show()
        return
    choosers = bar.container(horizontal=True, vertical_alignment="bottom")
    with choosers:
        run = choose_run(runs)
        choice, place = choose(run, alike(runs, run)) if run.judged else (None, None)
    title.caption(describe(run))
    say_unfound(run)
    others = [other.id for other in runs if other.judged and other.id != run.id]
    if choice is None:
        unjudged.show(run, others)
        return
    try:
        if len(run.class_names) > 2:
            many.take_clicks(run)
            with place:
                choice = choose_class(choice)
        else:
            CLASS.write(None)
        first = choice.at(evaluate.THRESHOLD)
    except CamsightError as error:
        st.error(words.markdown(error), title=f"The figures of {run.id} cannot be shown")
        unjudged.ways_on(run, others)
        return
    say_unfound_class(choice)
    say_limits(choice, first)
    with choosers:
        more = st.popover("…", on_change="rerun", help="Link, files, heatmaps")
    cell = many.pressed(run)
    if choice.all_classes:
        many.show(choice, cell)
    judged(choice, cell)
    if more.open:
        with more:
            at = st.session_state[threshold.THRESHOLD.key]
            take_along.show(choice.at(at), choice)


def choose_source(place: DeltaGenerator) -> str:
    """A run, or a file of scores."""
    asked = SOURCE.asked()
    start = SOURCE.start(asked if asked in SOURCE.options else None) or SOURCE.options[0]
    default = None if SOURCE.overrule(start) else start
    chosen = place.segmented_control(
        "What is judged", SOURCE.options, default=default, required=True, key=SOURCE.widget,
        format_func={"run": "A run", FILE: "A file of scores"}.get, label_visibility="collapsed",
    )  # fmt: skip
    SOURCE.write(chosen)
    return chosen


def nothing_to_judge() -> None:
    if asked := RUN.asked():
        st.warning(unfound(asked))
    with st.container(border=True):
        st.markdown(
            "**There is no run to judge yet.** Its ROC curve, its AUC with a 95% interval and its "
            "mistakes stand here as soon as a first training has ended."
        )
        st.page_link(links.TRAIN, label="Train", icon=":material/arrow_forward:")


def say_limits(choice: Choice, found: Evaluation) -> None:
    """In a line each, so that the charts stay where they are looked for."""
    if notes := limits.notes(found, choice.all_classes, state.look_alike(found.run)):
        st.warning("  \n".join(notes), icon=":material/warning:")
    if found.interval.method != choice.method:
        st.caption(limits.no_width(found.interval, choice.method))
    if subjects := limits.narrower(found.interval):
        st.caption(subjects)
    if found.part == "test" and crossed.few(found.run) < FEW:
        st.button(
            "Few test pictures: cross-validate", icon=":material/grid_view:", type="tertiary",
            on_click=details.open_tab, args=(details.CROSSED,),
            help="Trains its configuration on each fold of the dataset, so that every picture is "
            "judged once.",
        )  # fmt: skip


@st.fragment
def judged(choice: Choice, cell: str | None) -> None:
    """All that depends on the threshold; moving it redraws no more than this.

    Args:
        cell: the one that the matrix of all classes shows as pressed.
    """
    one.take_click(choice.run)
    if many.pressed(choice.run) != cell:
        st.rerun()  # other pictures were chosen here, and that matrix stands outside
    cards = st.container()
    with st.grid(3, min_column_width=330, gap="medium"):
        left, middle, right = st.container(), st.container(), st.container()
    with middle:
        chart = st.container()
        at = threshold.choose(choice)
        params.keep()  # all choosers are drawn; one may leave before the figures are
        threshold.rules(choice)
    prepared = choice.judged()
    found = replace(prepared.at(at), run=choice.run)
    with cards:
        error = calibration_tab.error_card(found, calibration_tab.measured(found))
        error = replace(error, remark="0 is best")  # the tab has room for what chance would show
        evidence.cards(figures.cards(found, choice.method, error), key="figures")
    with left:
        curve = st.container()
        band = choice.band(choose_band())
        with curve:
            one.draw_roc(prepared, found, beside(choice), band)
        say_others_pictures(choice)
    with chart:
        one.draw_scores(prepared, found)
    with right:
        one.draw_matrix(found)
    details.show(found, choice)


def say_others_pictures(choice: Choice) -> None:
    """Two curves of other pictures do not show what a comparison on the shared ones finds."""
    other = choice.against
    if other and other.split_id != choice.run.split_id:
        st.caption(
            f"The dashed curve of {words.markdown(other.id, 40)} is of its own test pictures; "
            "*Comparison* takes those that both have."
        )


def beside(choice: Choice) -> list[Line]:
    """The curve of the run that it is compared with, where there is one."""
    other = choice.other()
    try:
        return [other.judged().line] if other else []
    except CamsightError as error:
        st.warning(words.markdown(error), icon=":material/warning:")
        return []


show()
