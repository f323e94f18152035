"""What is judged: which run, on which pictures, by which interval and, of many, which class."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import state, words
from dashboard.evaluate import judged, means
from dashboard.evaluate.judged import Judged
from dashboard.parts import results
from dashboard.parts.params import Param
from dashboard.parts.pictures import PARTS
from engine.commands import evaluate
from engine.commands.evaluate import Evaluation, Means
from engine.data import layout
from engine.evaluation import bands
from engine.evaluation.bands import Band
from engine.evaluation.intervals import DEFAULT, INTERVALS
from engine.evaluation.level import LEVEL as USUAL_LEVEL
from engine.evaluation.level import SIDES
from engine.runs.record import Run

INTERVAL = Param("interval", list(INTERVALS), DEFAULT)
LEVEL = Param("level", default=100 * USUAL_LEVEL)  # in percent
SIDE = Param("side", SIDES)
AGAINST = Param("against", default="none")
BANDS = ("pointwise", "simultaneous", "none")
BAND = Param("band", BANDS)
PART = Param("split", PARTS)
CLASS = Param("class")  # by name, and always in the address: which one is the worst changes


@dataclass(frozen=True)
class Choice:
    """A run on one part, its AUC's interval made by a method.

    level, side: of the interval.
    against: another run whose curve is drawn beside, and which is compared with it.
    all_classes: of a run of many classes, how it is judged as a whole.
    target: the class of it that is judged against the rest.
    """

    run: Run
    method: str
    part: str
    level: float = USUAL_LEVEL
    side: str = "both"
    against: Run | None = None
    all_classes: Means | None = None
    target: int | None = None

    def judged(self) -> Judged:
        """All that does not depend on the threshold, computed once for all sessions.

        Raises:
            CamsightError: if its predictions cannot be read.
        """
        run = self.run
        return _judged(
            str(run.folder), run.weights_sha256, self.part, self.target, self.method, self.level,
            self.side, run,
        )  # fmt: skip

    def at(self, threshold: float) -> Evaluation:
        """The run judged at a threshold.

        Raises:
            CamsightError: if its predictions cannot be read.
        """
        return replace(self.judged().at(threshold), run=self.run)

    def band(self, kind: str) -> Band | None:
        """Around the ROC curve; kind: one of `BANDS`."""
        if kind == BANDS[-1]:
            return None
        return _band(*self._asked, kind, self.judged().evaluation)

    @property
    def _asked(self) -> tuple:
        """What a figure depends on that is of no one method or threshold."""
        run = self.run
        return str(run.folder), run.weights_sha256, self.part, self.target, self.level

    def other(self) -> "Choice | None":
        """The same for the run that is compared with it."""
        if self.against is None:
            return None
        target = None if self.target is None else self.against.class_names.index(self.positive)
        return replace(self, run=self.against, against=None, all_classes=None, target=target)

    @property
    def positive(self) -> str:
        """The class that is found or missed."""
        return self.run.class_names[1 if self.target is None else self.target]

    @property
    def params(self) -> dict[str, str]:
        """What stands in a link to it, beside the run."""
        chosen = {INTERVAL.key: self.method, PART.key: self.part}
        chosen |= {LEVEL.key: f"{100 * self.level:.6g}", SIDE.key: self.side}
        if self.against is not None:
            chosen[AGAINST.key] = self.against.id
        return chosen | ({} if self.target is None else {CLASS.key: self.positive})


@st.cache_data(max_entries=64, show_spinner=False)
def _judged(
    folder: str, weights_sha256: str, part: str, target: int | None, method: str, level: float,
    side: str, _run: Run,
) -> Judged:  # fmt: skip
    predicted = state.predictions(_run, part)
    found = evaluate.judge(
        _run, part, predicted, evaluate.THRESHOLD, method, target, level=level, side=side
    )
    return judged.prepare(found, _run.id)


@st.cache_data(max_entries=64, show_spinner=False)
def _band(
    folder: str, weights_sha256: str, part: str, target: int | None, level: float, kind: str,
    _found: Evaluation,
) -> Band:  # fmt: skip
    return band_of(_found, kind)


def band_of(found: Evaluation, kind: str) -> Band:
    """kind: "pointwise" or "simultaneous"."""
    asked = found.interval.level, found.groups
    if kind == "simultaneous":
        return bands.simultaneous(found.y_true, found.y_score, *asked)
    return bands.pointwise(found.y_true, found.y_score, bands.even(101)[::-1], *asked)


def choose_band() -> str:
    """Under the ROC curve: what its band is to hold."""
    chosen = st.segmented_control(
        "Band", BANDS, default=BANDS[0], required=True, key=BAND.carry(), bind="query-params",
        help="Pointwise: at each specificity alone it holds the true sensitivity as often as the "
        "level says. Simultaneous: the whole true curve lies in it as often; it is wider.",
    )  # fmt: skip
    return chosen if chosen in BANDS else BANDS[0]


def choose(run: Run, others: Sequence[Run]) -> tuple[Choice, DeltaGenerator | None]:
    """What does not depend on figures; and of many classes the place in the bar for theirs.

    Args:
        others: judged runs that it may be compared with.
    """
    place = st.container() if len(run.class_names) > 2 else None
    against = _choose_against(others)
    method = choose_interval()
    level, side = choose_level()
    part = st.segmented_control(
        "Judge on", PARTS, default=PARTS[0], required=True, key=PART.carry(), bind="query-params",
    )  # fmt: skip
    part = part if part in PARTS else PARTS[0]
    return Choice(run, method, part, level, side, against), place


def alike(runs: Sequence[Run], run: Run) -> list[Run]:
    """Judged runs that tell the same classes apart as `run` does."""
    told = sorted(run.class_names) if len(run.class_names) > 2 else list(run.class_names)
    return [
        one
        for one in runs
        if one.judged and one.id != run.id
        and told == (sorted(one.class_names) if len(told) > 2 else list(one.class_names))
    ]  # fmt: skip


def _choose_against(others: Sequence[Run]) -> Run | None:
    by_id = {run.id: run for run in others}
    asked = AGAINST.asked()
    start = AGAINST.start(asked if asked in by_id else None)
    chosen = AGAINST.select_box(
        "Compare with", ["none", *by_id], start if start in by_id else "none",
        format_func=lambda one: results.called(by_id[one]) if one in by_id else one,
    )  # fmt: skip
    return by_id.get(chosen)


def choose_interval() -> str:
    asked = INTERVAL.asked()
    ideas = " ".join(f"{one.title}: {one.idea}" for one in INTERVALS.values())
    return INTERVAL.select_box(
        "Interval", INTERVAL.options, INTERVAL.start(asked if asked in INTERVALS else None),
        format_func=interval_title,
        help=f"How the AUC's interval is made. The default is the method whose intervals held the "
        f"truth in a share of simulations that is nearest to what they say (docs/coverage.md). "
        f"{ideas} Rates have Wilson intervals.",
    )  # fmt: skip


def interval_title(method: str) -> str:
    return INTERVALS[method].title + (" (default)" if method == DEFAULT else "")


def choose_level() -> tuple[float, str]:
    """How sure intervals are meant to be, and on which side the AUC is bounded."""
    with st.popover(_level_now(), key="level-place"):
        percent = st.number_input(
            "Confidence level, %", 51.0, 99.9, LEVEL.default, 1.0, "%g", key=LEVEL.carry(),
            bind="query-params", help="The share of such intervals that hold the truth.",
        )  # fmt: skip
        side = st.segmented_control(
            "The AUC is bounded on", SIDES, default=SIDES[0], required=True, key=SIDE.carry(),
            bind="query-params",
            help="Both sides; or one alone: “lower” says what it is at least, all of the level "
            "being spent on that.",
        )  # fmt: skip
    return round(percent / 100, 6), side if side in SIDES else SIDES[0]


def _level_now() -> str:
    """What the popover is called before its contents are drawn: "95%"."""
    asked = st.session_state.get(LEVEL.key, LEVEL.asked())
    try:
        value = float(asked)
    except (TypeError, ValueError):
        value = LEVEL.default
    return words.level((value if 51 <= value <= 99.9 else LEVEL.default) / 100)


def choose_class(choice: Choice) -> Choice:
    """One class of many, at first the worst.

    Raises:
        CamsightError: if the run's predictions cannot be read.
    """
    run, asked = choice.run, CLASS.asked()
    whole = means.judged(run, choice.part, choice.method, choice.level)
    worst = whole.worst_first[0].name
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
    return replace(choice, all_classes=whole, target=run.class_names.index(name))


def say_unfound_class(choice: Choice) -> None:
    """Say why another class is shown than the one that a link asked for."""
    if choice.target is not None and (remark := CLASS.remarked((choice.run.id, choice.positive))):
        st.warning(remark, icon=":material/link_off:")
