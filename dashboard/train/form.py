"""The form of a new run: dataset, hyperparameters, what it will cost, and the start."""

import streamlit as st

from dashboard import state, words
from dashboard.parts import choose, links, live, rights
from dashboard.parts.params import DATASET, JOB
from dashboard.train import cost, like, several
from dashboard.train.asked import choose_question, pictures
from dashboard.train.cost import Wanted
from dashboard.train.hyperparameters import choose_config
from engine.commands import first_run, train
from engine.data.dataset import Dataset
from engine.errors import CamsightError
from engine.runs.record import Run

ARROW = ":material/arrow_forward:"


def new_run() -> None:
    st.header("New run", anchor=False)
    found = state.datasets()
    if not found:
        nothing_to_train_on()
        return
    if refused := rights.why_not("train a run"):
        st.info(refused, icon=rights.ICON)
        return
    like.begin()
    dataset = choose_dataset(found)
    question, can_be_asked = choose_question(dataset)
    config = choose_config(dataset)
    if config and can_be_asked:
        wanted = Wanted(dataset, config, question)
        remark = train.remark(config, pictures(dataset, question, ("train",)))
        if remark:
            st.caption(f":material/info: {remark}")
        state.poll(lambda: cost.caption(wanted), cost.unsettled(wanted))
        start_button(wanted)
    else:
        start_button(None)


def choose_dataset(found: list[Dataset]) -> Dataset:
    by_name, asked = {one.name: one for one in found}, DATASET.asked()
    names = list(by_name)
    if asked and asked not in by_name:
        st.warning(f"There is no dataset {words.markdown(asked, 64)} here; the newest is chosen.")
    first = DATASET.start(asked if asked in by_name else None)
    chosen = st.selectbox(
        "Dataset", names, names.index(first) if first in by_name else 0, key=DATASET.widget,
        help="Pictures are split once, when they are prepared: 80% to train on, 10% to choose the "
        "best epoch by, 10% to judge it on.",
    )  # fmt: skip
    DATASET.write(chosen)
    dataset = by_name[chosen]
    part, about = words.count(sum(dataset.counts["train"])), words.markdown(choose.about(dataset))
    st.caption(f"{about}, {part} of them to train on, stored at {dataset.image_size} px.")
    return dataset


def start_button(wanted: Wanted | None) -> None:
    """wanted: None where the form cannot be used as it is."""
    with st.container(horizontal=True, gap="small"):
        clicked = st.button(
            "**Start training**", icon=":material/play_arrow:", width="stretch",
            disabled=wanted is None, key="start",
        )  # fmt: skip
        queued = several.choose(wanted) if wanted else None
    if queued:
        watch(queued)
    if clicked and wanted:
        try:
            run = live.start(wanted.dataset.name, wanted.config, wanted.question)
        except (CamsightError, OSError) as error:
            st.error(words.markdown(error))
            return
        watch(run)


def watch(run: Run) -> None:
    """Let the address name the run, so that a reload finds it again."""
    JOB.write(run.id)
    st.rerun()


def nothing_to_train_on() -> None:
    job = first_run.look(state.workspace())
    if state.look().preparing or (job and job.alive):

        def body() -> None:
            if state.datasets():
                st.rerun()
            st.caption("The first pictures are being prepared; the form is here when they are.")
            for one in state.look().preparing:
                if one.total:
                    text = f"{words.markdown(one.name)}: {one.done:,} of {one.total:,}"
                    st.progress(min(1.0, one.done / one.total), text=text)

        state.poll(body, active=True)
        return
    with st.container(border=True):
        st.markdown("**There are no pictures to train on yet.** Draw some, or bring your own.")
        st.page_link(links.OVERVIEW, label="To the pictures", icon=ARROW)
