"""How often the interval of the mean AUC holds the truth; the README's table is printed here."""

import sys
from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest

from engine.evaluation.multiclass import mean_auc

DRAWS = 1000


@pytest.mark.parametrize("counts", [(10,) * 3, (20,) * 3, (100,) * 3, (10, 20, 200), (20,) * 10])
@pytest.mark.parametrize("skill", [1.0, 2.0])
def test_how_often_the_mean_s_interval_holds_the_truth(counts, skill):
    """Scores are independent and normal, `skill` higher for the true class: then each A(i|j), and
    so the mean, is the chance that one normal score exceeds another."""
    true, y_true = NormalDist().cdf(skill / sqrt(2)), np.repeat(np.arange(len(counts)), counts)
    held, widths = [], []
    for draw in range(DRAWS):
        y_score = np.random.default_rng(draw).normal(size=(len(y_true), len(counts)))
        y_score[np.arange(len(y_true)), y_true] += skill
        found = mean_auc(y_true, y_score)
        held.append(found.low <= true <= found.high)
        widths.append(found.high - found.low)
    print(
        f"\nmean AUC {true:.2f}, {' / '.join(map(str, counts))}: holds it {np.mean(held):.1%}, "
        f"mean width {np.mean(widths):.3f} ({DRAWS:,} draws)",
        file=sys.stderr,
    )
    assert 0.85 < np.mean(held) < 0.99
