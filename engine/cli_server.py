"""Verbs for whoever runs a dashboard: is it ready, what is it told, who did what."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from engine import terminal
from engine.options import Json, the_workspace

app = typer.Typer()


@app.command()
def doctor(as_json: Json = False) -> None:
    """What computes here, in which versions, where the workspace lies, and whether a dashboard is
    ready to work; exit status 2 where it is not."""
    from engine.commands.doctor import doctor as examine

    found = examine(the_workspace())
    if as_json:
        terminal.print_json(found)
    else:
        print(f"device     {found['device']['name']}")
        for name, version in found["versions"].items():
            print(f"{name:<10} {version}")
        print(f"workspace  {found['workspace']} ({found['free_gb']} GB free)")
        for check in found["checks"]:
            print(f"{check['name']:<10} {check['said'] if check['ok'] else 'failed'}")
    for check in found["checks"]:
        if not check["ok"]:
            terminal.warn(f"{check['name']}: {check['said']}.")
    if not found["ready"]:
        raise typer.Exit(2)


@app.command()
def settings(as_json: Json = False) -> None:
    """Every setting in force; of a secret only whether one is given."""
    from engine.settings import in_force
    from engine.settings import settings as read

    told = in_force(read())
    if as_json:
        return terminal.print_json([asdict(one) for one in told])
    table = Table("variable", "value", "", box=None)
    for one in told:
        table.add_row(one.variable, Text(one.value or "none"), "" if one.given else "default")
    terminal.print_table(table)
    return None


@app.command()
def audit(
    count: Annotated[int, typer.Option(min=1, help="How many lines, the newest.")] = 50,
    find: Annotated[
        str, typer.Option(help="Only lines with this text: a person, a run, a verb.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Who started, stopped, changed and deleted what, newest first."""
    from engine.commands.server import SHOWN, audited, facts

    lines = audited(the_workspace(), count, find)
    if as_json:
        return terminal.print_json(lines)
    table = Table(*SHOWN, "", box=None)
    for line in lines:
        cells = [*(str(line.get(name, "")) for name in SHOWN), facts(line)]
        table.add_row(*map(Text, cells))
    terminal.print_table(table)
    return None
