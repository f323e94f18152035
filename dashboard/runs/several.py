"""Two runs or more: whether one is better, how they learned, and what differs between them."""

import math
from collections.abc import Sequence

import streamlit as st

from dashboard import state, words
from dashboard.parts import chance, difference, evidence, links, live, results
from dashboard.parts import charts as shared
from dashboard.parts.evidence import RunRow
from dashboard.runs import charts, trash
from dashboard.runs.charts import Curve
from engine.commands import compare
from engine.commands.snapshot import Snapshot
from engine.records import Unreadable
from engine.runs.record import Run

MOST_COLUMNS = 6  # runs beside each other in the table of what differs
MOST_AXES = 6  # hyperparameters beside each other
MOST_TESTED = 20  # runs of which each two are tested: 190 pairs


def show(picked: Sequence[Run | Unreadable], seen: Snapshot) -> None:
    runs = [run for run in picked if isinstance(run, Run)]
    st.space("xxsmall")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(_title(picked), anchor=False, width="content")
        st.space("stretch")
        trash.ask_to_delete(picked)
    if len(runs) < 2:
        st.caption("Those that cannot be read cannot be compared.")
        return
    judged = [run for run in runs if run.judged]
    with st.grid(3, min_column_width=330, gap="medium"):
        with st.container():
            better(judged, seen)
        with st.container():
            curves(runs)
        with st.container():
            what_differs(runs)
    if len(judged) > 2:
        pairs(judged)
    if judged:
        figures(judged)


def _title(picked: Sequence[Run | Unreadable]) -> str:
    ids = [words.markdown(run.id, 40) for run in picked]
    return f"{ids[0]} against {ids[1]}" if len(ids) == 2 else f"{len(ids)} runs"


# --- is it better? --------------------------------------------------------------------------------


def better(judged: Sequence[Run], seen: Snapshot) -> None:
    if len(judged) != 2:
        st.markdown("## Is one of them better?")
        if len(judged) < 2:
            st.caption(
                "Only runs that were judged on a test part can be tested against each other; a "
                "cross-validation is of many networks, so choose the run that it is of."
            )
            return
        state.guarded(lambda: difference.show_headline(judged[:MOST_TESTED]))
        st.caption(f"Each two of the {len(judged)} judged runs are tested below.")
        return
    first, second = judged
    st.markdown(f"## Is {first.id} better?")
    method = difference.choose_method()
    state.guarded(lambda: difference.show(first, second, method=method))
    chance.said(judged, seen.runs)


def pairs(judged: Sequence[Run]) -> None:
    """Of more than two: which differ once it is taken into account how many were looked at."""
    shown = judged[:MOST_TESTED]
    state.guarded(lambda: difference.show_many(shown))
    if len(shown) < len(judged):
        st.caption(f"The first {len(shown)} of {len(judged)} runs are tested.")


# --- how they learned, and what differs -----------------------------------------------------------


def curves(runs: Sequence[Run]) -> None:
    st.markdown("## Validation loss")
    told = {run.id: live.history(run) for run in runs[: charts.MOST_CURVES]}
    drawn = [
        Curve(run_id, of["epoch"], of["val_loss"], live.best_epoch(of))
        for run_id, of in told.items()
        if of
    ]
    if not drawn:
        st.caption("None of them has a history that can be read.")
        return
    best = ", ".join(f"{one.run} {min(one.losses):.3f}" for one in drawn)
    shared.show(charts.overlaid(drawn), "overlaid", f"Validation loss by epoch; lowest: {best}.")
    if len(runs) > charts.MOST_CURVES:
        st.caption(f"The first {charts.MOST_CURVES} of {len(runs)}.")
    missing = [run_id for run_id, of in told.items() if not of]
    if missing:
        st.caption(f"Without a history: {words.listed(missing)}.")


def what_differs(runs: Sequence[Run]) -> None:
    st.markdown("## Only what differs")
    differ, same = compare.what_differs(runs)
    further = f"{words.count(same)} further settings are the same."
    if not differ:
        st.caption(f"Nothing: all {words.count(same)} settings are the same.")
        return
    shown = runs[:MOST_COLUMNS]
    rows = [
        {"setting": words.markdown(name.replace("_", " "), 40)}
        | {run.id: _written(value) for run, value in zip(shown, values, strict=False)}
        for name, values in differ.items()
    ]
    st.table(rows, border="horizontal", hide_index=True, alt="Settings in which the runs differ")
    st.caption(further + (f" The first {len(shown)} of {len(runs)} runs stand here."
                          if len(shown) < len(runs) else ""))  # fmt: skip


def _written(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return words.NOTHING
    return words.markdown(f"{value:g}" if isinstance(value, float) else value, 40)


# --- figures side by side -------------------------------------------------------------------------


def figures(judged: Sequence[Run]) -> None:
    groups = together(judged)
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        st.markdown("## AUC on test")
        rows = [
            RunRow(
                run=run.id, dataset=name, auc=run.figures["auc"], low=run.figures["auc_low"],
                high=run.figures["auc_high"], n=results.judged_on(run),
                remark=words.plain(run.about.name, 40), started=live.when(run.started),
            )
            for name, members in groups.items()
            for run in sorted(members, key=lambda run: -run.figures["auc"])
        ]  # fmt: skip
        methods = words.listed(sorted({results.method(run) for run in judged}))
        notes = {name: _note(members) for name, members in groups.items()}
        if clicked := evidence.forest(rows, "chosen", method=methods, notes=notes):
            st.switch_page(links.EVALUATE, query_params={"run": clicked})
        if len(groups) > 1:
            st.caption("AUCs of different groups are of other pictures and may not be compared.")
    with right:
        against_auc(max(groups.values(), key=len))


def together(judged: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs by what they were judged on; only those that stand together may be compared."""
    splits: dict[str, list[Run]] = {}
    for run in judged:
        splits.setdefault(run.split_id or run.id, []).append(run)
    names = words.distinct({split: results.learned(of[0]) for split, of in splits.items()})
    return {names[split]: members for split, members in splits.items()}


def _note(members: Sequence[Run]) -> str:
    n, k = words.count(results.judged_on(members[0])), len(members[0].class_names)
    mean = f"mean of {k} classes · " if k > 2 else ""
    several = f"same {n} test pictures: these may be compared"
    return mean + (several if len(members) > 1 else f"{n} test pictures")


def against_auc(runs: Sequence[Run]) -> None:
    """Hyperparameters of comparable runs against the AUC by which one may choose among them."""
    st.markdown("## Settings against AUC")
    known = [run for run in runs if math.isfinite(compare.validation_auc(run))]
    differ, _ = compare.what_differs(known) if len(known) > 1 else ({}, 0)
    differ = {  # of those that each of them has
        name: of
        for name, of in differ.items()
        if name not in ("dataset", "question") and None not in of
    }
    if not differ:
        st.caption(
            "There is nothing to draw: no two of these were judged on the same pictures with other "
            "settings."
        )
        return
    drawn = dict(list(differ.items())[:MOST_AXES])
    aucs = [compare.validation_auc(run) for run in known]
    best = known[aucs.index(max(aucs))]
    says = f"{len(known)} runs by {', '.join(drawn)}; the highest AUC has {best.id}."
    figure = charts.parallel([run.id for run in known], drawn, aucs)
    shared.show(figure, "parallel", says.replace("_", " "))
    left_out = len(differ) - MOST_AXES
    settings = "setting differs" if left_out == 1 else "settings differ"
    more = f" {left_out} more {settings}." if left_out > 0 else ""
    st.caption(
        f"{best.id} has the highest AUC on validation, {words.three_digits(max(aucs))}. It is "
        f"chosen by it, so that figure flatters; the one on test does not.{more}"
    )
