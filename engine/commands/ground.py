"""On which pictures two runs may be compared, and when on none.

Two runs are compared on the test pictures that both were judged on, and on no others. Where they
share none, each was judged on pictures of its own, and the test is the unpaired one; but not if one
of them learnt from a picture that the other was judged on, since then what it knows, and what it is
held against, hang together.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from engine.commands.evaluate import class_number
from engine.data.dataset import PARTS, Dataset
from engine.data.question import Question, task_of
from engine.errors import RunError
from engine.evaluation import multiclass
from engine.runs.record import Run

LEAST = 10  # pictures of each class that two test parts must share, where they are not the same
Told = Mapping[str, np.ndarray]


def common(
    a: Run, of_a: Told, b: Run, of_b: Told, datasets: Sequence[Dataset], target: str | None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], bool]:
    """What both runs said of pictures on which they may be compared, as of two classes.

    They are the same pictures in the same order where the test parts share all, or at least `LEAST`
    of each class.

    Args:
        of_a, of_b: their predictions on test, see `store.predictions`, and subject where known.
        datasets: among which those that they learnt from may be.
        target: of runs of many classes, the one that is judged against the rest, by name.

    Returns:
        key, picture, y_true, y_score and, where known, subject, `(n,)` each, of `a` and of `b`; and
        whether their pictures are the same.

    Raises:
        RunError: if they cannot be compared, saying why.
        ConfigError: if there is no such class.
    """
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
        return first, second, False
    first, second = _rows(first, at_a), _rows(second, at_b)
    if not np.array_equal(first["y_true"], second["y_true"]):
        raise RunError(
            f"'{a.id}' and '{b.id}' learned other labels of the same pictures, so their AUCs are "
            "not compared; train one of them on the dataset of the other."
        )
    if not paired:
        _refuse_if_learnt(a, first, b, second, datasets)
    return first, second, True


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
