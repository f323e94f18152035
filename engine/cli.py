"""The command line: each verb calls the function of its name in `engine.commands` and prints."""

import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine import bars, options, terminal
from engine.errors import CamsightError, RunError
from engine.evaluation.intervals import DEFAULT, INTERVALS
from engine.evaluation.level import LEVEL, SIDES
from engine.models.presets import PRESETS
from engine.settings import settings
from engine.terminal import screen
from engine.training.config import TrainConfig
from engine.workspace import Workspace

app = typer.Typer(
    help="Train an image classifier, prove how good it is, and see what it looks at.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help='An id like quick-7, or "latest".')]
Interval = Annotated[
    str,
    typer.Option(
        metavar=f"[{'|'.join(INTERVALS)}]",
        help="How the AUC's interval is made. "
        + " ".join(f"{method.title}: {method.idea}" for method in INTERVALS.values()),
    ),
]
Level = Annotated[
    float, typer.Option(metavar="SHARE", help="Confidence level of the interval, within 0 and 1.")
]
Side = Annotated[
    str,
    typer.Option(
        metavar=f"[{'|'.join(SIDES)}]",
        help="Bounds on both sides, or one bound alone: lower (at least) or upper (at most).",
    ),
]


def main() -> None:
    """Run a verb; what a person can mend ends in one sentence and exit status 2."""
    terminal.outlive_readers()
    try:
        app()
    except CamsightError as error:
        _refuse(str(error))
    except OSError as error:
        what = f"'{error.filename}'" if error.filename else "A file or folder"
        reason = error.strerror or error
        _refuse(f"{what} cannot be used ({reason}); check its rights and the free space.")


def _workspace() -> Workspace:
    return Workspace(settings().workspace)


def _refuse(sentence: str) -> NoReturn:
    screen.print(sentence, style="red", markup=False, soft_wrap=True)
    sys.exit(2)


@app.command()
def prepare(
    source: Annotated[str, typer.Argument(help='A folder, a zip, or "drawn".')],
    name: Annotated[str, typer.Option(help="The dataset's name.")],
    image_size: Annotated[int, typer.Option(help="Pixels of a picture's side.")] = 150,
    seed: Annotated[int, typer.Option(help="Of the split (and of what is drawn).")] = 1,
    count: Annotated[int, typer.Option(help="How many pictures are drawn.")] = 2000,
    replace: Annotated[bool, typer.Option("--replace", help="Take a name that is in use.")] = False,
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="[folder|REGEX]",
            help="Keep the pictures of a subject in one part of the split: one folder each below "
            "the class, or what the one group of an expression finds in a file's name. A "
            "groups.csv in the source comes first.",
        ),
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="The positive one of two classes; default: the last by name.")
    ] = None,
    fit: Annotated[
        str,
        typer.Option(help="How a picture becomes a square: stretch, pad (whole, on grey) or crop."),
    ] = "stretch",
    as_json: Json = False,
) -> None:
    """Check, count and store pictures of 2 to 100 classes as a dataset."""
    from engine.commands.prepare import look_alike
    from engine.commands.prepare import prepare as run_prepare
    from engine.data.subjects import TABLE

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind
    with bars.bar("pictures", quiet=as_json) as progress:
        dataset = run_prepare(
            _workspace(), source, name,
            image_size=image_size, seed=seed, count=count, replace=replace,
            group_by=group_by, positive=positive, fit=fit,
            progress=lambda done, total, refused: progress(done, total, f"{refused:,} refused"),
        )  # fmt: skip
    if as_json:
        return terminal.print_json(terminal.dataset_facts(dataset))
    terminal.print_dataset(dataset)
    for sentence in dataset.changes():
        print(f"  {sentence}")
    if group_by is not None and dataset.grouped_by == TABLE:
        terminal.warn(f"{TABLE} tells the subjects, and --group-by was not used.")
    terminal.point_out(look_alike(dataset))
    terminal.warn_of_mixed(dataset)
    return None


@app.command()
@options.from_fields(TrainConfig, {name: preset.defaults for name, preset in PRESETS.items()})
def train(
    dataset: Annotated[str | None, typer.Option(help="The dataset's name.")] = None,
    positive: Annotated[
        list[str] | None,
        typer.Option(
            help="Of a dataset with more than two classes: a class to find, more than once for "
            "several. Classes that neither this nor --negative names are left out."
        ),
    ] = None,
    negative: Annotated[
        list[str] | None, typer.Option(help="A class to tell it from, more than once for several.")
    ] = None,
    *,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Measure how long it would take, and end.")
    ] = False,
    queued: Annotated[str | None, typer.Option(hidden=True)] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Go on with a run that was killed, stopped or failed, after its last whole epoch "
            "and with its own configuration.",
        ),
    ] = None,
    as_json: Json = False,
    **hyperparameters,
) -> None:
    """Train a classifier; Ctrl-C keeps the best weights so far and judges them."""
    from engine.commands import estimate as estimates
    from engine.commands import resume as resumes
    from engine.commands import train as commands
    from engine.data.dataset import open_dataset
    from engine.data.question import ask, task_of
    from engine.runs import store

    workspace = _workspace()
    if queued:
        run = store.open_run(workspace, queued)
    elif resume:
        asked = [dataset, positive, negative, *hyperparameters.values()]
        if estimate or any(value not in (None, [], ()) for value in asked):
            raise typer.BadParameter("--resume RUN goes on as the run began, so give it alone")
        run = resumes.put_back(workspace, resume)
    else:
        if dataset is None:
            raise typer.BadParameter("give --dataset NAME; `datasets` lists them")
        opened = open_dataset(workspace, dataset)
        config = commands.config_for(opened, **hyperparameters)
        question = ask(opened, positive or (), negative or ())
        if estimate:
            expected = estimates.estimate(workspace, dataset, config, question)
            return terminal.print_estimate(expected, as_json)
        n = len(task_of(opened, question).indices("train"))
        terminal.warn(commands.remark(config, n))
        run = commands.create_run(workspace, dataset, config, question)
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: store.ask_to_stop(run))
    with bars.training_bar(run, quiet=as_json) as report:
        evaluation = commands.train_run(workspace, run, report)
    if evaluation is None:
        screen.print(f"{run.id} was stopped before it had begun; nothing was trained.")
        return None
    terminal.print_evaluation(evaluation, as_json)
    if evaluation.run.error:
        raise RunError(evaluation.run.error)
    return None


@app.command()
def evaluate(
    run: RunId,
    interval: Interval = DEFAULT,
    level: Level = LEVEL,
    side: Side = "both",
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Positive from here on; default 0.5.")
    ] = None,
    split: Annotated[str, typer.Option(help="test or validation.")] = "test",
    target: Annotated[
        str | None,
        typer.Option(
            "--class", help="A class against the rest; default, of many classes: the means."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """AUC with its interval, accuracy, confusion matrix and report of a run."""
    from engine.commands.evaluate import evaluate as judge

    evaluation = judge(
        _workspace(), run, part=split, threshold=threshold, method=interval, target=target,
        level=level, side=side,
    )  # fmt: skip
    terminal.print_evaluation(evaluation, as_json)


@app.command()
def auc(
    scores: Annotated[Path, typer.Argument(help="CSV with the columns y_true and y_score.")],
    interval: Interval = DEFAULT,
    as_json: Json = False,
) -> None:
    """AUC with its interval of any model's scores."""
    from engine.commands.evaluate import auc as auc_of
    from engine.commands.evaluate import interval_figures

    found = auc_of(scores, method=interval)
    if as_json:
        return terminal.print_json(interval_figures(found))
    print(
        f"AUC={found.value:.3f}, 95% {found.low:.3f} to {found.high:.3f} ({found.method}), "
        f"{found.n_positive:,} positive, {found.n_negative:,} negative"
    )
    terminal.warn_of_coverage(found)
    return None


@app.command()
def explain(
    run: RunId,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Picture files.")],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="A method that `methods` lists, more than once for several; default: grad-cam "
            "and score-cam."
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="More than once for several; default: the last with a map."),
    ] = None,
    combine: Annotated[
        str, typer.Option(help="How several layers become one map: mean or max.")
    ] = "mean",
    target: Annotated[str | None, typer.Option(help="A class; default: what it says.")] = None,
    score: Annotated[
        str | None,
        typer.Option(
            help="What is differentiated or compared: logit, before the last activation, or "
            "probability, after it; default: the method's own."
        ),
    ] = None,
    flips: Annotated[
        bool, typer.Option("--flips", help="The mean with the mirror image's map.")
    ] = False,
    eigen: Annotated[
        bool,
        typer.Option("--eigen", help="Add channels along their first principal component."),
    ] = False,
    precision: Annotated[
        str, typer.Option(help="Of forward passes: float32, or auto, the fastest here.")
    ] = "float32",
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="A method's own option, as samples=50; more than once."
        ),
    ] = None,
    colour_map: Annotated[
        str, typer.Option("--colormap", help="inferno, viridis, cividis, ocean or turbo.")
    ] = "inferno",
    raw: Annotated[
        bool, typer.Option("--raw", help="Write each raw map as NPZ, for numpy.load.")
    ] = False,
    sheet: Annotated[
        bool,
        typer.Option("--sheet", help="Write sheet.png: pictures as rows, methods as columns."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Heatmaps of pictures, written as original, heatmap and overlay."""
    from engine.cam.methods import USUAL
    from engine.commands.explain import explain as run_explain

    with bars.bar("steps", quiet=as_json) as progress:
        explained = run_explain(
            _workspace(), run, images, out,
            methods=list(dict.fromkeys(method or USUAL)), layers=layer or (), target=target,
            colour_map=colour_map, options=option or (), raw=raw, sheet=sheet,
            progress=lambda done, total: progress(done, total, ""),
            combine=combine, score=score, flips=flips, eigen=eigen, precision=precision,
        )  # fmt: skip
    terminal.print_explained(explained, as_json)


@app.command()
def methods(as_json: Json = False) -> None:
    """Every heatmap method: what it is, what it needs and costs, exact or how far from it."""
    from engine.cam.methods import METHODS

    terminal.print_methods(METHODS.values(), as_json)


@app.command()
def runs(as_json: Json = False) -> None:
    """Every run, oldest first."""
    from engine.runs import store

    listed, unreadable = store.read_runs(_workspace())
    if as_json:
        facts = [terminal.run_facts(run) for run in listed]
        return terminal.print_json(facts + terminal.unreadable_facts("run", unreadable))
    columns = ("run", "name", "status", "dataset", "preset", "AUC", "95%", "seconds")
    named = any(run.about.name for run in listed)
    table = Table(*(one for one in columns if named or one != "name"), box=None)
    table.columns[0].min_width = max((len(run.id) for run in listed), default=0)  # never cut
    for run in listed:
        told = run.figures
        table.add_row(
            run.id, *([Text(run.about.name)] if named else []), run.status,
            Text(terminal.learns(run)), run.preset,
            f"{told['auc']:.3f}{terminal.mean_of(run)}" if told else "",
            f"{told['auc_low']:.3f} to {told['auc_high']:.3f}" if told else "",
            f"{run.seconds:.0f}" if run.seconds else "",
        )  # fmt: skip
    Console(highlight=False).print(table)
    terminal.say_unreadable(unreadable)
    return None


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A run, or a CSV file as auc reads it.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another of the same pictures.")],
    as_json: Json = False,
) -> None:
    """Difference of two AUCs on the same test pictures: DeLong's paired test."""
    from engine.commands.compare import compare as test

    found = test(_workspace(), a, b)
    if as_json:
        return terminal.print_json({"a": a, "b": b, **asdict(found)})
    terminal.print_difference(a, b, found)
    return None


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
    from engine.runs import about, store

    found = store.open_run(_workspace(), run)
    written = found.about
    if (name, note, tag) != (None, None, None):
        written = about.write_about(found.folder, name, note, tag)
    if as_json:
        return terminal.print_json({"run": found.id, **terminal.about_facts(written)})
    terminal.print_about(found.id, written)
    return None


@app.command()
def delete(run: RunId, as_json: Json = False) -> None:
    """Move a run to the trash, where it lies for a week; restore brings it back."""
    from engine.commands import trash
    from engine.runs import store

    workspace = _workspace()
    run_id = store.open_run(workspace, run).id if run == "latest" else run
    token = trash.delete(workspace, run_id)
    if as_json:
        return terminal.print_json({"run": run_id, "token": token})
    print(f"{run_id} is in the trash for {trash.DAYS_KEPT} days; `restore {run_id}` brings it back")
    return None


@app.command()
def restore(
    run: Annotated[str, typer.Argument(metavar="RUN", help="An id like quick-7.")],
    as_json: Json = False,
) -> None:
    """Bring a run back from the trash."""
    from engine.commands import trash

    run_id = trash.restore_latest(_workspace(), run)
    terminal.print_json({"run": run_id}) if as_json else print(f"{run_id} is back")


@app.command()
def export(
    run: RunId,
    out: Annotated[Path, typer.Option(help="The zip to write.")],
    as_json: Json = False,
) -> None:
    """Write a run as a zip: the model as plain Keras loads it, configuration, predictions."""
    from engine.commands.export import export as write

    written = write(_workspace(), run, out)
    terminal.print_json({"file": str(written)}) if as_json else print(written)


@app.command()
def datasets(as_json: Json = False) -> None:
    """Every dataset, oldest first."""
    from engine.data.dataset import read_datasets

    listed, unreadable = read_datasets(_workspace())
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


@app.command()
def doctor(as_json: Json = False) -> None:
    """What computes here, in which versions, and where the workspace lies."""
    from engine.commands.doctor import doctor as examine

    found = examine(_workspace())
    if as_json:
        return terminal.print_json(found)
    print(f"device     {found['device']['name']}")
    for name, version in found["versions"].items():
        print(f"{name:<10} {version}")
    print(f"workspace  {found['workspace']} ({found['free_gb']} GB free)")
    return None


@app.command("first-run")
def first_run(as_json: Json = False) -> None:
    """Give an empty workspace its drawn pictures and a first run; else do nothing."""
    from engine.commands.first_run import first_run as begin

    run_id = begin(_workspace())
    terminal.print_json({"run": run_id}) if as_json else print(run_id or "nothing to do")


@app.command(hidden=True)
def work(as_json: Json = False) -> None:
    """Start the runs that wait in line, one after the other; what `train` of a page relies on."""
    from engine.commands.line import work as serve

    terminal.print_json(serve(_workspace())) if as_json else serve(_workspace())


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

    workspace = _workspace()
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

    terminal.print_queued(many.repeat(_workspace(), run, seeds), as_json)
