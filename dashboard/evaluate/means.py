"""A run of many classes judged as a whole, in words: as cards, as tables and as JSON."""

from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard import state, words
from dashboard.evaluate import figures
from dashboard.parts import evidence
from dashboard.parts.classes import ClassRow, Rate
from dashboard.parts.evidence import Card
from engine.commands import evaluate
from engine.commands.evaluate import ClassFigures, Means
from engine.evaluation.intervals import INTERVALS
from engine.evaluation.level import LEVEL
from engine.evaluation.multiclass import RESAMPLES
from engine.evaluation.proportions import Proportion
from engine.runs.record import Run

COLUMNS = (
    "Class", "Pictures", "AUC", "Interval of the AUC", "Method", "Sensitivity",
    "Interval of the sensitivity (Wilson)", "Precision", "Interval of the precision (Wilson)",
)  # fmt: skip
_HOW = {"bootstrap": "bootstrap", "newcombe": "Newcombe, since no pair is in the wrong order"}


@st.cache_data(
    max_entries=32,
    show_spinner=f"Judging every class; the mean's interval takes {RESAMPLES:,} resamples …",
)
def _judged(
    folder: str, weights_sha256: str, part: str, method: str, level: float, _run: Run
) -> Means:
    return evaluate.judge_all(_run, part, state.predictions(_run, part), method, level=level)


def judged(run: Run, part: str, method: str, level: float = LEVEL) -> Means:
    """The run judged as a whole, computed once for all sessions.

    Raises:
        CamsightError: if its predictions cannot be read.
    """
    found = _judged(str(run.folder), run.weights_sha256, part, method, level, run)
    return replace(found, run=run)


def cards(found: Means, asked: str) -> list[Card]:
    """Mean AUC, accuracy, the worst class and the most frequent mistake.

    Args:
        asked: the method of the AUC's interval of each class.
    """
    return [_mean_auc(found), _accuracy(found), _worst(found, asked), _most_frequent(found)]


def _mean_auc(found: Means) -> Card:
    area, how = found.auc, _HOW.get(found.auc.method, found.auc.method)
    bounds = words.interval(area.low, area.high, sure=area.level)
    line = words.evidence_line(bounds, how, area.n, subjects=area.subjects)
    return Card(
        "Mean AUC", words.three_digits(area.value),
        f"{line} · mean over all pairs of {area.classes} classes, Hand & Till", "0.5 is chance",
        evidence.track(area.value, area.low, area.high),
    )  # fmt: skip


def _accuracy(found: Means) -> Card:
    share = found.accuracy
    line = words.evidence_line(_bounds(share), "Wilson", share.n)
    most = max(found.classes, key=lambda one: one.n)
    always = f"always saying {words.plain(most.name, 24)} gives {words.percent(most.n / share.n)}"
    return Card(
        "Accuracy", words.percent(share.value),
        f"{line} · {always}", "by the largest probability",
        evidence.track(share.value, share.low, share.high, percent=True),
    )  # fmt: skip


def _worst(found: Means, asked: str) -> Card:
    worst = found.worst_first[0]
    area = worst.interval
    line = words.evidence_line(
        figures.bounds(area), figures.how(area, asked), worst.n,
        words.plural(worst.name) if worst.n != 1 else worst.name,
    )  # fmt: skip
    return Card(
        "Worst class", words.plain(worst.name, 24), line,
        f"AUC {words.three_digits(area.value)}", evidence.track(area.value, area.low, area.high),
    )  # fmt: skip


def _most_frequent(found: Means) -> Card:
    wrong = found.matrix * (1 - np.eye(len(found.matrix), dtype=int))
    total, most = int(wrong.sum()), int(wrong.max())
    label, remark = "Most frequent mistake", f"of {words.count(total)} in all"
    if not total:
        return Card(label, words.NOTHING, "every picture is called what it is", remark)
    truth, said = np.unravel_index(int(wrong.argmax()), wrong.shape)
    names = [words.plain(found.run.class_names[label], 24) for label in (truth, said)]
    share = most / found.classes[truth].n
    line = f"{words.kind(most, *names)} · {words.percent(share)} of {words.plural(names[0])}"
    return Card(label, words.count(most), line, remark)


def _bounds(share: Proportion) -> str:
    return words.interval(share.low, share.high, words.percent, share.level)


# --- tables ---------------------------------------------------------------------------------------


def method(found: Means, asked: str) -> str:
    """Whose intervals the classes' AUCs have: "Hanley-McNeil; Newcombe where it has no width"."""
    mixed = any(one.interval.method != asked for one in found.classes)
    return INTERVALS[asked].short + ("; Newcombe where it has no width" if mixed else "")


def class_rows(found: Means) -> list[ClassRow]:
    """The worst class first."""
    return [
        ClassRow(
            one.label, one.name, one.interval.value, one.interval.low, one.interval.high, one.n,
            _rate(one.sensitivity), _rate(one.precision),
        )
        for one in found.worst_first
    ]  # fmt: skip


def _rate(share: Proportion | None) -> Rate:
    if share is None:
        return Rate(words.NOTHING, "never said")
    return Rate(words.percent(share.value), words.bounds(share.low, share.high, words.percent))


def by_class(found: Means) -> list[tuple[str, ...]]:
    """For each class, the worst first, what `COLUMNS` name."""
    rows = []
    for row, one in zip(class_rows(found), found.worst_first, strict=True):
        area = one.interval
        rows.append((
            row.name, words.count(row.n), words.three_digits(row.auc),
            words.bounds(row.low, row.high), INTERVALS[area.method].short,
            row.sensitivity.value, row.sensitivity.bounds,
            row.precision.value, row.precision.bounds,
        ))  # fmt: skip
    return rows


def rows(found: Means, asked: str) -> list[tuple[str, str, str, str]]:
    """Figure, value, interval, where it comes from: of the run as a whole."""
    error = found.auc.standard_error
    return [
        *(figures.row(card) for card in cards(found, asked)),
        ("Standard error of the mean AUC", f"{error:.4f}", "", found.auc.method),
    ]


def known(found: Means) -> dict:
    """All figures as JSON, rates with their intervals; null where one does not exist."""
    return {
        "run": found.run.id,
        "split": found.part,
        "class_names": list(found.run.class_names),
        **found.figures,
        "classes": [_known(one) for one in found.classes],
        "matrix": found.matrix.tolist(),
        "rates": {"accuracy": figures.rate(found.accuracy)},
        **figures.known_of(found.run),
    }


def _known(one: ClassFigures) -> dict:
    return {
        "class": one.name,
        "n": one.n,
        **evaluate.interval_figures(one.interval),
        "sensitivity": figures.rate(one.sensitivity),
        "precision": figures.rate(one.precision),
    }
