"""What the run that heads the page says of a few pictures, without any computing."""

import numpy as np
import streamlit as st

from dashboard import state, words
from dashboard.parts import links, pictures
from engine.errors import DatasetError
from engine.evaluation import multiclass
from engine.runs.record import Run


def examples(run: Run) -> None:
    """The surest right answers of two classes and the worst mistake."""
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
    labels, probabilities = multiclass.said(told["y_score"]), multiclass.by_class(told["y_score"])
    with st.grid(3, min_column_width=100):
        for pick, image in zip(picks, images, strict=True):
            truth, label = int(told["y_true"][pick]), int(labels[pick])
            truly = f"truly {names[truth]}"
            says = words.says(names[label], probabilities[pick, label])
            with st.container(gap="xsmall"):
                st.image(image, width="stretch", alt=f"{truly}, {says}")
                mark = ":green[✓]" if label == truth else ":red[✗]"
                st.caption(f"{words.markdown(truly)}  \n{mark} {words.markdown(says)}")
    st.page_link(
        links.EXPLAIN, label="See its heatmaps", icon=":material/center_focus_strong:",
        query_params={"run": run.id},
    )  # fmt: skip


def chosen(y_true: np.ndarray, y_score: np.ndarray) -> list[int]:
    """Places of the surest right answers of two classes, of many the two surest of them, and of
    the picture whose class is given the lowest probability."""
    truth = np.asarray(y_true, np.int64)
    off = 1 - np.take_along_axis(multiclass.by_class(y_score), truth[:, None], axis=1)[:, 0]
    surest = [int(np.where(truth == label, off, np.inf).argmin()) for label in np.unique(truth)]
    picks = sorted(sorted(surest, key=lambda at: off[at])[:2], key=lambda at: truth[at])
    return list(dict.fromkeys([*picks, int(off.argmax())]))
