"""Whether a score of 0.8 means four in five: calibration, and a temperature that mends it."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import ScoresError
from engine.evaluation.estimates import Estimate
from engine.evaluation.influence import NOTHING
from engine.evaluation.level import LEVEL, quantile
from engine.evaluation.placements import subjects_of
from engine.evaluation.proportions import Proportion, bounds, share
from engine.evaluation.roc import validate

BINS = 10
DRAWS = 4000  # of what a perfectly calibrated model would show
CLOSEST = 1e-15  # a probability to 0 or 1, so that its log odds are finite


@dataclass(frozen=True)
class Bin:
    """Pictures of neighbouring scores.

    Attributes:
        score: their mean score.
        positive: how many of them are positive, with its interval.
    """

    score: float
    positive: Proportion


@dataclass(frozen=True)
class Calibration:
    """How far scores are from being probabilities.

    Attributes:
        bins: of as many pictures each as ties allow, by rising score.
        brier: the mean square of score - label: 0 is perfect, 0.25 always saying 0.5.
        ece: the expected calibration error: the mean distance of score and share of positives over
            the bins, weighted by their pictures.
        ece_by_chance: what a perfectly calibrated model with these scores would show on average.
    """

    bins: tuple[Bin, ...]
    brier: Estimate
    ece: Estimate
    ece_by_chance: float


def calibration(
    y_true: ArrayLike,
    y_score: ArrayLike,
    bins: int = BINS,
    level: float = LEVEL,
    groups: ArrayLike | None = None,
    seed: int = 1,
) -> Calibration:
    """The reliability diagram, Brier's score and the expected calibration error.

    Bins hold as many pictures each, which errs less than bins of one width (Nixon et al., CVPR
    Workshops 2019); the error is Naeini, Cooper & Hauskrecht's (AAAI 2015), eq. 1.

    Brier's interval is Wilson's for as many independent pictures as make a share that is known as
    well: n' = B (1 - B) / variance of the mean, which keeps it within 0 and 1.

    The error found is always too large: noise adds to it and never takes away. With d_b what bin b
    adds before the absolute value and s_b its standard error, the interval is Σ |d_b|, less what
    normal noise adds on average, ± z √Σ s_b²; it begins at 0 where a perfectly calibrated model
    would show as much in more than (1 - level) / 2 of cases. (A percentile bootstrap counts the
    noise twice and never holds 0.) It is of the error between these bins; what cancels within one
    it does not see. Where nothing varies, it is Wilson's, so that it never lacks a width.

    Args:
        y_true: `(n,)` labels; y_score: `(n,)` probabilities of the positive class.
        bins: how many at most, 2 or more.
        level: of the intervals, within (0, 1).
        groups: `(n,)` names of subjects; None where each picture is of one of its own.
        seed: of the draws of a calibrated model.

    Raises:
        ScoresError: as `roc.validate`, a score outside [0, 1], or groups that are not one for each
            picture.
        ConfigError: a level outside (0, 1).
    """
    z = quantile(level)
    labels, scores = _validate(y_true, y_score)
    of = subjects_of(labels == 1, groups)
    subject = np.arange(len(labels)) if of is None else np.unique(groups, return_inverse=True)[1]
    row, k = _binned(scores, bins)
    errors = _Errors(labels, scores, row, k, subject, of is not None)
    low, high, by_chance = _error_bounds(errors, z, level, seed)
    count = 0 if of is None else of.count
    method = "debiased"
    if high - low < NOTHING:  # scores of 0 and 1 alone, and all right, or all wrong
        low, high = bounds(errors.value, count or len(labels), z)
        method = "wilson"
    return Calibration(
        bins=tuple(
            Bin(
                float(scores[row == b].mean()),
                share(labels == 1, row == b, groups=groups, level=level),
            )
            for b in range(k)
        ),
        brier=_brier(labels, scores, subject, z, level, count),
        ece=Estimate(errors.value, low, high, method, level, count),
        ece_by_chance=by_chance,
    )


def _validate(y_true: ArrayLike, y_score: ArrayLike) -> tuple[NDArray, NDArray]:
    labels, scores = validate(y_true, y_score)
    wrong = (scores < 0) | (scores > 1)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ScoresError(
            f"Score {at + 1} of {len(scores)} is {scores[at]:g}, but calibration asks for "
            "probabilities of the positive class, within 0 and 1."
        )
    return labels, scores


def _binned(scores: NDArray, bins: int) -> tuple[NDArray[np.int64], int]:
    """`(n,)` which bin each is in, and how many there are; equal scores stay together."""
    edges = np.quantile(scores, np.linspace(0, 1, max(2, bins) + 1)[1:-1])
    names, row = np.unique(np.searchsorted(edges, scores, "right"), return_inverse=True)
    return row, len(names)


def _brier(
    labels: NDArray, scores: NDArray, subject: NDArray, z: float, level: float, count: int
) -> Estimate:
    losses = (scores - labels) ** 2
    value, n = float(losses.mean()), len(losses)
    off = np.bincount(subject, losses - value)
    variance = len(off) / max(1, len(off) - 1) * float(off @ off) / n**2
    effective = float(len(off))  # where nothing varies, as if each subject were one picture
    if variance > 1e-24 and value < 1:
        effective = value * (1 - value) / variance
    return Estimate(value, *bounds(value, effective, z), "wilson", level, count)


class _Errors:
    """What each bin adds to the calibration error, and how far that is known.

    value: the error; parts: `(k,)` before the absolute value; chance: `(k,)` their variances if the
    model were calibrated; spread: `(k,)` as they are; total: that of their sum with the signs they
    have, at least that of independent ones.
    """

    def __init__(self, labels, scores, row, k: int, subject, clustered: bool):
        n, off = len(labels), scores - labels
        self.parts = np.bincount(row, off, minlength=k) / n
        self.value = float(np.abs(self.parts).sum())
        sizes = np.bincount(row, minlength=k)
        centered = off - (self.parts * n / sizes)[row]
        seen = np.bincount(row, centered**2, minlength=k) / n**2 * sizes / np.maximum(sizes - 1, 1)
        self.chance = np.bincount(row, scores * (1 - scores), minlength=k) / n**2
        total = 0.0
        if clustered:
            covariance = _between(centered / n, row, k, subject)
            among = np.diag(covariance)
            design = np.divide(among, seen, out=np.ones(k), where=seen > 0).clip(1)
            seen, self.chance = among, self.chance * design
            signs = np.sign(self.parts)
            total = float(signs @ covariance @ signs)
        self.spread = np.maximum(seen, self.chance)
        self.total = max(float(self.spread.sum()), total)


def _between(off: NDArray, row: NDArray, k: int, subject: NDArray) -> NDArray[np.float64]:
    """`(k, k)` covariance of the bins' sums, between subjects."""
    subjects = int(subject.max()) + 1
    sums = np.bincount(subject * k + row, off, minlength=subjects * k).reshape(subjects, k)
    return subjects / max(1, subjects - 1) * (sums.T @ sums)


def _error_bounds(errors: _Errors, z: float, level: float, seed: int) -> tuple[float, float, float]:
    """Both bounds, and the mean of a calibrated model."""
    from scipy.special import erf

    size, error = np.abs(errors.parts), np.sqrt(np.maximum(errors.spread, 1e-30))
    ratio = size / error
    folded = error * sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + size * erf(ratio / sqrt(2))
    middle = max(0.0, errors.value - float((folded - size).sum()))
    half = z * sqrt(errors.total)
    rng = np.random.default_rng(seed)
    drawn = rng.normal(0, np.sqrt(errors.chance), (DRAWS, len(size)))
    calibrated = np.abs(drawn).sum(axis=1)
    plausible = errors.value <= np.quantile(calibrated, (1 + level) / 2)
    low = 0.0 if plausible else max(0.0, middle - half)
    return low, min(1.0, max(errors.value, middle + half)), float(calibrated.mean())


# --- temperature ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Temperature:
    """Divides log odds: above 1 it takes back confidence, below 1 it adds some.

    The order of pictures stays, and with it the AUC, and so does which of them score above 0.5.
    """

    value: float

    def apply(self, y_score: ArrayLike) -> NDArray[np.float64]:
        """`(n,)` scores at this temperature, from `(n,)` probabilities.

        >>> Temperature(2.0).apply([0.5, 0.8]).round(6).tolist()   # odds of 4 become 2
        [0.5, 0.666667]
        """
        return 1 / (1 + np.exp(-_log_odds(np.asarray(y_score, np.float64)) / self.value))


def _log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(scores, CLOSEST, 1 - CLOSEST)
    return np.log(inside) - np.log1p(-inside)


def temperature(y_true: ArrayLike, y_score: ArrayLike) -> Temperature:
    """The temperature of the largest likelihood: Guo et al., ICML 2017; by scikit-learn.

    Args:
        y_true, y_score: `(n,)` labels and probabilities of the validation pictures: fitted on those
            it is judged on, it would flatter itself.

    Raises:
        ScoresError: as `calibration`; or where no temperature is best, because every picture lies
            on the right side of 0.5, or because scores tell nothing.
    """
    labels, scores = _validate(y_true, y_score)
    odds = _log_odds(scores)
    if (odds * (2 * labels - 1) >= 0).all():
        raise ScoresError(
            "Every one of these pictures scores on the right side of 0.5, so that more confidence "
            "would always look better; fit the temperature on more or harder pictures."
        )
    if odds @ (2.0 * labels - 1) <= 0:
        raise ScoresError(
            "These scores are no better than 0.5 for all pictures, at whatever temperature; train "
            "longer, or look whether the classes are swapped."
        )
    return Temperature(_fitted(odds, labels))


def _fitted(odds: NDArray, labels: NDArray) -> float:
    """scikit-learn scales a classifier: here one whose decision is the log odds themselves."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator
    from sklearn.linear_model import LogisticRegression

    as_it_is = LogisticRegression()
    as_it_is.classes_, as_it_is.n_features_in_ = np.array([0, 1]), 1
    as_it_is.coef_, as_it_is.intercept_ = np.ones((1, 1)), np.zeros(1)
    every = np.arange(len(labels))
    scaled = CalibratedClassifierCV(
        FrozenEstimator(as_it_is), method="temperature", cv=[(every, every)], ensemble=False
    ).fit(odds[:, None], labels)
    of_one = scaled.predict_proba([[1.0]])[0, 1]  # the score at log odds of 1
    return float(1 / (np.log(of_one) - np.log1p(-of_one)))
