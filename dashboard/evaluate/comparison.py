"""The tab that tests the run against another one."""

import streamlit as st

from dashboard import words
from dashboard.parts import difference, downloads
from engine.commands.evaluate import Evaluation
from engine.errors import CamsightError
from engine.runs.record import Run


def show(found: Evaluation, against: Run | None) -> None:
    """The difference of both AUCs on the test pictures that they share, with every number.

    Args:
        against: the run that was chosen beside it, or None.
    """
    if against is None:
        st.caption(
            "Choose a run under “Compare with”: the difference of both AUCs on the test pictures "
            "that they share stands here, with its interval and a test."
        )
        return
    first = found.run
    target = None if found.target is None else found.class_names[1]
    of = f", {words.plain(target, 40)} against the rest" if target else ""
    left, right = st.columns([1, 1.2], gap="large")
    with left:
        st.markdown(f"## Is {words.markdown(first.id)} better than {words.markdown(against.id)}?")
        method = difference.choose_method()
        try:
            told = difference.show(
                first, against, method=method, target=target, level=found.interval.level,
                key="comparison",
            )  # fmt: skip
        except CamsightError as error:
            st.error(words.markdown(error))
            return
        if found.part != "test":
            st.caption(
                f"The curves above are on {found.part}; runs are tested on their test pictures "
                "alone, by which nothing was chosen."
            )
    if told is None:
        return
    with right:
        names, values = zip(*difference.figures(told, first.id, against.id), strict=True)
        downloads.table(
            f"Every figure of the difference{of}", {"Figure": names, "Value": values},
            "comparison-figures", f"{first.id}-against-{against.id}",
        )  # fmt: skip
