"""How differences of AUCs are printed: two in sentences, more as a table."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.commands.difference import Many, figures
from engine.evaluation.compare import FEW as FEW_NEAR_ONE
from engine.evaluation.compare import NEAR_ONE, Difference, Pair
from engine.evaluation.differences import DIFFERENCES
from engine.terminal import WIDE, print_json, warn


def print_differences(found: Many, as_json: bool) -> None:
    if len(found.pairs) == 1 and not found.refused:
        (pair,) = found.pairs
        if as_json:
            return print_json(figures(pair.a, pair.b, pair.found))
        return _print_one(pair)
    if as_json:
        return print_json(found.figures)
    return _print_many(found)


def _print_one(pair: Pair) -> None:
    a, b, found = pair.a, pair.b, pair.found
    percent = f"{100 * found.level:.4g}%"
    how = "paired" if found.paired else "unpaired"
    letter = "z" if found.degrees_of_freedom is None else "t"
    print(f"AUC of {a} {found.auc_a:.3f}, of {b} {found.auc_b:.3f}")
    print(
        f"difference {found.difference:+.3f}, {percent} {_bounds(found)} "
        f"({DIFFERENCES[found.method].title}, {how}), {letter} = {found.z:.2f}, "
        f"{_p_value(found.p)}, {found.n_positive:,} positive, {found.n_negative:,} negative"
    )
    if found.naive:
        low, high = found.naive
        print(
            f"{found.subjects:,} subjects, {found.n:,} pictures: taken for independent, the "
            f"interval would be {low:+.3f} to {high:+.3f}"
        )
    print(_verdict(a, b, found))
    if not found.paired:
        print("each was judged on pictures of its own")
    if found.too_narrow:
        warn(
            f"With fewer than {FEW_NEAR_ONE} of a class and an AUC above {NEAR_ONE}, this interval "
            "holds the truth less often than it says; --method mover is safer."
        )


def _bounds(found: Difference) -> str:
    """ "-0.049 to +0.288"; of one bound alone "at least -0.049"."""
    if found.side == "lower":
        return f"at least {found.low:+.3f}"
    if found.side == "upper":
        return f"at most {found.high:+.3f}"
    return f"{found.low:+.3f} to {found.high:+.3f}"


def _verdict(a: str, b: str, found: Difference) -> str:
    if found.told_apart:
        return f"{a if found.difference > 0 else b} is better: the interval leaves out 0"
    return "the interval holds 0: these pictures do not tell which is better"


def _print_many(found: Many) -> None:
    percent = f"{100 * found.pairs[0].found.level:.4g}%" if found.pairs else ""
    table = Table("A", "B", "A - B", percent, "p", "p (Holm)", "n", "", box=None)
    for pair in sorted(found.pairs, key=lambda pair: pair.p_holm):
        told = pair.found
        better = pair.a if told.difference > 0 else pair.b
        apart = pair.p_holm < 1 - told.level
        table.add_row(
            Text(pair.a), Text(pair.b), f"{told.difference:+.3f}",
            f"{told.low:+.3f} to {told.high:+.3f}", f"{told.p:.2g}", f"{pair.p_holm:.2g}",
            f"{told.n:,}" + ("" if told.paired else " unpaired"),
            Text(f"{better} is better" if apart else "not told apart"),
        )  # fmt: skip
    Console(highlight=False, width=WIDE).print(table)
    if any(pair.found.too_narrow for pair in found.pairs):
        warn("Where an AUC is near 1 on few pictures, --method mover gives safer intervals.")
    for (a, b), why in found.refused.items():
        warn(f"{a} and {b}: {why}")


def _p_value(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
