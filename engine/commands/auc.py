"""auc: how good any models are by the scores in a file, and whether they can be told apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.commands.difference import Many
from engine.commands.evaluate import interval_figures
from engine.evaluation.compare import Pair, all_pairs
from engine.evaluation.intervals import DEFAULT, Interval, auc_interval
from engine.evaluation.level import LEVEL
from engine.evaluation.scores import Scores, Source, read_scores


@dataclass(frozen=True, eq=False)
class Models:
    """The models of a file, judged on the same rows.

    intervals: of each model's AUC, by the name of its column.
    pairs: each two of them, with Holm's correction; empty where there is one.
    """

    scores: Scores
    intervals: dict[str, Interval]
    pairs: list[Pair]

    @property
    def figures(self) -> dict:
        """What `--json` prints: of the first model, and of all where there are several."""
        (name, first), *others = self.intervals.items()
        if not others:
            return interval_figures(first)
        return {
            "column": name,
            **interval_figures(first),
            "columns": [
                {"column": one, **interval_figures(area)} for one, area in self.intervals.items()
            ],
            "pairs": Many(self.pairs, {}).figures["pairs"],
        }


def auc(
    source: Source,
    *,
    columns: Sequence[str] = (),
    groups: str | None = None,
    method: str = DEFAULT,
    level: float = LEVEL,
    side: str = "both",
) -> Models:
    """Judge the models of a CSV file, and compare each two.

    Args:
        source, columns, groups: as `read_scores`.
        method, level, side: of the AUCs' intervals, as `auc_interval`; differences are given with
            bounds on both sides, since which is taken from which is the order of columns alone.

    Raises:
        ScoresError: if the file cannot give an AUC, with the line or column and the way out.
        ConfigError: a method, level or side that does not exist.
    """
    return judge(
        read_scores(source, columns=columns, groups=groups), method=method, level=level, side=side
    )


def judge(
    scores: Scores, *, method: str = DEFAULT, level: float = LEVEL, side: str = "both"
) -> Models:
    """As `auc`, of what was read already."""
    intervals = {
        name: auc_interval(
            scores.y_true, column, method, level=level, side=side, groups=scores.groups
        )
        for name, column in scores.columns.items()
    }
    pairs = all_pairs(scores.y_true, scores.columns, level=level, groups=scores.groups)
    return Models(scores, intervals, pairs)


def swapped(auc: float, negative: str = "class 0", positive: str = "class 1") -> str:
    """What an AUC below 0.5 may mean; "" for any other. The direction is never guessed: a higher
    score means the positive class."""
    if auc >= 0.5:
        return ""
    return (
        f"An AUC below 0.5 says that the higher scores are those of {negative}: if they are meant "
        f"for {positive}, the classes may be swapped."
    )
