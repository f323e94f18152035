"""What the pages read, what of it is cached, and what runs beside them."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard import figures, readiness, words
from dashboard.gate.who import PERSON
from engine import people
from engine.commands import compare, evaluate, prepare, snapshot
from engine.commands.snapshot import Snapshot
from engine.data.dataset import Dataset
from engine.data.question import Question, ask, task_of
from engine.data.subjects import Alike
from engine.errors import AccessError, CamsightError
from engine.people import WHOEVER, Person
from engine.runs import store
from engine.runs.record import Run
from engine.serving import client
from engine.serving.client import Client
from engine.settings import settings
from engine.workspace import Workspace

log = logging.getLogger("camsight")
HEATS_BYTES = 256 * 2**20  # of heatmaps kept for all sessions


# --- the workspace ------------------------------------------------------------------------------


def person() -> Person:
    """Who looks at the page: as the gate told this session when it began.

    Raises:
        AccessError: if people sign in here and the gate told nobody.
    """
    if settings().sign_in == "none":
        return WHOEVER
    told = st.user.get(PERSON)
    if not isinstance(told, str):
        raise AccessError("Nobody is signed in on this page; load it again to sign in.")
    return people.written(told)


def workspace() -> Workspace:
    """The workspace, as asked for by whoever looks at the page."""
    return Workspace(settings().workspace, person())


def look() -> Snapshot:
    """The workspace as it was less than a second ago, read once for all sessions."""
    return snapshot.look(workspace())


def changed() -> None:
    """Let the next look be a new one; called after whatever a page has changed itself."""
    snapshot.forget(workspace())


def runs(judged: bool = False) -> list[Run]:
    """Runs, newest first, those with figures before the others; only those with, if asked.
    Cross-validations, which have no weights, are not among them."""
    found = [run for run in reversed(look().runs) if run.judged or not (judged or run.of)]
    return sorted(found, key=lambda run: not run.judged)


def datasets() -> list[Dataset]:
    """Newest first."""
    return list(reversed(look().datasets))


def dataset_of(run: Run) -> Dataset | None:
    """The dataset that holds the run's pictures; None if it is gone, or holds others by now."""
    return compare.dataset_of(run, look().datasets)


# --- what is cached -----------------------------------------------------------------------------


def split_id(dataset: Dataset, question: Question | None) -> str:
    """What is in the test part of a dataset, or of what a question asks about it; "" where it
    cannot be read, or lacks a class that is asked for."""
    if question is None:
        return dataset.split_id
    try:
        ask(dataset, question.positive, question.negative)
        return _split_id(dataset.fingerprint, dataset.split_id, question, dataset)
    except CamsightError:
        return ""


@st.cache_data(max_entries=1024, show_spinner=False)
def _split_id(fingerprint: str, split: str, question: Question, _dataset: Dataset) -> str:
    return task_of(replace(_dataset), question).split_id


def look_alike(run: Run) -> Alike | None:
    """Whether file names of the run's dataset look like several pictures of one subject, where no
    subjects are known; None where the dataset is gone or cannot be read."""
    dataset = dataset_of(run)
    try:
        return _look_alike(dataset.fingerprint, dataset.name, dataset) if dataset else None
    except CamsightError:
        return None


@st.cache_data(max_entries=256, show_spinner=False)
def _look_alike(fingerprint: str, name: str, _dataset: Dataset) -> Alike | None:
    """The name, too: the same pictures may stand under other file names in another dataset."""
    return prepare.look_alike(replace(_dataset))


@st.cache_data(max_entries=64, show_spinner=False)
def _predictions(folder: str, weights_sha256: str, part: str, _run: Run) -> dict[str, np.ndarray]:
    told = store.predictions(_run, part)
    return told | {"subject": evaluate.subjects(_run, told, datasets())}


def predictions(run: Run, part: str) -> dict[str, np.ndarray]:
    """What the run said of each picture of a part: picture, y_true, logit, y_score, and subject,
    which is None where each picture is of one of its own.

    Raises:
        CamsightError: if it cannot be read.
    """
    return _predictions(str(run.folder), run.weights_sha256, part, run)


class Kept:
    """Arrays by what they depend on, each by name or SHA-256, bounded by their bytes.

    Streamlit's own cache tells large arrays apart by a sample only, and counts entries.
    """

    def __init__(self, most_bytes: int):
        self._most, self._bytes = most_bytes, 0
        self._kept: OrderedDict[tuple, tuple[object, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple):
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: tuple, value, size: int) -> None:
        """Keep it; what was not asked for longest goes. size: in bytes."""
        with self._lock:
            self._bytes += size - self._kept.pop(key, (None, 0))[1]
            self._kept[key] = (value, size)
            while self._bytes > self._most and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1][1]


@st.cache_resource(show_spinner=False)
def kept() -> Kept:
    """Heatmaps, scores and drawn pictures of all sessions."""
    return Kept(HEATS_BYTES)


# --- what runs beside the pages -----------------------------------------------------------------


def models() -> Client:
    """The process that holds the models, which is started with the server: no page computes."""
    return client.ask()


def machine() -> dict | None:
    """What `doctor` says, asked in a process of its own; None while it has not answered."""
    return readiness.doctor()


def poll(body: Callable[[], None], active: bool) -> None:
    """Draw `body` as a fragment, every second while something is going on."""
    st.fragment(lambda: guarded(body), run_every=1 if active else None)()


def guarded(body: Callable[[], None]) -> None:
    """Draw `body`; what cannot be read or used is a sentence on the page."""
    try:
        body()
    except CamsightError as error:
        figures.REFUSALS.labels(type(error).__name__).inc()
        if isinstance(error, AccessError):
            log.warning("%s", error)
        st.error(words.markdown(error))
