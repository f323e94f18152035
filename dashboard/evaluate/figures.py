"""A judged run in words: its figures as cards, as a table and as JSON."""

from dashboard import words
from dashboard.parts import evidence, live
from dashboard.parts.evidence import Card
from engine.commands.evaluate import Evaluation
from engine.evaluation import intervals
from engine.evaluation.intervals import INTERVALS
from engine.runs import store
from engine.runs.store import Run

FEW = 100  # pictures of a class, under which Hanley & McNeil's interval is known to be too narrow


def cards(found: Evaluation, asked: str) -> list[Card]:
    """AUC, accuracy, sensitivity, specificity and the number of mistakes, each with its evidence.

    Args:
        found: a run judged on one part at one threshold.
        asked: the interval method that was asked for; where another made the bounds, it says so.
    """
    c, area, n = found.confusion, found.interval, len(found.y_true)
    negative, positive = found.run.class_names
    how = INTERVALS[area.method].short + (", since SE = 0" if area.method != asked else "")
    line = words.evidence_line(words.interval(area.low, area.high), how, n)
    at = f"at {words.threshold(found.threshold)}"
    parts = (
        f"of {words.count(n)} pictures",
        words.mistakes(c.fp, negative, positive),
        words.mistakes(c.fn, positive, negative),
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
        ("Threshold", repr(found.threshold), "",
         f"“{run.class_names[1]}” is said from this score on"),
        ("Standard error of the AUC", f"{error:.4f}", "", "Hanley-McNeil"),
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
    run, c = found.run, found.confusion
    rates = {
        "accuracy": (c.tp + c.tn, c.tp + c.tn + c.fp + c.fn),
        "sensitivity": (c.tp, c.tp + c.fn),
        "specificity": (c.tn, c.tn + c.fp),
        "precision": (c.tp, c.tp + c.fp),
        "negative_predictive_value": (c.tn, c.tn + c.fn),
    }
    return {
        "run": run.id,
        "split": found.part,
        "class_names": list(run.class_names),
        **found.figures,
        "matrix": {"tn": c.tn, "fp": c.fp, "fn": c.fn, "tp": c.tp},
        "rates": {rate: _wilson(*counts) for rate, counts in rates.items()},
        "seconds": run.seconds,
        "best_epoch": run.best_epoch,
        "dataset": run.dataset,
        "dataset_fingerprint": run.dataset_fingerprint,
        "split_id": run.split_id,
        "weights_sha256": run.weights_sha256,
        "config": dict(run.config),
    }


def _wilson(right: int, n: int) -> dict | None:
    if n == 0:
        return None
    share = intervals.wilson(right, n)
    bounds = {"value": share.value, "low": share.low, "high": share.high}
    return {**bounds, "n": n, "interval": share.method}


def notes(found: Evaluation) -> list[str]:
    """What limits the figures, in sentences of Markdown."""
    run, area, said = found.run, found.interval, []
    if run.error:
        said.append(f"{words.markdown(run.error)} The figures are those of epoch {run.best_epoch}.")
    if found.part == "validation":
        said.append(
            "The best epoch was chosen on these pictures, so they flatter the model: quote test."
        )
    if min(area.n_positive, area.n_negative) < FEW and area.method == "hanley-mcneil":
        counts = zip((area.n_negative, area.n_positive), run.class_names, strict=True)
        few = " and ".join(f"{words.count(n)} {words.plural(name)}" for n, name in counts)
        title = INTERVALS[area.method].title
        said.append(
            f"Only {words.markdown(few, 60)}: with under {FEW} of a class, the AUC's interval by "
            f"{title} holds the truth less often than it says; Newcombe's is safer."
        )
    return said
