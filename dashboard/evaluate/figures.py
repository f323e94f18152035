"""A judged run in words: its figures as cards, as a table and as JSON."""

import numpy as np

from dashboard import words
from dashboard.evaluate.judged import rates
from dashboard.parts import evidence, live
from dashboard.parts.evidence import Card
from engine.commands.evaluate import Evaluation
from engine.evaluation.intervals import INTERVALS, Interval
from engine.evaluation.proportions import Proportion
from engine.runs import store
from engine.runs.record import Run


def cards(found: Evaluation, asked: str, error: Card | None = None) -> list[Card]:
    """AUC, accuracy, sensitivity, specificity and the number of mistakes, each with its evidence.

    Args:
        found: a run judged on one part at one threshold.
        asked: the interval method that was asked for; where another made the bounds, it says so.
        error: the card of the calibration error, where scores are probabilities.
    """
    c, known, n = found.confusion, rates(found), len(found.y_true)
    negative, positive = found.class_names
    at = f"at {words.threshold(found.threshold)}"
    if found.target is None:
        others, left_alone = words.plural(negative), words.found(negative)
        wrong = words.mistakes(c.fp, negative, positive)
    else:
        others, left_alone = "others", words.taken("others not", positive)
        wrong = words.mistakes(c.fp, "other" if c.fp == 1 else "others", positive)
    of = f"of {words.count(n)} {'pictures' if found.run else 'rows'}"
    parts = (of, wrong, words.mistakes(c.fn, positive, negative))
    of_positives, of_negatives = found.y_true == 1, found.y_true == 0
    return [
        auc(found, asked),
        _rate("Accuracy", at, known["accuracy"], found),
        _rate("Sensitivity", words.found(positive), known["sensitivity"], found,
              words.plural(positive), of_positives),
        _rate("Specificity", left_alone, known["specificity"], found, others, of_negatives),
        *([error] if error else []),
        Card("Mistakes", words.count(c.fp + c.fn), " · ".join(parts), at),
    ]  # fmt: skip


def auc(found: Evaluation, asked: str) -> Card:
    area = found.interval
    line = words.evidence_line(
        bounds(area), how(area, asked), len(found.y_true), "" if found.run else "rows",
        subjects=area.subjects,
    )  # fmt: skip
    track = evidence.track(area.value, area.low, area.high)
    return Card("AUC", words.three_digits(area.value), line, "0.5 is chance", track)


def bounds(area: Interval) -> str:
    """The AUC's interval with its level: "95% 0.962–0.974"."""
    return words.interval(area.low, area.high, sure=area.level, side=area.side)


def how(area: Interval, asked: str) -> str:
    """Whose interval it is; where another method made it than was asked for, why."""
    return method(area) + (", since it has no width" if area.method != asked else "")


def method(area: Interval) -> str:
    return INTERVALS[area.method].short


def precisions(found: Evaluation) -> list[Card]:
    """How often each of the two answers is right."""
    known, said = rates(found), found.y_score >= found.threshold
    negative, positive = (words.plain(name, 16) for name in found.class_names)
    return [
        _rate(f"Said “{name}”, is {name}", "", known[rate], found, "", of)
        for name, rate, of in (
            (positive, "precision", said), (negative, "negative_predictive_value", ~said),
        )
    ]  # fmt: skip


def _rate(
    label: str,
    remark: str,
    share: Proportion | None,
    found: Evaluation,
    of: str = "",
    among: np.ndarray | None = None,
) -> Card:
    """A share with Wilson's interval; a dash and the reason where it does not exist.

    Args:
        among: `(n,)` which pictures it is a share of; None for all.
    """
    if share is None:
        return Card(label, words.NOTHING, "never said at this threshold", remark)
    interval = words.interval(share.low, share.high, words.percent, share.level)
    track = evidence.track(share.value, share.low, share.high, percent=True)
    of = of or ("" if found.run else "rows")
    line = words.evidence_line(interval, "Wilson", share.n, of, _subjects(found, among))
    return Card(label, words.percent(share.value), line, remark, track)


def _subjects(found: Evaluation, among: np.ndarray | None) -> int:
    """Of how many the pictures are; 0 where each is of one of its own."""
    if found.groups is None:
        return 0
    return len(np.unique(found.groups if among is None else found.groups[among]))


def rows(
    found: Evaluation, asked: str, calibration: Card | None = None
) -> list[tuple[str, str, str, str]]:
    """Figure, value, interval, where it comes from: of two classes at a threshold."""
    error = found.interval.standard_error
    return [
        *(row(card) for card in [*cards(found, asked, calibration), *precisions(found)]),
        ("Threshold", repr(found.threshold), "",
         f"“{found.class_names[1]}” is said from this score on"),
        ("Standard error of the AUC", f"{error:.4f}", "", INTERVALS[found.interval.method].short),
    ]  # fmt: skip


def row(card: Card) -> tuple[str, str, str, str]:
    interval, _, rest = card.evidence.partition(" · ") if card.track else ("", "", card.evidence)
    return card.label, card.value, interval, rest


def about(run: Run) -> list[tuple[str, str, str, str]]:
    """How the run came about, in rows like those of its figures."""
    return [
        ("Time of training", words.duration(run.seconds), "", "training alone, without judging"),
        ("Trained", live.epochs(run), "", run.preset),
        ("Best epoch", str(run.best_epoch or words.NOTHING), "", best_epoch(run)),
        ("Device", run.device or words.NOTHING, "", run.versions.get("tensorflow", "") and
         f"TensorFlow {run.versions['tensorflow']}"),
        ("Dataset", run.dataset, "", f"fingerprint {run.dataset_fingerprint[:12]}"),
        ("Test pictures", run.split_id[:12] or words.NOTHING, "",
         "split id; runs with the same one may be compared"),
        ("Weights", (run.weights_sha256 or "")[:12], "", "SHA-256"),
    ]  # fmt: skip


def best_epoch(run: Run) -> str:
    """Why that epoch's weights were kept, and how good it was by another measure."""
    says = "its weights are used: the lowest validation loss"
    history = store.history(run)
    if run.best_epoch in history.get("epoch", []):
        right = history["val_accuracy"][history["epoch"].index(run.best_epoch)]
        says += f"; {words.percent(right)} of the validation pictures were right then"
    return says


def known(found: Evaluation) -> dict:
    """All figures as JSON, rates with their intervals; null where one does not exist."""
    return {
        "run": found.run.id,
        "split": found.part,
        "class_names": list(found.class_names),
        **at_threshold(found),
        **known_of(found.run),
    }


def at_threshold(found: Evaluation) -> dict:
    """What is known of two classes at a threshold, as JSON."""
    c = found.confusion
    return {
        **found.figures,
        "matrix": {"tn": c.tn, "fp": c.fp, "fn": c.fn, "tp": c.tp},
        "rates": {name: rate(share) for name, share in rates(found).items()},
    }


def known_of(run: Run) -> dict:
    """How the run came about, as JSON."""
    return {
        "seconds": run.seconds,
        "best_epoch": run.best_epoch,
        "dataset": run.dataset,
        "dataset_fingerprint": run.dataset_fingerprint,
        "split_id": run.split_id,
        "weights_sha256": run.weights_sha256,
        "config": dict(run.config),
    }


def rate(share: Proportion | None) -> dict | None:
    """A share with its interval, as JSON."""
    if share is None:
        return None
    ends = {"value": share.value, "low": share.low, "high": share.high, "level": share.level}
    known = {**ends, "n": share.n, "interval": share.method}
    return known if share.effective_n is None else known | {"effective_n": share.effective_n}
