"""Pictures drawn again: against a loop over scikit-learn, and by subject."""

import numpy as np
import pytest
from sklearn import metrics

from engine.evaluation import bootstrap
from engine.evaluation.placements import placements
from engine.evaluation.variance import delong


def drawn(seed: int, n: int):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(int)
    return labels, np.round(rng.normal(size=n) + labels, 1)


def test_every_replicate_is_the_auc_of_the_pictures_that_were_drawn(monkeypatch):
    labels, scores = drawn(1, 70)
    counts = []
    kept = bootstrap._aucs
    monkeypatch.setattr(bootstrap, "_aucs", lambda m, c: (counts.append(c), kept(m, c))[1])
    found = bootstrap.replicates(labels, scores, times=1500, seed=3)[:, 0]
    for auc, times in zip(found[::100], np.concatenate(counts)[::100], strict=True):
        assert auc == pytest.approx(
            metrics.roc_auc_score(np.repeat(labels, times), np.repeat(scores, times)), abs=1e-12
        )
        assert times[labels == 1].sum() == labels.sum()


def test_replicates_vary_as_much_as_delong_says():
    labels, scores = drawn(2, 400)
    spread = bootstrap.replicates(labels, scores, times=2000)[:, 0].var(ddof=1)
    assert spread == pytest.approx(delong(placements(labels, scores)), rel=0.15)


def test_two_models_are_judged_on_the_same_draws():
    labels, scores = drawn(3, 90)
    pair = bootstrap.replicates(labels, scores, np.exp(scores), times=50)
    assert (pair[:, 0] == pair[:, 1]).all()
    assert len(np.unique(pair[:, 0])) > 20


def test_a_seed_gives_the_same_draws_whatever_their_number():
    labels, scores = drawn(4, 60)
    assert (
        bootstrap.replicates(labels, scores, times=40, seed=5)
        == bootstrap.replicates(labels, scores, times=40, seed=5)
    ).all()
    other = bootstrap.replicates(labels, scores, times=40, seed=6)
    assert (bootstrap.replicates(labels, scores, times=40, seed=5) != other).any()


def test_whole_subjects_are_drawn_and_no_class_is_ever_lacking():
    """Every subject's pictures have one score, so that a replicate of subjects is one of single
    pictures: it must vary as those do, and not as five times as many."""
    labels, scores = drawn(6, 80)
    alone = bootstrap.replicates(labels, scores, times=2000)[:, 0]
    five = [np.repeat(of, 5) for of in (labels, scores, np.arange(80))]
    by_subject = bootstrap.replicates(*five[:2], groups=five[2], times=2000)[:, 0]
    assert by_subject.std() == pytest.approx(alone.std(), rel=0.1)
    mixed = bootstrap.replicates([0, 1, 0, 1, 1], [1, 2, 3, 4, 5], groups=list("aabbc"), times=200)
    assert np.isfinite(mixed).all()


def test_many_pictures_are_drawn_again_less_often(monkeypatch):
    monkeypatch.setattr(bootstrap, "DRAWS", 60_000)
    labels, scores = drawn(8, 120)
    assert len(bootstrap.replicates(labels, scores)) == 500
    monkeypatch.setattr(bootstrap, "DRAWS", 100)
    assert len(bootstrap.replicates(labels, scores)) == bootstrap.FEWEST
    assert len(bootstrap.replicates(labels, scores, times=3)) == 3
