"""What a run learned from, and what it scored on its test part, in words."""

from dashboard import words
from dashboard.parts import evidence
from dashboard.parts.evidence import Card
from engine.evaluation.folds import METHOD as BY_INFLUENCE
from engine.evaluation.intervals import INTERVALS
from engine.runs.record import Run

QUESTION = 60  # letters of a question: a side may hold dozens of classes


def called(run: Run) -> str:
    """Its id, and the name that somebody gave it: "quick-7 · no augmentation"; plain text."""
    return f"{run.id} · {words.plain(run.about.name, 40)}" if run.about.name else run.id


def learned(run: Run) -> str:
    """The dataset, and the question where there is one: "breeds (dog against cat, fox)"."""
    asked = question(run)
    return f"{run.dataset} ({asked})" if asked else run.dataset


def question(run: Run) -> str:
    """ "dog against cat, fox", each side shortened where it is long; "" for all classes."""
    if not run.question:
        return ""
    negative, positive = (words.plain(name, QUESTION // 2) for name in run.class_names)
    return f"{positive} against {negative}"


def head_alone(run: Run) -> bool:
    """As `TrainConfig.head_alone`, of a configuration that another version may have written."""
    return bool(run.config.get("backbone")) and not run.config.get("fine_tune")


def figures(run: Run) -> dict | None:
    """What it scored: on its test part, or of a cross-validation in all folds; None before that."""
    return run.figures or run.crossed


def folds_of(run: Run) -> str:
    """What a cross-validation is: "10 folds of quick-7", "10 folds of quick-7, 5 times"."""
    again = f", {run.repeats} times" if run.repeats > 1 else ""
    return f"{run.folds} folds of {run.of}{again}"


def judged_on(run: Run) -> int:
    """How many pictures its figures come from."""
    told = figures(run)
    return told.get("n") or told.get("n_positive", 0) + told.get("n_negative", 0)


def area(run: Run) -> str:
    """What its AUC is: "AUC", or of many classes "mean AUC over 37 classes"."""
    k = len(run.class_names)
    return "AUC" if k == 2 else f"mean AUC over {k} classes"


def interval(run: Run) -> str:
    """ "95% 0.962–0.974": of the AUC on test."""
    return words.interval(figures(run)["auc_low"], figures(run)["auc_high"])


def method(run: Run) -> str:
    """Whose interval it is: "Hanley-McNeil"; a newer version may know others than we do."""
    return method_called(figures(run)["interval"])


def method_called(name: str) -> str:
    """What a method that made an interval is called on the pages."""
    if name == BY_INFLUENCE:
        return "by influence"
    return INTERVALS[name].short if name in INTERVALS else words.plain(name, 40)


def crossed_card(run: Run) -> Card:
    """The AUC of a cross-validation, with its evidence."""
    told = run.crossed
    return Card(
        f"{area(run)[0].upper()}{area(run)[1:]} of all folds",
        words.three_digits(told["auc"]),
        words.evidence_line(
            interval(run), method(run), judged_on(run), subjects=told.get("subjects", 0)
        ),
        folds_of(run),
        evidence.track(told["auc"], told["auc_low"], told["auc_high"]),
    )
