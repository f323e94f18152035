"""The command line: each verb calls the function of its name in `engine.commands` and prints.

Here stand the verbs that compute; those on what is stored are in `engine.cli_stored`, those for
whoever runs a dashboard in `engine.cli_server`.
"""

import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from engine import bars, cli_plan, cli_server, cli_stored, options, terminal, terminal_folds
from engine.errors import CamsightError, RunError
from engine.evaluation.intervals import DEFAULT, INTERVALS
from engine.evaluation.level import LEVEL, check
from engine.models.presets import PRESETS
from engine.options import Json, Level, RunId, Side, the_workspace
from engine.terminal import screen
from engine.training.config import TrainConfig

app = typer.Typer(
    help="Train an image classifier, prove how good it is, and see what it looks at.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Interval = Annotated[
    str,
    typer.Option(
        metavar=f"[{'|'.join(INTERVALS)}]",
        help="How the AUC's interval is made. "
        + " ".join(f"{method.title}: {method.idea}" for method in INTERVALS.values()),
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
            the_workspace(), source, name,
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
    from engine import terminal_judged
    from engine.commands import estimate as estimates
    from engine.commands import resume as resumes
    from engine.commands import train as commands
    from engine.data.dataset import open_dataset
    from engine.data.question import ask, task_of
    from engine.runs import store

    workspace = the_workspace()
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
        screen.print(terminal_folds.stopped(run), markup=False)
        return None
    if run.of:
        return terminal_folds.print_crossed(evaluation, as_json)
    terminal_judged.print_evaluation(evaluation, as_json)
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
    folds: Annotated[
        int | None,
        typer.Option(
            help="Cross-validate instead: train the run's configuration on each of so many folds "
            "(3 to 20) of all pictures, and judge it on the pictures of that fold."
        ),
    ] = None,
    repeats: Annotated[
        int, typer.Option(help="How often the pictures are dealt out into folds, 1 to 20.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """AUC with its interval, accuracy, confusion matrix and report of a run; with --folds, of its
    way of training."""
    from engine import terminal_judged
    from engine.commands.evaluate import evaluate as judge
    from engine.runs import store

    if folds is not None or store.open_run(the_workspace(), run).of:
        asked = threshold, target, split, interval, side
        if asked != (None, None, "test", DEFAULT, "both"):
            raise typer.BadParameter(
                "a cross-validation judges all pictures, at thresholds that each fold chooses, and "
                "has an interval of its own, so leave --threshold, --split, --class, --interval "
                "and --side out"
            )
        return _cross_validate(run, folds, repeats, level, as_json)
    if repeats != 1:
        raise typer.BadParameter("--repeats is of a cross-validation; give --folds, too")
    evaluation = judge(
        the_workspace(), run, part=split, threshold=threshold, method=interval, target=target,
        level=level, side=side,
    )  # fmt: skip
    terminal_judged.print_evaluation(evaluation, as_json)
    return None


def _cross_validate(run_id: str, n: int | None, repeats: int, level: float, as_json: bool) -> None:
    """One that is there already, of that id or of so many folds, is shown; else it is computed
    here, and Ctrl-C keeps its folds for `train --resume`."""
    from engine.commands import folds
    from engine.commands import train as commands
    from engine.runs import store

    check(level)
    workspace = the_workspace()
    run = store.open_run(workspace, run_id)
    there = run if n is None else folds.find(workspace, run.id, n, repeats)
    if there:
        return terminal_folds.print_crossed(folds.result(there, level), as_json)
    run = folds.create(workspace, run.id, n, repeats)
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: store.ask_to_stop(run))
    with bars.training_bar(run, quiet=as_json) as report:
        found = commands.train_run(workspace, run, report)
    if found is None:
        raise RunError(terminal_folds.stopped(run))
    return terminal_folds.print_crossed(folds.result(found.run, level), as_json)


@app.command()
def auc(
    scores: Annotated[Path, typer.Argument(help="CSV with the columns y_true and y_score.")],
    interval: Interval = DEFAULT,
    level: Level = LEVEL,
    side: Side = "both",
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A column of scores, more than once for several; default: y_score and every "
            "further one of numbers. Several are compared, with Holm's correction.",
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column that tells whose picture each is; intervals and tests then go by "
            "subject.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """AUC with its interval of any model's scores; of several models, also their differences."""
    from engine import terminal_scores
    from engine.commands.auc import auc as judge

    found = judge(
        scores, columns=column or (), groups=groups, method=interval, level=level, side=side
    )
    terminal_scores.print_models(found, as_json)


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
            the_workspace(), run, images, out,
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


app.add_typer(cli_plan.app)
app.add_typer(cli_server.app)
app.add_typer(cli_stored.app)
