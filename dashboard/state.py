"""What is cached, and what stands in the URL."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from dashboard import words
from engine.data.dataset import Dataset, list_datasets, open_dataset
from engine.jobs import local
from engine.runs import store
from engine.runs.store import Run
from engine.settings import settings

HEATS_KEPT = 2000
URL_KEYS = (
    "run", "layer", "target", "pics", "t", "split", "interval", "view", "opacity", "map", "by",
    "dataset", "preset", "m",
)  # fmt: skip
WARM_UP_AFTER = 2.0  # seconds: the first page is drawn before TensorFlow's import takes the time


# --- what stands in the URL ---------------------------------------------------------------------


def carry(key: str, options: Sequence, default=None) -> str:
    """The key of a widget bound to the URL, with its value kept across pages.

    Streamlit keeps what was touched and forgets what came from the URL, or whose page was left
    while it still ran: before the widget is drawn on a new page, such a value is set again, in the
    URL as well, so that a reload finds it.

    Args:
        options: what the widget offers.
        default: the widget's, which stays out of the URL; None is the first option.
    """
    state, before = st.session_state, last(key)
    arrived = state.get("_drawn") != state.get("_here")
    if arrived and before in options and key not in st.query_params:
        state[key] = before
        if before != (options[0] if default is None else default):
            st.query_params[key] = before
    return key


def last(key: str):
    """What `keep_keys` remembered; None if nothing."""
    return st.session_state.get("_last", {}).get(key)


def mirror(key: str, value: str | list[str], default: str | list[str]) -> None:
    """Write a widget's value into the URL, where options are ids and Streamlit's own binding would
    write their labels; the default stays out."""
    if value == default:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = value


def keep_keys() -> None:
    """Remember what `carry` may need on the next page.

    Called after each page, and as soon as its widgets are drawn where more work follows.
    """
    state = st.session_state
    state["_last"] = state.get("_last", {}) | {key: state[key] for key in URL_KEYS if key in state}
    state["_drawn"] = state.get("_here")


def runs(judged: bool = False) -> list[Run]:
    """Runs, newest first; only those with figures, if asked."""
    found = [run for run in reversed(store.list_runs()) if run.judged or not judged]
    return sorted(found, key=lambda run: not run.judged)


def choose_run(options: Sequence[Run]) -> Run:
    """The select box `run` of every page; its options are the ids, as they stand in the URL."""
    ids = [run.id for run in options]
    by_id = dict(zip(ids, options, strict=True))
    asked = st.query_params.get("run")
    chosen = st.selectbox("Run", ids, key=carry("run", ids), bind="query-params", width="stretch")
    if asked and asked not in by_id:
        st.toast(f"There is no run {words.markdown(asked, 40)} here; the newest is shown.")
    return by_id.get(chosen, options[0])


def describe(run: Run) -> str:
    """A run in a line of caption: "quick on drawn, 64 px, 10 epochs"."""
    parts = f"{run.preset} on {run.dataset}, {run.image_size} px, {run.config['epochs']} epochs"
    return words.markdown(parts)


# --- what is cached -----------------------------------------------------------------------------


@st.cache_resource(max_entries=settings().models_in_memory, show_spinner=False)
def model(run_id: str, weights_sha256: str):
    """The run's model with its lock (engine.inference.Loaded); read-only, shared by everyone."""
    from engine import backend, inference

    backend.prepare_process(settings().server_gpu_mb)
    return inference.load(store.open_run(run_id))


@st.cache_resource(max_entries=8, show_spinner=False)
def _dataset(name: str, fingerprint: str) -> Dataset:
    return open_dataset(settings().datasets / name)


def dataset_of(run: Run) -> Dataset | None:
    """The run's dataset; None if it is gone, or holds other pictures by now."""
    for found in datasets():
        if (found.name, found.fingerprint) == (run.dataset, run.dataset_fingerprint):
            return _dataset(found.name, found.fingerprint)
    return None


def datasets() -> list[Dataset]:
    """Newest first."""
    return list_datasets(settings().datasets)[::-1]


@st.cache_data(max_entries=32, show_spinner=False)
def predictions(run_id: str, weights_sha256: str, part: str) -> dict[str, np.ndarray]:
    return store.predictions(store.open_run(run_id), part)


class Heats:
    """Heatmaps by what they depend on: picture, weights, layer, method and target, each by name or
    SHA-256, since Streamlit's own cache tells large arrays apart by a sample only."""

    def __init__(self):
        self._kept: OrderedDict[tuple, object] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple):
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: tuple, heat) -> None:
        with self._lock:
            self._kept[key] = heat
            while len(self._kept) > HEATS_KEPT:
                self._kept.popitem(last=False)


@st.cache_resource(show_spinner=False)
def heats() -> Heats:
    return Heats()


# --- what runs beside the pages -----------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Thread:
    """Import TensorFlow in the background, so that the first heatmap does not wait for it."""

    def work() -> None:
        time.sleep(WARM_UP_AFTER)
        from engine import backend, inference  # noqa: F401

        backend.prepare_process(settings().server_gpu_mb)

    thread = threading.Thread(target=work, name="warm-up", daemon=True)
    thread.start()
    return thread


@st.cache_resource(show_spinner=False)
def _ask_doctor() -> str:
    return local.start("doctor", ["doctor"])


def machine() -> dict | None:
    """What `doctor` says, asked in a process of its own; None while it has not answered."""
    job = local.look(_ask_doctor())
    return job.result if job and isinstance(job.result, dict) else None


def poll(body: Callable[[], None], active: bool) -> None:
    """Draw `body` as a fragment, every second while something is going on."""
    st.fragment(body, run_every=1 if active else None)()
