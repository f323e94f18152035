"""What is printed of a run that was judged: figures, and what one must know to believe them."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.commands.auc import swapped
from engine.commands.evaluate import Means
from engine.evaluation.coverage import too_low
from engine.evaluation.multiclass import VERY_FEW
from engine.terminal import learns, print_json, warn


def print_evaluation(evaluation, as_json: bool) -> None:
    run, many = evaluation.run, isinstance(evaluation, Means)
    if as_json:
        asked = {"question": run.question} if run.question else {}
        classes = {"classes": [class_facts(one) for one in evaluation.classes]} if many else {}
        figures = {"run": run.id, **asked, **evaluation.figures, **classes}
        return print_json(figures | {"seconds": run.seconds})
    print(f"{run.id} on the {evaluation.part} part of {learns(run)}")
    if many:
        return _print_means(evaluation)
    matrix = evaluation.confusion
    zero, one = evaluation.class_names
    print(f"confusion at {evaluation.threshold:g}: truly {zero}: {matrix.tn:,} right, "
          f"{matrix.fp:,} taken for {one}; truly {one}: {matrix.tp:,} right, "
          f"{matrix.fn:,} taken for {zero}")  # fmt: skip
    print(evaluation.report())
    print(evaluation.closing_line())
    print_remarks(evaluation.interval)
    _warn_of_subjects(evaluation)
    warn_of_coverage(evaluation.interval)
    warn(swapped(evaluation.interval.value, *evaluation.class_names))
    return None


def _print_means(means) -> None:
    """Each class against the rest, the worst first; then all together."""
    percent = f"{100 * means.auc.level:.4g}%"
    table = Table("class", "pictures", "AUC", percent, "sensitivity", "precision", box=None)
    for one in means.worst_first:
        area = one.interval
        table.add_row(
            Text(one.name), f"{one.n:,}", f"{area.value:.3f}", f"{area.low:.3f} to {area.high:.3f}",
            f"{one.sensitivity.value:.3f}",
            f"{one.precision.value:.3f}" if one.precision else "never said",
        )  # fmt: skip
    Console(highlight=False).print(table)
    methods = " and ".join(sorted({one.interval.method for one in means.classes}))
    print(
        f"Intervals of classes are by {methods}. Sensitivity and precision are of the class whose "
        "probability is the largest. The AUC "
        f"below is the mean over all pairs of {len(means.classes)} classes (Hand & Till 2001)."
    )
    print(means.closing_line())
    _warn_of_subjects(means)
    least = min(means.classes, key=lambda one: one.n)
    low = [held for one in means.classes if (held := too_low(one.interval))]
    if low:
        warn(
            f"With as few pictures and as high an AUC as {len(low)} of {len(means.classes)} "
            f"classes have, 95% intervals held the truth in as few as {min(low):.1%} of "
            "simulations; newcombe's are safer (--interval newcombe)."
        )
    if least.n < VERY_FEW and means.auc.method == "bootstrap":
        warn(
            f"{least.name} has {least.n:,}, and each class has the same weight in the mean, whose "
            f"interval is too narrow with under {VERY_FEW} pictures of a class."
        )


def _warn_of_subjects(evaluation) -> None:
    """Where subjects are known to be fewer than pictures but not which picture is whose."""
    subjects, n = evaluation.run.subjects.get(evaluation.part, 0), len(evaluation.y_true)
    if 0 < subjects < n and evaluation.groups is None:
        warn(
            f"The {n:,} pictures are of {subjects:,} subjects, but which is whose was not stored, "
            "and the intervals take each for one of its own: they are too narrow; train it again."
        )


def print_remarks(interval) -> None:
    """Why it is Newcombe's where no other has a width; of how many subjects the pictures are, and
    what it costs to forget that."""
    if interval.value in (0, 1):
        print(
            f"At an AUC of {interval.value:g} no other method finds a width, which would claim "
            "certainty, so the interval is Newcombe's."
        )
    if interval.naive:
        n, (low, high) = interval.n_positive + interval.n_negative, interval.naive
        share = 1 - (high - low) / (interval.high - interval.low)
        how = f"{share:.0%} narrower" if share > 0 else f"{-share:.0%} wider"
        print(
            f"{interval.subjects:,} subjects, {n:,} pictures: taken for independent, the interval "
            f"would be {low:.3f} to {high:.3f}, {how}"
        )


def class_facts(one) -> dict[str, Any]:
    """One of many classes for `--json`."""
    return {
        "class": one.name,
        "n": one.n,
        "auc": one.interval.value,
        "auc_low": one.interval.low,
        "auc_high": one.interval.high,
        "interval": one.interval.method,
        "sensitivity": one.sensitivity.value,
        "precision": one.precision.value if one.precision else None,
    }


def warn_of_coverage(interval) -> None:
    """Where simulations found that intervals by this method hold the truth too seldom."""
    if held := too_low(interval):
        warn(
            f"With as few pictures and as high an AUC, 95% intervals by {interval.method} held the "
            f"truth in {held:.1%} of simulations; newcombe's are safer (--interval newcombe)."
        )
