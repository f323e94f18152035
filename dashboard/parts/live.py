"""A run under way: started, and in words what it does and how far it is. For Overview and Train."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from dashboard import state, words
from dashboard.parts import charts, links, results
from engine.commands import learn, train
from engine.data.question import Question
from engine.runs import store
from engine.runs.outcome import Progress
from engine.runs.record import Run
from engine.training.config import TrainConfig

MOMENT = 10.0  # seconds in which a second click is no wish for a second run; more than a rerun

BADGES = {
    "done": ("done", ":material/check:", "green"),
    "finished": ("finished", ":material/check:", "green"),
    "running": ("running", ":material/autorenew:", "blue"),
    "starting": ("starting", ":material/autorenew:", "blue"),
    "queued": ("queued", ":material/schedule:", "blue"),
    "stopping": ("stopping", ":material/stop_circle:", "yellow"),
    "stopped": ("stopped", ":material/stop_circle:", "yellow"),
    "failed": ("failed", ":material/error:", "red"),
    "lost": ("lost", ":material/error:", "red"),
    "unreadable": ("unreadable", ":material/error:", "red"),
    "waits": ("waits for the run", ":material/schedule:", "gray"),
    "waits for pictures": ("waits for pictures", ":material/schedule:", "gray"),
    "not started": ("not started", ":material/radio_button_unchecked:", "gray"),
}


def start(dataset_name: str, config: TrainConfig, question: Question | None = None) -> Run:
    """A new run; for the second click of a double click, the run of the first.

    The second click may cut the first one's rerun short wherever that touches Streamlit, session
    state included. So the note of what was started is a dict that is there before the start, and
    filled right after it.

    Raises:
        CamsightError: as `train.start` does.
    """
    noted = st.session_state.setdefault("_started", {})
    if noted and time.monotonic() - noted["at"] < MOMENT:
        run = store.open_run(state.workspace(), noted["run"])
        before = (run.dataset, run.config, learn.question_of(run))
        same = before == (dataset_name, config.model_dump(), question)
        if same and run.active and not store.asked_to_stop(run):
            return run
    run = train.start(state.workspace(), dataset_name, config, question)
    noted.update(run=run.id, at=time.monotonic())
    state.changed()
    return run


@dataclass(frozen=True)
class Stage:
    """Where a run is: a sentence, the share done (0 to 1), and what its numbers are by now."""

    says: str
    done: float = 0.0
    epoch: int | None = None
    epochs: int | None = None
    batch: int | None = None
    batches: int | None = None
    pictures_per_second: float | None = None
    seconds_left: float | None = None
    engine: str = ""  # what computes, where that is not the training's own

    @property
    def batch_line(self) -> str:
        """ "batch 21 of 25 · 214 pictures/s"; the speed alone, or nothing, where there is no batch
        (yet)."""
        if self.batch is None:
            return "" if self.pictures_per_second is None else words.speed(self.pictures_per_second)
        return f"batch {self.batch} of {self.batches} · {words.speed(self.pictures_per_second)}"


STARTING = "Starting worker: a process of its own loads TensorFlow, which takes about 10 s."


def stage(run: Run, runs: Sequence[Run] = ()) -> Stage:
    """What an active run does at this moment.

    Args:
        runs: all, to say behind which one it waits.
    """
    told = store.progress(run)
    if run.status == "queued" and (before := ahead_of(run, runs)):
        last = f", the last of {len(before)} before it" if len(before) > 1 else ""
        return Stage(f"Waits until {before[-1].id} has ended{last}.")
    if told is None:
        return Stage(STARTING)
    if told.phase == "judging":
        return Stage("Judging its best weights on pictures that training never saw.", 1.0)
    numbers = _numbers(told)
    if run.status == "stopping":
        says = "Stopping: it finishes its batch, keeps the best weights and judges them."
        if run.of:
            says = "Stopping: the folds that are judged are kept."
        return Stage(says, **numbers)
    if told.phase == "waiting":
        return Stage("Waits until another run has ended.")
    if told.fold and told.folds:
        return _folds(told)
    if told.total and told.done is not None:
        return _pictures(told)
    if told.phase == "training" and numbers:
        left = words.about(told.seconds_left)
        return Stage(f"Epoch {told.epoch} of {told.epochs}, about {left} left.", **numbers)
    if told.phase == "resuming":
        return Stage(f"Goes on after epoch {told.epoch} of {told.epochs}.")
    if told.phase == "measuring":
        return Stage("Measuring on a few batches how long it will take.")
    if told.phase == "estimated":
        return Stage(f"Epoch 1 begins. It will take about {words.about(told.seconds)}.")
    return Stage(STARTING)


def _pictures(told: Progress) -> Stage:
    """Of a phase that goes through pictures one time, as the computing of features does."""
    doing = "Computing features" if told.phase == "features" else words.plain(told.phase, 40)
    left = "" if told.seconds_left is None else f", about {words.about(told.seconds_left)} left"
    return Stage(
        f"{doing}: {words.count(told.done)} of {words.count(told.total)} pictures{left}.",
        min(1.0, max(0.0, told.done / told.total)),
        pictures_per_second=told.pictures_per_second,
        seconds_left=told.seconds_left,
        engine=words.plain(told.engine or "", 60),
    )


def _folds(told: Progress) -> Stage:
    """Of a cross-validation: which fold it trains, and how long all of them will take."""
    left = "" if told.seconds_left is None else f", about {words.about(told.seconds_left)} left"
    within = _numbers(told).get("done", 0.0)
    return Stage(
        f"Fold {told.fold} of {told.folds}{left}.",
        min(1.0, max(0.0, (told.fold - 1 + within) / told.folds)),
        seconds_left=told.seconds_left,
    )


def _numbers(told: Progress) -> dict:
    """What a training has told of itself, for `Stage`; {} before its first batch."""
    if not (told.epoch and told.epochs and told.batch and told.batches):
        return {}
    done = ((told.epoch - 1) * told.batches + told.batch) / (told.epochs * told.batches)
    names = ("epoch", "epochs", "batch", "batches", "pictures_per_second", "seconds_left")
    return {"done": min(1.0, max(0.0, done))} | {name: getattr(told, name) for name in names}


def ahead_of(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs that train, or will, before a run that waits; the next one last."""
    line = queue(runs)
    ids = [one.id for one in line]
    return line[: ids.index(run.id)] if run.id in ids else line


def status(run: Run, runs: Sequence[Run]) -> str:
    """The run's status for `badge`; one that nothing holds up is not queued but starting."""
    return "starting" if run.status == "queued" and not ahead_of(run, runs) else run.status


def queue(runs: Sequence[Run]) -> list[Run]:
    """Active runs, the one that trains first, then by their places in line."""
    place = {run_id: at for at, run_id in enumerate(state.look().line)}
    active = [run for run in runs if run.active]
    return sorted(
        active,
        key=lambda run: (run.status == "queued", place.get(run.id, len(place)), run.created),
    )


def why(run: Run) -> str:
    """Why a run ended without a result, and what is left of it, in a sentence."""
    if run.error:
        return run.error
    if run.status == "lost":
        return (
            "Its process ended without a word: it was killed, or the machine went down. What it "
            "had written is kept in its folder; resume it, or start it again, for a result."
        )
    if run.status == "stopped" and run.of:
        return "It was stopped before its last fold; the folds that it has are kept."
    if run.status == "stopped" and not run.judged:
        had = "weights" if run.started else "begun"
        return f"It was stopped before it had {had}, so there is nothing to judge."
    return ""


def badge(status: str) -> None:
    label, icon, color = BADGES[status]
    st.badge(label, icon=icon, color=color)


def link(run: Run) -> None:
    """To the page where it is watched."""
    st.page_link(
        links.TRAIN, label=f"**{run.id}** on {words.markdown(results.learned(run))}",
        icon=":material/arrow_forward:", query_params={"job": run.id},
    )  # fmt: skip


def curves(run: Run, told: dict, key: str) -> None:
    """Loss and accuracy by epoch, side by side; one below the other on a phone.

    Args:
        told: the history, read once for all that a page shows of it: read twice, a curve could
            lack the epoch that the numbers beside it know.
    """
    at = len(told.get("epoch", []))
    epochs = run.config["epochs"] if run.active or not at else at
    loss, accuracy = charts.learning_curves(told, best_epoch(told), epochs)
    now = f"after epoch {at}" if at else "before the first epoch has ended"
    so_far = f" · {now}" if run.active and at else ""
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption(f"Loss, lower is better{so_far}")
        value = f": {told['val_loss'][-1]:.3f} on validation" if at else ""
        charts.show(loss, f"{key}-loss", f"Loss {now}{value}.")
    with right:
        st.caption(f"Accuracy, higher is better{so_far}")
        value = f": {words.percent(told['val_accuracy'][-1])} on validation" if at else ""
        charts.show(accuracy, f"{key}-accuracy", f"Accuracy {now}{value}.")


def epochs(run: Run) -> str:
    """How many epochs a run has behind it: "8 epochs", "23 of 40 epochs" where it ended earlier."""
    ran = _epochs_ran(str(run.folder), run.ended, run) if run.ended else None
    wanted = run.config["epochs"]
    count = f"{ran} of {wanted}" if ran and ran < wanted else str(wanted)
    return f"{count} epoch{'' if wanted == 1 else 's'}"


@st.cache_data(max_entries=4096, show_spinner=False)
def _epochs_ran(folder: str, ended: str, _run: Run) -> int:
    return len(history(_run).get("epoch", []))


HISTORY = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")


def history(run: Run) -> dict[str, list[float]]:
    """Its columns of HISTORY and more by epoch; {} where it has none that can be shown."""
    told = store.history(run)
    return told if set(HISTORY) <= told.keys() else {}


def best_epoch(history: dict) -> int | None:
    """The epoch of the lowest validation loss so far, whose weights are kept."""
    losses = history.get("val_loss", [])
    return history["epoch"][losses.index(min(losses))] if losses else None


def when(moment: str | None) -> str:
    """A stored moment in the reader's time zone: "today 09:41", "yesterday 17:02", "3 Mar 2026"."""
    if not moment:
        return ""
    try:
        zone = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    local, today = datetime.fromisoformat(moment).astimezone(zone), datetime.now(zone).date()
    for day, name in ((today, "today"), (today - timedelta(days=1), "yesterday")):
        if local.date() == day:
            return f"{name} {local:%H:%M}"
    return f"{local.day} {local:%b %Y}"
