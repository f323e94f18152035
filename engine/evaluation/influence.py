"""Intervals of what has no formula of its own, from what each picture adds to it.

The derivative of a statistic by the weight of a picture is its influence (the infinitesimal
jackknife: Jaeckel 1972; Efron, The Jackknife, the Bootstrap and Other Resampling Plans (1982),
chapter 6). Their variances within each class make that of the statistic, as DeLong's placements
make that of an AUC, whose influences those are. By subject they are summed within each, as by
Obuchowski.
"""

from dataclasses import replace
from math import sqrt

from engine.evaluation import variance
from engine.evaluation.bounds import logit_bounds
from engine.evaluation.estimates import Estimate
from engine.evaluation.level import quantile
from engine.evaluation.placements import Placements
from engine.evaluation.proportions import bounds

NOTHING = 1e-12  # a distance from 0 or 1, or a standard error, that is rounding and no more


def logit_interval(added: Placements, level: float) -> Estimate:
    """A statistic between 0 and 1, ± z standard errors on the scale of log odds, and back.

    Where it is 0 or 1, or does not vary, or a class has one picture, Wilson's interval answers, as
    if it were a share of the positives (or of the subjects that have some): never without a width.

    Args:
        added: the statistic as `value`, and what each picture adds times the number of its class,
            their means being `value`.
    """
    of, z = added.subjects, quantile(level)
    square = variance.delong(added) if of is None else variance.obuchowski(added)
    value, n = added.value, added.n_positive if of is None else of.with_positives
    found = Estimate(value, *bounds(value, n, z), "wilson", level, 0 if of is None else of.count)
    if not square or square < NOTHING**2 or min(value, 1 - value) < NOTHING:
        return found
    low, high = logit_bounds(value, sqrt(square), z)
    return replace(found, low=low, high=high, method="logit")
