"""A cross-validation on the pages: offered, started, watched, shown, and left out elsewhere."""

import shutil
from functools import partial

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.evaluate import crossed as page
from dashboard.evaluate import fold_charts
from dashboard.parts import links
from engine.commands import folds, line
from engine.data.dataset import open_dataset
from engine.evaluation.folds import cross_validated
from engine.runs import folded, store
from engine.runs.record import Run
from engine.workspace import Workspace
from tests.dashboard import pages
from tests.dashboard.pages import cards


def add_crossed(place: Workspace, of: str, repeats: int = 1, n: int = 5) -> Run:
    """A finished cross-validation whose scores a seed made."""
    run = folds.create(place, of, n, repeats)
    from engine.commands import learn

    dealt = folds.folds.deal(learn.task_of_run(place, run), n, repeats, seed=1)
    data, rng = open_dataset(place, run.dataset), np.random.default_rng(3)
    told = folded.begin(data.pictures[dealt.rows], None, dealt.labels, dealt.fold, 2)
    logit = rng.normal(2.0 * dealt.labels - 1, 1.2, dealt.fold.shape)
    told.y_score[:] = 1 / (1 + np.exp(-logit))
    told.threshold[:], told.best_epoch[:] = 0.5, 2
    folded.write(run.folder, told)
    figures = folds.judge(run, told).figures
    names = ("auc", "auc_low", "auc_high", "standard_error", "interval", "n", "accuracy")
    return store.save(
        run, status="finished", started=store.now(), ended=store.now(), seconds=4.0,
        crossed={name: figures[name] for name in names},
    )  # fmt: skip


@pytest.fixture
def own(workspace, tmp_path, use_workspace):
    shutil.copytree(workspace, tmp_path / "own")
    st.cache_data.clear()
    yield Workspace(use_workspace(tmp_path / "own"))
    st.cache_data.clear()


def shown(run_id: str) -> AppTest:
    """Evaluate, at the tab of a run's cross-validation."""
    return pages.opened(links.EVALUATE, run=run_id, tab="Cross-validation")


def buttons(at: AppTest) -> list[str]:
    return [one.key for one in at.button]


def texts(at: AppTest) -> str:
    parts = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error]
    return "\n".join(str(one.value) for one in parts)


def test_it_is_offered_where_a_class_has_few_test_pictures_and_started_once(own, monkeypatch):
    monkeypatch.setattr(line, "ensure", lambda workspace: None)  # no process
    at = shown("quick-1")
    assert "A class has only 12 test pictures" in texts(at)
    assert "10 trainings, each about as long as that of quick-1" in texts(at)
    at.number_input(key="crossed-folds").set_value(4)
    at.number_input(key="crossed-repeats").set_value(2).run()
    assert "8 trainings" in texts(at)
    at.button(key="crossed-start").click().run()
    run = store.open_run(own, "folds-2")
    assert (run.of, run.folds, run.repeats, run.status) == ("quick-1", 4, 2, "queued")
    assert "crossed-start" not in buttons(at)  # nobody asks for a second
    assert "Starting worker" in pages.texts(at)


def test_many_test_pictures_need_none(own):
    run = store.open_run(own, "quick-1")
    store.save(run, figures=run.figures | {"n_positive": 500, "n_negative": 100})
    at = shown("quick-1")
    assert "Each class has 100 test pictures or more (100 at least)" in texts(at)
    assert "crossed-start" not in buttons(at)


def test_what_cannot_be_dealt_out_is_a_sentence(own):
    at = shown("quick-1")
    store.save(store.open_run(own, "quick-1"), dataset_fingerprint="0" * 64)
    at.button(key="crossed-start").click().run()
    assert "was replaced" in texts(at)
    assert len(store.list_runs(own)) == 1


@pytest.mark.parametrize("repeats", [1, 3])
def test_what_it_found_stands_with_its_interval_and_with_what_it_is_of(own, repeats):
    run = add_crossed(own, "quick-1", repeats)
    found = folds.result(run)
    at = shown("quick-1")
    told = cards(at)
    assert told["Cross-validated AUC"]["value"] == f"{found.auc.value:.3f}"
    assert told["Cross-validated AUC"]["evidence"].endswith("by influence · n\u00a0=\u00a0240")
    assert f"AUCs of {5 * repeats} folds" in told["Folds"]["evidence"]
    wrong = int(np.count_nonzero(found.wrong))
    assert told["Mistakes"]["value"] == str(wrong)
    said = texts(at)
    assert "a way of training, not one set of weights" in said
    assert f"16 of {wrong}" in said
    assert said.count(":small[✗ ") == 16
    assert "the score for dog, which a fold says from its own threshold on" in said
    assert "Cross-validate again" in at.button(key="crossed-start").label


def test_train_calls_its_interval_as_evaluate_does_and_names_subjects(own):
    run = add_crossed(own, "quick-1")
    store.save(run, crossed=run.crossed | {"subjects": 71})
    (card,) = [one for name, one in cards(pages.opened(links.TRAIN, job=run.id)).items()
               if "folds" in name]  # fmt: skip
    assert card["evidence"].endswith("by influence · 71 subjects, 240 pictures")


def test_few_pictures_in_a_fold_are_warned_of_with_the_corrected_interval(own):
    found = folds.result(add_crossed(own, "quick-1", n=10))
    low, high = found.auc.corrected
    assert f"Corrected for so few, it is **95% {low:.3f}–{high:.3f}**" in texts(shown("quick-1"))


def test_one_that_was_stopped_can_be_resumed_from_here(own):
    run = folds.create(own, "quick-1", 4)
    store.save(run, status="stopped", ended=store.now())
    at = shown("quick-1")
    assert "stopped before its last fold" in texts(at)
    assert f"resume-{run.id}" in buttons(at)


def test_damaged_folds_are_a_sentence_and_the_offer_stays(own):
    run = add_crossed(own, "quick-1")
    (run.folder / folded.NAME).write_bytes(b"no zip")
    at = shown("quick-1")
    assert "folds.npz is damaged" in texts(at)
    assert "crossed-start" in buttons(at)


def test_every_other_page_shows_it_by_its_kind_or_leaves_it_out(own):
    run = add_crossed(own, "quick-1")
    opened = partial(pages.opened, links.EVALUATE)
    assert pages.box(opened(), "Run").options == ["quick-1"]
    followed = opened(run=run.id)  # a link to it shows the run that it is of
    assert pages.box(followed, "Run").value == "quick-1"
    assert followed.query_params["run"] == "quick-1"
    assert pages.box(pages.opened(links.EXPLAIN), "Run").options == ["quick-1"]

    overview = pages.opened(links.OVERVIEW)
    assert run.id not in pages.texts(overview)  # neither judged nor ended without a result

    (table,) = pages.opened(links.RUNS).dataframe
    row = table.value.set_index("Run").loc[run.id]
    assert row["AUC"] == pytest.approx(run.crossed["auc"])
    assert row["95% interval"].endswith("(5 folds)")
    assert row["n"] == 240
    one = pages.opened(links.RUNS, runs=run.id)
    assert "AUC of all folds" in cards(one)
    assert "5 folds of quick-1 on drawn, 32 px" in pages.texts(one)

    watched = pages.opened(links.TRAIN, job=run.id)
    assert "AUC of all folds" in cards(watched)
    assert "5 folds of quick-1" in pages.texts(watched)
    assert not watched.get("plotly_chart") or "first epoch" not in pages.texts(watched)


def test_one_under_way_is_watched_by_its_folds(own):
    run = folds.create(own, "quick-1", 4)
    from engine import lease
    from engine.runs import outcome

    store.save(run, status="running", started=store.now())
    with lease.hold(run.folder / "lease.json"):
        outcome.write_progress(run.folder, {
            "phase": "training", "epoch": 2, "epochs": 2, "batch": 3, "batches": 3,
            "pictures_per_second": 9.0, "seconds_left": 50.0, "fold": 3, "folds": 4,
        })  # fmt: skip
        at = pages.opened(links.TRAIN, job=run.id)
        assert "Fold 3 of 4, about 50 s left." in pages.texts(at)
        assert "4 folds of quick-1" in pages.texts(at)
        (stop,) = [one for one in at.button if one.key == "stop"]
        assert stop.label == "**Stop**"
        assert "Fold 3 of 4" in pages.texts(shown("quick-1"))


def test_starting_again_starts_a_cross_validation_and_no_training(own, monkeypatch):
    monkeypatch.setattr(line, "ensure", lambda workspace: None)
    run = folds.create(own, "quick-1", 4, 2)
    store.save(run, status="failed", error="The disk was full.", ended=store.now())
    at = pages.opened(links.TRAIN, job=run.id)
    at.button(key=f"again-{run.id}").click().run()
    again = store.open_run(own, "folds-3")
    assert (again.of, again.folds, again.repeats) == ("quick-1", 4, 2)


def test_the_figure_has_a_dot_for_each_fold_and_the_interval_behind_them():
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 2
    scores = rng.normal(labels, 1, (2, 60))
    found = cross_validated(labels, scores, np.stack([np.arange(60) // 2 % 5] * 2))
    figure = fold_charts.folds(found)
    dots = next(trace for trace in figure.data if trace.mode == "markers")
    assert list(dots.x) == [one.value for one in found.folds]
    assert sorted({round(y) for y in dots.y}) == [-1, 0]  # a row for each repeat
    band, mean = figure.layout.shapes
    assert (band.x0, band.x1, mean.x0) == (found.low, found.high, found.value)
    low, high = figure.layout.xaxis.range
    assert low < min(found.low, *dots.x)
    assert high > max(found.high, *dots.x)
    assert dots.customdata[7][0] == "fold 3, repeat 2"


def test_counts_of_runs_that_older_versions_judged_are_known(own):
    run = store.open_run(own, "quick-1")
    assert page.few(run) == 12
