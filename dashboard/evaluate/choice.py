"""What is judged: which run, on which pictures, by which interval and, of many, which class."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import state, words
from dashboard.evaluate import means
from dashboard.parts.params import Param
from dashboard.parts.pictures import PARTS
from engine.commands import evaluate
from engine.commands.evaluate import Evaluation, Means
from engine.data import layout
from engine.evaluation.intervals import DEFAULT, INTERVALS
from engine.runs.store import Run

INTERVAL = Param("interval", list(INTERVALS), DEFAULT)
PART = Param("split", PARTS)
CLASS = Param("class")  # by name, and always in the address: which one is the worst changes


@dataclass(frozen=True)
class Choice:
    """A run on one part, its AUC's interval made by a method.

    all_classes: of a run of many classes, how it is judged as a whole.
    target: the class of it that is judged against the rest.
    """

    run: Run
    method: str
    part: str
    all_classes: Means | None = None
    target: int | None = None

    def at(self, threshold: float) -> Evaluation:
        """The run judged at a threshold.

        Raises:
            CamsightError: if its predictions cannot be read.
        """
        predicted = state.predictions(self.run, self.part)
        return evaluate.judge(self.run, self.part, predicted, threshold, self.method, self.target)

    @property
    def positive(self) -> str:
        """The class that is found or missed."""
        return self.run.class_names[1 if self.target is None else self.target]

    @property
    def params(self) -> dict[str, str]:
        """What stands in a link to it, beside the run."""
        named = {} if self.target is None else {CLASS.key: self.positive}
        return {INTERVAL.key: self.method, PART.key: self.part, **named}


def choose(run: Run) -> tuple[Choice, DeltaGenerator | None]:
    """What does not depend on figures; and of many classes the place in the bar for theirs."""
    place = st.container() if len(run.class_names) > 2 else None
    method = _choose_interval()
    part = st.segmented_control(
        "Judge on", PARTS, default=PARTS[0], required=True, key=PART.carry(), bind="query-params",
    )  # fmt: skip
    return Choice(run, method, part if part in PARTS else PARTS[0]), place


def _choose_interval() -> str:
    asked = INTERVAL.asked()
    ideas = " ".join(f"{one.title}: {one.idea}" for one in INTERVALS.values())
    return INTERVAL.select_box(
        "Interval", INTERVAL.options, INTERVAL.start(asked if asked in INTERVALS else None),
        format_func=lambda name: INTERVALS[name].title,
        help=f"How the AUC's 95% interval is made. {ideas} Rates have Wilson intervals.",
    )  # fmt: skip


def choose_class(choice: Choice) -> Choice:
    """One class of many, at first the worst.

    Raises:
        CamsightError: if the run's predictions cannot be read.
    """
    run, asked = choice.run, CLASS.asked()
    judged = means.judged(run, choice.part, choice.method)
    worst = judged.worst_first[0].name
    linked = CLASS.widget not in st.session_state  # and not left over from another run
    known = layout.place_of(run.class_names, asked) if asked else None  # in whatever case
    asked = asked if known is None else run.class_names[known]
    start = CLASS.start(asked if known is not None else None)
    labels = {one: f"{words.plain(one, 40)} against the rest" for one in run.class_names}
    name = CLASS.select_box(
        "Class", run.class_names, start if start in run.class_names else worst,
        format_func=words.distinct(labels).get,
        help="Curves, threshold and rates below are of this class against all others; at first "
        "it is the one with the lowest AUC.",
    )  # fmt: skip
    if asked and linked and asked not in run.class_names:
        CLASS.remark(
            f"{run.id} knows no class {words.markdown(asked, 40)}. {words.markdown(name, 40)} is "
            "shown instead.",
            (run.id, name),
        )
    return Choice(run, choice.method, choice.part, judged, run.class_names.index(name))


def say_unfound_class(choice: Choice) -> None:
    """Say why another class is shown than the one that a link asked for."""
    if choice.target is not None and (remark := CLASS.remarked((choice.run.id, choice.positive))):
        st.warning(remark, icon=":material/link_off:")
