"""The pictures behind a judged run's numbers, its mistakes first: which, and in what order."""

import math

import numpy as np
import streamlit as st

from dashboard import evidence, state, words
from engine.commands.evaluate import Evaluation
from engine.data.dataset import Dataset

ORDERS = ("confident", "uncertain")
A_PAGE = 16  # pictures


def chosen() -> str:
    """What the gallery shows: a cell of the matrix, or one of ORDERS."""
    cell, order = st.query_params.get("cell"), st.query_params.get("err")
    if cell in evidence.CELLS:
        return cell
    return order if order in ORDERS else ORDERS[0]


def choose(what: str | None) -> None:
    st.query_params.pop("cell", None)
    st.query_params.pop("err", None)
    if what in evidence.CELLS:
        st.query_params["cell"] = what
    elif what in ORDERS[1:]:
        st.query_params["err"] = what


def gallery(found: Evaluation) -> None:
    """Pictures, a page of them at a time, under the choice of which."""
    run, threshold = found.run, found.threshold
    zero, one = run.class_names
    positive = words.markdown(one, 24)
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
    at = places(found, what)
    data = state.dataset_of(run)
    if len(at) == 0:
        st.caption(
            f"No picture of the {found.part} split is here at a threshold of {threshold:.2f}."
        )
        return
    if data is None:
        st.warning(
            f"The pictures of {words.markdown(run.dataset)} that {run.id} was trained on are gone "
            "or were replaced, so none is shown; all numbers stay as they were. Prepare the same "
            "pictures again under that name to see them here."
        )
        return
    order = "the least certain first" if what == "uncertain" else "the most confident first"
    about = (
        f"{words.count(len(at))} pictures of the {found.part} split, {order}. The number is the "
        f"model's score for “{positive}”; from {threshold:.2f} on it says {positive}."
    )
    slot = st.grid(8, min_column_width=130)
    last = math.ceil(len(at) / A_PAGE)
    page = st.pagination(last, key=f"gallery-{what}") if last > 1 else 1
    st.caption(about)
    for place in at[(page - 1) * A_PAGE : page * A_PAGE]:
        with slot.container():
            _picture(found, data, int(place))


def _picture(found: Evaluation, data: Dataset, place: int) -> None:
    run = found.run
    row, score = int(found.indices[place]), float(found.y_score[place])
    truth, says = int(found.y_true[place]), int(score >= found.threshold)
    name, other = run.class_names[truth], words.markdown(run.class_names[says], 24)
    verdict = "right" if truth == says else f"taken for {other}"
    alt = f"{words.plain(name, 24)} {verdict}, score {score:.2f}"
    st.image(np.array(data.images[row]), width="stretch", alt=alt)
    st.caption(f"{words.markdown(name, 24)}, {verdict} · {score:.2f}")
    st.page_link(
        "app_pages/explain.py", label="Explain", icon=":material/center_focus_strong:",
        query_params={"run": run.id, "target": run.class_names[says], "pics": f"row-{row}"},
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
