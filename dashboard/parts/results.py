"""What a judged run scored on its test part, in words. For Overview and Train."""

from dashboard import words
from engine.evaluation.intervals import INTERVALS
from engine.runs.store import Run


def judged_on(run: Run) -> int:
    """How many test pictures its figures come from."""
    return run.figures["n_positive"] + run.figures["n_negative"]


def interval(run: Run) -> str:
    """ "95% 0.962–0.974": of the AUC on test."""
    return words.interval(run.figures["auc_low"], run.figures["auc_high"])


def method(run: Run) -> str:
    """Whose interval it is: "Hanley-McNeil"; a newer version may know others than we do."""
    name = run.figures["interval"]
    return INTERVALS[name].short if name in INTERVALS else words.plain(name, 40)
