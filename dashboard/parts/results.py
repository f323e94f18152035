"""What a run learned from, and what it scored on its test part, in words."""

from dashboard import words
from engine.evaluation.intervals import INTERVALS
from engine.runs.store import Run

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


def judged_on(run: Run) -> int:
    """How many test pictures its figures come from."""
    told = run.figures
    return told.get("n") or told.get("n_positive", 0) + told.get("n_negative", 0)


def area(run: Run) -> str:
    """What its AUC is: "AUC", or of many classes "mean AUC over 37 classes"."""
    k = len(run.class_names)
    return "AUC" if k == 2 else f"mean AUC over {k} classes"


def interval(run: Run) -> str:
    """ "95% 0.962–0.974": of the AUC on test."""
    return words.interval(run.figures["auc_low"], run.figures["auc_high"])


def method(run: Run) -> str:
    """Whose interval it is: "Hanley-McNeil"; a newer version may know others than we do."""
    name = run.figures["interval"]
    return INTERVALS[name].short if name in INTERVALS else words.plain(name, 40)
