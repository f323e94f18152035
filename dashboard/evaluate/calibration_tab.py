"""The tab of calibration: whether a score of 0.8 means four in five, and what would mend it."""

import streamlit as st

from dashboard import state, words
from dashboard.evaluate import curve_charts
from dashboard.evaluate.judged import file_name
from dashboard.evaluate.made import digest
from dashboard.parts import downloads, evidence
from dashboard.parts.evidence import Card
from dashboard.parts.params import Param
from engine.commands import evaluate
from engine.commands.evaluate import Evaluation
from engine.errors import CamsightError
from engine.evaluation.calibration import Calibration, Temperature, calibration, temperature

MENDED = Param("temperature", default=False)


def show(found: Evaluation) -> None:
    """The reliability diagram, Brier's score and the calibration error, as they are and at the
    temperature that suits the validation pictures."""
    try:
        made = measured(found)
    except CamsightError as error:
        st.caption(words.markdown(error))
        return
    left, right = st.columns([1.2, 1], gap="large")
    with right:
        cards = st.container()
        fitted = _offer(found)
    after = None if fitted is None else measured(found, fitted)
    with cards:
        evidence.cards([error_card(found, made), _brier(found, made)], key="calibration")
        if after is not None:
            st.markdown(f"**At a temperature of {fitted.value:.2f}**")
            evidence.cards([error_card(found, after), _brier(found, after)], key="mended")
        st.caption(
            "The calibration error is the mean distance between score and share, over bins of as "
            "many pictures each. Noise adds to it and never takes away, so that a calibrated model "
            "shows some too; the interval takes that off."
        )
    with left:
        _draw(found, made, after)


def measured(found: Evaluation, fitted: Temperature | None = None) -> Calibration:
    """Made once for the same scores.

    Raises:
        CamsightError: where scores are no probabilities.
    """
    return _made(digest(found), found.interval.level, fitted and fitted.value, found)


@st.cache_data(max_entries=64, show_spinner=False)
def _made(scores: str, level: float, at: float | None, _found: Evaluation) -> Calibration:
    said = _found.y_score if at is None else Temperature(at).apply(_found.y_score)
    return calibration(_found.y_true, said, level=level, groups=_found.groups)


def error_card(found: Evaluation, made: Calibration) -> Card:
    """The expected calibration error as evidence, with what noise alone would show."""
    error = made.ece
    line = words.evidence_line(
        words.interval(error.low, error.high, sure=error.level), "noise taken off",
        len(found.y_true), "" if found.run else "rows", error.subjects,
    )  # fmt: skip
    by_chance = f"a calibrated model shows {words.three_digits(made.ece_by_chance)}"
    return Card("Calibration error", words.three_digits(error.value), line, by_chance,
                _track(error))  # fmt: skip


def _brier(found: Evaluation, made: Calibration) -> Card:
    share = float((found.y_true == 1).mean())
    line = words.evidence_line(
        words.interval(made.brier.low, made.brier.high, sure=made.brier.level), "Wilson",
        len(found.y_true), "" if found.run else "rows", made.brier.subjects,
    )  # fmt: skip
    always = f"{words.three_digits(share * (1 - share))}: always saying the share"
    return Card("Brier score", words.three_digits(made.brier.value), line, always,
                _track(made.brier))  # fmt: skip


def _track(of) -> evidence.Track:
    """From 0 to the first of a few round numbers that holds the interval."""
    most = next((top for top in (0.05, 0.1, 0.25, 0.5) if of.high <= top), 1.0)
    return evidence.Track(of.value, of.low, of.high, 0.0, most)


def _offer(found: Evaluation) -> Temperature | None:
    """A temperature fitted on validation, where it is asked for."""
    if found.run is None:
        st.caption(
            "A temperature is fitted on pictures that a model was not judged on; a file of scores "
            "has one set alone."
        )
        return None
    try:
        fitted = _fitted(str(found.run.folder), found.run.weights_sha256, found.target, found.run)
    except CamsightError as error:
        st.caption(f"No temperature is offered. {words.markdown(error)}")
        return None
    how = "takes back confidence" if fitted.value > 1 else "adds confidence"
    wanted = st.toggle(
        f"Scale scores by the temperature {fitted.value:.2f}, which {how}", MENDED.default,
        key=MENDED.carry(), bind="query-params",
        help="Log odds are divided by it: score = 1 / (1 + exp(−log odds / T)). It was fitted on "
        "the validation pictures, by the largest likelihood. The order of pictures stays, and so "
        "do the AUC and what is said at a threshold of 0.5. The stored run does not change.",
    )  # fmt: skip
    if wanted and found.part == "validation":
        st.caption("It was fitted on these very pictures: its figures here are flattering.")
    return fitted if wanted else None


@st.cache_data(max_entries=64, show_spinner=False)
def _fitted(folder: str, weights_sha256: str, target: int | None, _run) -> Temperature:
    predicted = state.predictions(_run, "validation")
    of = evaluate.judge(_run, "validation", predicted, evaluate.THRESHOLD, target=target)
    return temperature(of.y_true, of.y_score)


def _draw(found: Evaluation, made: Calibration, after: Calibration | None) -> None:
    figure = curve_charts.reliability(made.bins, found.class_names, after.bins if after else ())
    name = words.plain(found.class_names[1], 24)
    worst = max(made.bins, key=lambda one: abs(one.score - one.positive.value))
    alt = (
        f"Share of {name} by score in {len(made.bins)} bins, calibration error "
        f"{words.three_digits(made.ece.value)}; farthest off where the mean score is "
        f"{worst.score:.2f}: {words.percent(worst.positive.value)} are {name}."
    )
    downloads.chart(
        "Calibration", figure, "calibration-curve", alt, f"{file_name(found)}-calibration",
        _columns(made, after),
    )  # fmt: skip


def _columns(made: Calibration, after: Calibration | None) -> dict[str, list]:
    sets = [("as it is", made)] + ([("at the temperature", after)] if after else [])
    rows = [(name, one) for name, of in sets for one in of.bins]
    return {
        "scores": [name for name, _ in rows],
        "mean score": [one.score for _, one in rows],
        "share": [one.positive.value for _, one in rows],
        "low": [one.positive.low for _, one in rows],
        "high": [one.positive.high for _, one in rows],
        "n": [one.positive.n for _, one in rows],
    }
