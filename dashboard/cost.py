"""How long a training will take: from a run of the same settings, or from a short measurement."""

import numpy as np
import streamlit as st

from dashboard import live, state, words
from engine.commands import train
from engine.data.dataset import Dataset
from engine.jobs import local
from engine.runs import store
from engine.runs.store import Run
from engine.training.config import TrainConfig


def caption(dataset: Dataset, config: TrainConfig) -> None:
    """Say how long it would take, how that is known, and behind which run it would wait."""
    runs = store.list_runs()
    behind = live.queue(runs)
    seconds, source = _of_an_earlier_run(runs, dataset, config), ""
    if seconds:
        source = "timed on an earlier run"
    elif behind and not _measured(dataset, config):
        st.caption(
            f"How long it will take is measured when {behind[-1].id} has ended. This run would "
            f"start after it{_when_free(behind)}."
        )
        return
    else:
        seconds, source = _measure(dataset, config), "from a short measurement on this machine"
    if seconds is None:
        return
    start = f" This run would start after {behind[-1].id}{_when_free(behind)}." if behind else ""
    st.caption(f"**About {words.about(seconds)}** of training, {source}.{start}")


def unsettled(dataset: Dataset, config: TrainConfig) -> bool:
    """Whether the caption will change by itself."""
    runs = store.list_runs()
    if live.queue(runs):
        return True
    known = _of_an_earlier_run(runs, dataset, config) is not None or _measured(dataset, config)
    return not known


def _of_an_earlier_run(runs: list[Run], dataset: Dataset, config: TrainConfig) -> float | None:
    """Seconds by the epochs of the newest run here that was trained in the same way.

    The first epoch, which compiles, is left out, and so is the one that a stop cut short.
    """
    machine = state.machine()
    for run in reversed(runs):
        here = machine is None or machine["device"]["name"] == run.device
        same = run.judged and run.dataset_fingerprint == dataset.fingerprint
        if here and same and train.timed(TrainConfig(**run.config)) == train.timed(config):
            seconds = store.history(run).get("seconds", [])
            whole = seconds[1:-1] if run.status == "stopped" else seconds[1:]
            if whole:
                return config.epochs * float(np.median(whole))
    return None


def _measured(dataset: Dataset, config: TrainConfig) -> bool:
    job = local.look(train.estimate_id(dataset.name, config))
    return bool(job and job.result)


def _measure(dataset: Dataset, config: TrainConfig) -> float | None:
    """Seconds by a measurement of its own; None while it is under way or where it failed."""
    last = st.session_state.get("_measuring")
    job_id = train.estimate_id(dataset.name, config)
    if last and last != job_id and _state(last) == "alive":
        st.caption(":material/timer: Measuring other settings; these come next.")
        return None
    if _state(job_id) in ("none", "killed") and st.session_state.get("_measured") != job_id:
        st.session_state["_measured"] = job_id  # asked once: one that fails is not asked forever
        train.start_estimate(dataset.name, config)
    st.session_state["_measuring"] = job_id
    job = local.look(job_id)
    if job and job.alive:
        st.caption(":material/timer: Measuring how long it will take; about 15 s.")
    elif job and job.result:
        return job.result["seconds_per_epoch"] * config.epochs
    elif job:
        st.warning(words.markdown(job.error), title="How long it takes could not be measured.")
    return None


def _state(job_id: str) -> str:
    job = local.look(job_id)
    if job is None:
        return "none"
    return "alive" if job.alive else "done" if job.result else "killed"


def _when_free(behind: list[Run]) -> str:
    """ ", in about 6 min": known where one run is under way and none waits behind it."""
    left = live.stage(behind[0]).seconds_left if len(behind) == 1 else None
    return f", in about {words.about(left)}" if left is not None else ""
