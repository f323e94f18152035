"""What one takes along from Evaluate: a link to what is shown, and files for other programs."""

import json
from urllib.parse import urlencode, urlsplit

import numpy as np
import streamlit as st

from dashboard import state, words
from dashboard.evaluate import figures, means, mistakes
from dashboard.evaluate.choice import BAND, Choice
from dashboard.evaluate.details import TAB
from dashboard.evaluate.judged import file_name
from dashboard.evaluate.threshold import THRESHOLD
from dashboard.parts import downloads, links, pictures
from dashboard.parts.params import RUN
from engine.commands.evaluate import Evaluation, Means
from engine.errors import DatasetError

COLUMNS = ("file", "picture", "truth", "says", "y_true", "y_score")


def show(found: Evaluation, choice: Choice) -> None:
    """Everything that can be taken along."""
    run, part, whole = found.run, found.part, choice.all_classes
    known = figures.known(found)
    st.caption("Link to what is shown")
    st.code(link_here(found, choice.params), language=None, wrap_lines=True)
    if whole is None:
        _csv("Predictions as CSV", predictions_csv(found), f"{run.id}-{part}")
    else:
        known = means.known(whole) | {"at_threshold": figures.at_threshold(found)}
        name = found.class_names[1]
        _csv("All probabilities as CSV", probabilities_csv(whole), f"{run.id}-{part}")
        _csv(
            f"{words.markdown(name, 24)} against the rest as CSV", predictions_csv(found),
            downloads.file_name(file_name(found)),
            "Of the class chosen, at the threshold; python -m engine auc reads it.",
        )  # fmt: skip
    st.download_button(
        "Figures as JSON", json.dumps(known, indent=1, ensure_ascii=False),
        f"{run.id}-{part}.json", "application/json",
        icon=":material/download:", width="stretch", on_click="ignore",
    )  # fmt: skip
    st.page_link(
        links.EXPLAIN, label=f"Explain {run.id}", icon=":material/center_focus_strong:",
        query_params={"run": run.id},
    )  # fmt: skip


def _csv(label: str, content: str, name: str, remark: str | None = None) -> None:
    st.download_button(
        label, content, f"{name}.csv", "text/csv", icon=":material/download:", width="stretch",
        on_click="ignore", help=remark,
    )  # fmt: skip


def link_here(found: Evaluation, chosen: dict[str, str]) -> str:
    """The address of what is shown, complete: the address bar leaves out what is a default.

    Args:
        chosen: what else stands in it.
    """
    what = mistakes.chosen(found.run)
    shown = mistakes.ORDER if what in mistakes.ORDERS else mistakes.CELL
    here = {THRESHOLD.key: repr(found.threshold), shown.key: what}
    here |= {one.key: st.session_state[one.key] for one in (BAND, TAB)}
    query = urlencode({RUN.key: found.run.id, **chosen, **here})
    return urlsplit(st.context.url or "")._replace(query=query).geturl()


def predictions_csv(found: Evaluation) -> str:
    """Every picture with what is true of it and what the model says at the threshold.

    Readable by `python -m engine auc`. `file` and `picture`, the identity of its pixels, are empty
    where the dataset is gone.
    """
    names = found.class_names
    said = (found.y_score >= found.threshold).astype(int)
    columns = (*_pictures(found), found.y_true, said, found.y_score)
    return downloads.written_rows(COLUMNS, (
        [file, picture, names[truth], names[says], int(truth), repr(float(score))]
        for file, picture, truth, says, score in zip(*columns, strict=True)
    ))  # fmt: skip


def probabilities_csv(whole: Means) -> str:
    """Every picture with what is true of it, what the model says, and the probability of each
    class in a column of its own, `p(NAME)`."""
    names = whole.run.class_names
    columns = (*_pictures(whole), whole.y_true, whole.said, whole.y_score.tolist())
    return downloads.written_rows((*COLUMNS[:4], *(f"p({name})" for name in names)), (
        [file, picture, names[truth], names[says], *map(repr, scores)]
        for file, picture, truth, says, scores in zip(*columns, strict=True)
    ))  # fmt: skip


def _pictures(found: Evaluation | Means) -> tuple[list[str], np.ndarray]:
    predicted = state.predictions(found.run, found.part)
    try:
        data, rows = pictures.where(found.run, predicted)
        files = ["" if row == pictures.GONE else data.file_names[row] for row in rows]
        return files, pictures.identities(data, rows, predicted)
    except DatasetError:
        return [""] * len(found.picture), found.picture
