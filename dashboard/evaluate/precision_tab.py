"""The tab of precision and recall: what matters where positives are few."""

import streamlit as st

from dashboard import words
from dashboard.evaluate import curve_charts
from dashboard.evaluate.judged import file_name, rates
from dashboard.evaluate.made import HOW, digest
from dashboard.parts import downloads, evidence
from dashboard.parts.evidence import Card
from engine.commands.evaluate import Evaluation
from engine.evaluation.precision import PrecisionRecall, precision_recall


def show(found: Evaluation) -> None:
    """The curve with the threshold on it, and the average precision beside its baseline."""
    curve = _made(digest(found), found.interval.level, found)
    left, right = st.columns([1.2, 1], gap="large")
    with left:
        _draw(found, curve)
    with right:
        evidence.cards([_card(found, curve)], key="average-precision")
        name = words.markdown(found.class_names[1], 24)
        st.caption(
            f"Average precision is the mean precision as recall rises. A model that knows nothing "
            f"has {words.three_digits(curve.baseline)}, the share of {name} among these pictures. "
            "Precision holds for that share alone: where positives are rarer it is lower, which "
            "Operating points works out for any share."
        )


def _draw(found: Evaluation, curve: PrecisionRecall) -> None:
    known, at = rates(found), words.threshold(found.threshold)
    precision, recall = known["precision"], known["sensitivity"]
    figure = curve_charts.precision_recall(
        curve, found.threshold, recall, precision, found.class_names
    )
    alt = (
        f"Precision by recall, average precision "
        f"{words.three_digits(curve.average_precision.value)}; at threshold {at}, recall "
        f"{words.percent(recall.value)} and precision "
        f"{words.percent(precision.value if precision else None)}."
    )
    columns = {
        "threshold": curve.thresholds, "precision": curve.precision, "recall": curve.recall,
    }  # fmt: skip
    downloads.chart(
        "Precision and recall", figure, "precision", alt, f"{file_name(found)}-precision", columns
    )


def _card(found: Evaluation, curve: PrecisionRecall) -> Card:
    area = curve.average_precision
    line = words.evidence_line(
        words.interval(area.low, area.high, sure=area.level), HOW[area.method],
        len(found.y_true), "" if found.run else "rows", area.subjects,
    )  # fmt: skip
    return Card(
        "Average precision", words.three_digits(area.value), line,
        f"{words.three_digits(curve.baseline)} is chance",
        evidence.track(area.value, area.low, area.high),
    )  # fmt: skip


@st.cache_data(max_entries=32, show_spinner=False)
def _made(scores: str, level: float, _found: Evaluation) -> PrecisionRecall:
    return precision_recall(_found.y_true, _found.y_score, level, _found.groups)
