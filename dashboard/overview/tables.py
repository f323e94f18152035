"""What is there: judged runs by AUC, runs under way, runs without a result, datasets."""

from collections.abc import Sequence

import streamlit as st

from dashboard import state, words
from dashboard.overview import standing
from dashboard.overview.standing import Standing
from dashboard.parts import again, chance, evidence, links, live, results, rights
from dashboard.parts.evidence import RunRow
from engine.commands import compare
from engine.data.dataset import Dataset
from engine.records import Unreadable
from engine.runs.record import Run

MOST_ROWS = 50  # of the table with drawn intervals
UNDER_WAY = 5  # of the runs that train or wait; the first in line
MOST_NOTES = 3  # of runs that ended without a result, and of each kind that cannot be read


def runs_by_auc(judged: Sequence[Run], datasets: Sequence[Dataset], found: Standing) -> None:
    """The newest runs by what they were judged on, the highest AUC first; the rest on Runs."""
    st.header("Runs by AUC", anchor=False)
    shown = judged[-MOST_ROWS:]
    if found.elected not in shown:
        shown = [found.elected, *shown[1:]]
    names = standing.groups(judged, datasets)
    order = list(dict.fromkeys(names[run.id] for run in reversed(shown)))
    rows = [
        RunRow(
            run=run.id, dataset=names[run.id], auc=run.figures["auc"], low=run.figures["auc_low"],
            high=run.figures["auc_high"], n=results.judged_on(run), remark=remark(run),
            started=live.when(run.started),
        )
        for run in sorted(shown, key=lambda run: (order.index(names[run.id]), -run.figures["auc"]))
    ]  # fmt: skip
    methods = words.listed(sorted({results.method(run) for run in shown}))
    clicked = evidence.forest(rows, "runs", method=methods, notes=_notes(judged, names, datasets))
    if clicked:
        st.switch_page(links.EVALUATE, query_params={"run": clicked})
    chance.said([found.elected], judged)
    if len(judged) > len(shown):
        st.page_link(links.RUNS, label=f"All {words.count(len(judged))} of them, on Runs",
                     icon=":material/list_alt:")  # fmt: skip


def _notes(judged: Sequence[Run], names: dict[str, str], datasets) -> dict[str, str]:
    """What the figures of each group are, and what makes its runs comparable."""
    members: dict[str, list[Run]] = {}
    for run in judged:
        members.setdefault(names[run.id], []).append(run)
    return {name: _note(group, datasets) for name, group in members.items()}


def _note(group: list[Run], datasets: Sequence[Dataset]) -> str:
    n = words.count(results.judged_on(group[-1]))
    several = len(group) > 1
    said = f"same {n} test pictures: these may be compared" if several else f"{n} test pictures"
    gone = all(compare.dataset_of(run, datasets) is None for run in group)
    mean = _mean_of(group[0])
    return (f"{mean} · " if mean else "") + (f"{said}; no longer stored" if gone else said)


def remark(run: Run) -> str:
    stopped = ", stopped" if run.status == "stopped" else ""
    name = f"{words.plain(run.about.name, 40)} · " if run.about.name else ""
    return f"{name}{run.image_size} px · {live.epochs(run)}{stopped}{rights.by(run, ' · ')}"


def _mean_of(run: Run) -> str:
    """ "mean of 37 classes"; "" where the AUC is that of two."""
    k = len(run.class_names)
    return f"mean of {k} classes" if k > 2 else ""


def runs_under_way(runs: Sequence[Run]) -> None:
    active = live.queue(runs)
    if not active:
        return
    seen = [(run.id, run.status) for run in active]

    def body() -> None:
        now = state.look().runs
        if [(run.id, run.status) for run in live.queue(now)] != seen:
            st.rerun()
        st.header("Under way", anchor=False)
        for run in live.queue(now)[:UNDER_WAY]:
            with st.container(horizontal=True, vertical_alignment="center"):
                live.link(run)
                live.badge(live.status(run, now))
                if whose := rights.by(run):
                    st.caption(words.markdown(whose), width="content")
            stage = live.stage(run, now)
            batch = f" · {stage.batch_line}" if stage.batch_line else ""
            text = stage.says.removesuffix(".") + batch
            st.progress(stage.done, text=words.markdown(text))
        if len(seen) > UNDER_WAY:
            st.caption(f"And {len(seen) - UNDER_WAY} more in line; Train shows all of them.")

    state.poll(body, active=True)


def runs_without_figures(runs: Sequence[Run]) -> None:
    """Failed, lost and stopped runs, the newest three, each with its reason."""
    ended = [
        run for run in runs if not run.active and (not (run.judged or run.crossed) or run.error)
    ]
    if not ended:
        return
    st.header("Ended without a result", anchor=False)
    for run in reversed(ended[-MOST_NOTES:]):
        with st.container(horizontal=True, vertical_alignment="center"):
            live.link(run)
            live.badge(run.status)
            if going := again.resume_button(run):
                st.switch_page(links.TRAIN, query_params={"job": going.id})
        st.caption(words.markdown(live.why(run)))
    if len(ended) > MOST_NOTES:
        older = words.count(len(ended) - MOST_NOTES)
        st.page_link(
            links.RUNS, label=f"… and {older} older ones", icon=":material/list_alt:",
            query_params={"state": ("failed", "stopped")},
        )  # fmt: skip


def unreadable(found: Sequence[Unreadable], verb: str) -> None:
    """Rows of what stands in the workspace and cannot be read, each with its reason.

    Args:
        verb: of the command line, which lists all of them.
    """
    for one in found[:MOST_NOTES]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{words.markdown(one.id, 64)}**", width="content")
            live.badge("unreadable")
        st.caption(words.markdown(f"unreadable: {one.why}"))
    if len(found) > MOST_NOTES:
        more = words.count(len(found) - MOST_NOTES)
        st.caption(f"… and {more} more that cannot be read; `python -m engine {verb}` lists all.")


def datasets_there(datasets: Sequence[Dataset], runs: Sequence[Run]) -> None:
    of_subjects = any(one.subjects for one in datasets)
    rows = [
        {
            "dataset": one.name,
            "pictures": words.count(one.size),
            **({"subjects": _subjects(one)} if of_subjects else {}),
            "classes": _classes(one),
            "pixels": str(one.image_size),
            "refused": words.count(one.refused),
            "runs": str(sum(trained_on(run, one) for run in runs)),
            "fingerprint": one.fingerprint[:12],
        }
        for one in reversed(datasets)
    ]
    if rows:
        st.dataframe(rows, hide_index=True, row_height=34, alt="Datasets of this workspace")


def _classes(dataset: Dataset) -> str:
    """ "cat / dog", or their number where there are many."""
    names = dataset.class_names
    return " / ".join(names) if len(names) <= words.NAMED else f"{len(names)} classes"


def _subjects(dataset: Dataset) -> str:
    return words.count(dataset.subjects) if dataset.subjects else "not known"


def trained_on(run: Run, dataset: Dataset) -> bool:
    """By name as well: the same pictures may stand under two names."""
    return (run.dataset, run.dataset_fingerprint) == (dataset.name, dataset.fingerprint)
