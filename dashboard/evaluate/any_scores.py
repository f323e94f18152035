"""Scores of any models from a CSV file: judged and compared as runs are, without pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
import streamlit as st

from dashboard import words
from dashboard.evaluate import (
    calibration_tab,
    charts,
    choice,
    compared_scores,
    figures,
    judged,
    limits,
    one,
    operating_tab,
    precision_tab,
)
from dashboard.evaluate.judged import Judged
from dashboard.evaluate.threshold import RULES
from dashboard.parts import evidence
from dashboard.parts.sent import Sent, uploader
from engine.commands import auc
from engine.commands.auc import Models
from engine.commands.evaluate import THRESHOLD, Evaluation
from engine.errors import CamsightError, ScoresError
from engine.evaluation import roc, thresholds
from engine.evaluation.bands import Band
from engine.evaluation.scores import LABEL, SUBJECTS, Scores, read_scores

NAMES = ("negative", "positive")  # what a file calls 0 and 1
NO_SUBJECTS = "each row is its own"
STEPS = 200  # of the slider
KEPT, CHANGED = "_scores-kept", "_scores-changed"
MOST_MB = 256  # of a file: some million rows
MOST_MODELS = 50  # each is compared with each
SLOW = 50_000  # rows from which on drawing subjects again takes longer than anyone waits
EXAMPLE = "y_true,y_score,other_model\n0,0.12,0.31\n1,0.87,0.64\n1,0.35,0.71\n0,0.20,0.08\n"


@dataclass(frozen=True)
class Asked:
    """What the choosers above the figures say: of an upload by its id, which columns are judged,
    whose the rows are, and how the intervals are made."""

    file_id: str
    columns: tuple[str, ...]
    groups: str | None
    method: str
    level: float
    side: str


def show() -> None:
    """The upload, and below it all that can be said of what it holds."""
    came = uploader(
        "CSV of scores", "csv", most_mb=MOST_MB, key="scores-file", on_change=_note_change,
        help="One line for each picture, person or thing. The column y_true holds 0 or 1, y_score "
        "any number that is higher where the model finds 1 likelier. Each further column of "
        "numbers is taken for another model, and all are compared.",
    )  # fmt: skip
    if CHANGED in st.session_state:
        st.session_state[KEPT] = came[0] if came else None
        del st.session_state[CHANGED]
    sent = st.session_state.get(KEPT)
    if sent is None:
        _explain()
        return
    if not came:  # the widget forgets it when a run is looked at
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{words.markdown(sent.name, 60)}**", width="content")
            st.button("Leave it out", icon=":material/close:", on_click=_leave_out, type="tertiary")
    try:
        _of_file(sent)
    except CamsightError as error:
        st.error(words.markdown(error), title="These scores cannot be judged")


def _note_change() -> None:
    """The uploader holds another file by now, or none."""
    st.session_state[CHANGED] = True


def _leave_out() -> None:
    st.session_state.pop(KEPT).forget()


def _explain() -> None:
    st.caption(
        "Scores of any model, made anywhere, are judged here as those of a run are: a file with "
        "the columns y_true and y_score, and a further column of numbers for each model to compare."
    )
    st.download_button(
        "An example", EXAMPLE, "scores.csv", "text/csv", icon=":material/description:",
        type="tertiary", on_click="ignore",
    )  # fmt: skip


def _of_file(sent: Sent) -> None:
    scores = _read(sent.id, (), None, sent)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        columns, first = _choose_models(scores, sent.id)
        groups = _choose_subjects(scores, columns, sent.id)
        method = choice.choose_interval()
        level, side = choice.choose_level()
    if groups or columns != tuple(scores.columns):
        scores = _read(sent.id, columns, groups, sent)
    asked = Asked(sent.id, columns, groups, method, level, side)
    models = _models(asked, scores)
    prepared, rules = _prepared(asked, first, models)
    _say_limits(models, asked, first)
    _at_threshold(prepared, rules, models, asked, first)


# --- what is chosen -------------------------------------------------------------------------------


def _choose_models(scores: Scores, file_id: str) -> tuple[tuple[str, ...], str]:
    """Which columns are judged, and whose threshold is chosen."""
    names = list(scores.columns)
    if len(names) == 1:
        return tuple(names), names[0]
    labels = words.distinct({name: words.plain(name, 40) for name in names})
    chosen = st.multiselect(
        "Models", names, names[:MOST_MODELS], format_func=labels.get,
        key=f"scores-models-{file_id}",
        help="Every column of numbers; take out what is none. The correction for many tests "
        "counts all that are left.",
    )  # fmt: skip
    chosen = [name for name in names if name in chosen] or names[:MOST_MODELS]
    if len(chosen) > MOST_MODELS:  # also where the widget was asked by hand
        raise ScoresError(
            f"{len(chosen):,} models cannot be compared each with each; leave {MOST_MODELS} of "
            "them, or fewer."
        )
    if len(names) > MOST_MODELS:
        st.caption(f"Of {len(names):,} columns of numbers, {len(chosen)} are judged.")
    first = st.selectbox(
        "Threshold of", chosen, format_func=labels.get, key=f"scores-first-{file_id}",
        help="The model whose threshold and rates are shown; its curve is the solid one.",
    )
    return tuple(chosen), first


def _choose_subjects(scores: Scores, columns: tuple[str, ...], file_id: str) -> str | None:
    """The column that says whose each row is, of those that are not judged; at first one that is
    called so."""
    others = [name for name in scores.header if name and name not in (LABEL, *columns)]
    options = [NO_SUBJECTS, *others]
    start = next((name for name in others if name in SUBJECTS), NO_SUBJECTS)
    chosen = st.selectbox(
        "Subjects", options, options.index(start), disabled=not others,
        format_func=words.distinct({one: words.plain(one, 40) for one in options}).get,
        key=f"scores-subjects-{file_id}",
        help="The column that says whose each row is. Rows of one person, animal or product are "
        "not independent; intervals and tests then go by subject.",
    )  # fmt: skip
    return None if chosen == NO_SUBJECTS else chosen


def _choose_band(found: Evaluation, asked: Asked, name: str) -> Band | None:
    kind = choice.choose_band()
    if kind == "pointwise" and asked.groups and len(found.y_true) > SLOW:
        st.caption(
            f"With more than {words.count(SLOW)} rows a pointwise band by subject would take "
            "minutes; the simultaneous one takes seconds."
        )
        return None
    return None if kind == "none" else _band(asked, name, kind, found)


def _choose_threshold(prepared: Judged, rules: Sequence[float], key: str) -> float:
    """By a slider over all scores, which holds what a rule gave exactly."""
    low, high = (float(prepared.counts.edges[at]) for at in (0, -1))
    if key not in st.session_state:
        st.session_state[key] = prepared.evaluation.threshold
    chosen = st.slider(
        "Threshold: say “positive” from this score on", low, high, step=(high - low) / STEPS,
        format="%.4g", key=key,
    )  # fmt: skip
    with st.container(horizontal=True):
        for (name, _, what), best in zip(RULES, rules, strict=True):
            st.button(
                name, key=f"{key}-{name}", help=f"{what}: {words.threshold(best)}.",
                on_click=lambda best=best: st.session_state.update({key: best}),
            )  # fmt: skip
    st.caption("Both are chosen on these very rows, which flatters the rates a little.")
    return chosen


# --- what is computed, once for each choice -------------------------------------------------------


@st.cache_resource(scope="session", max_entries=4, show_spinner="Reading the scores …")
def _read(file_id: str, columns: tuple[str, ...], groups: str | None, _sent: Sent) -> Scores:
    return read_scores(_sent.read(), columns=columns, groups=groups, called=_sent.name)


@st.cache_resource(scope="session", max_entries=8, show_spinner="Finding the intervals …")
def _models(asked: Asked, _scores: Scores) -> Models:
    return auc.judge(_scores, method=asked.method, level=asked.level, side=asked.side)


@st.cache_resource(scope="session", max_entries=4, show_spinner="Counting the scores …")
def _prepared(asked: Asked, name: str, _models: Models) -> tuple[Judged, list[float]]:
    """A model without a threshold yet, and the thresholds that the rules choose."""
    y_true, y_score = _models.scores.y_true, _models.scores.columns[name]
    span = _span(y_score, name)
    start = THRESHOLD if span == (0, 1) else float(np.median(y_score))
    found = Evaluation(
        run=None, part="these rows", interval=_models.intervals[name], threshold=start,
        confusion=thresholds.confusion(y_true, y_score, start), picture=np.empty(0, str),
        y_true=y_true, y_score=y_score, class_names=NAMES, groups=_models.scores.groups,
    )  # fmt: skip
    curve = found.curve()
    return judged.prepare(found, name, span), [rule(curve) for _, rule, _ in RULES]


@st.cache_resource(scope="session", max_entries=16, show_spinner="Laying the band …")
def _band(asked: Asked, name: str, kind: str, _found: Evaluation) -> Band:
    return choice.band_of(_found, kind)


@st.cache_resource(scope="session", max_entries=16, show_spinner=False)
def _line(asked: Asked, name: str, _models: Models) -> charts.Line:
    scores = _models.scores
    return charts.line(name, roc.roc_curve(scores.y_true, scores.columns[name]))


def _span(y_score: np.ndarray, name: str) -> tuple[float, float]:
    """From where to where a chart and a slider of these scores go.

    Raises:
        ScoresError: where a computer's numbers do not suffice for both.
    """
    low, high = float(y_score.min()), float(y_score.max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low == high:
        low, high = low - 0.5, high + 0.5
    if not (isfinite(high - low) and low < low + (high - low) / STEPS and high < 1e300):
        raise ScoresError(
            f"The scores of {words.plain(name, 40)} go from {low:g} to {high:g}, too far or too "
            "near to draw them; take their logarithm, or subtract what they have in common."
        )
    return low, high


# --- what is shown --------------------------------------------------------------------------------


def _say_limits(models: Models, asked: Asked, first: str) -> None:
    for name, area in models.intervals.items():
        of = f"{words.markdown(name, 40)}: " if len(models.intervals) > 1 else ""
        if hint := auc.swapped(area.value, *map(words.plural, NAMES)):
            st.warning(of + hint, icon=":material/swap_vert:")
    area = models.intervals[first]
    for note in limits.under_coverage(area, NAMES, "rows"):
        st.warning(note, icon=":material/warning:")
    if area.method != asked.method:
        st.caption(limits.no_width(area, asked.method))
    if narrower := limits.narrower(area, "row"):
        st.caption(narrower)


@st.fragment
def _at_threshold(
    prepared: Judged, rules: Sequence[float], models: Models, asked: Asked, first: str
) -> None:
    """All that depends on the threshold; moving it redraws no more than this."""
    others = [name for name in models.intervals if name != first]
    cards = st.container()
    with st.grid(3, min_column_width=330, gap="medium"):
        left, middle, right = st.container(), st.container(), st.container()
    with middle:
        chart = st.container()
        key = f"scores-t-{asked.file_id}-{first}"
        at = _choose_threshold(prepared, rules, key)
    found = prepared.at(at)
    with cards:
        evidence.cards(figures.cards(found, asked.method), key="figures")
    with left:
        curve = st.container()
        band = _choose_band(prepared.evaluation, asked, first)
        with curve:
            lines = [_line(asked, name, models) for name in others[: charts.MOST - 1]]
            one.draw_roc(prepared, found, lines, band)
        if len(others) >= charts.MOST:
            st.caption(f"{charts.MOST} curves are drawn at most; take models out to see others.")
    with chart:
        one.draw_scores(prepared, found)
    with right:
        one.draw_matrix(found, clickable=False)
    _tabs(found, models, key)


def _tabs(found: Evaluation, models: Models, threshold: str) -> None:
    """Only the body of the one that is open is made.

    Args:
        threshold: the key of its slider.
    """
    bodies = {
        "Comparison": lambda: compared_scores.show(models),
        "Precision and recall": lambda: precision_tab.show(found),
        "Calibration": lambda: calibration_tab.show(found),
        "Operating points": lambda: operating_tab.show(found, threshold),
    }
    if len(models.intervals) == 1:
        del bodies["Comparison"]
    tabs = st.tabs(list(bodies), key="scores-tab", on_change="rerun")
    for body, tab in zip(bodies.values(), tabs, strict=True):
        if tab.open:
            with tab:
                body()
