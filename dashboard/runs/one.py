"""One run: what it scored, what people wrote about it, and where to go with it."""

from collections.abc import Callable

import streamlit as st

from dashboard import state, words
from dashboard.parts import again, chance, choose, evidence, links, live, results, rights
from dashboard.parts.evidence import Card
from dashboard.runs import table, trash
from engine.commands import export
from engine.commands import note as notes
from engine.commands.snapshot import Snapshot
from engine.errors import CamsightError
from engine.evaluation.proportions import wilson
from engine.records import Unreadable
from engine.runs import about
from engine.runs.record import Run


def show(run: Run | Unreadable, seen: Snapshot) -> None:
    st.space("xxsmall")
    if isinstance(run, Unreadable):
        with _bar(words.markdown(run.id, 64), "unreadable"):
            trash.ask_to_delete([run])
        st.error(words.markdown(run.why), title=f"{words.markdown(run.id, 40)} cannot be read")
        return
    with _bar(words.markdown(results.called(run)), live.status(run, seen.runs)):
        if going := again.resume_button(run):
            st.switch_page(links.TRAIN, query_params={"job": going.id})
        _links(run)
        _edit(run, seen)
        _download(run)
        trash.ask_to_delete([run])
    whose = words.markdown(rights.by(run))
    st.caption(choose.trained(run) + (f" · {whose}" if whose else ""))
    _about(run)
    if reason := live.why(run):
        st.warning(words.markdown(reason))
    if run.crossed:
        evidence.cards([results.crossed_card(run)], key=f"run-{run.id}")
    if run.judged:
        evidence.cards(_cards(run), key=f"run-{run.id}")
        chance.show(run, seen.runs)
    if told := live.history(run):
        live.curves(run, told, f"run-{run.id}")


def _bar(title: str, status: str):
    """The heading with the state; what is drawn in it are actions."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(title, anchor=False, width="content")
        live.badge(status)
        st.space("stretch")
        return st.container(horizontal=True, vertical_alignment="center", width="content")


def _links(run: Run) -> None:
    if run.judged:
        st.page_link(links.EVALUATE, label="Evaluate", icon=":material/monitoring:",
                     query_params={"run": run.id})  # fmt: skip
        st.page_link(links.EXPLAIN, label="Explain", icon=":material/center_focus_strong:",
                     query_params={"run": run.id})  # fmt: skip
    if run.crossed:
        st.page_link(links.EVALUATE, label="Evaluate", icon=":material/monitoring:",
                     query_params=links.to_folds(run))  # fmt: skip
    st.page_link(links.TRAIN, label="Log and settings", icon=":material/terminal:",
                 query_params={"job": run.id})  # fmt: skip
    if not rights.why_not("train a run"):
        st.page_link(
            links.TRAIN, label="Train again with changes", icon=":material/model_training:",
            query_params=links.to_train_again(run),
        )  # fmt: skip


def _about(run: Run) -> None:
    written = run.about
    if written.unread:
        st.warning(words.markdown(written.unread))
    if written.note:
        st.markdown("  \n".join(map(words.markdown, written.note.splitlines())))
    if written.tags:
        with st.container(horizontal=True):
            for tag in written.tags:
                st.badge(words.markdown(tag), color="gray")


def _edit(run: Run, seen: Snapshot) -> None:
    """Name, note and tags, written as soon as they are saved."""
    shown = f"{run.id}-{table.times_drawn()}"
    refused = rights.why_not_own("write about", run)
    with (
        st.popover("Name and note", icon=":material/edit:", key=f"edit-{shown}",
                   disabled=bool(refused), help=refused or None),
        st.form(f"about-{shown}", border=False),
    ):  # fmt: skip
        name = st.text_input("Name", run.about.name, max_chars=about.LONGEST_NAME)
        note = st.text_area("Note", run.about.note, max_chars=about.LONGEST_NOTE)
        known = dict.fromkeys(tag for one in seen.runs for tag in one.about.tags)
        tags = st.multiselect(
            "Tags", list(known), run.about.tags, accept_new_options=True,
            max_selections=about.MOST_TAGS, placeholder="none",
        )  # fmt: skip
        if not st.form_submit_button("**Save**", icon=":material/check:"):
            return
        try:
            notes.note(state.workspace(), run.id, name, note, tags)
        except (CamsightError, OSError) as error:
            st.error(words.markdown(error))
            return
    state.changed()
    table.draw_anew()
    st.rerun()


def _download(run: Run) -> None:
    if not run.judged:
        return
    there = all((run.folder / of).is_file() for of in ("best.weights.h5", "predictions.npz"))
    st.download_button(
        "Download", packed(run), f"{run.id}.zip", "application/zip",
        icon=":material/download:", on_click="ignore", disabled=not there,
        help="A zip: the model as .keras, which plain Keras loads, configuration, history, "
        "predictions and curves."
        if there else "Its weights or predictions are missing; train it again.",
    )  # fmt: skip


def packed(run: Run) -> Callable[[], bytes]:
    """What makes the zip when somebody asks for it, and not before."""

    def make() -> bytes:
        return export.pack(run, state.models().exported(run), state.datasets())

    return make


def _cards(run: Run) -> list[Card]:
    told, n = run.figures, results.judged_on(run)
    share = wilson(round(told["accuracy"] * n), n) if n else None
    k = len(run.class_names)
    rate = (
        words.evidence_line(words.interval(share.low, share.high, words.percent), "Wilson", n)
        if share else ""
    )  # fmt: skip
    track = evidence.track(share.value, share.low, share.high, percent=True) if share else None
    best = f"{run.best_epoch}" if run.best_epoch else words.NOTHING
    return [
        Card(
            "AUC on test", words.three_digits(told["auc"]),
            words.evidence_line(results.interval(run), results.method(run), n),
            remark="" if k == 2 else f"mean of {k} classes",
            track=evidence.track(told["auc"], told["auc_low"], told["auc_high"]),
        ),
        Card("Accuracy on test", words.percent(told["accuracy"]), rate, track=track),
        Card("Best epoch", best, f"lowest validation loss, of {live.epochs(run)}"),
        Card("Training time", words.duration(run.seconds), _by(run)),
    ]  # fmt: skip


def _by(run: Run) -> str:
    speed = words.speed(run.pictures_per_second) if run.pictures_per_second else ""
    if results.head_alone(run):
        speed = words.plain(run.features_by, 80)
    return " · ".join(part for part in (speed, run.device, live.when(run.started)) if part)
