"""Variances of an AUC: from counts, from independent pictures, and by subject."""

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.placements import Placements


def hanley_mcneil(auc: float, n_positive: float, n_negative: float) -> float:
    """From the AUC and the class counts alone: Hanley & McNeil, Radiology 143 (1982), eq. 1.

    Assumes negative-exponential score distributions; it is 0 at an AUC of 1.

        SE² = [A(1 - A) + (P - 1)(Q1 - A²) + (N - 1)(Q2 - A²)] / (P N)
        Q1 = A / (2 - A), Q2 = 2A² / (1 + A), P positives, N negatives

    >>> round(hanley_mcneil(0.5, 2, 2), 6)   # Q1 = Q2 = 1/3: (1/4 + 1/12 + 1/12) / 4
    0.104167
    """
    return from_pairs(auc, n_positive - 1, n_negative - 1, n_positive * n_negative)


def from_pairs(auc: float, positive: float, negative: float, pairs: float) -> float:
    """Eq. 1 with A(1 - A) taken out: Q1 - A² = A(1 - A)² / (2 - A), Q2 - A² = A²(1 - A) / (1 + A).

    As printed, Q1 - A² loses all its digits near A = 1 and millions of pictures make the variance
    negative. `positive` and `negative` stand for P - 1 and N - 1.
    """
    spread = 1 + positive * (1 - auc) / (2 - auc) + negative * auc / (1 + auc)
    return auc * (1 - auc) * spread / pairs


def delong(found: Placements) -> float | None:
    """Of independent pictures: DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988), eq. 5.

    The variances of the placements of both classes, each by its number: S10 / P + S01 / N. None
    where a class has one picture, whose variance nobody knows.

    >>> from engine.evaluation.placements import placements
    >>> delong(placements([1, 1, 0, 0], [4, 2, 3, 1]))   # both: 1 and 1/2, (1/8) / 2 twice
    0.125
    """
    if min(found.n_positive, found.n_negative) < 2:
        return None
    return float(
        np.var(found.of_positives, ddof=1) / found.n_positive
        + np.var(found.of_negatives, ddof=1) / found.n_negative
    )


def obuchowski(found: Placements) -> float | None:
    """Of pictures whose subjects may have several: Obuchowski, Biometrics 53 (1997), 567-578.

    The deviations of placements from the AUC are summed within each subject, and the sums vary
    between subjects: with X_i and Y_i those sums over the positives and the negatives of subject i,
    I10 subjects with positives, I01 with negatives, and I in all,

        S10 = I10 / (I10 - 1) Σ X_i² / P,  S01 = I01 / (I01 - 1) Σ Y_i² / N,
        S11 = I / (I - 1) Σ X_i Y_i,
        variance = S10 / P + S01 / N + 2 S11 / (P N)

    (Where each subject has one picture this is DeLong's.) None where fewer than two subjects have
    positives or negatives.
    """
    x, y = by_subject(found)
    of = found.subjects
    with_x, with_y = of.with_positives, of.with_negatives
    if min(with_x, with_y) < 2:
        return None
    p, n = found.n_positive, found.n_negative
    variance = (
        with_x / (with_x - 1) * float(x @ x) / p**2
        + with_y / (with_y - 1) * float(y @ y) / n**2
        + 2 * of.count / (of.count - 1) * float(x @ y) / (p * n)
    )
    return max(variance, 0.0)  # a few subjects with both classes can make the last term win


def by_subject(found: Placements) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Deviations of placements from the AUC, summed within each subject: `(I,)` of its positives
    and `(I,)` of its negatives."""
    of = found.subjects
    return (
        np.bincount(of.of_positives, found.of_positives - found.value, minlength=of.count),
        np.bincount(of.of_negatives, found.of_negatives - found.value, minlength=of.count),
    )
