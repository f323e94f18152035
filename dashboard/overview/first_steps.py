"""The way from an empty workspace to a first judged run, in four steps. For Overview."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard import state, words
from dashboard.overview import intake, own_pictures
from dashboard.parts import again, choose, links, live, pictures, rights
from engine.commands import first_run, prepare
from engine.commands.snapshot import Snapshot
from engine.data.dataset import Dataset
from engine.runs.record import ACTIVE, Run

ARROW = ":material/arrow_forward:"
THUMBNAILS = 4


def welcome(seen: Snapshot) -> None:
    """The page while no run was judged: the steps, how far each is, and the first curves live.

    Args:
        seen: the look by which the page was chosen; what has changed since then draws it anew.
    """
    with st.container(gap="xxsmall"):
        st.title("Welcome to Camsight")
        st.caption("Four steps from pictures to a model you can question.")
    drawn_from = _situation(seen)
    under_way = _under_way(drawn_from)

    def steps() -> None:
        if _situation(state.look()) != drawn_from:
            st.rerun()
        with st.grid(4, min_column_width=235, border=True):
            with st.container():
                _step_pictures()
            with st.container():
                _step_train()
            with st.container():
                _head("3 · Judge", "waits")
                st.caption(
                    "How good is it, and how sure can we be? An AUC with its interval, on pictures "
                    "that training never saw."
                )
                st.page_link(links.EVALUATE, label="What will be here", icon=ARROW)
            with st.container():
                _head("4 · Look inside", "waits")
                st.caption("Heatmaps of what the model looks at, by Grad-CAM and Score-CAM.")
                st.page_link(links.EXPLAIN, label="What will be here", icon=ARROW)

    state.poll(steps, under_way)
    left, right = st.columns([1.65, 1], gap="medium")
    with left:
        state.poll(_first_curves, under_way)
    with right:
        may = not rights.why_not("prepare pictures")
        if may:
            st.header("Prefer your own pictures?")
        intake.show()
        if may:
            own_pictures.own_pictures()


def _situation(seen: Snapshot) -> tuple:
    """What the first page is drawn from; when it changes, the page is drawn anew."""
    job = first_run.look(state.workspace())
    return (
        [(run.id, run.status) for run in seen.runs],
        [one.fingerprint for one in seen.datasets],
        [one.name for one in seen.preparing],
        bool(job and job.alive),
    )


def _under_way(situation: tuple) -> bool:
    runs, _, preparing, first = situation
    return bool(preparing) or first or any(status in ACTIVE for _, status in runs)


def _newest(runs: Sequence[Run]) -> Run | None:
    """The run that trains, or the newest."""
    return next(iter(live.queue(runs)), runs[-1] if runs else None)


def _head(title: str, status: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(title, width="stretch", anchor=False)
        live.badge(status)


def _step_pictures() -> None:
    """The pictures that the run of the second step learns from, else the newest that are there."""
    seen, job = state.look(), first_run.look(state.workspace())
    found, preparing, run = state.datasets(), seen.preparing, _newest(seen.runs)
    shown = (state.dataset_of(run) if run else None) or next(iter(found), None)
    if shown:
        _head("1 · Pictures", "done")
        st.caption(_about(shown))
        images, names = _thumbnails(shown.name, shown.fingerprint)
        with st.container(horizontal=True, gap="xxsmall"):
            for image, name in zip(images, names, strict=True):
                st.image(image, width=58, alt=name)
    elif preparing:
        _head("1 · Pictures", "running")
        one = preparing[0]
        doing = "Drawing" if one.name == prepare.DRAWN else "Checking"
        st.caption(f"{doing} the pictures of {words.markdown(one.name)}.")
        if one.total:
            st.progress(min(1.0, one.done / one.total), text=f"{one.done:,} of {one.total:,}")
    elif job and job.alive:
        _head("1 · Pictures", "running")
        st.caption("Starting a worker that draws cats and dogs.")
    elif job and job.error:
        _head("1 · Pictures", "failed")
        st.error(words.markdown(job.error))
        _begin("Try again")
    else:
        _head("1 · Pictures", "not started")
        st.caption("Cats and dogs drawn by the program, or pictures of your own.")
        _begin("Draw them and train")


def _begin(label: str) -> None:
    """Begin the first run; not offered where a run that cannot be read is in its way."""
    workspace, refused = state.workspace(), rights.why_not("start the first run")
    if first_run.needs_first_run(workspace) and st.button(
        f"**{label}**", icon=":material/refresh:", key="begin", disabled=bool(refused),
        help=refused or None,
    ):  # fmt: skip
        first_run.start(workspace)
        state.changed()
        st.rerun()


def _step_train() -> None:
    runs, found, job = state.look().runs, state.datasets(), first_run.look(state.workspace())
    run = _newest(runs)
    if run and run.active:
        _head("2 · Train", live.status(run, runs))
        stage = live.stage(run, runs)
        st.caption(f"{words.markdown(stage.says)} You can leave this page; the run goes on.")
        if stage.batch_line:
            st.progress(stage.done, text=stage.batch_line)
        _link_to_train("Watch it, or stop it", job=run.id)
    elif run and run.judged:  # the page waits for a zip that was chosen: see page.py
        _head("2 · Train", run.status)
        st.caption("Its results are on this page as soon as your zip is stored, or removed again.")
        st.page_link(
            links.EVALUATE, label="Look at them now", icon=ARROW, query_params={"run": run.id}
        )
    elif run:
        _head("2 · Train", run.status)
        (st.warning if run.status == "stopped" else st.error)(words.markdown(live.why(run)))
        going = again.resume_button(run) or again.start_again(run, "Try again")
        if going:
            st.switch_page(links.TRAIN, query_params={"job": going.id})
        if not rights.why_not("train a run"):
            _link_to_train("Change the settings", **links.to_train_like(run))
    elif found and not (job and job.alive):
        _head("2 · Train", "not started")
        st.caption(f"{words.markdown(found[0].name)} is ready, and no run is under way.")
        if not rights.why_not("train a run"):
            _link_to_train("Start a run", dataset=found[0].name)
    else:
        _head("2 · Train", "waits for pictures")
        st.caption("A small network learns to tell them apart, in about a minute on two cores.")
        _link_to_train("What will be here")


def _link_to_train(label: str, **query) -> None:
    st.page_link(links.TRAIN, label=label, icon=ARROW, query_params=query)


def _first_curves() -> None:
    run = _newest(state.look().runs)
    st.header("The first run, live" if run and run.active else "The first run", anchor=False)
    if run is None:
        with st.container(border=True):
            st.markdown("Loss and accuracy are drawn here, epoch by epoch, as soon as a run is on.")
        return
    live.curves(run, live.history(run), "first")


def _about(dataset: Dataset) -> str:
    about = words.markdown(choose.about(dataset))
    if dataset.source == prepare.DRAWN:
        return f"{about}, drawn by the program, the parts that decide marked."
    refused = f", {words.count(dataset.refused)} files refused" if dataset.refused else ""
    return f"{words.markdown(dataset.name)}: {about}{refused}."


@st.cache_data(max_entries=16, show_spinner=False)
def _thumbnails(name: str, fingerprint: str) -> tuple[list[np.ndarray], list[str]]:
    """Training pictures with their names, classes in turn: two of each of two, one of each of the
    first four of many."""
    dataset = next(one for one in state.datasets() if one.fingerprint == fingerprint)
    training = dataset.indices("train")
    labels, k = dataset.labels[training], min(THUMBNAILS, len(dataset.class_names))
    places = [divmod(at, k) for at in range(THUMBNAILS)]
    rows = [training[np.flatnonzero(labels == label)[i]] for i, label in places]
    images = [pictures.pixels(dataset, row) for row in rows]
    return images, [dataset.class_names[dataset.labels[row]] for row in rows]
