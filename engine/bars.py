"""How far a verb is: bars on standard error, where that is a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from engine.terminal import duration, learns, screen


@contextmanager
def bar(what: str, *, quiet: bool) -> Iterator:
    """A bar on standard error; called with (done, total, remark)."""
    columns = (
        BarColumn(), TaskProgressColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} " + what + " {task.fields[remark]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    disable = quiet or not screen.is_terminal
    with Progress(*columns, console=screen, disable=disable, transient=True) as progress:
        task = progress.add_task(what, total=1, remark="")
        yield lambda done, total, remark: progress.update(
            task, completed=done, total=total, remark=remark
        )


@contextmanager
def training_bar(run, *, quiet: bool) -> Iterator:
    """A bar of all batches with epoch, batch, speed and time left, on standard error."""
    columns = (TextColumn("{task.fields[said]}"), BarColumn(), TaskProgressColumn())
    disable = quiet or not screen.is_terminal
    with Progress(*columns, console=screen, disable=disable) as progress:
        task = progress.add_task("training", total=1, said=f"{run.id}: starting")

        def report(told: dict) -> None:
            if told["phase"] == "estimated" and not quiet:
                progress.console.print(
                    f"{run.id} on {learns(run)}: about {duration(told['seconds'])} of training at "
                    f"{told['pictures_per_second']:,.0f} pictures/s, from a short measurement",
                    markup=False,
                )
            if told["phase"] == "resuming" and not quiet:
                done = f"epoch {told['epoch']} of {told['epochs']}"
                progress.console.print(f"{run.id} goes on after {done}", markup=False)
            if "fold" in told:
                return _of_folds(progress, task, run, told)
            if told["phase"] != "training":
                return progress.update(task, said=f"{run.id}: {told['phase']}")
            done = (told["epoch"] - 1) * told["batches"] + told["batch"]
            return progress.update(
                task,
                completed=done,
                total=told["epochs"] * told["batches"],
                said=f"{run.id}: epoch {told['epoch']} of {told['epochs']}, batch {told['batch']} "
                f"of {told['batches']}, {told['pictures_per_second']:,.0f} pictures/s, "
                f"{duration(told['seconds_left'])} left",
            )

        yield report


def _of_folds(progress: Progress, task, run, told: dict) -> None:
    """The bar of a cross-validation, which has no time for batches."""
    done = told["fold"] - 1
    if told["phase"] == "training":
        done += ((told["epoch"] - 1) * told["batches"] + told["batch"]) / (
            told["epochs"] * told["batches"]
        )
    left = f", {duration(told['seconds_left'])} left" if "seconds_left" in told else ""
    said = f"{run.id}: fold {told['fold']} of {told['folds']}{left}"
    progress.update(task, completed=done, total=told["folds"], said=said)
