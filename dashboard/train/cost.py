"""How long a training will take: from a run of the same settings, or from a short measurement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import streamlit as st

from dashboard import state, words
from dashboard.parts import live
from engine import jobs
from engine.commands import estimate, learn
from engine.data.dataset import Dataset
from engine.data.question import Question
from engine.errors import ConfigError
from engine.jobs import Job
from engine.runs.record import Run
from engine.training.config import TrainConfig, stored_config

EARLIER_RUNS = 20  # of the same settings, that are looked at for one with a whole epoch


@dataclass(frozen=True)
class Wanted:
    """What the form asks for; question: None for all classes."""

    dataset: Dataset
    config: TrainConfig
    question: Question | None

    @property
    def named(self) -> tuple[str, TrainConfig, Question | None]:
        """As the engine's commands take it."""
        return self.dataset.name, self.config, self.question


@dataclass(frozen=True)
class Cost:
    """seconds: of training. around: of what comes before and after; 0 where that is not known."""

    seconds: float
    around: float
    source: str

    def says(self) -> str:
        training = f"{words.about(self.seconds)} of training"
        if not self.around:
            return f"**About {training}**, {self.source}."
        whole = words.about(self.seconds + self.around)
        around = words.about(self.around)
        return f"**About {whole}**: {training} and {around} to begin and to judge, {self.source}."


def caption(wanted: Wanted) -> None:
    """Say how long it would take, how that is known, and behind which run it would wait."""
    runs = state.look().runs
    behind = live.queue(runs)
    found = known(runs, wanted)
    if behind and found is None:
        st.caption(
            f"How long it will take is measured when {behind[-1].id} has ended. This run would "
            f"start after it{_when_free(behind)}."
        )
        return
    if found is None:
        _measure(wanted)
        return
    start = f" This run would start after {behind[-1].id}{_when_free(behind)}." if behind else ""
    st.caption(found.says() + start)


def begins(line: Sequence[Run], runs: Sequence[Run]) -> list[float | None]:
    """Seconds until each run in line begins and, last, until all have ended; None from behind the
    first one on whose length nobody knows. Settings that several share are looked up once."""
    times: list[float | None] = [0.0]
    lengths: dict[tuple | None, float | None] = {}
    for run in line:
        left = None if run.status == "queued" else live.stage(run).seconds_left
        if left is None and times[-1] is not None:
            wanted = _of_run(run)
            key = wanted and (wanted.dataset.name, wanted.question, wanted.config.epochs,
                              *estimate.timed(wanted.config).values())  # fmt: skip
            if key not in lengths:
                lengths[key] = wanted and whole(wanted, runs)
            left = lengths[key]
        times.append(None if times[-1] is None or left is None else times[-1] + left)
    return times


def of_run(run: Run, runs: Sequence[Run]) -> float | None:
    """Seconds that a run of the same settings would take, all counted; None where nobody knows."""
    wanted = _of_run(run)
    return wanted and whole(wanted, runs)


def whole(wanted: Wanted, runs: Sequence[Run]) -> float | None:
    """Seconds from the start to the end of a run, its judging included; None where nobody knows."""
    found = known(runs, wanted)
    return found.seconds + found.around if found else None


def _of_run(run: Run) -> Wanted | None:
    """What a run was asked for; None where that cannot be read, or its pictures are gone, and of a
    cross-validation, whose length nobody has measured."""
    if run.of:
        return None
    dataset = state.dataset_of(run)
    try:
        config = stored_config(run.config)
    except ConfigError:
        return None
    return Wanted(dataset, config, learn.question_of(run)) if dataset else None


def unsettled(wanted: Wanted) -> bool:
    """Whether the caption will change by itself."""
    runs = state.look().runs
    return bool(live.queue(runs)) or known(runs, wanted) is None


def known(runs: Sequence[Run], wanted: Wanted) -> Cost | None:
    """By an earlier run of the same settings, or by a measurement that has ended."""
    job = estimate.find_estimate(state.workspace(), *wanted.named)
    return _of_an_earlier_run(runs, wanted) or _of_a_measurement(job, wanted.config)


def _of_an_earlier_run(runs: Sequence[Run], wanted: Wanted) -> Cost | None:
    """By the epochs of the newest run here that was trained in the same way, else of one that is.

    The first epoch, which compiles, is left out, and so is the one that a stop cut short.
    """
    machine, asked = state.machine(), estimate.timed(wanted.config)
    alike = [
        run
        for run in reversed(runs)
        if (run.judged or run.active)
        and run.dataset_fingerprint == wanted.dataset.fingerprint
        and learn.question_of(run) == wanted.question
        and (machine is None or machine["device"]["name"] == run.device)
        and all(run.config.get(name) == value for name, value in asked.items())
    ]
    # one that ended tells what comes before and after its epochs, too
    for run in sorted(alike, key=lambda run: not run.judged)[:EARLIER_RUNS]:
        seconds = live.history(run).get("seconds", [])
        whole = seconds[1:-1] if run.status == "stopped" else seconds[1:]
        if whole:
            # pictures that grow make later epochs longer by themselves
            each = float((np.mean if wanted.config.progressive else np.median)(whole))
            return Cost(wanted.config.epochs * each, _around(run), "timed on an earlier run")
    return None


def _around(run: Run) -> float:
    """Seconds from the start of a run to its end that it did not train."""
    if run.went_on or not (run.started and run.ended and run.seconds is not None):
        return 0.0  # of one that was resumed, nobody knows how long nothing was done
    whole = datetime.fromisoformat(run.ended) - datetime.fromisoformat(run.started)
    return max(0.0, whole.total_seconds() - run.seconds)


def _of_a_measurement(job: Job | None, config: TrainConfig) -> Cost | None:
    told = job.result if job and isinstance(job.result, dict) else {}
    each = told.get("seconds_per_epoch")
    if not isinstance(each, int | float):
        return None
    source = "from a short measurement on this machine"
    if told.get("busy"):
        source += ", which had other work meanwhile"
    seconds = (told.get("first_seconds") or 0.0) + config.epochs * each
    return Cost(seconds, told.get("start_seconds") or 0.0, source)


def _measure(wanted: Wanted) -> None:
    """Have it measured in a process of its own, one at a time, and say so, or why it failed."""
    workspace, memory = state.workspace(), st.session_state
    job = estimate.find_estimate(workspace, *wanted.named)
    last = jobs.look(workspace, memory["_measuring"]) if "_measuring" in memory else None
    if last and last.alive and (job is None or job.id != last.id):
        st.caption(":material/timer: Measuring other settings; these come next.")
        return
    asked = (wanted.dataset.fingerprint, wanted.question, *estimate.timed(wanted.config).values())
    if not (job and job.alive) and memory.get("_measured") != asked:
        memory["_measured"] = asked  # asked once: one that fails is not asked forever
        estimate.start_estimate(workspace, *wanted.named)
        job = estimate.find_estimate(workspace, *wanted.named)
    if job is None:
        return
    memory["_measuring"] = job.id
    if job.alive:
        st.caption(":material/timer: Measuring how long it will take; about 15 s.")
    elif job.error:
        st.warning(words.markdown(job.error), title="How long it takes could not be measured.")


def _when_free(behind: list[Run]) -> str:
    """ ", in about 6 min", where it is known how long each of those before it takes."""
    left = begins(behind, state.look().runs)[-1]
    return f", in about {words.about(left)}" if left is not None else ""
