"""compare: whether one run is better than another, or one model's scores than another's.

Two runs are compared on the test pictures that both were judged on, and on no others. Where they
share none, each was judged on pictures of its own, and the test is the unpaired one; but not if one
of them learnt from a picture that the other was judged on, since then what it knows, and what it is
held against, hang together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np

from engine.commands.evaluate import class_number, subjects
from engine.data.dataset import PARTS, Dataset, list_datasets
from engine.data.question import Question, task_of
from engine.errors import CamsightError, ConfigError, RunError, ScoresError
from engine.evaluation import compare as tests
from engine.evaluation import multiclass
from engine.evaluation.compare import Difference, Pair
from engine.evaluation.scores import Scores, read_scores
from engine.runs import store
from engine.runs.store import Run
from engine.workspace import Workspace

LEAST = 10  # pictures of each class that two test parts must share, where they are not the same
FILE = ".csv"
Told = Mapping[str, np.ndarray]


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


def each_two(names: Sequence[str], test) -> Many:
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

    Paired where they share test pictures: all of them, or at least `LEAST` of each class.

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
    if why := why_not(a, b, target):
        raise RunError(why)
    first, second = _judged(a, of_a, target), _judged(b, of_b, target)
    at_a, at_b = _shared(a, first, b, second)
    paired = len(at_a) == len(first["y_true"]) == len(second["y_true"])
    if not paired and _fewest(first["y_true"][at_a]) < LEAST:
        _refuse_if_learnt(a, first, b, second, datasets)
        if len(at_a):
            raise RunError(
                f"'{a.id}' and '{b.id}' share {len(at_a):,} test pictures, too few to compare "
                f"them on ({LEAST} of each class are needed); train one of them on the dataset of "
                "the other."
            )
        return tests.unpaired(
            first["y_true"], first["y_score"], second["y_true"], second["y_score"],
            groups_a=first.get("subject"), groups_b=second.get("subject"), **options,
        )  # fmt: skip
    first, second = _rows(first, at_a), _rows(second, at_b)
    if not np.array_equal(first["y_true"], second["y_true"]):
        raise RunError(
            f"'{a.id}' and '{b.id}' learned other labels of the same pictures, so their AUCs are "
            "not compared; train one of them on the dataset of the other."
        )
    if not paired:
        _refuse_if_learnt(a, first, b, second, datasets)
    groups = first.get("subject", second.get("subject"))
    return tests.paired(
        first["y_true"], first["y_score"], second["y_score"], groups=groups, **options
    )


def why_not(a: Run, b: Run, target: str | None = None) -> str:
    """Why two judged runs cannot be tested against each other, as far as their records tell; "" if
    they may be."""
    if a.id == b.id:
        return f"'{a.id}' cannot be compared with itself; choose two runs."
    if _told_apart(a) != _told_apart(b):
        return (
            f"'{a.id}' tells {_question(a)} and '{b.id}' {_question(b)}, so their AUCs answer "
            "other questions and are not compared; train one of them as the other."
        )
    if len(a.class_names) > 2 and target is None:
        return (
            f"'{a.id}' and '{b.id}' tell {len(a.class_names)} classes apart, and the difference of "
            "two mean AUCs is not tested; compare them by one class (compare --class, or "
            "Comparison on Evaluate)."
        )
    if a.split_id == b.split_id != "":
        return ""
    if not (a.split_id and b.split_id):
        return _unknown(a, b)
    ways = [f"{run.dataset_image_size} px, {run.dataset_fit}" for run in (a, b)]
    if ways[0] != ways[1]:
        return (
            f"The pictures of '{a.id}' and '{b.id}' are stored in other ways ({ways[0]}; "
            f"{ways[1]}), so nobody can tell which are the same, and their AUCs are not compared; "
            "train one of them on the dataset of the other."
        )
    return ""


def _told_apart(run: Run) -> tuple[str, ...]:
    """Its classes; of two their order says which is the positive one."""
    names = run.class_names
    return names if len(names) == 2 else tuple(sorted(names))


def _question(run: Run) -> str:
    names = run.class_names
    return f"{names[1]} from {names[0]}" if len(names) == 2 else f"{len(names)} classes apart"


def _unknown(a: Run, b: Run) -> str:
    return (
        f"'{a.id}' and '{b.id}' may have been judged on other test pictures, so their AUCs are not "
        "compared; train one of them on the dataset of the other."
    )


def _judged(run: Run, told: Told, target: str | None) -> dict[str, np.ndarray]:
    """What a run said, as of two classes and in an order of the pictures' own, so that two runs'
    stand beside each other: key, picture, y_true, y_score, and subject where it is known. Runs of
    the first version knew rows and no pictures."""
    known = {name: column for name, column in told.items() if column is not None}
    known["key"] = known["row" if "row" in known else "picture"].astype("U64")
    order = np.lexsort((known["y_true"], known["key"]))  # copies of a picture have one score
    known = _rows(known, order)
    if target is not None:
        number = class_number(run, target)
        known["y_true"] = (known["y_true"] == number).astype(np.int8)
        known["y_score"] = multiclass.by_class(known["y_score"])[:, number]
    return known


def _rows(told: Told, at: np.ndarray) -> dict[str, np.ndarray]:
    return {name: column[at] for name, column in told.items()}


def _shared(a: Run, first: Told, b: Run, second: Told) -> tuple[np.ndarray, np.ndarray]:
    """Places of the pictures that both were judged on; where some are not, each of them once."""
    if np.array_equal(first["key"], second["key"]) and a.split_id == b.split_id:
        everything = np.arange(len(first["key"]))
        return everything, everything
    if a.split_id == b.split_id:
        raise RunError(
            f"The stored predictions of '{a.id}' and '{b.id}' are not of the same pictures, though "
            "their records say so; train one of them again."
        )
    if "row" in first or "row" in second:
        raise RunError(_unknown(a, b))
    _, at_a, at_b = np.intersect1d(first["key"], second["key"], return_indices=True)
    return at_a, at_b


def _fewest(labels: np.ndarray) -> int:
    return int(np.bincount(labels, minlength=2).min())


def _refuse_if_learnt(a: Run, first: Told, b: Run, second: Told, datasets) -> None:
    """Where one learnt from a picture that the other was judged on, or nobody can tell.

    Raises:
        RunError: saying how many.
    """
    for one, other, judged in ((a, b, second), (b, a, first)):
        learnt = _learnt_from(one, datasets)
        if learnt is None:
            raise RunError(
                f"The dataset that '{one.id}' learnt from is gone, so nobody can tell whether it "
                f"was trained on test pictures of '{other.id}'; prepare it again."
            )
        n = int(np.isin(judged["picture"], learnt).sum())
        if n:
            raise RunError(
                f"{n:,} of the test pictures of '{other.id}' were used to train '{one.id}'. A "
                "comparison would flatter it, so none is made; train one of them on the dataset of "
                "the other."
            )


def _learnt_from(run: Run, datasets: Iterable[Dataset]) -> np.ndarray | None:
    """Identities of the pictures that it was trained on, or chosen by; None where they cannot be
    known."""
    question = Question(run.positive, run.negative) if run.positive else None
    for dataset in datasets:
        if dataset.fingerprint != run.dataset_fingerprint:
            continue
        task = task_of(dataset, question)
        if task.split_id == run.split_id:
            seen = (dataset.part_of != PARTS.index("test")) & (task.labels >= 0)
            return dataset.pictures[seen]
    return None
