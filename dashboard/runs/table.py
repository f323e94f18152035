"""Every run in a table: what it shows, what filters it, and which rows are ticked."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import streamlit as st

from dashboard import state, words
from dashboard.parts import live, params, results, rights
from dashboard.parts.params import Param
from engine.commands.snapshot import Snapshot
from engine.records import Unreadable
from engine.runs import store
from engine.runs.record import ACTIVE, Run

STATES = {
    "finished": ("finished",),
    "running": ACTIVE,
    "stopped": ("stopped",),
    "failed": ("failed", "lost", "unreadable"),
}
COLORS = {"green": ("finished",), "blue": ("queued", "running"), "yellow": ("stopping", "stopped"),
          "red": ("failed", "lost", "unreadable")}  # fmt: skip
STATE, ON, FIND, CHOSEN = Param("state"), Param("on"), Param("q", default=""), Param("runs")
MOST_IN_ADDRESS = 50  # runs that are ticked; an address has an end
TALLEST = 16  # rows; more scroll
CURVE_POINTS = 40  # of a small curve, however many epochs there were
ROW = 34


@dataclass(frozen=True)
class Filters:
    states: tuple[str, ...]
    dataset: str | None
    text: str

    def fits(self, run: Run | Unreadable) -> bool:
        status = "unreadable" if isinstance(run, Unreadable) else run.status
        if self.states and not any(status in STATES[one] for one in self.states):
            return False
        if isinstance(run, Unreadable):
            return self.dataset is None and self.text in run.id.casefold()
        if self.dataset not in (None, run.dataset):
            return False
        about = run.about
        told = (about.name, about.note, *about.tags, results.learned(run), rights.owner(run))
        said = "\n".join((run.id, *told))
        return self.text in said.casefold()


def choose_filters(seen: Snapshot) -> Filters:
    """State, dataset and text, each in the address."""
    asked = [one for one in st.query_params.get_all(STATE.key) if one in STATES]
    start = STATE.start(asked or None) or []
    states = st.pills(
        "State", list(STATES), selection_mode="multi", key=STATE.widget,
        default=None if STATE.overrule(start) else start,
        help="Running: queued and stopping ones, too. Failed: also lost ones, whose process was "
        "killed, and those that cannot be read.",
    )  # fmt: skip
    STATE.write([one for one in STATES if one in states] or None)
    names = list(dict.fromkeys(run.dataset for run in reversed(seen.runs)))
    wanted = ON.start(ON.asked() if ON.asked() in names else None)
    at = names.index(wanted) if wanted in names else None
    dataset = st.selectbox(
        "Dataset", names, index=at, key=ON.widget, placeholder="all datasets", width="stretch",
    )  # fmt: skip
    ON.write(dataset)
    text = st.text_input(
        "Find", FIND.start(FIND.asked()), key=FIND.widget, placeholder="name, note or tag",
        icon=":material/search:", width="stretch",
    )  # fmt: skip
    FIND.write(text or None)
    return Filters(tuple(states), dataset, words.plain(text or "").casefold())


def newest_first(seen: Snapshot) -> list[Run | Unreadable]:
    """All; those that cannot be read have no date, and stand last."""
    return [*reversed(seen.runs), *seen.unreadable_runs]


def show(found: Sequence[Run | Unreadable]) -> list[str]:
    """Draw them; the ids of those that are ticked, which the address names, too."""
    ids = [one.id for one in found]
    asked = [one for one in (CHOSEN.asked() or "").split(",") if one]
    if params.went_back():
        draw_anew()
    shown = hashlib.sha256("\n".join(ids).encode("utf-8", "replace")).hexdigest()[:12]
    ticked = st.dataframe(
        _columns(found), key=f"runs-{params.visit()}-{times_drawn()}-{shown}",
        hide_index=True, row_height=ROW, placeholder="", on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [ids.index(one) for one in asked if one in ids]}},
        height="content" if len(ids) <= TALLEST else ROW * (TALLEST + 1) + 2,
        column_config=_config(), alt=f"{words.count(len(ids))} runs, newest first",
    )  # fmt: skip
    chosen = [ids[row] for row in ticked.selection.rows if row < len(ids)]
    CHOSEN.write(",".join(chosen[:MOST_IN_ADDRESS]) or None)
    return chosen


def draw_anew(chosen: Sequence[str] | None = None) -> None:
    """Let the next table tick what the address names, whatever was ticked in this one.

    Args:
        chosen: what the address is to name; None leaves it as it is.
    """
    st.session_state["_runs_drawn"] = times_drawn() + 1
    if chosen is not None:
        CHOSEN.write(",".join(chosen) or None)


def times_drawn() -> int:
    return st.session_state.get("_runs_drawn", 0)


def _config() -> dict:
    column = st.column_config
    colors = {status: color for color, of in COLORS.items() for status in of}
    return {
        "State": column.MultiselectColumn(
            options=list(colors), color=list(colors.values()), width=92
        ),
        "Run": column.TextColumn(pinned=True, width=84),
        "Name": column.TextColumn(width=136),
        "Dataset": column.TextColumn(width=116),
        "AUC": column.NumberColumn(
            format="%.3f", width=60, help="On test; of a cross-validation in all folds."
        ),
        "95% interval": column.TextColumn(width=164, help="Of the AUC; or why there is none."),
        "n": column.NumberColumn(format="%,d", width=60, help="Test pictures."),
        "Validation loss": column.LineChartColumn(color="gray", width=104),
        "Best epoch": column.TextColumn(width=84),
        "Time": column.NumberColumn(format="compact", width=76, help="Of training, h:min:s."),
        "Started": column.DatetimeColumn(
            format="D MMM YYYY, HH:mm", timezone=st.context.timezone or "UTC", width=144
        ),
        "By": column.TextColumn(width=136, help="Who started it."),
        "Tags": column.MultiselectColumn(color="gray"),
    }


def _columns(found: Sequence[Run | Unreadable]) -> pd.DataFrame:
    rows = [_unreadable(one) if isinstance(one, Unreadable) else _row(one) for one in found]
    frame = pd.DataFrame(rows, columns=list(_row_names()))
    frame["Started"] = pd.to_datetime(frame["Started"], utc=True)
    frame["Time"] = pd.to_timedelta(frame["Time"])
    frame["AUC"], frame["n"] = frame["AUC"].astype(float), frame["n"].astype("Int64")
    empty = [name for name in ("Name", "By", "Tags") if not frame[name].map(len).any()]
    return frame.drop(columns=empty)


def _row_names() -> Sequence[str]:
    return ("State", "Run", "Name", "Dataset", "AUC", "95% interval",
            "n", "Validation loss", "Best epoch", "Time", "Started", "By", "Tags")  # fmt: skip


def _row(run: Run) -> tuple:
    told, about = results.figures(run), run.about
    return (
        [run.status], run.id, words.plain(about.name), words.plain(results.learned(run), 60),
        told["auc"] if told else None, _instead(run), results.judged_on(run) if told else None,
        _losses(run), _best(run), timedelta(seconds=round(run.seconds)) if run.seconds else None,
        _moment(run.started or run.created), rights.owner(run),
        [words.plain(tag) for tag in about.tags],
    )  # fmt: skip


def _unreadable(one: Unreadable) -> tuple:
    return (["unreadable"], words.plain(one.id, 64), "", "", None, words.plain(one.why), None,
            [], "", None, None, "", [])  # fmt: skip


def _instead(run: Run) -> str:
    """The interval; or why there is no figure."""
    if told := results.figures(run):
        bounds = words.bounds(told["auc_low"], told["auc_high"])
        mean = f" (mean of {len(run.class_names)})" if len(run.class_names) > 2 else ""
        folds = f" ({run.folds} folds)" if run.of else ""
        return f"{bounds}{mean}{folds}"
    return "after training" if run.active else words.plain(live.why(run))


def _best(run: Run) -> str:
    return f"{run.best_epoch} of {run.config['epochs']}" if run.best_epoch else ""


def _moment(stored: str) -> datetime | None:
    try:
        return datetime.fromisoformat(stored)
    except ValueError:
        return None


def _losses(run: Run) -> list[float]:
    """Validation loss by epoch; of a run that has ended it is read once."""
    key = ("losses", str(run.folder), run.ended)
    known = state.kept().get(key) if run.ended else None
    if known is None:
        losses = store.history(run).get("val_loss", [])
        known = losses[:: 1 + len(losses) // CURVE_POINTS]
        if run.ended:
            state.kept().put(key, known, 64 + 32 * len(known))
    return known
