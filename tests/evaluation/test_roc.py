"""The area under the curve and the door where labels and scores are checked."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from engine.errors import ScoresError
from engine.evaluation.roc import auc, roc_curve, validate

ROOT = Path(__file__).resolve().parents[2]


def test_auc_counts_a_tie_as_half():
    # Pairs: 0.5 against 0.2 (right), 0.5 (tie); 0.9 against both (right): 3.5 of 4.
    assert auc([0, 0, 1, 1], [0.2, 0.5, 0.5, 0.9]) == 0.875


@pytest.mark.parametrize("decimals", [0, 1, 2, 17])
def test_auc_equals_scikit_learn_however_many_ties(decimals):
    rng = np.random.default_rng(decimals)
    labels = rng.integers(0, 2, 500)
    scores = np.round(rng.normal(labels * 0.7), decimals)
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_auc_of_perfect_and_inverted_scores_is_exact():
    labels = np.arange(1001) > 400
    scores = np.arange(1001) / 7
    assert auc(labels, scores) == 1.0
    assert auc(labels, -scores) == 0.0


def test_curve_has_the_area_that_auc_says():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 300)
    scores = np.round(rng.normal(labels), 1)
    curve = roc_curve(labels, scores)
    assert np.trapezoid(curve.tpr, curve.fpr) == pytest.approx(auc(labels, scores), abs=1e-12)
    assert (curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0, 0, 1, 1)
    assert len(curve.thresholds) == len(np.unique(scores)) + 1


@pytest.mark.parametrize(
    ("labels", "scores", "says"),
    [
        ([], [], "empty"),
        ([0, 1], [0.1], "do not belong together"),
        ([[0, 1]], [[0.1, 0.2]], "do not belong together"),
        ([0, 2], [0.1, 0.2], "Label 2 of 2 is 2"),
        ([0, np.nan], [0.1, 0.2], "Label 2 of 2 is nan"),
        ([0, 1, 1], [0.1, np.nan, 0.2], "Score 2 of 3 is nan"),
        ([0, 1, 1], [0.1, 0.2, np.inf], "Score 3 of 3 is inf"),
        ([1, 1], [0.1, 0.2], "only class 1"),
        ([0, 0], [0.1, 0.2], "only class 0"),
        (["cat", "dog"], [0.1, 0.2], "not a number"),
    ],
)
def test_bad_input_is_named(labels, scores, says):
    with pytest.raises(ScoresError, match=says):
        validate(labels, scores)


def test_validate_takes_booleans_and_whole_floats():
    labels, scores = validate([True, 0.0], np.array([1, 0], dtype=np.float32))
    assert labels.dtype == np.int8
    assert scores.dtype == np.float64
    assert labels.tolist() == [1, 0]


def test_an_auc_with_its_interval_needs_numpy_alone():
    """The `auc` verb must answer at once: half a second of imports each is what it cannot pay."""
    code = (
        "import sys\n"
        "from engine.evaluation import bounds, coverage, intervals, proportions, thresholds\n"
        "found = intervals.auc_interval([0, 1, 0, 1], [0.1, 0.9, 0.5, 0.4])\n"
        "thresholds.closing_line(found, 0.5, 1)\n"
        "bounds.newcombe(found.value, 2, 2), proportions.wilson(1, 2)\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout.split()
    assert "numpy" in loaded
    assert not {"sklearn", "scipy", "keras", "tensorflow", "streamlit", "pandas"} & set(loaded)
