"""evaluate and auc: how good a run is, or any model's scores, and how sure we can be."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.evaluation import intervals, roc, thresholds
from engine.evaluation.intervals import Interval
from engine.evaluation.roc import RocCurve
from engine.evaluation.thresholds import Confusion
from engine.runs import store
from engine.runs.store import Run
from engine.workspace import Workspace

THRESHOLD = 0.5


@dataclass(frozen=True)
class Evaluation:
    """A run judged on one part of its dataset at one threshold."""

    run: Run
    part: str
    interval: Interval
    threshold: float
    confusion: Confusion
    picture: np.ndarray  # identities; "" where the run is of the first version
    y_true: np.ndarray
    y_score: np.ndarray

    @property
    def figures(self) -> dict:
        """What `--json` prints, apart from run and seconds."""
        return interval_figures(self.interval) | {
            "accuracy": self.confusion.accuracy,
            "threshold": self.threshold,
        }

    def curve(self) -> RocCurve:
        return roc.roc_curve(self.y_true, self.y_score)

    def report(self) -> str:
        """scikit-learn's classification report at the threshold."""
        return thresholds.classification_report(
            self.y_true, self.y_score, self.threshold, self.run.class_names
        )

    def closing_line(self) -> str:
        return thresholds.closing_line(
            self.interval, self.confusion.accuracy, self.run.seconds or 0.0
        )


def evaluate(
    workspace: Workspace,
    run_id: str,
    *,
    part: str = "test",
    threshold: float = THRESHOLD,
    method: str = "hanley-mcneil",
) -> Evaluation:
    """Judge a run by the predictions that it stored.

    Raises:
        RunError: if there is no such run, or it has no predictions.
        RecordError: if they cannot be read.
        ScoresError: if there is no such interval method.
    """
    run = store.open_run(workspace, run_id)
    told = store.predictions(run, part)
    return judge(run, part, told, threshold, method)


def judge(run: Run, part: str, told: dict, threshold: float, method: str) -> Evaluation:
    """An evaluation of predictions at hand: picture, y_true, y_score."""
    y_true, y_score = roc.validate(told["y_true"], told["y_score"])
    return Evaluation(
        run=run,
        part=part,
        interval=_interval(y_true, y_score, method),
        threshold=threshold,
        confusion=thresholds.confusion(y_true, y_score, threshold),
        picture=told["picture"],
        y_true=y_true,
        y_score=y_score,
    )


def auc(scores: Path, *, method: str = "hanley-mcneil") -> Interval:
    """AUC and interval of a CSV file with the columns y_true and y_score.

    Raises:
        ScoresError: if the file cannot give an AUC, with the line and the way out.
    """
    return _interval(*roc.read_scores_csv(scores), method)


def interval_figures(interval: Interval) -> dict:
    return {
        "auc": interval.value,
        "auc_low": interval.low,
        "auc_high": interval.high,
        "standard_error": interval.standard_error,
        "interval": interval.method,
        "n_positive": interval.n_positive,
        "n_negative": interval.n_negative,
    }


def _interval(y_true: np.ndarray, y_score: np.ndarray, method: str) -> Interval:
    positives = int(y_true.sum())
    return intervals.auc_interval(
        roc.auc(y_true, y_score), positives, len(y_true) - positives, method
    )
