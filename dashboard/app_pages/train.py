"""Train: start a run, watch it, stop it. It trains in a process of its own."""

import numpy as np
import streamlit as st

from dashboard import cost, evidence, live, state, words
from dashboard.evidence import Card
from dashboard.figures import METHODS
from dashboard.hyperparameters import choose_config
from engine.commands import first_run, prepare
from engine.data.dataset import Dataset
from engine.errors import CamsightError, RunError
from engine.evaluation.intervals import wilson
from engine.runs import store
from engine.runs.store import Run
from engine.settings import settings
from engine.training.config import TrainConfig

LOG_LINES = 200
ENDED = {"failed": "failed", "lost": "was lost"}
ARROW = ":material/arrow_forward:"


# --- the form -------------------------------------------------------------------------------------


def choose_dataset(found: list[Dataset]) -> Dataset:
    names = [one.name for one in found]
    asked = st.query_params.get("dataset")
    if asked and asked not in names:
        st.warning(f"There is no dataset {words.markdown(asked, 64)} here; the newest is chosen.")
    chosen = st.selectbox(
        "Dataset", names, key=state.carry("dataset", names), bind="query-params",
        help="Pictures are split once, when they are prepared: 80% to train on, 10% to choose the "
        "best epoch by, 10% to judge it on.",
    )  # fmt: skip
    dataset = next((one for one in found if one.name == chosen), found[0])
    part = words.count(sum(dataset.counts["train"]))
    one, other = (words.markdown(words.plural(name), 24) for name in dataset.class_names)
    st.caption(
        f"{words.count(dataset.size)} pictures of {one} and {other}, {part} of them to train on, "
        f"stored at {dataset.image_size} px."
    )
    return dataset


def start_button(dataset: Dataset, config: TrainConfig | None) -> None:
    if st.button("**Start training**", icon=":material/play_arrow:", width="stretch",
                 disabled=config is None, key="start") and config:  # fmt: skip
        try:
            run = live.start(dataset.name, config)
        except (CamsightError, OSError) as error:
            st.error(words.markdown(error))
            return
        watch(run)


def watch(run: Run) -> None:
    """Let the URL name the run, so that a reload finds it again."""
    st.query_params.pop("run", None)
    st.query_params["job"] = run.id
    st.rerun()


def new_run() -> None:
    st.header("New run", anchor=False)
    found = state.datasets()
    if not found:
        nothing_to_train_on()
        return
    dataset = choose_dataset(found)
    config = choose_config(dataset)
    if config:
        state.poll(lambda: cost.caption(dataset, config), cost.unsettled(dataset, config))
    start_button(dataset, config)


def nothing_to_train_on() -> None:
    job = first_run.look()
    if prepare.preparing() or (job and job.alive):

        def body() -> None:
            if state.datasets():
                st.rerun()
            st.caption("The first pictures are being prepared; the form is here when they are.")
            for one in prepare.preparing():
                if one.total:
                    text = f"{words.markdown(one.name)}: {one.done:,} of {one.total:,}"
                    st.progress(one.done / one.total, text=text)

        state.poll(body, active=True)
        return
    with st.container(border=True):
        st.markdown("**There are no pictures to train on yet.** Draw some, or bring your own.")
        st.page_link("app_pages/overview.py", label="To the pictures", icon=ARROW)


# --- the run that is watched ----------------------------------------------------------------------


def chosen_run() -> Run | None:
    """The run that the URL names; else one that is under way, else the newest."""
    asked = st.query_params.get("job") or st.query_params.get("run")
    if asked and not asked.startswith("prepare-"):
        try:
            return store.open_run(asked)
        except RunError as error:
            st.warning(words.markdown(error))
    runs = store.list_runs()
    return next(iter(live.queue(runs)), runs[-1] if runs else None)


def watched() -> None:
    run = chosen_run()
    if run is None:
        nothing_trained()
        return

    def body() -> None:
        now = store.open_run(run.id)
        if run.active and not now.active:
            st.rerun()
        one_run(now)

    state.poll(body, run.active)
    with st.expander("Log", icon=":material/terminal:"):
        state.poll(lambda: log(run), run.active)


def nothing_trained() -> None:
    job = first_run.look()
    waits = bool(job and job.alive)

    def body() -> None:
        if store.list_runs():
            st.rerun()
        with st.container(border=True):
            st.markdown(
                "**The first run starts by itself** as soon as its pictures are drawn."
                if waits
                else "**Nothing has been trained yet.** Start a run: how it learns is drawn here, "
                "epoch by epoch."
            )

    state.poll(body, waits)


def one_run(run: Run) -> None:
    runs = store.list_runs()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(
            f"{run.id} · {words.markdown(run.dataset)} · {run.image_size} px · seed "
            f"{run.config['seed']}",
            width="content", anchor=False,
        )  # fmt: skip
        live.badge(live.status(run, runs))
        st.space("stretch")
        buttons(run, live.status(run, runs))
    if run.active:
        under_way(run, runs)
    else:
        ended(run)
    live.curves(run, "live")
    others = [one for one in live.queue(runs) if one.id != run.id]
    if others:
        st.caption("Also under way")
    for one in others:
        with st.container(horizontal=True, vertical_alignment="center"):
            live.link(one)
            live.badge(live.status(one, runs))


def buttons(run: Run, status: str) -> None:
    if run.active:
        stopping = store.asked_to_stop(run)
        label = "**Do not start it**" if status == "queued" else "**Stop and keep the best**"
        st.button(
            label, icon=":material/stop_circle:", disabled=stopping, key="stop",
            on_click=store.ask_to_stop, args=(run,),
        )  # fmt: skip
    elif run.judged:
        with st.container(horizontal=True, width="content"):
            for page, label, icon in (
                ("evaluate", "Evaluate it", ":material/monitoring:"),
                ("explain", "Look inside", ":material/center_focus_strong:"),
            ):
                st.page_link(f"app_pages/{page}.py", label=f"**{label}**", icon=icon,
                             query_params={"run": run.id})  # fmt: skip
    elif st.button("**Start it again**", icon=":material/refresh:", key="again"):
        try:
            again = live.start(run.dataset, TrainConfig(**run.config))
        except (CamsightError, OSError) as error:
            st.error(words.markdown(error))
            return
        watch(again)


def under_way(run: Run, runs: list[Run]) -> None:
    stage = live.stage(run, runs)
    epoch = f"{stage.epoch} of {stage.epochs}" if stage.epoch else words.NOTHING
    batch = f"batch {stage.batch} of {stage.batches}" if stage.batch else "not begun"
    left = words.about(stage.seconds_left)
    cards = [
        Card("Epoch", epoch, batch),
        Card("Time left", left, "from the speed so far" if stage.epoch else "not measured yet"),
        Card("Speed", words.speed(stage.pictures_per_second), run.config["precision"]),
        best_so_far(run),
    ]
    evidence.cards(cards, key="live-cards", small=True)
    st.progress(stage.done, text=words.markdown(stage.says))


def best_so_far(run: Run) -> Card:
    """Validation accuracy of the kept weights; their pictures chose them, and the card says so."""
    told = store.history(run)
    best = live.best_epoch(told)
    if best is None:
        return Card("Best so far", words.NOTHING, "after the first epoch")
    accuracy = told["val_accuracy"][told["epoch"].index(best)]
    label = f"Best so far, epoch {best}" if run.active else f"Best epoch, {best}"
    dataset = state.dataset_of(run)
    if dataset is None:
        return Card(label, words.percent(accuracy), "accuracy on validation; its pictures are gone")
    n = sum(dataset.counts["validation"])
    share = wilson(int(np.rint(accuracy * n)), n)
    line = words.evidence_line(
        words.interval(share.low, share.high, words.percent), "accuracy, validation, Wilson", n
    )
    track = evidence.track(share.value, share.low, share.high, percent=True)
    return Card(label, words.percent(accuracy), line, track=track)


def ended(run: Run) -> None:
    reason = live.why(run)
    if reason and run.status in ("failed", "lost"):
        st.error(words.markdown(reason), title=f"{run.id} {ENDED[run.status]}")
    elif reason:
        st.warning(words.markdown(reason))
    if run.judged:
        evidence.cards(figures(run), key="live-cards", small=True)


def figures(run: Run) -> list[Card]:
    told = run.figures
    n = told["n_positive"] + told["n_negative"]
    interval = words.interval(told["auc_low"], told["auc_high"])
    trained = len(store.history(run).get("epoch", []))
    return [
        Card(
            "AUC on test", words.three_digits(told["auc"]),
            words.evidence_line(interval, METHODS[told["interval"]], n),
            track=evidence.track(told["auc"], told["auc_low"], told["auc_high"]),
        ),
        best_so_far(run),
        Card("Training time", words.duration(run.seconds),
             f"{trained} of {run.config['epochs']} epochs"),
        Card("Speed", words.speed(run.pictures_per_second),
             " · ".join(part for part in (run.device, run.config["precision"]) if part)),
    ]  # fmt: skip


def log(run: Run) -> None:
    """The end of what the run wrote; before it wrote anything, what its process printed."""
    for path in (run.folder / "log.txt", settings().jobs / run.id / "log.txt"):
        if path.exists() and path.stat().st_size:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            st.code("\n".join(lines[-LOG_LINES:]), language=None, wrap_lines=True)
            if len(lines) > LOG_LINES:
                st.caption(f"The last {LOG_LINES} of {len(lines):,} lines.")
            return
    st.caption("Its process has written nothing yet.")


# --- the page -------------------------------------------------------------------------------------

with st.container(gap="xxsmall"):
    st.title("Train")
    st.caption(
        "Start a run, watch it, stop it. It trains in a process of its own: leave the page "
        "whenever you like."
    )
form, seen = st.columns([1, 1.75], gap="large")
with seen:
    watched()
with form:
    new_run()
