"""The runs in line: in which order they are trained, behind whom and until about when."""

import hashlib
from collections.abc import Sequence

import streamlit as st

from dashboard import state, words
from dashboard.parts import live, results, rights
from dashboard.train import cost
from dashboard.train.form import watch
from engine.commands import compare, line, many
from engine.errors import CamsightError
from engine.runs.record import Run

SHOWN = 60  # rows; a sweep has 50 at most
UNKNOWN = "not measured yet"
SHORT = {"learning_rate": "rate", "batch_size": "batch", "seed": "seed"}


def show(runs: Sequence[Run]) -> None:
    """The table of those that train and wait; rows that are ticked are moved or cancelled."""
    active = live.queue(runs)
    if not any(run.status == "queued" for run in active[1:]):
        return
    st.header("Queue", anchor=False)
    shown = active[:SHOWN]
    rows = [
        {"Run": run.id, "State": state_of(run, shown), "Starts": start, "Settings": settings(run)}
        for run, start in zip(shown, starts(shown, runs), strict=True)
    ]
    # rows are ticked by number, so another order is another table: the ticks go with the runs
    ids = [run.id for run in shown]
    key = hashlib.sha256(" ".join(ids).encode()).hexdigest()[:12]
    ticked = [at for at, run_id in enumerate(ids) if run_id in st.session_state.get("_moved", ())]
    chosen = st.dataframe(
        rows, hide_index=True, row_height=34, key=f"line-{key}", on_select="rerun",
        selection_mode="multi-row", selection_default={"selection": {"rows": ticked}},
        height="content" if len(rows) <= 8 else 300, alt="Runs in the order of their training",
    )  # fmt: skip
    rows_chosen = [at for at in chosen.selection.rows if at < len(ids)]
    st.session_state["_moved"] = [ids[at] for at in rows_chosen]
    buttons([shown[at] for at in rows_chosen])
    if len(active) > SHOWN:
        st.caption(f"And {words.count(len(active) - SHOWN)} more behind these.")
    if refused := st.session_state.pop("_line_error", ""):
        st.error(words.markdown(refused))


def buttons(ticked: Sequence[Run]) -> None:
    """For the runs that are ticked, in their order; what trains is neither moved nor cancelled."""
    waiting = [run for run in ticked if run.status == "queued"]
    chosen, refused = [run.id for run in waiting], rights.why_not_own("move or stop", *waiting)
    how = {"disabled": not chosen or bool(refused), "help": refused or None}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Up", icon=":material/arrow_upward:", key="line-up", **how,
                  on_click=_change, args=(list(chosen), _up))  # fmt: skip
        st.button("Down", icon=":material/arrow_downward:", key="line-down", **how,
                  on_click=_change, args=(list(reversed(chosen)), _down))  # fmt: skip
        st.button("Cancel", icon=":material/close:", key="line-cancel", **how,
                  on_click=_change, args=(list(chosen), line.cancel))  # fmt: skip
        if len(ticked) == 1 and st.button(
            "Watch", icon=":material/visibility:", key=f"line-watch-{ticked[0].id}"
        ):
            watch(ticked[0])
        if not ticked:
            st.caption("Tick runs that wait, to move or cancel them.")


def _up(workspace, run_id: str) -> None:
    line.move(workspace, run_id, up=True)


def _down(workspace, run_id: str) -> None:
    line.move(workspace, run_id, up=False)


def _change(ids: Sequence[str], change) -> None:
    try:
        for run_id in ids:
            change(state.workspace(), run_id)
    except (CamsightError, OSError) as error:
        st.session_state["_line_error"] = str(error)
    state.changed()


def state_of(run: Run, shown: Sequence[Run]) -> str:
    status = live.status(run, shown)
    if status != "queued":
        return status
    return f"queued behind {shown[shown.index(run) - 1].id}"


def settings(run: Run) -> str:
    """What tells it from its neighbours: of a sweep what varies, of others rate and seed."""
    names = [name for name in run.varies if name in SHORT] or ["learning_rate", "seed"]
    values = [f"{SHORT[name]} {run.config.get(name)}" for name in names]
    learned, whose = words.plain(results.learned(run), 40), rights.by(run)
    return " · ".join([learned, f"{run.image_size} px", *values, *([whose] if whose else [])])


def starts(shown: Sequence[Run], runs: Sequence[Run]) -> list[str]:
    """When each begins: "now", "in about 6 min"; of what waits for a run that nobody has timed,
    that this is not known yet."""
    told = []
    for at, (run, seconds) in enumerate(zip(shown, cost.begins(shown, runs), strict=False)):
        if run.status != "queued" or not at:
            told.append("now")
        else:
            told.append(UNKNOWN if seconds is None else f"in about {words.about(seconds)}")
    return told


def best_of_sweep(run: Run, runs: Sequence[Run]) -> None:
    """Which run of a sweep is chosen, by what, and why its test AUC is the one to believe."""
    swept = many.swept_with(run, runs)
    judged = [one for one in swept if one.judged]
    if len(judged) < 2:
        return
    best, n = compare.elect(judged), len(judged)
    under_way = sum(one.active for one in swept)
    are = "is" if under_way == 1 else "are"
    with st.container(border=True):
        st.markdown(
            f"**{best.id}** is the best of the {n} judged runs of this sweep on validation: "
            f"{words.markdown(settings(best))}. Its AUC is "
            f"{words.three_digits(compare.validation_auc(best))} on validation and "
            f"**{words.three_digits(best.figures['auc'])}** on test ({results.interval(best)})."
            + (f" {under_way} more {are} under way." if under_way else "")
        )
        st.warning(
            f"It was chosen on validation: the highest of {n} AUCs there owes part of its height "
            "to chance. Believe the one on test, which had no part in the choice.",
            icon=":material/casino:",
        )
        if best.id != run.id:
            live.link(best)
