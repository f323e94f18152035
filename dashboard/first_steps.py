"""The way from an empty workspace to a first judged run, in four steps. For Overview."""

import numpy as np
import streamlit as st

from dashboard import live, pictures, state, words
from engine.commands import first_run, prepare
from engine.data.dataset import Dataset
from engine.errors import CamsightError
from engine.runs import store
from engine.runs.store import Run
from engine.training.config import TrainConfig

ARROW = ":material/arrow_forward:"


def welcome() -> None:
    """The page while no run was judged: the steps, how far each is, and the first curves live."""
    with st.container(gap="xxsmall"):
        st.title("Welcome to Camsight")
        st.caption("Four steps from pictures to a model you can question.")
    seen = _situation()

    def steps() -> None:
        if _situation() != seen:
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
                st.page_link("app_pages/evaluate.py", label="What will be here", icon=ARROW)
            with st.container():
                _head("4 · Look inside", "waits")
                st.caption("Heatmaps of what the model looks at, by Grad-CAM and Score-CAM.")
                st.page_link("app_pages/explain.py", label="What will be here", icon=ARROW)

    state.poll(steps, _under_way())
    left, right = st.columns([1.65, 1], gap="large")
    with left:
        state.poll(_first_curves, _under_way())
    with right:
        st.header("Prefer your own pictures?")
        pictures.own_pictures()


def _situation() -> tuple:
    """What the first page is drawn from; when it changes, the page is drawn anew."""
    job = first_run.look()
    return (
        [(run.id, run.status) for run in store.list_runs()],
        [one.fingerprint for one in state.datasets()],
        [one.name for one in prepare.preparing()],
        bool(job and job.alive),
    )


def _under_way() -> bool:
    runs, _, preparing, first = _situation()
    return bool(preparing) or first or any(status in store.ACTIVE for _, status in runs)


def _head(title: str, status: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(title, width="stretch", anchor=False)
        live.badge(status)


def _step_pictures() -> None:
    job, found, preparing = first_run.look(), state.datasets(), prepare.preparing()
    if found:
        _head("1 · Pictures", "done")
        st.caption(_about(found[0]))
        images, names = _thumbnails(found[0].name, found[0].fingerprint)
        with st.container(horizontal=True, gap="xxsmall"):
            for image, name in zip(images, names, strict=True):
                st.image(image, width=58, alt=name)
    elif preparing:
        _head("1 · Pictures", "running")
        one = preparing[0]
        doing = "Drawing" if one.name == prepare.DRAWN else "Checking"
        st.caption(f"{doing} the pictures of {words.markdown(one.name)}.")
        if one.total:
            st.progress(one.done / one.total, text=f"{one.done:,} of {one.total:,}")
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
    if st.button(f"**{label}**", icon=":material/refresh:", key="begin"):
        first_run.start()
        st.rerun()


def _step_train() -> None:
    runs, found, job = store.list_runs(), state.datasets(), first_run.look()
    run = live.queue(runs)[0] if live.queue(runs) else runs[-1] if runs else None
    if run and run.active:
        _head("2 · Train", live.status(run, runs))
        stage = live.stage(run, runs)
        st.caption(f"{words.markdown(stage.says)} You can leave this page; the run goes on.")
        if stage.batch_line:
            st.progress(stage.done, text=stage.batch_line)
        _link_to_train("Watch it, or stop it", job=run.id)
    elif run:
        _head("2 · Train", run.status)
        (st.warning if run.status == "stopped" else st.error)(words.markdown(live.why(run)))
        _again(run)
        _link_to_train("Change the settings", dataset=run.dataset)
    elif found and not (job and job.alive):
        _head("2 · Train", "not started")
        st.caption(f"{words.markdown(found[0].name)} is ready, and no run is under way.")
        _link_to_train("Start a run", dataset=found[0].name)
    else:
        _head("2 · Train", "waits for pictures")
        st.caption("A small network learns to tell them apart, in about a minute on two cores.")
        _link_to_train("What will be here")


def _link_to_train(label: str, **query: str) -> None:
    st.page_link("app_pages/train.py", label=label, icon=ARROW, query_params=query)


def _again(run: Run) -> None:
    """Start a run with the configuration of one that failed."""
    if st.button("**Try again**", icon=":material/refresh:", key=f"again-{run.id}"):
        try:
            started = live.start(run.dataset, TrainConfig(**run.config))
        except (CamsightError, OSError) as error:
            st.error(words.markdown(error))
            return
        st.switch_page("app_pages/train.py", query_params={"job": started.id})


def _first_curves() -> None:
    runs = store.list_runs()
    run = next(iter(live.queue(runs)), runs[-1] if runs else None)
    st.header("The first run, live" if run and run.active else "The first run", anchor=False)
    if run is None:
        with st.container(border=True):
            st.markdown("Loss and accuracy are drawn here, epoch by epoch, as soon as a run is on.")
        return
    live.curves(run, "first")


def _about(dataset: Dataset) -> str:
    n = words.count(dataset.size)
    one, other = (words.markdown(words.plural(name), 24) for name in dataset.class_names)
    if dataset.source == prepare.DRAWN:
        return f"{n} {one} and {other}, drawn by the program, with the parts that decide marked."
    refused = f", {words.count(dataset.refused)} files refused" if dataset.refused else ""
    return f"{n} pictures of {words.markdown(dataset.name)}: {one} and {other}{refused}."


@st.cache_data(max_entries=16, show_spinner=False)
def _thumbnails(name: str, fingerprint: str) -> tuple[list[np.ndarray], list[str]]:
    """Two training pictures of each class with their names, classes in turn."""
    dataset = next(one for one in state.datasets() if one.fingerprint == fingerprint)
    training = dataset.indices("train")
    labels = dataset.labels[training]
    rows = [training[np.flatnonzero(labels == label)[i]] for i in (0, 1) for label in (0, 1)]
    images = [np.array(dataset.images[row]) for row in rows]
    return images, [dataset.class_names[dataset.labels[row]] for row in rows]
