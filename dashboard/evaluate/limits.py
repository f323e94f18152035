"""What limits the figures, in sentences of Markdown."""

from dashboard import words
from engine.commands.auc import swapped
from engine.commands.evaluate import Evaluation, Means
from engine.data.subjects import Alike
from engine.evaluation import coverage
from engine.evaluation.intervals import INTERVALS, Interval
from engine.evaluation.multiclass import VERY_FEW


def notes(found: Evaluation, whole: Means | None = None, alike: Alike | None = None) -> list[str]:
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
    if whole:
        return said + _few_of_many(whole)
    hint = swapped(found.interval.value, *(words.markdown(name, 24) for name in found.class_names))
    return said + under_coverage(found.interval, found.class_names) + ([hint] if hint else [])


def under_coverage(
    area: Interval, class_names: tuple[str, str], things: str = "pictures"
) -> list[str]:
    """Where the method that was chosen is known to promise too much, and who does not."""
    held = coverage.too_low(area)
    if held is None:
        return []
    counts = zip((area.n_negative, area.n_positive), class_names, strict=True)
    few = " and ".join(f"{words.count(n)} {words.plural(name)}" for n, name in counts)
    return [
        f"On as few {things} ({words.markdown(few, 60)}), at such an AUC, 95% intervals by "
        f"{INTERVALS[area.method].title} held the truth in {words.percent(held)} of simulations; "
        f"{_safer(area)}"
    ]


def _safer(area: Interval) -> str:
    """The method that came closest to what it says on as many pictures at such an AUC."""
    case = coverage.case(area)
    known = {name: coverage.known_coverage(name, *case) for name in INTERVALS}
    name, held = min(
        ((name, held) for name, held in known.items() if held is not None),
        key=lambda one: abs(one[1] - 0.95),
    )
    if name == area.method:
        return "no other method came closer."
    return f"those by {INTERVALS[name].title} did in {words.percent(held)}."


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


# --- whose interval it is -------------------------------------------------------------------------


def no_width(area: Interval, asked: str) -> str:
    """Why another method made an interval than the one that was asked for, in a sentence."""
    return (
        f"At an AUC of {area.value:g} {INTERVALS[asked].title} finds no width, which would claim "
        f"certainty: the interval comes from {INTERVALS[area.method].title}, which asks the counts "
        "alone."
    )


def narrower(area: Interval, thing: str = "picture") -> str:
    """What an interval would claim that takes each picture for one of its own, in a sentence; ""
    where each is."""
    if not area.naive:
        return ""
    low, high = area.naive
    claimed = words.interval(low, high, sure=area.level, side=area.side)
    saved = 1 - (high - low) / (area.high - area.low) if area.high > area.low else 0.0
    by = f"{words.percent(saved)} narrower" if saved > 0.0005 else "no narrower"
    return (
        f"{thing.capitalize()}s of one subject are alike, and all intervals here are by subject. "
        f"Were each {thing} taken for one of its own, the AUC's would be {claimed}: {by}."
    )
