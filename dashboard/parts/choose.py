"""The choice of a run, which several pages share, and runs and datasets in a line."""

from collections.abc import Sequence

import streamlit as st

from dashboard import state, words
from dashboard.parts import live, results
from dashboard.parts.params import RUN
from engine.data.dataset import Dataset
from engine.runs.record import Run


def choose_run(options: Sequence[Run]) -> Run:
    """The select box `run` of every page, whose choice always stands in the address."""
    by_id = {run.id: run for run in options}
    asked = RUN.asked()
    asked = next((one.of for one in state.look().runs if one.id == asked and one.of), asked)
    first = RUN.start(asked if asked in by_id else None)
    first = first if first in by_id else options[0].id
    run = by_id[RUN.select_box(
        "Run", list(by_id), first, format_func=lambda one: results.called(by_id[one]),
    )]  # fmt: skip
    if asked and asked not in by_id:
        RUN.remark(f"{unfound(asked)} {run.id} is shown instead.", run.id)
    return run


def say_unfound(run: Run) -> None:
    """Say, under the choosers, why another run is shown than the one that a link asked for."""
    if remark := RUN.remarked(run.id):
        st.warning(remark, icon=":material/link_off:")


def unfound(asked: str) -> str:
    """Why the run of that id is not among those to choose from, in a sentence."""
    seen = state.look()
    name = words.markdown(asked, 40)
    for one in seen.unreadable_runs:
        if one.id == asked:
            return f"The run {name} is unreadable: {words.markdown(one.why)}"
    for run in seen.runs:
        if run.id == asked and run.of:
            return f"{name} is a cross-validation of {words.markdown(run.of)}, without weights."
        if run.id == asked:
            return f"The run {name} is {run.status} and has no weights to look into."
    return f"There is no run {name} here."


def about(dataset: Dataset) -> str:
    """What a dataset holds, in plain text: "240 pictures of cat and dog", "1,204 pictures of 310
    subjects and 37 classes"."""
    n, classes = words.count(dataset.size), words.classes(dataset.class_names)
    if not dataset.subjects:
        return f"{n} pictures of {classes}"
    these = "" if len(dataset.class_names) > words.NAMED else "the classes "
    return f"{n} pictures of {words.count(dataset.subjects)} subjects and {these}{classes}"


def describe(run: Run) -> str:
    """A run in a line of caption: its name, if it has one, and how it was trained."""
    name = f"{words.markdown(run.about.name)} · " if run.about.name else ""
    return name + trained(run)


def trained(run: Run) -> str:
    """ "quick on breeds (dog against cat, fox), 64 px, 10 epochs"."""
    how = results.folds_of(run) if run.of else run.preset
    epochs = "" if run.of else f", {live.epochs(run)}"
    text = f"{how} on {results.learned(run)}, {run.image_size} px{epochs}"
    return words.markdown(text)
