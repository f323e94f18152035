"""A judged run as it is drawn: all that does not depend on the threshold is made once."""

from dataclasses import dataclass, replace

import numpy as np

from dashboard.evaluate import charts
from engine.commands.evaluate import Evaluation
from engine.evaluation import operating
from engine.evaluation.operating import Table
from engine.evaluation.proportions import Proportion


@dataclass(frozen=True, eq=False)
class Judged:
    """What a threshold is looked up in, and what is drawn behind it.

    evaluation: at the threshold that it was made with.
    medians: scores above which half of the negatives, and half of the positives, lie.
    """

    evaluation: Evaluation
    table: Table
    line: charts.Line
    counts: charts.Histogram
    medians: tuple[float, float]

    def at(self, threshold: float) -> Evaluation:
        """The evaluation at any threshold: a look-up, however many pictures there are."""
        return replace(self.evaluation, threshold=threshold, confusion=self.table.at(threshold))


def prepare(found: Evaluation, name: str, span: tuple[float, float] = (0.0, 1.0)) -> Judged:
    """Sort and count the scores, once.

    Args:
        name: of the curve, where others are beside it.
        span: of all scores.
    """
    positive = found.y_true == 1
    return Judged(
        found,
        operating.table(found.y_true, found.y_score),
        charts.line(name, found.curve()),
        charts.histogram(found.y_true, found.y_score, span),
        (float(np.median(found.y_score[~positive])), float(np.median(found.y_score[positive]))),
    )


def rates(found: Evaluation) -> dict[str, Proportion | None]:
    """`operating.RATES` with Wilson's intervals at the level of the AUC's: from the counts alone,
    or by subject where they are known."""
    level = found.interval.level
    if found.groups is None:
        return operating.rates_of(found.confusion, level)
    return operating.rates(found.y_true, found.y_score, found.threshold, found.groups, level)


def file_name(found: Evaluation) -> str:
    """How files begin that hold what is shown: "quick-1-test", "quick-1-test-dog"."""
    named = () if found.target is None else (found.class_names[1],)
    return "-".join([found.run.id, found.part, *named] if found.run else ["scores"])
