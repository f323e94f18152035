"""The verb that plans: how many pictures are needed, before any is collected."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from engine import terminal
from engine.evaluation.level import LEVEL
from engine.options import Json

app = typer.Typer()
SIZES = (20, 50, 100, 200, 500, 1000, 2000, 5000)


@app.command()
def power(
    auc: Annotated[float, typer.Option(help="The AUC that is assumed.")] = 0.9,
    other: Annotated[
        float | None,
        typer.Option(help="The AUC of another model, to be told apart from the first."),
    ] = None,
    n: Annotated[
        list[int] | None,
        typer.Option(help="Pictures to judge on, of both classes; more than once for several."),
    ] = None,
    positives: Annotated[float, typer.Option(help="Their share of the pictures.")] = 0.5,
    width: Annotated[
        float, typer.Option(help="How wide the interval may be; answered by the fewest pictures.")
    ] = 0.1,
    power: Annotated[
        float, typer.Option(help="With --other: the chance to be had of telling them apart.")
    ] = 0.8,
    correlation: Annotated[
        float,
        typer.Option(help="Of the two models' scores within a class, from 0 to below 1."),
    ] = 0.5,
    unpaired: Annotated[
        bool, typer.Option("--unpaired", help="The two are judged on different pictures.")
    ] = False,
    level: Annotated[float, typer.Option(help="Of the intervals and of the test.")] = LEVEL,
    simulate: Annotated[
        bool,
        typer.Option("--simulate", help="Beside the formulas, simulate pictures and judge them."),
    ] = False,
    as_json: Json = False,
) -> None:
    """How many pictures are needed: the width of an AUC's interval (by Hanley & McNeil, and by
    Newcombe), and the power to tell two models apart, against their number."""
    from engine.commands import plan

    found = plan.plan(
        plan.Wanted(auc, other, positives, width, power, correlation, not unpaired, level),
        n or SIZES, simulate=simulate,
    )  # fmt: skip
    if as_json:
        return terminal.print_json(found.facts)
    asked = {
        "width": ".3f", "newcombe_width": ".3f", "simulated_width": ".3f",
        "power": ".0%", "simulated_power": ".0%",
    }  # fmt: skip
    shown = [name for name in asked if getattr(found.sizes[0], name) is not None]
    names = (name.removesuffix("_width").removesuffix("_power") for name in shown)
    table = Table("pictures", "positive", "negative", *names, box=None)
    for column in table.columns:
        column.justify = "right"
    for one in found.sizes:
        table.add_row(
            f"{one.n:,}", f"{one.n_positive:,}", f"{one.n_negative:,}",
            *(f"{getattr(one, name):{asked[name]}}" for name in shown),
        )  # fmt: skip
    Console(highlight=False).print(table)
    for sentence in found.sentences():
        print(sentence)
    return None

