"""The run that is watched: what it does or what came of it, its curves, configuration and log."""

from collections.abc import Sequence

import streamlit as st

from dashboard import state, words
from dashboard.parts import again, evidence, links, live, results, rights
from dashboard.parts.params import JOB, RUN
from dashboard.train import cards, chance, line, load
from dashboard.train.ended import notice
from dashboard.train.form import watch
from engine import jobs
from engine.commands import first_run
from engine.commands import line as commands_line
from engine.errors import CamsightError, ConfigError
from engine.runs import store
from engine.runs.record import Run
from engine.training.config import TrainConfig, stored_config

LOG_LINES = 200
ENDED = {"failed": "failed", "lost": "was lost"}


def chosen_run() -> Run | None:
    """The run that the address names; else one that is under way, else the newest, which the
    address then names, so that it shows the same one after the next training."""
    runs = state.look().runs
    asked = JOB.asked() or RUN.asked()
    found = next((run for run in runs if run.id == asked), None)
    if asked and not found and not asked.startswith("prepare-"):
        try:
            found = store.open_run(state.workspace(), asked)
        except CamsightError as error:
            st.warning(words.markdown(error))
    run = found or next(iter(live.queue(runs)), runs[-1] if runs else None)
    RUN.write(None)
    JOB.write(run.id if run else None)
    return run


def watched() -> None:
    run = chosen_run()
    if run is None:
        nothing_trained()
        return

    def body() -> None:
        runs = state.look().runs
        now = next((one for one in runs if one.id == run.id), None)
        now = now or store.open_run(state.workspace(), run.id)  # which says why it is not there
        if run.active and not now.active:
            st.rerun()
        one_run(now, runs)

    state.poll(body, run.active)
    going_on = bool(live.queue(state.look().runs))
    state.poll(lambda: beside(run, going_on), going_on)
    with st.expander("Configuration", icon=":material/tune:"):
        configuration(run)
    with st.expander("Log", icon=":material/terminal:"):
        state.poll(lambda: log(run), run.active)


def beside(run: Run, going_on: bool) -> None:
    """What of other runs belongs to this one: those with other seeds, its sweep, the line.

    Args:
        going_on: whether anything trained when the page was drawn; it is drawn anew after the last.
    """
    runs = state.look().runs
    if going_on and not live.queue(runs):
        st.rerun()
    chance.show(run, runs)
    line.best_of_sweep(run, runs)
    line.show(runs)


def nothing_trained() -> None:
    job = first_run.look(state.workspace())
    waits = bool(job and job.alive)

    def body() -> None:
        if state.look().runs:
            st.rerun()
        with st.container(border=True):
            st.markdown(
                "**The first run starts by itself** as soon as its pictures are drawn."
                if waits
                else "**Nothing has been trained yet.** Start a run: how it learns is drawn here, "
                "epoch by epoch."
            )

    state.poll(body, waits)


def one_run(run: Run, runs: Sequence[Run]) -> None:
    status = live.status(run, runs)
    told = live.history(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        seed = "" if results.head_alone(run) else f" · seed {run.config['seed']}"
        of = f" · {results.folds_of(run)}" if run.of else ""
        st.header(
            f"{run.id} · {words.markdown(results.learned(run))} · {run.image_size} px{seed}{of}",
            width="content", anchor=False,
        )  # fmt: skip
        live.badge(status)
        st.space("stretch")
        buttons(run, status)
    if not_stopped := st.session_state.pop("_stop_error", ""):
        st.error(words.markdown(not_stopped))
    if whose := rights.by(run, "Started "):
        st.caption(f"{words.markdown(whose)}.")
    again.said(run)
    if run.active:
        under_way(run, runs, told)
    else:
        ended(run, told)
        again.outlook(run)
    notice(run)
    if not run.of:
        live.curves(run, told, "live")
    others = [one for one in live.queue(runs) if one.id != run.id and one.status != "queued"]
    if others:
        st.caption("Also under way")
    for one in others:
        with st.container(horizontal=True, vertical_alignment="center"):
            live.link(one)
            live.badge(live.status(one, runs))


def buttons(run: Run, status: str) -> None:
    if run.active:
        keep = "**Stop**" if run.of else "**Stop and keep the best**"
        label = "**Do not start it**" if status == "queued" else keep
        refused = rights.why_not_own("stop", run)
        st.button(
            label, icon=":material/stop_circle:", key="stop", on_click=_stop, args=(run,),
            disabled=bool(refused) or store.asked_to_stop(run), help=refused or None,
        )  # fmt: skip
        return
    if resumed := again.resume_button(run):
        watch(resumed)
    if run.crossed:
        st.page_link(links.EVALUATE, label="**Look at the folds**", icon=":material/monitoring:",
                     query_params=links.to_folds(run))  # fmt: skip
    elif run.judged:
        with st.container(horizontal=True, width="content"):
            for page, label, icon in (
                (links.EVALUATE, "Evaluate it", ":material/monitoring:"),
                (links.EXPLAIN, "Look inside", ":material/center_focus_strong:"),
            ):
                st.page_link(page, label=f"**{label}**", icon=icon,
                             query_params={"run": run.id})  # fmt: skip
    else:
        anew = again.start_again(run, "Start it again")
        if anew:
            watch(anew)


def _stop(run: Run) -> None:
    try:
        commands_line.cancel(state.workspace(), run.id)
    except (CamsightError, OSError) as error:
        st.session_state["_stop_error"] = str(error)
    state.changed()


def under_way(run: Run, runs: Sequence[Run], told: dict) -> None:
    stage = live.stage(run, runs)
    if not run.of:
        evidence.cards(cards.under_way(run, stage, told), key="live-cards", small=True)
    st.progress(stage.done, text=words.markdown(stage.says))
    load.show(run)


def ended(run: Run, told: dict) -> None:
    reason = live.why(run)
    if reason and run.status in ENDED:
        st.error(words.markdown(reason), title=f"{run.id} {ENDED[run.status]}")
    elif reason:
        st.warning(words.markdown(reason))
    if run.crossed:
        evidence.cards([results.crossed_card(run)], key="live-cards", small=True)
    if run.judged:
        evidence.cards(cards.on_one_scale(cards.figures(run, told)), key="live-cards", small=True)
        kept = weights_kept(run, told)
        if kept:
            st.caption(kept)


def weights_kept(run: Run, told: dict) -> str:
    """How many epochs a run has behind it, and which of them its figures are of and why."""
    best = live.best_epoch(told)
    if best is None:
        return ""
    at, epochs = told["epoch"].index(best), live.epochs(run)
    how = f"It was stopped after {epochs}" if run.status == "stopped" else f"It trained {epochs}"
    return (
        f"{how}. The weights of epoch {best} are kept and judged: the one with the lowest "
        f"validation loss, {words.three_digits(told['val_loss'][at])}. Its accuracy on validation "
        f"was {words.percent(told['val_accuracy'][at])}."
    )


def configuration(run: Run) -> None:
    """Every hyperparameter of the run with what it means, also those of another version."""
    known = TrainConfig.model_fields
    try:
        stored = run.config | stored_config(run.config).model_dump()
    except ConfigError as error:
        st.caption(words.markdown(error))
        stored = run.config
    names = [*(name for name in known if name in stored), *(stored.keys() - known.keys())]
    rows = [
        {
            "hyperparameter": words.markdown(name, 40),
            "value": words.markdown(stored[name], 60),
            "meaning": words.markdown(known[name].description) if name in known else "",
        }
        for name in names
    ]
    st.table(rows, border="horizontal", hide_index=True, alt=f"Configuration of {run.id}")


def log(run: Run) -> None:
    """The end of what the run wrote; before it wrote anything, what its process printed."""
    try:
        told = (run.folder / "log.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        told = ""
    job = None if told else jobs.find(state.workspace(), run.id)
    lines = (told or (jobs.log(state.workspace(), job.id) if job else "")).splitlines()
    if not lines:
        st.caption("Its process has written nothing yet.")
        return
    st.code("\n".join(lines[-LOG_LINES:]), language=None, wrap_lines=True)
    if len(lines) > LOG_LINES:
        st.caption(f"The last {LOG_LINES} of {len(lines):,} lines.")
