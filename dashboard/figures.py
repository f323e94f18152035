"""A judged run in words: its figures as cards and as a table."""

import math

from dashboard import evidence, words
from dashboard.evidence import Card
from engine.commands.evaluate import Evaluation
from engine.evaluation import intervals

METHODS = {"hanley-mcneil": "Hanley-McNeil", "newcombe": "Newcombe"}


def cards(found: Evaluation, asked: str) -> list[Card]:
    """AUC, accuracy, sensitivity, specificity and the number of mistakes, each with its evidence.

    Args:
        found: a run judged on one part at one threshold.
        asked: the interval method that was asked for; where another made the bounds, it says so.
    """
    c, area, n = found.confusion, found.interval, len(found.y_true)
    negative, positive = found.run.class_names
    how = METHODS[area.method] + (", since SE = 0" if area.method != asked else "")
    line = words.evidence_line(words.interval(area.low, area.high), how, n)
    at = f"at {found.threshold:.2f}"
    parts = (
        f"of {words.count(n)} pictures",
        f"{words.count(c.fp)}\u00a0{words.taken(negative, positive)}",
        f"{words.count(c.fn)}\u00a0{words.taken(positive, negative)}",
    )
    return [
        Card("AUC", words.three_digits(area.value), line, "0.5 is chance",
             evidence.track(area.value, area.low, area.high)),
        _rate("Accuracy", at, c.tp + c.tn, n),
        _rate("Sensitivity", words.found(positive), c.tp, c.tp + c.fn, words.plural(positive)),
        _rate("Specificity", words.found(negative), c.tn, c.tn + c.fp, words.plural(negative)),
        Card("Mistakes", words.count(c.fp + c.fn), " · ".join(parts), at),
    ]  # fmt: skip


def precisions(found: Evaluation) -> list[Card]:
    """How often each of the two answers is right."""
    c = found.confusion
    negative, positive = (words.plain(name, 16) for name in found.run.class_names)
    return [
        _rate(f"Said “{name}”, is {name}", "", right, said)
        for name, right, said in ((positive, c.tp, c.tp + c.fp), (negative, c.tn, c.tn + c.fn))
    ]


def _rate(label: str, remark: str, right: int, n: int, of: str = "") -> Card:
    """A share with Wilson's interval; a dash and the reason where it does not exist."""
    if n == 0:
        return Card(label, words.NOTHING, "never said at this threshold", remark)
    share = intervals.wilson(right, n)
    bounds = words.interval(share.low, share.high, words.percent)
    track = evidence.track(share.value, share.low, share.high, percent=True)
    line = words.evidence_line(bounds, "Wilson", n, of)
    return Card(label, words.percent(share.value), line, remark, track)


def table(found: Evaluation, asked: str) -> list[tuple[str, str, str, str]]:
    """Everything there is to know: figure, value, 95% interval, where it comes from."""
    run, rows = found.run, []
    for card in [*cards(found, asked), *precisions(found)]:
        bounds, _, rest = card.evidence.partition(" · ") if card.track else ("", "", card.evidence)
        rows.append((card.label, card.value, bounds.removeprefix("95% "), rest))
    error = found.interval.standard_error
    return rows + [
        ("Standard error of the AUC", f"{error:.4f}", "", "Hanley-McNeil"),
        ("Time of training", words.duration(run.seconds), "", "training alone, without judging"),
        ("Best epoch", str(run.best_epoch or words.NOTHING), "",
         f"of {run.config['epochs']}, by validation loss"),
        ("Device", run.device or words.NOTHING, "", run.versions.get("tensorflow", "") and
         f"TensorFlow {run.versions['tensorflow']}"),
        ("Dataset", run.dataset, "", f"fingerprint {run.dataset_fingerprint[:12]}"),
        ("Weights", (run.weights_sha256 or "")[:12], "", "SHA-256"),
    ]  # fmt: skip


def hundredth(threshold: float) -> float:
    """A threshold as the slider can hold it: down, so that what scored as much stays above it.

    >>> hundredth(0.4287), hundredth(0.29), hundredth(0.9999)
    (0.42, 0.29, 0.99)
    """
    return min(1.0, max(0.0, math.floor(round(100 * threshold, 6)) / 100))
