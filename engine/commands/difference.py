"""compare: whether one run is better than another, or one model's scores than another's."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np

from engine.commands import ground
from engine.commands.evaluate import subjects
from engine.commands.ground import Told
from engine.data.dataset import Dataset, list_datasets
from engine.errors import CamsightError, ConfigError, RunError, ScoresError
from engine.evaluation import compare as tests
from engine.evaluation.compare import Difference, Pair
from engine.evaluation.scores import Scores, read_scores
from engine.runs import store
from engine.runs.record import Run
from engine.workspace import Workspace

FILE = ".csv"


@dataclass(frozen=True)
class Many:
    """Each two of several runs or files: their tests, with Holm's correction.

    refused: of the others why they are not compared, by the names of both.
    """

    pairs: list[Pair]
    refused: dict[tuple[str, str], str]

    @property
    def figures(self) -> dict[str, Any]:
        return {
            "pairs": [
                {**figures(pair.a, pair.b, pair.found), "p_holm": pair.p_holm}
                for pair in self.pairs
            ],
            "refused": [{"a": a, "b": b, "why": why} for (a, b), why in self.refused.items()],
        }


def figures(a: str, b: str, found: Difference) -> dict[str, Any]:
    """What `--json` prints of two; `value` is what the first version called the difference."""
    return {"a": a, "b": b, "value": found.difference, **asdict(found)}


def compare(
    workspace: Workspace,
    names: Sequence[str],
    *,
    groups: str | None = None,
    apart: bool = False,
    target: str | None = None,
    **options,
) -> Many:
    """Test runs against each other, or CSV files as `auc` reads them.

    Args:
        names: two or more; ids of runs, or paths that end in .csv. Files of the same length and
            labels are paired.
        groups: of files, the column that tells whose picture each is.
        apart: whether the rows of files are of different pictures, though their labels agree.
        target: of runs of many classes, the class that is judged against the rest.
        options: method, level, side and seed; see `engine.evaluation.compare.paired`.

    Raises:
        CamsightError: where there is no such run or file, or no two can be compared.
    """
    files = [name.endswith(FILE) for name in names]
    if len(names) < 2:
        raise ConfigError("One alone cannot be compared; name two runs, or two CSV files, or more.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"'{twice}' cannot be compared with itself; choose two.")
    if any(files) and not all(files):
        raise ConfigError(
            "A run and a file of scores cannot be compared; write the run's scores into a CSV file "
            "with the columns y_true and y_score, or name two runs."
        )
    if all(files):
        if target is not None:
            raise ConfigError("--class is of runs; the labels of a file are 0 and 1 already.")
        read = {name: read_scores(name, columns=["y_score"], groups=groups) for name in names}
        return _some(each_two(
            names, lambda a, b: of_scores(read[a], read[b], (a, b), apart=apart, **options)
        ))  # fmt: skip
    if groups is not None or apart:
        raise ConfigError(
            "--groups and --unpaired are of files; whose pictures those of runs are, and which are "
            "the same, is known."
        )
    runs = [store.open_run(workspace, name) for name in names]
    return _some(of_many(runs, list_datasets(workspace), target=target, **options))


def _some(found: Many) -> Many:
    """Refuse a comparison of which nothing is left."""
    if not found.pairs:
        raise RunError(next(iter(found.refused.values())))
    return found


def of_many(
    runs: Sequence[Run], datasets: Iterable[Dataset], *, target: str | None = None, **options
) -> Many:
    """Each two of several judged runs; see `of_runs`."""
    by_id = {store.require_judged(run).id: run for run in runs}
    datasets = list(datasets)

    @cache
    def told(name: str) -> Told:
        return _told(by_id[name], datasets)

    def test(a: str, b: str) -> Difference:
        return _of_told(
            by_id[a], told(a), by_id[b], told(b), datasets, target=target, **options
        )  # fmt: skip

    return each_two([run.id for run in runs], test)


def each_two(names: Sequence[str], test: Callable[[str, str], Difference]) -> Many:
    """`test(a, b)` of all pairs; a single one that is refused is an error."""
    found, refused = {}, {}
    for a, b in combinations(names, 2):
        try:
            found[a, b] = test(a, b)
        except CamsightError as error:
            if len(names) == 2:
                raise
            refused[a, b] = str(error)
    return Many(tests.corrected(found), refused)


# --- files ----------------------------------------------------------------------------------------


def of_scores(
    a: Scores, b: Scores, names: tuple[str, str], *, apart: bool = False, **options
) -> Difference:
    """Paired where both hold the same labels in the same order, unless they are of different
    pictures all the same; else unpaired.

    Raises:
        ScoresError: if their rows are of different subjects though their labels agree.
    """
    one, other = a.columns["y_score"], b.columns["y_score"]
    if apart or not np.array_equal(a.y_true, b.y_true):
        return tests.unpaired(
            a.y_true, one, b.y_true, other, groups_a=a.groups, groups_b=b.groups, **options
        )
    if a.groups is not None and not np.array_equal(a.groups, b.groups):
        raise ScoresError(
            f"{names[0]} and {names[1]} hold the same labels and other subjects, so their rows are "
            "not of the same pictures in the same order; write both in one order, or add "
            "--unpaired."
        )
    return tests.paired(a.y_true, one, other, groups=a.groups, **options)


# --- runs -----------------------------------------------------------------------------------------


def of_runs(
    a: Run, b: Run, datasets: Iterable[Dataset], *, target: str | None = None, **options
) -> Difference:
    """The AUC of `a` minus that of `b`, by what both said of test pictures.

    Paired where they share test pictures; see `ground.common`.

    Args:
        datasets: among which those that they learnt from may be.
        target: of runs of many classes, the one that is judged against the rest, by name.
        options: see `engine.evaluation.compare.paired`.

    Raises:
        RunError: if they cannot be compared, saying why.
        ConfigError: if there is no such class or option.
        RecordError: if predictions cannot be read.
    """
    datasets = list(datasets)
    of_a, of_b = (_told(run, datasets) for run in (a, b))
    return _of_told(a, of_a, b, of_b, datasets, target=target, **options)


def _told(run: Run, datasets: Sequence[Dataset]) -> Told:
    told = store.predictions(run, "test")
    return told | {"subject": subjects(run, told, datasets)}


def _of_told(a: Run, of_a: Told, b: Run, of_b: Told, datasets, *, target, **options) -> Difference:
    first, second, same = ground.common(a, of_a, b, of_b, datasets, target)
    if not same:
        return tests.unpaired(
            first["y_true"], first["y_score"], second["y_true"], second["y_score"],
            groups_a=first.get("subject"), groups_b=second.get("subject"), **options,
        )  # fmt: skip
    groups = first.get("subject", second.get("subject"))
    return tests.paired(
        first["y_true"], first["y_score"], second["y_score"], groups=groups, **options
    )
