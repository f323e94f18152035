"""The interval of an AUC, by one of several methods."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import ConfigError, ScoresError
from engine.evaluation import bounds
from engine.evaluation.bounds import Asked, Bounds
from engine.evaluation.level import LEVEL, two_sided
from engine.evaluation.roc import validate

DEFAULT = "delong-logit"  # by its measured coverage: docs/coverage.md
ONE_SUBJECT = (
    "All pictures are of one subject, which tells nothing of others; judge on pictures of two "
    "subjects at least."
)


@dataclass(frozen=True)
class Interval:
    """An AUC with its interval.

    Attributes:
        value, low, high: the AUC and its bounds, within [0, 1].
        standard_error: the named method's own.
        method: a name in `INTERVALS`: the one that made the bounds, not the one asked for.
        n_positive, n_negative: pictures of each class.
        level: the share of such intervals that hold the truth, if it is what it says.
        side: "both", or "lower" or "upper" where there is a bound on one side alone.
        subjects: of how many the pictures are, where that was taken into account; else 0.
        naive: (low, high) as if each picture were of a subject of its own, where it is not.
    """

    value: float
    low: float
    high: float
    standard_error: float
    method: str
    n_positive: int
    n_negative: int
    level: float = LEVEL
    side: str = "both"
    subjects: int = 0
    naive: tuple[float, float] | None = None


@dataclass(frozen=True)
class Method:
    """A way to put bounds around an AUC.

    Attributes:
        name: in code, files and URLs.
        title, short: its authors, for sentences and for small places.
        paper: where it stands.
        idea: what its bounds are, to follow the title and a colon.
        function: from what is asked to low, high and standard error; None, or bounds without a
            width, where it cannot be known.
    """

    name: str
    title: str
    short: str
    paper: str
    idea: str
    function: Callable[[Asked], Bounds | None]


INTERVALS = {
    method.name: method
    for method in (
        Method(
            "delong-logit",
            "DeLong, logit",
            "DeLong-logit",
            "Biometrics 44 (1988), eq. 5; Pepe 2003, section 5.2.6",
            "DeLong's on the scale of log odds, and back, so that it never leaves 0 to 1.",
            bounds.by_delong_logit,
        ),
        Method(
            "delong",
            "DeLong",
            "DeLong",
            "Biometrics 44 (1988), eq. 5",
            "the AUC ± z standard errors, found from how each picture is ranked.",
            bounds.by_delong,
        ),
        Method(
            "hanley-mcneil",
            "Hanley & McNeil",
            "Hanley-McNeil",
            "Radiology 143 (1982), eq. 1",
            "the AUC ± z standard errors, found from the AUC and the counts alone.",
            bounds.by_hanley_mcneil,
        ),
        Method(
            "newcombe",
            "Newcombe",
            "Newcombe",
            "Statistics in Medicine 25 (2006) 559-573, method 5",
            "the AUCs from which the one found lies z of their standard errors away at most; it "
            "keeps its width near 1.",
            bounds.by_newcombe,
        ),
        Method(
            "bootstrap",
            "Bootstrap, percentile",
            "bootstrap",
            "Efron & Tibshirani 1993, chapter 13",
            "the middle of the AUCs of pictures drawn again within their class.",
            bounds.by_bootstrap,
        ),
        Method(
            "bootstrap-bca",
            "Bootstrap, BCa",
            "BCa",
            "Efron, JASA 82 (1987) 171-185",
            "the same, corrected for bias and for an error that grows with the AUC.",
            bounds.by_bootstrap_bca,
        ),
    )
}


def auc_interval(
    y_true: ArrayLike,
    y_score: ArrayLike,
    method: str = DEFAULT,
    *,
    level: float = LEVEL,
    side: str = "both",
    groups: ArrayLike | None = None,
    seed: int = 1,
) -> Interval:
    """The interval of an AUC by one of `INTERVALS`.

    Where a method finds no width (at an AUC of 1 or 0, or where all scores are equal), "± 0" would
    claim certainty, and where a class has one picture most find nothing: then the interval comes
    from Newcombe's method, which asks the counts alone, and `method` of the result says so.

    Pictures of one subject are not independent: with `groups`, DeLong's variance is Obuchowski's,
    the bootstrap draws subjects, and what asks for counts is given those of as many independent
    pictures as tell the same (see `Asked.effective`).

    Args:
        y_true, y_score: `(n,)` each, see `roc.validate`.
        level: of the interval, within (0, 1).
        side: "both"; "lower" or "upper" for a bound on one side, the other being 1 or 0.
        groups: `(n,)` names of subjects; None where each picture is of one of its own.
        seed: of what the bootstrap draws.

    Raises:
        ConfigError: a method, level or side that does not exist.
        ScoresError: as `roc.validate`, or where groups are not one for each picture, or one subject
            has all of them.

    >>> interval = auc_interval([0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6], "delong")
    >>> interval.method, round(interval.low, 3), interval.high
    ('newcombe', 0.501, 1.0)
    """
    if method not in INTERVALS:
        raise ConfigError(
            f"There is no interval method {method!r}; choose one of {', '.join(INTERVALS)}."
        )
    labels, scores = validate(y_true, y_score)
    names = None if groups is None else np.asarray(groups)
    asked = Asked(labels, scores, names, two_sided(level, side), seed)
    found = asked.found
    if found.subjects is not None and found.subjects.count < 2:
        raise ScoresError(ONE_SUBJECT)
    ends = INTERVALS[method].function(asked)
    if ends is None or not ends[0] < ends[1]:
        method, ends = "newcombe", bounds.by_newcombe(asked)
    low, high, error = ends
    interval = Interval(
        found.value, 0.0 if side == "upper" else low, 1.0 if side == "lower" else high, error,
        method, found.n_positive, found.n_negative, level, side,
    )  # fmt: skip
    if found.subjects is None:
        return interval
    naive = auc_interval(labels, scores, method, level=level, side=side, seed=seed)
    return replace(interval, subjects=found.subjects.count, naive=(naive.low, naive.high))
