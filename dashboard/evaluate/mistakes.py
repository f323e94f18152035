"""The pictures behind a judged run's numbers, its mistakes first: which, and in what order."""

import math
import re
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import state, words
from dashboard.parts import evidence, links, pictures
from dashboard.parts.params import Param
from engine import identity
from engine.commands.evaluate import Evaluation, Means
from engine.data.dataset import Dataset
from engine.errors import DatasetError
from engine.runs.record import Run

ORDERS = ("confident", "uncertain")
CELL = Param("cell")
ORDER = Param("err", ORDERS)
A_PAGE = 16  # pictures
_CELL_OF_ALL = re.compile("([0-9]{1,3})-([0-9]{1,3})")


def chosen(run: Run) -> str:
    """What the gallery shows: a cell of a matrix of the run, or one of ORDERS."""
    cell, order = CELL.asked() or "", ORDER.asked()
    if cell in evidence.CELLS or classes_of(cell, run):
        return cell
    return order if order in ORDERS else ORDERS[0]


def classes_of(cell: str, run: Run) -> tuple[int, int] | None:
    """Truth and what the model says, of a cell of the matrix of many classes: "2-5"."""
    k, found = len(run.class_names), _CELL_OF_ALL.fullmatch(cell)
    if k == 2 or not found:
        return None
    truth, said = map(int, found.groups())
    return (truth, said) if max(truth, said) < k else None


def choose(what: str | None) -> None:
    ORDER.write(what if what in ORDERS else None)
    CELL.write(None if what in ORDERS else what)


def gallery(found: Evaluation, whole: Means | None = None) -> None:
    """Pictures, a page of them at a time, under the choice of which.

    Args:
        whole: of a run of many classes, how it is judged as a whole.
    """
    what = _choose_what(found)
    at = places(found, what, whole)
    if len(at) == 0:
        threshold = words.threshold(found.threshold)
        where = f" at a threshold of {threshold}" if _by_threshold(what, whole) else ""
        st.caption(f"No picture of the {found.part} split is here{where}.")
        return
    try:
        data, rows = pictures.where(found.run, state.predictions(found.run, found.part))
        slot = st.grid(8, min_column_width=130)
        last = math.ceil(len(at) / A_PAGE)
        page = st.pagination(last, key=f"gallery-{what}") if last > 1 else 1
        order = "the least certain first" if what == "uncertain" else "the most confident first"
        many = "1 picture" if len(at) == 1 else f"{words.count(len(at))} pictures"
        st.caption(
            f"{many} of the {found.part} split, {order}. A number is the model's probability of "
            f"the class beside it; {_when_said(found, what, whole)}"
        )
        for place in at[(page - 1) * A_PAGE : page * A_PAGE]:
            with slot.container():
                _picture(_told(found, what, whole, int(place)), found.run, data, int(rows[place]))
    except DatasetError as error:
        st.warning(words.markdown(error))


def _by_threshold(what: str, whole: Means | None) -> bool:
    """Whether the pictures depend on the threshold; of many classes only those of its cells do."""
    return whole is None or what in evidence.CELLS


def _when_said(found: Evaluation, what: str, whole: Means | None) -> str:
    positive = words.markdown(found.class_names[1], 24)
    threshold = words.threshold(found.threshold)
    if whole is None:
        return f"it says {positive} where that of {positive} is at least {threshold}."
    if _by_threshold(what, whole):
        return (
            f"here {positive} counts as said where its probability is at least {threshold}, even "
            "if that of another class is larger."
        )
    return "it says the class whose probability is the largest."


def _choose_what(found: Evaluation) -> str:
    (zero, one), names = found.class_names, found.run.class_names
    what = st.session_state["shown"] = chosen(found.run)
    labels = {"confident": "Most confident mistakes", "uncertain": "Least certain"}
    if cell := classes_of(what, found.run):
        truth, said = cell
        kind = f"{words.plural(names[truth])}, right among all classes"
        if truth != said:
            kind = words.taken(names[truth], names[said])
        labels[what] = words.markdown(kind, 60)
    labels |= {
        "fp": words.markdown(words.taken(zero, one), 60),
        "fn": words.markdown(words.taken(one, zero), 60),
        "tn": words.markdown(f"{words.plural(zero)}, right", 40),
        "tp": words.markdown(f"{words.plural(one)}, right", 40),
    }
    labels = words.distinct(labels)
    st.pills(
        "Pictures", list(labels), format_func=labels.get, key="shown", required=True,
        label_visibility="collapsed", wrap=False,
        on_change=lambda: choose(st.session_state["shown"]),
    )  # fmt: skip
    return what


@dataclass(frozen=True)
class _Told:
    """What stands under a picture. target: the class that a heatmap of it is made for."""

    truth: str
    verdict: str
    right: bool
    target: str


def _told(found: Evaluation, what: str, whole: Means | None, place: int) -> _Told:
    names = found.run.class_names
    score = float(found.y_score[place])
    if whole is None:
        truth, said = int(found.y_true[place]), int(score >= found.threshold)
        verdict = words.says(words.plain(names[said], 24), score if said else 1 - score)
        return _Told(names[truth], verdict, truth == said, names[said])
    truth, said = int(whole.y_true[place]), int(whole.said[place])
    verdict = words.says(words.plain(names[said], 24), whole.y_score[place, said])
    if what in evidence.CELLS and said != found.target:
        verdict += f", {words.plain(names[found.target], 24)} {score:.2f}"
    target = found.target if what in ("fp", "tp") else said
    return _Told(names[truth], verdict, truth == said, names[target])


def _picture(told: _Told, run: Run, data: Dataset, row: int) -> None:
    name = words.plain(told.truth, 24)
    if row == pictures.GONE:
        st.caption(
            f"{words.markdown(name)}, {words.markdown(told.verdict)}, and is no longer stored."
        )
        return
    pixels = pictures.pixels(data, row)
    picture = identity.of_picture(pixels)
    jpeg = pictures.jpeg((picture,), lambda: pixels)
    st.image(jpeg, width="stretch", alt=f"{name}, the model {told.verdict}")
    st.markdown(
        f":small[{'✓' if told.right else '✗'} {words.markdown(name)}, "
        f"{words.markdown(told.verdict)}]  \n:small[:gray[{pictures.name(data, row)}]]"
    )
    st.page_link(
        links.EXPLAIN, label="Explain", icon=":material/center_focus_strong:",
        query_params={"run": run.id, "target": told.target, "pics": picture[: identity.SHORT]},
    )  # fmt: skip


def places(found: Evaluation, what: str, whole: Means | None = None) -> np.ndarray:
    """Places in the predictions, (m,) ints, in the order to show.

    Args:
        found: a run judged on one part at one threshold.
        what: "confident": mistakes, the score farthest from the threshold first; "uncertain": all,
            the nearest first; a cell of the confusion matrix ("tn", "fp", "fn", "tp"): its
            pictures, the farthest first.
        whole: of a run of many classes, how it is judged as a whole. "confident" is then by the
            probability of what it says, "uncertain" by the gap between the two largest, and what
            may be a cell of the matrix of all classes.
    """
    if whole is not None and what not in evidence.CELLS:
        return _places_of_many(whole, what)
    says = found.y_score >= found.threshold
    margin = np.abs(found.y_score - found.threshold)
    if what == "uncertain":
        return np.argsort(margin, kind="stable")
    if what == "confident":
        members = says != found.y_true
    else:
        members = (says == (what in ("fp", "tp"))) & (found.y_true == (what in ("fn", "tp")))
    at = np.flatnonzero(members)
    return at[np.argsort(-margin[at], kind="stable")]


def _places_of_many(whole: Means, what: str) -> np.ndarray:
    second, first = np.partition(whole.y_score, -2, axis=1)[:, -2:].T
    if what == "uncertain":
        return np.argsort(first - second, kind="stable")
    members = whole.said != whole.y_true
    if cell := classes_of(what, whole.run):
        members = (whole.y_true == cell[0]) & (whole.said == cell[1])
    at = np.flatnonzero(members)
    return at[np.argsort(-first[at], kind="stable")]
