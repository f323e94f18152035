"""What one takes along from Evaluate: a link to what is shown, and files for other programs."""

import csv
import io
import json
from urllib.parse import urlencode, urlsplit

import numpy as np
import streamlit as st

from dashboard import state
from dashboard.evaluate import figures, mistakes
from dashboard.evaluate.threshold import THRESHOLD
from dashboard.parts import evidence, links, pictures
from dashboard.parts.params import RUN
from engine.commands.evaluate import Evaluation
from engine.errors import DatasetError

COLUMNS = ("file", "picture", "truth", "says", "y_true", "y_score")


def show(found: Evaluation, chosen: dict[str, str]) -> None:
    """Everything that can be taken along; chosen: what else stands in the address."""
    run, part = found.run, found.part
    st.caption("Link to what is shown")
    st.code(link_here(found, chosen), language=None, wrap_lines=True)
    st.download_button(
        "Predictions as CSV", predictions_csv(found), f"{run.id}-{part}.csv", "text/csv",
        icon=":material/download:", width="stretch", on_click="ignore",
    )  # fmt: skip
    st.download_button(
        "Figures as JSON", json.dumps(figures.known(found), indent=1, ensure_ascii=False),
        f"{run.id}-{part}.json", "application/json",
        icon=":material/download:", width="stretch", on_click="ignore",
    )  # fmt: skip
    st.page_link(
        links.EXPLAIN, label=f"Explain {run.id}", icon=":material/center_focus_strong:",
        query_params={"run": run.id},
    )  # fmt: skip


def link_here(found: Evaluation, chosen: dict[str, str]) -> str:
    """The address of what is shown, complete: the address bar leaves out what is a default."""
    what = mistakes.chosen()
    shown = mistakes.CELL if what in evidence.CELLS else mistakes.ORDER
    threshold = {THRESHOLD.key: repr(found.threshold)}
    query = urlencode({RUN.key: found.run.id, **chosen, **threshold, shown.key: what})
    return urlsplit(st.context.url or "")._replace(query=query).geturl()


def predictions_csv(found: Evaluation) -> str:
    """Every picture with what is true of it and what the model says at the threshold.

    Readable by `python -m engine auc`. `file` and `picture`, the identity of its pixels, are empty
    where the dataset is gone.
    """
    names = found.run.class_names
    said = (found.y_score >= found.threshold).astype(int)
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(COLUMNS)
    columns = (*_pictures(found), found.y_true, said, found.y_score)
    for file, picture, truth, says, score in zip(*columns, strict=True):
        lines.writerow([file, picture, names[truth], names[says], int(truth), repr(float(score))])
    return written.getvalue()


def _pictures(found: Evaluation) -> tuple[list[str], np.ndarray]:
    predicted = state.predictions(found.run, found.part)
    try:
        data, rows = pictures.where(found.run, predicted)
        files = ["" if row == pictures.GONE else data.file_names[row] for row in rows]
        return files, pictures.identities(data, rows, predicted)
    except DatasetError:
        return [""] * len(found.picture), found.picture
