"""The part of the area under a ROC curve where a model will be used."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import ConfigError
from engine.evaluation.influence import logit_interval
from engine.evaluation.level import LEVEL, check
from engine.evaluation.operating import table
from engine.evaluation.placements import Placements, subjects_of
from engine.evaluation.roc import validate

RATES = ("specificity", "sensitivity")


@dataclass(frozen=True)
class PartialAuc:
    """The area where one rate lies between two values.

    Attributes:
        value, low, high: the area itself, at most the width of the range.
        corrected, corrected_low, corrected_high: by McClish: 0.5 of chance, 1 of a perfect model.
        of, start, end: the rate and its range.
        method: "logit", or "wilson" where the area is all or nothing.
        level: the share of such intervals that hold the truth.
        subjects: of how many the pictures are, where that was taken into account; else 0.
    """

    value: float
    low: float
    high: float
    corrected: float
    corrected_low: float
    corrected_high: float
    of: str
    start: float
    end: float
    method: str
    level: float = LEVEL
    subjects: int = 0


def partial_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    low: float = 0.9,
    high: float = 1.0,
    of: str = "specificity",
    level: float = LEVEL,
    groups: ArrayLike | None = None,
) -> PartialAuc:
    """The mean sensitivity over a range of specificities times its width, or the other way round.

    McClish, Medical Decision Making 9 (1989), 190-195, corrects the area A over a range of 1 -
    specificity from a to b so that it reads like an AUC:

        corrected = (1 + (A - m) / (M - m)) / 2,  m = (b² - a²) / 2 of chance, M = b - a of the best

    Below the diagonal it is below 0.5; there pROC gives none. scikit-learn's `roc_auc_score` with
    `max_fpr` is the corrected one of specificities from 1 - max_fpr to 1.

    The interval is from the restricted placements of Dodd & Pepe, Biometrics 59 (2003), and He &
    Escobar, Statistics in Medicine 27 (2008), which over the whole range are DeLong's, on the scale
    of log odds of A / M. In simulation it holds the truth more often than the percentile bootstrap
    that pROC draws, and a million scores take it half a second.

    Args:
        y_true, y_score: `(n,)` each, see `roc.validate`.
        low, high: the range of the rate, within [0, 1].
        of: "specificity", or "sensitivity", where the area lies between the curve and the right
            edge.
        level: of the interval, within (0, 1).
        groups: `(n,)` names of subjects; None where each picture is of one of its own.

    Raises:
        ScoresError: as `roc.validate`, or where groups are not one for each picture.
        ConfigError: a range that is none, a rate that there is not, a level outside (0, 1).

    >>> found = partial_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.5, 1)
    >>> found.value, found.corrected   # half found over a range of 0.5; (1 + 1/8 / 3/8) / 2
    (0.25, 0.6666666666666666)
    """
    check(level)
    if of not in RATES:
        raise ConfigError(f"There is no partial AUC of {of!r}; choose {' or '.join(RATES)}.")
    if not 0 <= low < high <= 1:
        raise ConfigError(
            f"A {of} from {low:g} to {high:g} is no range; give two within 0 and 1, the lower one "
            "first, as 0.9 and 1."
        )
    labels, scores = validate(y_true, y_score)
    if of == "sensitivity":  # the same curve, seen from the other class
        labels, scores = 1 - labels, -scores
    start, end = 1 - high, 1 - low
    added = _restricted(labels, scores, start, end, groups)
    share = logit_interval(added, level)
    widest, chance = end - start, (end**2 - start**2) / 2
    areas = [widest * of for of in (share.value, share.low, share.high)]
    corrected = [(1 + (area - chance) / (widest - chance)) / 2 for area in areas]
    return PartialAuc(
        *areas, *corrected, of, low, high, share.method, level, share.subjects
    )  # fmt: skip


def _restricted(
    labels: NDArray, scores: NDArray, start: float, end: float, groups: ArrayLike | None
) -> Placements:
    """Placements within a range of 1 - specificity, over its width.

    A positive at u on that axis counts end - u, cut to the range; a negative at u the sensitivity
    there, at least that at the range's start and at most that at its end, up to a constant. Of a
    tie both are means over the stretch of the axis that its negatives take.
    """
    counts = table(labels, scores)
    fpr = np.append(0, counts.fp / counts.fp[-1])
    tpr = np.append(0, counts.tp / counts.tp[-1])
    left, right = fpr[:-1], fpr[1:]
    inside_left, inside_right = np.clip(left, start, end), np.clip(right, start, end)
    length, inside = right - left, inside_right - inside_left
    below = np.minimum(right, start) - np.minimum(left, start)
    above = np.maximum(right, end) - np.maximum(left, end)
    middle = (inside_left + inside_right) / 2
    across = np.where(length > 0, length, 1)
    sensitivity = tpr[:-1] + np.diff(tpr) * (middle - left) / across
    # Where the range ends at a step of the curve its upper end counts: of both sides the one that
    # varies more. (np.interp takes the last of equal places; rounding must not keep it from them.)
    at_start, at_end = np.interp((start + 1e-9, end + 1e-9), fpr, tpr)
    cut = np.where(
        length > 0, (below * start + inside * middle + above * end) / across, inside_left
    )
    gained = (below * at_start + inside * sensitivity + above * at_end) / across
    width = end - start
    value = float(inside @ sensitivity) / width
    positive = labels == 1
    row = len(left) - 1 - np.searchsorted(counts.thresholds[::-1], scores)
    of_negatives = gained[row[~positive]] / width
    return Placements(
        value,
        (end - cut[row[positive]]) / width,
        of_negatives - of_negatives.mean() + value,
        subjects_of(positive, groups),
    )
