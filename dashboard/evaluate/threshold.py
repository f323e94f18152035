"""The threshold: chosen by hand or by a rule, and kept exactly as it was chosen."""

import streamlit as st

from dashboard import state, words
from dashboard.evaluate.choice import Choice
from dashboard.parts.params import Param
from engine.commands import evaluate
from engine.commands.evaluate import THRESHOLD as USUAL
from engine.errors import CamsightError
from engine.evaluation import thresholds
from engine.runs.record import Run

THRESHOLD = Param("t", default=USUAL)
RULES = (
    ("Youden", thresholds.youden, "The largest sensitivity + specificity − 1"),
    (
        "Closest to corner",
        thresholds.closest_to_corner,
        "The point of the ROC curve closest to the corner of a perfect model",
    ),
)


def choose(choice: Choice) -> float:
    """The slider, which holds what a rule or a link gave exactly until it is moved."""
    positive = words.markdown(choice.positive, 24)
    threshold = st.slider(
        f"Threshold: say “{positive}” from this score on", 0.0, 1.0, USUAL, 0.01,
        key=THRESHOLD.carry(), bind="query-params",
    )  # fmt: skip
    if threshold != round(threshold, 2):
        st.caption(f"It is {words.threshold(threshold)}; the slider shows its nearest step.")
    return threshold


def rules(choice: Choice) -> None:
    """They choose on validation also when judged on test: chosen on test they would flatter it."""
    run = choice.run
    try:
        found = _chosen(str(run.folder), run.weights_sha256, choice.target, run)
    except CamsightError:
        st.caption("Its validation pictures would choose a threshold, but cannot be read.")
        return
    with st.container(horizontal=True):
        for (name, _, what), best in zip(RULES, found, strict=True):
            st.button(
                name,
                on_click=lambda best=best: st.session_state.update({THRESHOLD.key: best}),
                help=f"{what}: {words.threshold(best)}. It is chosen on the validation "
                "pictures: chosen on the test pictures, it would flatter the figures on them.",
            )
    st.caption("Both are chosen on the validation pictures.")


@st.cache_data(max_entries=256, show_spinner=False)
def _chosen(folder: str, weights_sha256: str, target: int | None, _run: Run) -> list[float]:
    """What each of RULES chooses on validation."""
    predicted = state.predictions(_run, "validation")
    curve = evaluate.judge(_run, "validation", predicted, USUAL, target=target).curve()
    return [rule(curve) for _, rule, _ in RULES]
