"""The pictures behind a judged run's numbers, its mistakes first: which, and in what order."""

import math

import numpy as np
import streamlit as st

from dashboard import state, words
from dashboard.parts import evidence, links, pictures
from dashboard.parts.params import Param
from engine import identity
from engine.commands.evaluate import Evaluation
from engine.data.dataset import Dataset
from engine.errors import DatasetError

ORDERS = ("confident", "uncertain")
CELL = Param("cell")
ORDER = Param("err", ORDERS)
A_PAGE = 16  # pictures


def chosen() -> str:
    """What the gallery shows: a cell of the matrix, or one of ORDERS."""
    cell, order = CELL.asked(), ORDER.asked()
    if cell in evidence.CELLS:
        return cell
    return order if order in ORDERS else ORDERS[0]


def choose(what: str | None) -> None:
    CELL.write(what if what in evidence.CELLS else None)
    ORDER.write(what if what in ORDERS else None)


def gallery(found: Evaluation) -> None:
    """Pictures, a page of them at a time, under the choice of which."""
    what = _choose_what(found)
    at = places(found, what)
    threshold = words.threshold(found.threshold)
    if len(at) == 0:
        st.caption(f"No picture of the {found.part} split is here at a threshold of {threshold}.")
        return
    try:
        data, rows = pictures.where(found.run, state.predictions(found.run, found.part))
        slot = st.grid(8, min_column_width=130)
        last = math.ceil(len(at) / A_PAGE)
        page = st.pagination(last, key=f"gallery-{what}") if last > 1 else 1
        order = "the least certain first" if what == "uncertain" else "the most confident first"
        positive = words.markdown(found.run.class_names[1], 24)
        st.caption(
            f"{words.count(len(at))} pictures of the {found.part} split, {order}. A number is the "
            f"model's probability of the class beside it; it says {positive} where that of "
            f"{positive} is at least {threshold}."
        )
        for place in at[(page - 1) * A_PAGE : page * A_PAGE]:
            with slot.container():
                _picture(found, data, int(rows[place]), int(place))
    except DatasetError as error:
        st.warning(words.markdown(error))


def _choose_what(found: Evaluation) -> str:
    zero, one = found.run.class_names
    labels = {
        "confident": "Most confident mistakes",
        "uncertain": "Least certain",
        "fp": words.markdown(words.taken(zero, one), 60),
        "fn": words.markdown(words.taken(one, zero), 60),
        "tn": words.markdown(f"{words.plural(zero)}, right", 40),
        "tp": words.markdown(f"{words.plural(one)}, right", 40),
    }
    what = st.session_state["shown"] = chosen()
    st.pills(
        "Pictures", list(labels), format_func=labels.get, key="shown", required=True,
        label_visibility="collapsed", wrap=False,
        on_change=lambda: choose(st.session_state["shown"]),
    )  # fmt: skip
    return what


def _picture(found: Evaluation, data: Dataset, row: int, place: int) -> None:
    run, score = found.run, float(found.y_score[place])
    truth, said = int(found.y_true[place]), int(score >= found.threshold)
    name = words.plain(run.class_names[truth], 24)
    verdict = words.says(words.plain(run.class_names[said], 24), score if said else 1 - score)
    if row == pictures.GONE:
        st.caption(f"{words.markdown(name)}, {words.markdown(verdict)}, and is no longer stored.")
        return
    pixels = pictures.pixels(data, row)
    picture = identity.of_picture(pixels)[: identity.SHORT]
    st.image(pixels, width="stretch", alt=f"{name}, the model {verdict}")
    st.markdown(
        f":small[{'✓' if truth == said else '✗'} {words.markdown(name)}, "
        f"{words.markdown(verdict)}]  \n:small[:gray[{pictures.name(data, row)}]]"
    )
    st.page_link(
        links.EXPLAIN, label="Explain", icon=":material/center_focus_strong:",
        query_params={"run": run.id, "target": run.class_names[said], "pics": picture},
    )  # fmt: skip


def places(found: Evaluation, what: str) -> np.ndarray:
    """Places in the predictions, (k,) ints, in the order to show.

    Args:
        found: a run judged on one part at one threshold.
        what: "confident": mistakes, the score farthest from the threshold first; "uncertain": all,
            the nearest first; a cell of the confusion matrix ("tn", "fp", "fn", "tp"): its
            pictures, the farthest first.
    """
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
