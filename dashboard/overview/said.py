"""What the run that heads the page says of a few pictures, without any computing."""

import numpy as np
import streamlit as st

from dashboard import state, words
from dashboard.parts import links, pictures
from engine.commands.evaluate import THRESHOLD
from engine.errors import DatasetError
from engine.runs.store import Run


def examples(run: Run) -> None:
    """The surest right answer of each class and the worst mistake."""
    st.header(f"What {run.id} says", anchor=False)
    told = state.predictions(run, "test")
    try:
        dataset, rows = pictures.where(run, told)
    except DatasetError as error:
        st.caption(words.markdown(error))
        return
    stored = np.flatnonzero(rows != pictures.GONE)
    picks = stored[chosen(told["y_true"][stored], told["y_score"][stored])]
    images = [pictures.pixels(dataset, rows[pick]) for pick in picks]
    names = [words.plain(name, 16) for name in run.class_names]
    with st.grid(3, min_column_width=100):
        for pick, image in zip(picks, images, strict=True):
            truth, score = int(told["y_true"][pick]), float(told["y_score"][pick])
            label = int(score >= THRESHOLD)
            truly, says = f"truly {names[truth]}", words.says(names, label, score)
            with st.container(gap="xsmall"):
                st.image(image, width="stretch", alt=f"{truly}, {says}")
                mark = ":green[✓]" if label == truth else ":red[✗]"
                st.caption(f"{words.markdown(truly)}  \n{mark} {words.markdown(says)}")
    st.page_link(
        links.EXPLAIN, label="See its heatmaps", icon=":material/center_focus_strong:",
        query_params={"run": run.id},
    )  # fmt: skip


def chosen(y_true: np.ndarray, y_score: np.ndarray) -> list[int]:
    """Places of the surest right answer of class 0, of class 1, and of the worst mistake."""
    off = np.abs(y_score - y_true)
    picks = [int(np.where(y_true == label, off, np.inf).argmin()) for label in (0, 1)]
    return list(dict.fromkeys([*picks, int(off.argmax())]))
