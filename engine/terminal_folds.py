"""What verbs print of a cross-validation."""

from engine import terminal
from engine.evaluation.folds import FEW

NOT_THE_WEIGHTS = (
    "This is the AUC of a way of training, each picture judged by a network that had not seen it; "
    "no one network has it."
)


def print_crossed(found, as_json: bool) -> None:
    """Of an `engine.commands.folds.CrossValidation`."""
    run, auc = found.run, found.auc
    if as_json:
        terminal.print_json({"run": run.id, **found.figures, "seconds": run.seconds})
        return
    n = f"{len(found.folded.y_true):,} pictures"
    if auc.subjects:
        n += f" of {auc.subjects:,} subjects"
    print(f"{run.id}: {terminal.kind_of(run)} on all {n} of {terminal.learns(run)}")
    folds = sorted(one.value for one in auc.folds)
    print(
        f"AUC of the folds {folds[0]:.3f} to {folds[-1]:.3f}; told wrongly "
        f"{1 - found.accuracy.value:.1%} ({_wrong(found)})"
    )
    print(NOT_THE_WEIGHTS)
    if auc.too_narrow:
        low, high = auc.corrected
        terminal.warn(
            f"With under {FEW} pictures of a class in a fold, this interval holds the truth too "
            f"rarely; corrected for so few, it is {low:.3f} to {high:.3f}."
        )
    print(
        f"AUC={auc.value:.3f}, Confidence_interval({100 * auc.level:.4g}%)={auc.low:.3f}–"
        f"{auc.high:.3f} ({auc.method}), Detection_rate={found.accuracy.value:.3f}, "
        f"Process_time={run.seconds or 0:.1f}sec"
    )


def _wrong(found) -> str:
    """ "dog: 12 of 100, cat: 3 of 100": what was told wrongly, of each class."""
    matrix, names = found.matrix, found.run.class_names
    return ", ".join(
        f"{name}: {matrix[at].sum() - matrix[at, at]:,} of {matrix[at].sum():,}"
        for at, name in enumerate(names)
    )


def stopped(run) -> str:
    """What was stopped before there was anything to print."""
    if run.of:
        return (
            f"{run.id} was stopped before its last fold, so it has no AUC; `train --resume "
            f"{run.id}` goes on after the folds that it has."
        )
    return f"{run.id} was stopped before it had begun; nothing was trained."
