"""evaluate: how good a run is, and how sure we can be."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.commands import compare
from engine.data.dataset import Dataset, list_datasets
from engine.data.layout import place_of
from engine.errors import CamsightError, ConfigError
from engine.evaluation import multiclass, roc, thresholds
from engine.evaluation.intervals import DEFAULT, Interval, auc_interval
from engine.evaluation.level import LEVEL
from engine.evaluation.multiclass import MeanAuc
from engine.evaluation.proportions import Proportion, share
from engine.evaluation.roc import RocCurve
from engine.evaluation.thresholds import Confusion
from engine.runs import store
from engine.runs.record import Run
from engine.workspace import Workspace

THRESHOLD = 0.5
REST = "the rest"  # what one of many classes is told from


@dataclass(frozen=True)
class Evaluation:
    """A run judged on one part of its dataset at one threshold, as two classes.

    class_names: the negative one and the positive one.
    target: of a run of many classes, which one is judged against the rest; None for a run of two.
    groups: `(n,)` each picture's subject; None where each is of one of its own, or it is not known.
    """

    run: Run
    part: str
    interval: Interval
    threshold: float
    confusion: Confusion
    picture: np.ndarray  # identities; "" where the run is of the first version
    y_true: np.ndarray
    y_score: np.ndarray
    class_names: tuple[str, str]
    target: int | None = None
    groups: np.ndarray | None = None

    @property
    def figures(self) -> dict:
        """What `--json` prints, apart from run and seconds."""
        named = {} if self.target is None else {"class": self.class_names[1]}
        return (
            named
            | interval_figures(self.interval)
            | {
                "accuracy": self.confusion.accuracy,
                "threshold": self.threshold,
            }
        )

    def curve(self) -> RocCurve:
        return roc.roc_curve(self.y_true, self.y_score)

    def report(self) -> str:
        """scikit-learn's classification report at the threshold."""
        return thresholds.classification_report(
            self.y_true, self.y_score, self.threshold, self.class_names
        )

    def closing_line(self) -> str:
        return thresholds.closing_line(
            self.interval, self.confusion.accuracy, self.run.seconds or 0.0
        )


@dataclass(frozen=True)
class ClassFigures:
    """One of many classes: its AUC against the rest, and how it fares in what the model says.

    sensitivity: the share of its pictures that is called so; precision: the share of those called
    so that is right, None where it is never said.
    """

    label: int
    name: str
    n: int
    interval: Interval
    sensitivity: Proportion
    precision: Proportion | None


@dataclass(frozen=True)
class Means:
    """A run of many classes judged on one part: the mean AUC, and each class."""

    run: Run
    part: str
    auc: MeanAuc
    accuracy: Proportion
    classes: tuple[ClassFigures, ...]
    matrix: np.ndarray  # (k, k) counts: truth in rows, what it says in columns
    picture: np.ndarray
    y_true: np.ndarray  # (n,)
    y_score: np.ndarray  # (n, k)
    said: np.ndarray  # (n,) the class of largest probability
    groups: np.ndarray | None = None

    @property
    def worst_first(self) -> list[ClassFigures]:
        """Classes by their AUC, then by their sensitivity, the lowest first."""
        return sorted(self.classes, key=lambda one: (one.interval.value, one.sensitivity.value))

    @property
    def figures(self) -> dict:
        return {
            "auc": self.auc.value,
            "auc_low": self.auc.low,
            "auc_high": self.auc.high,
            "standard_error": self.auc.standard_error,
            "interval": self.auc.method,
            "level": self.auc.level,
            "n": self.auc.n,
            "subjects": self.auc.subjects or None,
            "accuracy": self.accuracy.value,
        }

    def report(self) -> str:
        """scikit-learn's classification report of what the model says."""
        return thresholds.report_of(self.y_true, self.said, self.run.class_names)

    def closing_line(self) -> str:
        return thresholds.closing_line(self.auc, self.accuracy.value, self.run.seconds or 0.0)


def evaluate(
    workspace: Workspace,
    run_id: str,
    *,
    part: str = "test",
    threshold: float | None = None,
    method: str = DEFAULT,
    target: str | None = None,
    level: float = LEVEL,
    side: str = "both",
) -> Evaluation | Means:
    """Judge a run by the predictions that it stored.

    Args:
        threshold: None is 0.5.
        target: a class by name, judged against the rest. Without one, a run of many classes is
            judged as a whole, by the largest probability.
        level, side: of the AUC's interval; see `auc_interval`. One of many classes as a whole has
            both sides.

    Raises:
        RunError: if there is no such run, or it has no predictions.
        RecordError: if they cannot be read.
        ConfigError: if there is no such interval method, level, side or class, or a threshold or
            one side but no class.
    """
    run = store.open_run(workspace, run_id)
    told = store.predictions(run, part)
    told["subject"] = subjects(run, told, list_datasets(workspace))
    number = None if target is None else class_number(run, target)
    if number is None and len(run.class_names) > 2:
        if threshold is not None:
            raise ConfigError(
                f"'{run.id}' knows {len(run.class_names)} classes and says the most probable one; "
                "a threshold is of one class against the rest, so name it by --class."
            )
        if side != "both":
            raise ConfigError(
                f"The mean AUC of {len(run.class_names)} classes is bounded on both sides; a bound "
                "on one side is of one class against the rest, so name it by --class."
            )
        return judge_all(run, part, told, method, level=level)
    at = THRESHOLD if threshold is None else threshold
    return judge(run, part, told, at, method, number, level=level, side=side)


def subjects(run: Run, told: dict, datasets: Iterable[Dataset]) -> np.ndarray | None:
    """The subject of each picture of a run's predictions; None where each is of one of its own.

    Versions that did not store them are helped by the dataset; where it is gone, they are not known
    and None too.
    """
    known = told.get("subject")
    if known is None and run.subjects.get("test", 0) > 0:
        known = _looked_up(run, told, datasets)
    if known is None or len(np.unique(known)) == len(known):
        return None
    return known


def _looked_up(run: Run, told: dict, datasets: Iterable[Dataset]) -> np.ndarray | None:
    found = compare.dataset_of(run, datasets)
    try:
        if found is None or found.groups is None:
            return None
        rows = compare.rows(run, told, found)
        return found.groups[rows] if rows.min() >= 0 else None
    except CamsightError:
        return None


def class_number(run: Run, name: str) -> int:
    """The number of a class of the run, by its name in whatever case.

    Raises:
        ConfigError: if the run has no such class.
    """
    place = place_of(run.class_names, name)
    if place is not None:
        return place
    names = [f"'{one}'" if ", " in one else one for one in run.class_names]
    listed = " or ".join(names) if len(names) == 2 else ", ".join(names[:8])
    more = f" or one of {len(names) - 8} more" if len(names) > 8 else ""
    raise ConfigError(f"The class '{name}' is not one of '{run.id}'; choose {listed}{more}.")


def judge(
    run: Run,
    part: str,
    told: dict,
    threshold: float,
    method: str = DEFAULT,
    target: int | None = None,
    *,
    level: float = LEVEL,
    side: str = "both",
) -> Evaluation:
    """An evaluation of predictions at hand: picture, y_true, y_score, and subject where known.

    Args:
        target: a class number, judged against the rest; None for a run of two classes as it is.

    Raises:
        ScoresError: if they hold pictures of one class only, or of one subject.
        ConfigError: for an interval method, level or side that there is not.
    """
    class_names, y_true, y_score = run.class_names, told["y_true"], told["y_score"]
    if target is not None:
        class_names = _against(run, target)
        y_true, y_score = y_true == target, multiclass.by_class(y_score)[:, target]
    y_true, y_score = roc.validate(y_true, y_score)
    groups = told.get("subject")
    return Evaluation(
        run=run,
        part=part,
        interval=auc_interval(y_true, y_score, method, level=level, side=side, groups=groups),
        threshold=threshold,
        confusion=thresholds.confusion(y_true, y_score, threshold),
        picture=told["picture"],
        y_true=y_true,
        y_score=y_score,
        class_names=class_names,
        target=target,
        groups=groups,
    )


def _against(run: Run, target: int) -> tuple[str, str]:
    """What the class is told from: the other of two, the rest of many."""
    names = run.class_names
    return (names[1 - target] if len(names) == 2 else REST), names[target]


def judge_all(
    run: Run, part: str, told: dict, method: str = DEFAULT, *, level: float = LEVEL
) -> Means:
    """A run of many classes as a whole, and each class against the rest.

    Raises:
        ScoresError: if a class has no picture in them, or all are of one subject.
        ConfigError: for an interval method or level that there is not.
    """
    y_true, y_score, groups = told["y_true"], told["y_score"], told.get("subject")
    said = multiclass.said(y_score)
    matrix = multiclass.confusion_matrix(y_true, said, len(run.class_names))
    return Means(
        run=run,
        part=part,
        auc=multiclass.mean_auc(y_true, y_score, groups=groups, level=level),
        accuracy=share(said == y_true, groups=groups),
        classes=tuple(
            _class_figures(
                name, label, said,
                auc_interval(
                    y_true == label, y_score[:, label], method, level=level, groups=groups
                ),
                told,
            )
            for label, name in enumerate(run.class_names)
        ),
        matrix=matrix,
        picture=told["picture"],
        y_true=y_true,
        y_score=y_score,
        said=said,
        groups=groups,
    )


def _class_figures(
    name: str, label: int, said: np.ndarray, interval: Interval, told: dict
) -> ClassFigures:
    y_true, groups = told["y_true"], told.get("subject")
    own, right = y_true == label, said == y_true
    return ClassFigures(
        label=label,
        name=name,
        n=int(own.sum()),
        interval=interval,
        sensitivity=share(right, own, groups=groups),
        precision=share(right, said == label, groups=groups),
    )


def area(told: dict) -> float:
    """The AUC of predictions at hand; of many classes the mean."""
    y_true, y_score = told["y_true"], told["y_score"]
    return multiclass.hand_till(y_true, y_score) if y_score.ndim == 2 else roc.auc(y_true, y_score)


def interval_figures(interval: Interval) -> dict:
    known = {
        "auc": interval.value,
        "auc_low": interval.low,
        "auc_high": interval.high,
        "standard_error": interval.standard_error,
        "interval": interval.method,
        "level": interval.level,
        "side": interval.side,
        "n_positive": interval.n_positive,
        "n_negative": interval.n_negative,
    }
    if interval.naive:
        low, high = interval.naive
        known |= {"subjects": interval.subjects, "naive_low": low, "naive_high": high}
    return known
