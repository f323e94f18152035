"""How the models of a file of scores are printed: each AUC with its interval, then each pair."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine import terminal_difference
from engine.commands.auc import Models, swapped
from engine.commands.difference import Many
from engine.evaluation.intervals import Interval
from engine.evaluation.scores import SUBJECTS
from engine.terminal import WIDE, print_json, warn
from engine.terminal_judged import print_remarks, warn_of_coverage


def print_models(found: Models, as_json: bool) -> None:
    if as_json:
        print_json(found.figures)
    elif found.pairs:
        _print_many(found)
    else:
        (area,) = found.intervals.values()
        print(f"AUC={area.value:.3f}, {_bounds(area)} ({area.method}), {_counts(area)}")
        print_remarks(area)
    for name, area in found.intervals.items():
        if hint := swapped(area.value):
            warn(f"{name}: {hint}" if found.pairs else hint)
        if not as_json:
            warn_of_coverage(area)
    told = next((name for name in found.scores.passed_over if name in SUBJECTS), None)
    if told and found.scores.groups is None:
        warn(
            f"The column {told} was not used, and each row is taken for one of its own; --groups "
            f"{told} takes rows of one subject together."
        )


def _print_many(found: Models) -> None:
    table = Table("scores", "AUC", "interval", "method", box=None)
    for name, area in found.intervals.items():
        table.add_row(Text(name), f"{area.value:.3f}", _bounds(area), area.method)
    Console(highlight=False, width=WIDE).print(table)
    print(_counts(area))
    if area.side != "both":
        print("Differences have bounds on both sides, and their p is two-sided.")
    terminal_difference.print_differences(Many(found.pairs, {}), as_json=False)


def _bounds(area: Interval) -> str:
    """ "95% 0.719 to 0.901"; of one bound alone "95% at least 0.719"."""
    percent = f"{100 * area.level:.4g}%"
    if area.side == "lower":
        return f"{percent} at least {area.low:.3f}"
    if area.side == "upper":
        return f"{percent} at most {area.high:.3f}"
    return f"{percent} {area.low:.3f} to {area.high:.3f}"


def _counts(area: Interval) -> str:
    of = f" of {area.subjects:,} subjects" if area.subjects else ""
    return f"{area.n_positive:,} positive, {area.n_negative:,} negative{of}"
