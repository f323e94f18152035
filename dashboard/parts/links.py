"""Where the pages are, relative to the entry script, for links and switches; spelled here alone."""

from engine.runs.record import Run

OVERVIEW = "overview/page.py"
TRAIN = "train/page.py"
RUNS = "runs/page.py"
EVALUATE = "evaluate/page.py"
EXPLAIN = "explain/page.py"
SERVER = "server/page.py"  # for admins, and no tab of its own


def to_folds(run: Run) -> dict[str, str]:
    """The address of a cross-validation on Evaluate, beside the run that it is of."""
    return {"run": run.of, "tab": "Cross-validation"}


def to_train_like(run: Run) -> dict[str, str | tuple[str, ...]]:
    """The address of Train with a run's dataset and question."""
    asked = {"positive": run.positive, "negative": run.negative} if run.question else {}
    return {"dataset": run.dataset} | asked


def to_train_again(run: Run) -> dict[str, str]:
    """The address of Train with its form filled from a run, which knows its dataset by content."""
    return {"like": run.id}
