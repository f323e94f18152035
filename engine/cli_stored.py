"""Verbs on what the workspace holds: runs, datasets, the line of runs, the trash."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine import bars, options, terminal
from engine.evaluation.compare import DEFAULT, DIFFERENCES
from engine.evaluation.level import LEVEL
from engine.models.presets import PRESETS
from engine.options import Json, Level, RunId, Side, the_place, the_workspace
from engine.training.config import TrainConfig

app = typer.Typer()


@app.command()
def runs(as_json: Json = False) -> None:
    """Every run, oldest first."""
    from engine.runs import store

    listed, unreadable = store.read_runs(the_workspace())
    if as_json:
        facts = [terminal.run_facts(run) for run in listed]
        return terminal.print_json(facts + terminal.unreadable_facts("run", unreadable))
    columns = ("run", "name", "status", "dataset", "preset", "AUC", "95%", "seconds")
    named = any(run.about.name for run in listed)
    table = Table(*(one for one in columns if named or one != "name"), box=None)
    table.columns[0].min_width = max((len(run.id) for run in listed), default=0)  # never cut
    for run in listed:
        told = run.figures or run.crossed
        table.add_row(
            run.id, *([Text(run.about.name)] if named else []), run.status,
            Text(terminal.learns(run)), terminal.kind_of(run),
            f"{told['auc']:.3f}{terminal.mean_of(run)}" if told else "",
            f"{told['auc_low']:.3f} to {told['auc_high']:.3f}" if told else "",
            f"{run.seconds:.0f}" if run.seconds else "",
        )  # fmt: skip
    Console(highlight=False).print(table)
    terminal.say_unreadable(unreadable)
    return None


@app.command()
def compare(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="A B...",
            help="Runs, or CSV files as auc reads them. Of more than two, each two are tested, "
            "with Holm's correction.",
        ),
    ],
    method: Annotated[
        str,
        typer.Option(
            metavar=f"[{'|'.join(DIFFERENCES)}]",
            help="How the difference's interval is made. "
            + " ".join(f"{one.title}: {one.idea}" for one in DIFFERENCES.values()),
        ),
    ] = DEFAULT,
    level: Level = LEVEL,
    side: Side = "both",
    target: Annotated[
        str | None,
        typer.Option("--class", help="Of runs of many classes: the class against the rest."),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Of files: the column that tells whose picture it is."),
    ] = None,
    apart: Annotated[
        bool,
        typer.Option(
            "--unpaired", help="The rows of files are of other pictures, though labels agree."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Difference of two AUCs with its interval and test; paired where the pictures are the same."""
    from engine import terminal_difference
    from engine.commands import difference

    found = difference.compare(
        the_workspace(), names, groups=groups, apart=apart, target=target,
        method=method, level=level, side=side,
    )  # fmt: skip
    terminal_difference.print_differences(found, as_json)


@app.command()
def note(
    run: RunId,
    name: Annotated[str | None, typer.Option(help='A short name; "" takes it away.')] = None,
    note: Annotated[str | None, typer.Option(help="What is worth knowing of it.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="More than once for several; replaces those of before.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Give a run a name, a note or tags; without an option, show them."""
    from engine.commands.note import note as write
    from engine.runs import store

    workspace = the_workspace()
    found = store.open_run(workspace, run)
    written = found.about
    if (name, note, tag) != (None, None, None):
        written = write(workspace, found.id, name, note, tag)
    if as_json:
        return terminal.print_json({"run": found.id, **terminal.about_facts(written)})
    terminal.print_about(found.id, written)
    return None


@app.command()
def delete(run: RunId, as_json: Json = False) -> None:
    """Move a run to the trash, where it lies for a week; restore brings it back."""
    from engine.commands import trash
    from engine.runs import store

    workspace = the_workspace()
    run_id = store.open_run(workspace, run).id if run == "latest" else run
    token = trash.delete(workspace, run_id)
    if as_json:
        return terminal.print_json({"run": run_id, "token": token})
    print(f"{run_id} is in the trash for {trash.DAYS_KEPT} days; `restore {run_id}` brings it back")
    return None


@app.command()
def backup(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    as_json: Json = False,
) -> None:
    """Copy the workspace into a new folder, also while the dashboard and a training work."""
    from engine.commands.backup import backup as copy

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind
    with bars.bar("MB", quiet=as_json) as progress:
        made = copy(the_workspace(), out, lambda *sizes: progress(*(n / 1e6 for n in sizes), ""))
    terminal.print_backup(made, "lie in", str(made.folder), as_json)


@app.command()
def restore(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="An id like quick-7, from the trash.")
    ] = None,
    origin: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="DIR", help="A backup, which then fills the empty workspace."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring a run back from the trash, or, with --from, a whole workspace from its backup."""
    from engine.commands import trash
    from engine.commands.restoring import restore as fill

    if (run is None) == (origin is None):
        raise typer.BadParameter("give a RUN from the trash, or --from DIR for a whole workspace")
    if run:
        run_id = trash.restore_latest(the_workspace(), run)
        return terminal.print_json({"run": run_id}) if as_json else print(f"{run_id} is back")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    place = the_place()
    with bars.bar("MB", quiet=as_json) as progress:
        made = fill(place, origin, lambda *sizes: progress(*(n / 1e6 for n in sizes), ""))
    return terminal.print_backup(made, "were restored into", str(place.path), as_json)


@app.command()
def export(
    run: RunId,
    out: Annotated[Path, typer.Option(help="The zip to write.")],
    as_json: Json = False,
) -> None:
    """Write a run as a zip: the model as plain Keras loads it, configuration, predictions."""
    from engine.commands.export import export as write

    written = write(the_workspace(), run, out)
    terminal.print_json({"file": str(written)}) if as_json else print(written)


@app.command()
def datasets(as_json: Json = False) -> None:
    """Every dataset, oldest first."""
    from engine.data.dataset import read_datasets

    listed, unreadable = read_datasets(the_workspace())
    if as_json:
        facts = [terminal.dataset_facts(dataset) for dataset in listed]
        return terminal.print_json(facts + terminal.unreadable_facts("name", unreadable))
    columns = ("dataset", "pictures", "subjects", "classes", "pixels", "refused", "fingerprint")
    table = Table(*columns, box=None)
    for one in listed:
        many = len(one.class_names) > 2
        table.add_row(
            one.name, f"{one.size:,}", f"{one.subjects:,}" if one.subjects else "",
            f"{len(one.class_names)} classes" if many else " / ".join(one.class_names),
            str(one.image_size), f"{one.refused:,}", one.fingerprint[:12],
        )  # fmt: skip
    Console(highlight=False, markup=False).print(table)
    terminal.say_unreadable(unreadable)
    return None


@app.command("first-run")
def first_run(as_json: Json = False) -> None:
    """Give an empty workspace its drawn pictures and a first run; else do nothing."""
    from engine.commands.first_run import first_run as begin

    run_id = begin(the_workspace())
    terminal.print_json({"run": run_id}) if as_json else print(run_id or "nothing to do")


@app.command(hidden=True)
def work(as_json: Json = False) -> None:
    """Start the runs that wait in line, one after the other; what `train` of a page relies on."""
    from engine.commands.line import work as serve

    terminal.print_json(serve(the_workspace())) if as_json else serve(the_workspace())


@app.command("serve-models", hidden=True)
def serve_models(folder: Path) -> None:
    """Hold the models of a dashboard, which starts this and tells it more on standard input."""
    from engine.serving.worker import serve

    serve(folder)


@app.command()
@options.from_fields(
    TrainConfig,
    {name: preset.defaults for name, preset in PRESETS.items()},
    several=("preset", "learning_rate", "batch_size", "seed"),
)
def sweep(
    dataset: Annotated[str, typer.Option(help="The dataset's name.")],
    positive: Annotated[list[str] | None, typer.Option(help="As of `train`.")] = None,
    negative: Annotated[list[str] | None, typer.Option(help="As of `train`.")] = None,
    *,
    as_json: Json = False,
    **hyperparameters,
) -> None:
    """Put a run in line for each combination of values (1 to 50), trained one after the other."""
    from engine.commands import many
    from engine.data.dataset import open_dataset
    from engine.data.question import ask

    workspace = the_workspace()
    opened = open_dataset(workspace, dataset)
    question = ask(opened, positive or (), negative or ())
    several = {name: hyperparameters.pop(name) for name in many.VARIED}
    configs = many.combinations(opened, several, **hyperparameters)
    terminal.print_queued(many.sweep(workspace, dataset, configs, question), as_json)


@app.command()
def repeat(
    run: RunId,
    seeds: Annotated[int, typer.Option(help="How many further seeds, from 2 to 20.")],
    as_json: Json = False,
) -> None:
    """Put runs in line that differ from RUN in their seed alone: is it better, or luckier?"""
    from engine.commands import many

    terminal.print_queued(many.repeat(the_workspace(), run, seeds), as_json)
