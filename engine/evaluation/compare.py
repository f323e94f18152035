"""Two models: the difference of their AUCs with its interval and its test; and many of them.

The direction is fixed, here as everywhere: a higher score means positive, and the difference is
that of A minus that of B.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import erfc, sqrt

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import ConfigError, ScoresError
from engine.evaluation.bounds import Asked
from engine.evaluation.differences import DIFFERENCES, Two, mover
from engine.evaluation.intervals import ONE_SUBJECT
from engine.evaluation.level import LEVEL, two_sided
from engine.evaluation.placements import Placements
from engine.evaluation.roc import validate

FEW = 100  # of a class, under which DeLong's interval holds too rarely where an AUC is near 1
NEAR_ONE = 0.97
DEFAULT = "delong"


@dataclass(frozen=True)
class Difference:
    """AUC of A minus AUC of B, with its interval and test.

    Attributes:
        auc_a, auc_b: both AUCs.
        difference, low, high: within [-1, 1].
        standard_error: the named method's own.
        z: how many standard errors the difference lies from 0; of unpaired models by DeLong a t.
        p: the chance of one as far from 0 if both AUCs were the same; with a bound on one side, of
            one as far on the side that it leaves open.
        paired: whether both judged the same pictures.
        method: a name in `DIFFERENCES`: the one that answered, not the one asked for.
        n, n_positive, n_negative: pictures; those of both models where they are not paired.
        fewest: pictures of the rarer class, in the smaller of two sets; subjects, where known.
        level: the share of such intervals that hold the truth, if it is what it says.
        side: "both", or "lower" or "upper" where there is a bound on one side alone.
        degrees_of_freedom: of the t distribution; None where the normal one is used.
        subjects: of how many the pictures are, where that was taken into account; else 0.
        naive: (low, high) as if each picture were of a subject of its own, where it is not.
    """

    auc_a: float
    auc_b: float
    difference: float
    low: float
    high: float
    standard_error: float
    z: float
    p: float
    paired: bool
    method: str
    n: int
    n_positive: int
    n_negative: int
    fewest: int
    level: float = LEVEL
    side: str = "both"
    degrees_of_freedom: float | None = None
    subjects: int = 0
    naive: tuple[float, float] | None = None

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0

    @property
    def too_narrow(self) -> bool:
        """Whether such intervals are known to hold the truth too rarely: docs/comparison.md."""
        near = max(self.auc_a, self.auc_b) >= NEAR_ONE
        return self.method != "mover" and near and self.fewest < FEW


def paired(
    y_true: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    method: str = DEFAULT,
    level: float = LEVEL,
    side: str = "both",
    groups: ArrayLike | None = None,
    seed: int = 1,
) -> Difference:
    """The difference of two AUCs on the same pictures; those hard for both are counted once.

    By DeLong it is pROC's `roc.test(paired=TRUE)`. Where a method finds no width, "± 0" would claim
    certainty: both models put every pair in the same order, or in the opposite one, or a class has
    one picture. Then the interval is "mover" with both AUCs taken for independent, and `method` of
    the result says so.

    Args:
        y_true: `(n,)`; a, b: `(n,)` scores of the same pictures in the same order; see
            `roc.validate`.
        method: a name in `DIFFERENCES`.
        level: of the interval, within (0, 1).
        side: "both"; "lower" or "upper" for a bound on one side, the other being 1 or -1, and the
            test of whether A is better ("lower") or worse ("upper").
        groups: `(n,)` names of subjects; None where each picture is of one of its own.
        seed: of what the bootstrap draws.

    Raises:
        ConfigError: a method, level or side that does not exist.
        ScoresError: as `roc.validate`, or where groups are not one for each picture, or one subject
            has all of them.

    >>> d = paired([1, 1, 0, 0], [4, 3, 2, 1], [4, 1, 2, 3])   # d: 0 and 1; 1/2 and 1/2
    >>> d.difference, d.standard_error                         # (1/2) / 2 + 0 = 1/4
    (0.5, 0.5)
    """
    width = _checked(method, level, side)
    two = Two(*(_asked(y_true, scores, groups, width, seed) for scores in (a, b)), paired=True)
    return _answer(two, method, level, side)


def unpaired(
    y_a: ArrayLike,
    a: ArrayLike,
    y_b: ArrayLike,
    b: ArrayLike,
    *,
    method: str = DEFAULT,
    level: float = LEVEL,
    side: str = "both",
    groups_a: ArrayLike | None = None,
    groups_b: ArrayLike | None = None,
    seed: int = 1,
) -> Difference:
    """The difference of two AUCs on different pictures, of different subjects: as `paired`.

    By DeLong, the variances of both are added, and the test is Welch's: t with the degrees of
    freedom of Satterthwaite, (A + B)² / (A² / (n_a - 1) + B² / (n_b - 1)) for the variances A and B
    of the AUCs of n_a and n_b pictures (with subjects, of so many subjects), as in pROC's
    `roc.test(paired=FALSE)`; pROC 1.18 gives no interval.
    """
    width = _checked(method, level, side)
    first = _asked(y_a, a, groups_a, width, seed)
    return _answer(
        Two(first, _asked(y_b, b, groups_b, width, seed), paired=False), method, level, side
    )


def _checked(method: str, level: float, side: str) -> float:
    """The level of the two-sided interval that is needed."""
    if method not in DIFFERENCES:
        raise ConfigError(
            f"There is no method {method!r} for a difference; choose one of "
            f"{', '.join(DIFFERENCES)}."
        )
    return two_sided(level, side)


def _asked(y_true, y_score, groups, level: float, seed: int) -> Asked:
    names = None if groups is None else np.asarray(groups)
    asked = Asked(*validate(y_true, y_score), names, level, seed)
    of = asked.found.subjects
    if of is not None and of.count < 2:
        raise ScoresError(ONE_SUBJECT)
    return asked


def _answer(two: Two, method: str, level: float, side: str) -> Difference:
    found = DIFFERENCES[method].function(two)
    if found is None:
        method, found = "mover", mover(two)
    low, high, error, z, freedom = found
    sets = (two.a.found,) if two.paired else (two.a.found, two.b.found)
    positives, negatives = [s.n_positive for s in sets], [s.n_negative for s in sets]
    answer = Difference(
        two.a.found.value, two.b.found.value, two.difference,
        -1.0 if side == "upper" else low, 1.0 if side == "lower" else high, error,
        z, _p_value(z, freedom, side), two.paired, method,
        sum(positives) + sum(negatives), sum(positives), sum(negatives),
        min(map(_fewest, sets)), level, side, freedom,
    )  # fmt: skip
    if all(s.subjects is None for s in sets):
        return answer
    alone = replace(two, a=replace(two.a, groups=None), b=replace(two.b, groups=None))
    naive = _answer(alone, method, level, side)
    subjects = sum(s.subjects.count if s.subjects else s.n_positive + s.n_negative for s in sets)
    return replace(answer, subjects=subjects, naive=(naive.low, naive.high))


def _fewest(found: Placements) -> int:
    if found.subjects is None:
        return min(found.n_positive, found.n_negative)
    return min(found.subjects.with_positives, found.subjects.with_negatives)


def _p_value(z: float, freedom: float | None, side: str) -> float:
    """Two-sided; with a bound on one side, of a difference that high ("lower") or low."""
    if side != "both":
        return _beyond(z if side == "lower" else -z, freedom)
    return min(1.0, 2 * _beyond(abs(z), freedom))


def _beyond(z: float, freedom: float | None) -> float:
    if freedom is None:
        return erfc(z / sqrt(2)) / 2
    from scipy.special import stdtr

    return float(stdtr(freedom, -z))


# --- many -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Two of several models. p_holm: p of the test, corrected for the number of pairs."""

    a: str
    b: str
    found: Difference
    p_holm: float


def all_pairs(
    y_true: ArrayLike,
    models: Mapping[str, ArrayLike],
    *,
    method: str = DEFAULT,
    level: float = LEVEL,
    groups: ArrayLike | None = None,
    seed: int = 1,
) -> list[Pair]:
    """Each two of several models on the same pictures, tested with Holm's correction.

    Args:
        y_true: `(n,)`; models: for each name `(n,)` scores; see `paired`.

    Raises:
        ConfigError, ScoresError: as `paired`.
    """
    width = _checked(method, level, "both")
    asked = {
        name: _asked(y_true, scores, groups, width, seed) for name, scores in models.items()
    }  # once for each model: its placements are needed in each of its pairs
    return corrected(
        {
            (a, b): _answer(Two(asked[a], asked[b], paired=True), method, level, "both")
            for a, b in combinations(models, 2)
        }
    )


def corrected(found: Mapping[tuple[str, str], Difference]) -> list[Pair]:
    """Tests of pairs by the names of both, in their order, with Holm's correction."""
    adjusted = holm([one.p for one in found.values()])
    return [Pair(*names, found[names], p) for names, p in zip(found, adjusted, strict=True)]


def holm(p: Sequence[float]) -> list[float]:
    """Chances of several tests, corrected so that the chance of any false finding stays below the
    level: Holm, Scandinavian Journal of Statistics 6 (1979), 65-70.

    The smallest of m is multiplied by m, the next by m - 1 and so on; none is below that before it,
    or above 1.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    times = np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(np.asarray(p, float)[order] * times).clip(max=1)
    return adjusted.tolist()
