"""A judged run in words: its figures as cards, as a table and as JSON."""

from dashboard import words
from dashboard.parts import evidence, live
from dashboard.parts.evidence import Card
from engine.commands.evaluate import Evaluation, Means
from engine.data.subjects import Alike
from engine.evaluation import coverage
from engine.evaluation.intervals import INTERVALS, Interval
from engine.evaluation.multiclass import VERY_FEW
from engine.evaluation.proportions import Proportion, wilson
from engine.runs import store
from engine.runs.store import Run


def cards(found: Evaluation, asked: str) -> list[Card]:
    """AUC, accuracy, sensitivity, specificity and the number of mistakes, each with its evidence.

    Args:
        found: a run judged on one part at one threshold.
        asked: the interval method that was asked for; where another made the bounds, it says so.
    """
    c, area, n = found.confusion, found.interval, len(found.y_true)
    negative, positive = found.class_names
    line = words.evidence_line(words.interval(area.low, area.high), how(area, asked), n)
    at = f"at {words.threshold(found.threshold)}"
    if found.target is None:
        others, left_alone = words.plural(negative), words.found(negative)
        wrong = words.mistakes(c.fp, negative, positive)
    else:
        others, left_alone = "others", words.taken("others not", positive)
        wrong = words.mistakes(c.fp, "other" if c.fp == 1 else "others", positive)
    parts = (f"of {words.count(n)} pictures", wrong, words.mistakes(c.fn, positive, negative))
    return [
        Card("AUC", words.three_digits(area.value), line, "0.5 is chance",
             evidence.track(area.value, area.low, area.high)),
        _rate("Accuracy", at, c.tp + c.tn, n),
        _rate("Sensitivity", words.found(positive), c.tp, c.tp + c.fn, words.plural(positive)),
        _rate("Specificity", left_alone, c.tn, c.tn + c.fp, others),
        Card("Mistakes", words.count(c.fp + c.fn), " · ".join(parts), at),
    ]  # fmt: skip


def how(area: Interval, asked: str) -> str:
    """Whose interval it is; where another method made it than was asked for, why."""
    why = ", since it has no width" if area.method != asked else ""
    return INTERVALS[area.method].short + why


def precisions(found: Evaluation) -> list[Card]:
    """How often each of the two answers is right."""
    c = found.confusion
    negative, positive = (words.plain(name, 16) for name in found.class_names)
    return [
        _rate(f"Said “{name}”, is {name}", "", right, said)
        for name, right, said in ((positive, c.tp, c.tp + c.fp), (negative, c.tn, c.tn + c.fn))
    ]


def _rate(label: str, remark: str, right: int, n: int, of: str = "") -> Card:
    """A share with Wilson's interval; a dash and the reason where it does not exist."""
    if n == 0:
        return Card(label, words.NOTHING, "never said at this threshold", remark)
    share = wilson(right, n)
    bounds = words.interval(share.low, share.high, words.percent)
    track = evidence.track(share.value, share.low, share.high, percent=True)
    line = words.evidence_line(bounds, "Wilson", n, of)
    return Card(label, words.percent(share.value), line, remark, track)


def rows(found: Evaluation, asked: str) -> list[tuple[str, str, str, str]]:
    """Figure, value, 95% interval, where it comes from: of two classes at a threshold."""
    error = found.interval.standard_error
    return [
        *(row(card) for card in [*cards(found, asked), *precisions(found)]),
        ("Threshold", repr(found.threshold), "",
         f"“{found.class_names[1]}” is said from this score on"),
        ("Standard error of the AUC", f"{error:.4f}", "", INTERVALS[found.interval.method].short),
    ]  # fmt: skip


def row(card: Card) -> tuple[str, str, str, str]:
    bounds, _, rest = card.evidence.partition(" · ") if card.track else ("", "", card.evidence)
    return card.label, card.value, bounds.removeprefix("95% "), rest


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
    rates = {
        "accuracy": (c.tp + c.tn, c.tp + c.tn + c.fp + c.fn),
        "sensitivity": (c.tp, c.tp + c.fn),
        "specificity": (c.tn, c.tn + c.fp),
        "precision": (c.tp, c.tp + c.fp),
        "negative_predictive_value": (c.tn, c.tn + c.fn),
    }
    return {
        **found.figures,
        "matrix": {"tn": c.tn, "fp": c.fp, "fn": c.fn, "tp": c.tp},
        "rates": {name: _wilson(*counts) for name, counts in rates.items()},
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


def _wilson(right: int, n: int) -> dict | None:
    return rate(wilson(right, n)) if n else None


def rate(share: Proportion | None) -> dict | None:
    """A share with its interval, as JSON."""
    if share is None:
        return None
    bounds = {"value": share.value, "low": share.low, "high": share.high}
    return {**bounds, "n": share.n, "interval": share.method}


def notes(
    found: Evaluation, whole: Means | None = None, alike: Alike | None = None
) -> list[str]:
    """What limits the figures, in sentences of Markdown.

    Args:
        whole: of a run of many classes, how it is judged as a whole.
        alike: two pictures of its dataset that may be of one subject.
    """
    run, said = found.run, []
    if run.error:
        said.append(f"{words.markdown(run.error)} The figures are those of epoch {run.best_epoch}.")
    if found.part == "validation":
        said.append(
            "The best epoch was chosen on these pictures, so they flatter the model: quote test."
        )
    subjects, n = run.subjects.get(found.part, 0), len(found.y_true)
    if 0 < subjects < n and found.groups is None:
        said.append(
            f"The {words.count(n)} pictures are of {words.count(subjects)} subjects, but which is "
            "whose was not stored, and the intervals take each for one of its own: they are too "
            "narrow."
        )
    if alike:
        said.append(
            f"Pictures such as {words.markdown(alike.one, 40)} and "
            f"{words.markdown(alike.other, 40)} may be of one subject. If they are, the run is "
            "judged on subjects that it has seen, and the figures flatter it."
        )
    return said + (_few_of_many(whole) if whole else _few(found))


def _few(found: Evaluation) -> list[str]:
    held = coverage.too_low(found.interval)
    if held is None:
        return []
    return [
        "With as few pictures and as high an AUC, 95% intervals by "
        f"{INTERVALS[found.interval.method].title} held the truth in {words.percent(held)} of "
        "simulations; Newcombe's are safer."
    ]


def _few_of_many(whole: Means) -> list[str]:
    least, said = min(whole.classes, key=lambda one: one.n), []
    name = words.markdown(least.name, 24)
    low = [held for one in whole.classes if (held := coverage.too_low(one.interval))]
    if low:
        said.append(
            f"With as few pictures and as high an AUC as {words.count(len(low))} of "
            f"{len(whole.classes)} classes have, 95% intervals held the truth in as few as "
            f"{words.percent(min(low))} of simulations; Newcombe's are safer."
        )
    if least.n < VERY_FEW and whole.auc.method == "bootstrap":
        said.append(
            f"{name} has {least.n}, and each class has the same weight in the mean, whose interval "
            f"is too narrow with under {VERY_FEW} pictures of a class."
        )
    return said
