"""Cross-validations from queue to end: what is judged by what, stopped, resumed, refused, shown."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from keras import applications

from engine.commands import folds, many, resume, train, trash
from engine.commands.evaluate import evaluate
from engine.data.dataset import open_dataset
from engine.data.question import Question, task_of
from engine.errors import ConfigError, DatasetError, RecordError, RunError
from engine.evaluation import roc, thresholds
from engine.runs import folded, store
from engine.settings import settings
from engine.training import transfer
from engine.training.config import train_config
from engine.workspace import Workspace

FOLDS = 4


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """A small backbone with weights by lot, of a size that lets what it sees come through."""
    place, rng = tmp_path_factory.mktemp("backbones"), np.random.default_rng(0)
    model = applications.MobileNet(alpha=0.25, include_top=False, weights=None)
    for layer in model.layers:
        if layer.name.startswith("conv") and (kernels := layer.get_weights()) and len(kernels) == 1:
            shape = kernels[0].shape
            inputs = shape[0] * shape[1] * (1 if "dw" in layer.name else shape[2])
            layer.set_weights([rng.normal(0, np.sqrt(2 / inputs), shape)])
    model.save_weights(place / "mobilenet-0.25.weights.h5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAMSIGHT_BACKBONES", str(place))
        settings.cache_clear()
        yield "mobilenet-0.25"
    settings.cache_clear()


@pytest.fixture(scope="module")
def crossed(workspace, backbone, tmp_path_factory, copy_of):
    """A workspace with "transfer-1", which nobody trained, and its cross-validation "folds-2"; the
    parts on which each head was fitted; what was reported."""
    place = copy_of(workspace, tmp_path_factory.mktemp("crossed"))
    config = train_config("transfer", backbone=backbone, image_size=32, epochs=4)
    train.create_run(place, "drawn", config)
    fitted, told = [], []
    fit = transfer.fit_head
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            transfer, "fit_head",
            lambda x, y, *more: fitted.append((x | {}, y, fit(x | {}, y, *more))) or fitted[-1][2],
        )  # fmt: skip
        found = train.train_run(place, folds.create(place, "transfer-1", FOLDS), told.append)
    return place, found, fitted, told


@pytest.fixture
def own(crossed, tmp_path):
    """The workspace of `crossed`, to be written to."""
    shutil.copytree(crossed[0].path, tmp_path / "own")
    return Workspace(tmp_path / "own")


def test_every_picture_is_judged_by_a_head_that_had_no_part_of_it(crossed):
    place, found, fitted, _ = crossed
    assert len(fitted) == FOLDS
    told, n = found.folded, open_dataset(place, "drawn").size
    assert np.isfinite(told.y_score).all()
    assert told.y_score.shape == (1, n) == (1, 240)
    for x, y, head in fitted:
        rows = [{row.tobytes() for row in x[part]} for part in ("train", "validation", "test")]
        assert sum(map(len, rows)) == len(set.union(*rows)) == n  # none in two parts, none left out
        assert all(set(of) == {0, 1} for of in y.values())
        assert 20 <= len(y["validation"]) <= 28
        assert head.best_epoch <= 4


def test_best_epoch_and_threshold_come_from_the_fold_s_own_validation_part(crossed):
    _, found, fitted, _ = crossed
    for fold, (x, y, head) in enumerate(fitted):
        logit = head.logits(x["validation"]).astype(float)
        curve = roc.roc_curve(y["validation"], 1 / (1 + np.exp(-logit)))
        chosen = thresholds.youden_in_the_middle(curve)
        assert found.folded.threshold[0, fold] == pytest.approx(chosen, rel=1e-9)
        losses = [one.val_loss for one in head.told]
        assert found.folded.best_epoch[0, fold] == 1 + losses.index(min(losses))
        judged = found.folded.fold[0] == fold
        said = np.sort(found.folded.y_score[0, judged])
        expected = np.sort(1 / (1 + np.exp(-head.logits(x["test"]).astype(float))))
        assert np.allclose(said, expected)
        # each score stands beside its own label: the fold's AUC is that of its head
        auc = roc.auc(y["test"], head.logits(x["test"]))
        assert found.auc.folds[fold].value == pytest.approx(auc, abs=1e-12)


def test_it_is_a_run_of_its_own_that_has_an_auc_and_no_weights(crossed):
    place, found, _, told = crossed
    run = store.open_run(place, "folds-2")
    assert (run.status, run.of, run.folds, run.repeats) == ("finished", "transfer-1", FOLDS, 1)
    assert run.crossed["auc"] == found.auc.value == found.figures["auc"]
    assert run.crossed["n"] == 240
    assert not run.judged
    assert run.seconds > 0
    assert not list(run.folder.glob("*.h5"))
    again = folds.result(run)
    assert again.figures == found.figures
    assert folds.result(run, level=0.5).auc.high < found.auc.high
    phases = [one["phase"] for one in told]
    assert phases.index("features") < phases.index("training")
    assert [one["fold"] for one in told if one["phase"] == "training"] == [1, 2, 3, 4]


def test_features_are_found_once_for_all_pictures(own, monkeypatch):
    from engine import backend

    monkeypatch.setattr(backend, "forward", lambda *_, **__: pytest.fail("computed again"))
    found = train.train_run(own, folds.create(own, "transfer-1", 3, repeats=2))
    assert found.folded.y_score.shape == (2, 240)
    assert len(found.auc.folds) == 6
    assert found.matrix.sum() == 480
    assert found.accuracy.n == 480
    assert found.accuracy.effective_n < 480  # a picture that is judged twice is no second picture


def test_one_that_was_stopped_goes_on_with_the_fold_that_is_missing(own, crossed, monkeypatch):
    run = folds.create(own, "transfer-1", FOLDS)

    def stop_in_the_second(progress):
        if progress.get("fold") == 2:
            store.ask_to_stop(run)

    assert train.train_run(own, run, stop_in_the_second) is None
    stopped = store.open_run(own, run.id)
    assert (stopped.status, stopped.crossed) == ("stopped", None)
    with pytest.raises(RunError, match=r"is stopped and has no figures; resume it"):
        folds.result(stopped)
    assert "after 2 of 4 folds" in resume.outlook(stopped)
    fitted, fit = [], transfer.fit_head
    monkeypatch.setattr(transfer, "fit_head", lambda *of: fitted.append(of) or fit(*of))
    found = train.train_run(own, resume.put_back(own, run.id))
    assert len(fitted) == 2
    assert found.figures == crossed[1].figures | {"of": "transfer-1"}


def test_one_that_was_lost_is_resumed_by_itself_and_damaged_folds_are_computed_again(own):
    run = folds.create(own, "transfer-1", FOLDS)
    store.save(run, status="running")  # and no process holds it
    (run.folder / folded.NAME).write_bytes(b"PK\x03\x04 cut short")
    assert store.open_run(own, run.id).status == "lost"
    assert not resume.can_resume(store.open_run(own, run.id))
    assert "begins anew" in resume.outlook(store.open_run(own, run.id))
    found = train.train_run(own, resume.put_back(own, run.id))
    assert found.folded.whole


def test_damaged_folds_of_a_finished_one_are_a_sentence(own):
    run = store.open_run(own, "folds-2")
    (run.folder / folded.NAME).write_bytes(b"no zip")
    with pytest.raises(RecordError, match=r"folds.npz is damaged.* cross-validate 'transfer-1'"):
        folds.result(run)
    (run.folder / folded.NAME).unlink()
    with pytest.raises(RecordError, match="are missing"):
        folds.result(run)


def test_what_needs_weights_leaves_it_out_and_says_what_it_is(own):
    run = store.open_run(own, "folds-2")
    for use in (store.require_judged, store.require_training):
        with pytest.raises(RunError, match=r"'folds-2' is a cross-validation of 'transfer-1'"):
            use(run)
    with pytest.raises(RunError, match="is a cross-validation"):
        evaluate(own, "folds-2")
    with pytest.raises(RunError, match="is a cross-validation"):
        many.repeat(own, "folds-2", 2)
    with pytest.raises(RunError, match="is a cross-validation"):
        folds.create(own, "folds-2", FOLDS)
    assert store.open_run(own, "latest").id == "transfer-1"
    other = store.open_run(own, "transfer-1")
    assert [one.id for one in many.repeated_with(other, [other, run])] == ["transfer-1"]


def test_it_is_deleted_and_restored_as_any_run(own):
    trash.delete(own, "folds-2")
    assert [run.id for run in store.list_runs(own)] == ["transfer-1"]
    assert trash.restore_latest(own, "folds-2") == "folds-2"
    assert folds.result(store.open_run(own, "folds-2")).auc.value


@pytest.mark.parametrize(("n", "repeats"), [(2, 1), (4, 21), (21, 1)])
def test_numbers_that_cannot_be_are_refused_and_nothing_is_left_behind(own, n, repeats):
    with pytest.raises(ConfigError, match="cannot be used"):
        folds.create(own, "transfer-1", n, repeats)
    assert len(store.list_runs(own)) == 2


def test_a_dataset_that_was_replaced_is_refused(own):
    run = store.open_run(own, "transfer-1")
    store.save(run, dataset_fingerprint="0" * 64)
    with pytest.raises(DatasetError, match="was replaced"):
        folds.create(own, "transfer-1", FOLDS)


# --- networks that are trained by epochs ----------------------------------------------------------


def test_each_fold_trains_a_network_from_its_beginning_and_keeps_none(ready):
    config = train_config("quick", image_size=32, epochs=1)
    train.create_run(ready, "drawn", config)
    told = []
    found = train.train_run(ready, folds.create(ready, "quick-1", 3), told.append)
    assert found.folded.whole
    assert np.isfinite(found.folded.y_score).all()
    assert (found.folded.best_epoch == 1).all()
    run = store.open_run(ready, "folds-2")
    kept = {path.name for path in run.folder.iterdir()} - {"lease.json.lock"}
    assert kept == {"run.json", "config.json", "log.txt", "progress.json", "folds.npz"}
    of_folds = [one["fold"] for one in told if one["phase"] == "training"]
    assert sorted(set(of_folds)) == [1, 2, 3]
    left = [one["seconds_left"] for one in told if one["phase"] == "training"]
    assert left[0] > left[-1]


def test_a_fold_whose_loss_is_no_number_fails_the_whole_in_a_sentence(ready, monkeypatch):
    train.create_run(ready, "drawn", train_config("quick", image_size=32, epochs=1))
    run = folds.create(ready, "quick-1", 3)
    failed = transfer.fit.Fitted(1.0, 0, 0, 0, False, "The loss became NaN.", diverged=True)
    monkeypatch.setattr(transfer, "fit_any", lambda *_, **__: transfer.Transferred(failed))
    with pytest.raises(RunError, match="A fold could not be trained to its end: The loss"):
        train.train_run(ready, run)
    ended = store.open_run(ready, run.id)
    assert (ended.status, ended.diverged, ended.crossed) == ("failed", True, None)
    assert "would again" in resume.can_resume(ended)
    assert not (run.folder / "fold").exists()


# --- figures from folds at hand -------------------------------------------------------------------


def by_hand(names=("cat", "dog"), subject=None, **changed) -> folded.Folded:
    told = folded.begin(
        np.array([f"{at:064x}" for at in range(6)]), subject, np.array([0, 0, 0, 1, 1, 1]),
        np.array([[0, 1, 2, 0, 1, 2]]), len(names),
    )  # fmt: skip
    told.best_epoch[:] = 1
    return replace(told, **changed)


def test_pooled_mistakes_are_by_the_threshold_of_each_fold(crossed):
    run = store.open_run(crossed[0], "folds-2")
    told = by_hand(
        y_score=np.array([[0.2, 0.4, 0.9, 0.6, 0.5, 0.8]]), threshold=np.array([[0.1, 0.5, 0.85]])
    )
    found = folds.judge(run, told)
    # fold 0 from 0.1: both positive; fold 1 from 0.5: both right; fold 2 from 0.85: both wrong
    assert found.matrix.tolist() == [[1, 2], [1, 2]]
    assert found.wrong.tolist() == [1, 0, 1, 0, 0, 1]
    assert (found.accuracy.value, found.accuracy.n) == (0.5, 6)
    assert [one.value for one in found.auc.folds] == [1, 1, 0]


def test_of_subjects_intervals_know_them(crossed):
    run = store.open_run(crossed[0], "folds-2")
    told = by_hand(
        subject=np.array(list("abcabc")), y_score=np.array([[0.2, 0.4, 0.9, 0.6, 0.5, 0.8]]),
        threshold=np.full((1, 3), 0.5),
    )  # fmt: skip
    found = folds.judge(run, told)
    assert found.auc.subjects == found.figures["subjects"] == 3
    assert found.auc.naive
    assert found.accuracy.effective_n < 6


def test_of_many_classes_the_likeliest_is_said(crossed):
    run = replace(store.open_run(crossed[0], "folds-2"), class_names=("cat", "dog", "fox"))
    score = np.zeros((1, 6, 3))
    score[0, range(6), [0, 1, 2, 0, 1, 2]] = 1
    told = replace(
        by_hand(("cat", "dog", "fox")), y_true=np.array([0, 1, 2, 0, 1, 2]), y_score=score,
        fold=np.array([[0, 0, 0, 1, 1, 1]]),
    )  # fmt: skip
    found = folds.judge(run, told)
    assert found.matrix.tolist() == np.diag([2, 2, 2]).tolist()
    assert found.auc.value == 1.0
    assert found.auc.method == "newcombe"


def test_many_classes_are_cross_validated(backbone, tmp_path, add_many):
    run = add_many(tmp_path, ("cat", "dog", "fox"))
    config = train_config("transfer", backbone=backbone, image_size=32, epochs=2)
    store.save(run, config=config.model_dump(), preset="transfer")  # twice as large as they are
    workspace = Workspace(tmp_path)
    found = train.train_run(workspace, folds.create(workspace, run.id, 3))
    assert found.folded.y_score.shape == (1, 60, 3)
    assert found.matrix.sum(axis=1).tolist() == [20, 20, 20]
    assert 0 <= found.auc.low < found.auc.value < found.auc.high <= 1


def test_a_question_leaves_classes_out(backbone, tmp_path, add_many, monkeypatch):
    run = add_many(tmp_path, ("cat", "dog", "fox"))
    workspace = Workspace(tmp_path)
    monkeypatch.setattr(train, "check_size", lambda config, dataset: None)
    question = Question(("fox",), ("cat",))
    config = train_config("transfer", backbone=backbone, image_size=32, epochs=2)
    asked = train.create_run(workspace, "zoo", config, question)
    task = task_of(open_dataset(workspace, "zoo"), question)
    found = train.train_run(workspace, folds.create(workspace, asked.id, 3))
    assert len(found.folded.y_true) == int((task.labels >= 0).sum()) == 40
    assert found.run.question == "fox against cat"
    assert run.id != asked.id


# --- on the command line --------------------------------------------------------------------------


def test_evaluate_with_folds_shows_one_that_is_there(own, use_workspace, verb):
    use_workspace(own.path)
    status, said, _ = verb("evaluate", "transfer-1", "--folds", FOLDS, "--json")
    told = json.loads(said)
    assert status == 0
    assert (told["run"], told["of"], told["folds"], told["n"]) == (
        "folds-2", "transfer-1", FOLDS, 240,
    )  # fmt: skip
    assert len(told["fold_aucs"]) == FOLDS
    assert told["auc_low"] < told["auc"] < told["auc_high"]
    _, same, _ = verb("evaluate", "folds-2", "--json")
    assert json.loads(same) == told
    assert told["interval"] == "influence-curve"
    assert told["corrected"][0] < told["auc_low"]
    _, plain, _ = verb("evaluate", "folds-2")
    assert "4 folds of transfer-1 on all 240 pictures of drawn" in plain
    assert "a way of training" in plain
    assert f"AUC={told['auc']:.3f}" in plain
    _, said, _ = verb("evaluate", "folds-2", "--level", 0.8, "--json")
    narrow = json.loads(said)
    assert narrow["level"] == 0.8
    assert told["auc_low"] < narrow["auc_low"] < narrow["auc_high"] < told["auc_high"]


def test_evaluate_computes_one_that_is_not_there(own, use_workspace, verb):
    use_workspace(own.path)
    status, said, _ = verb("evaluate", "transfer-1", "--folds", 3, "--json")
    assert status == 0
    assert json.loads(said)["run"] == "folds-3"
    assert store.open_run(own, "folds-3").status == "finished"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (("transfer-1", "--folds", 4, "--threshold", 0.4), "leave --threshold"),
        (("folds-2", "--split", "validation"), "leave --threshold"),
        (("folds-2", "--interval", "delong"), "--interval and --side out"),
        (("transfer-1", "--folds", 3, "--level", 95), "between 0 and 1, as 0.95"),
        (("transfer-1", "--folds", 1), "1 folds cannot be used"),
        (("transfer-1", "--repeats", 2), "give --folds, too"),
        (("folds-2", "--folds", 5), "is a cross-validation of 'transfer-1'"),
    ],
)
def test_what_does_not_go_together_is_refused(own, use_workspace, verb, line, sentence):
    use_workspace(own.path)
    status, _, error = verb("evaluate", *line)
    assert status == 2
    assert sentence in " ".join(error.replace("│", " ").split())
    assert len(store.list_runs(own)) == 2


def test_runs_lists_it_by_its_kind(own, use_workspace, verb):
    use_workspace(own.path)
    _, said, _ = verb("runs")
    assert "4 folds of" in said
    _, said, _ = verb("runs", "--json")
    row = json.loads(said)[-1]
    assert (row["run"], row["of"], row["folds"]) == ("folds-2", "transfer-1", FOLDS)
    assert row["auc"] > 0


def test_power_says_how_many_pictures_are_needed(verb):
    status, said, _ = verb("power", "--auc", 0.85, "--other", 0.9, "--n", 400, "--json")
    told = json.loads(said)
    assert status == 0
    (size,) = told["sizes"]
    assert (size["n"], size["n_positive"]) == (400, 200)
    assert size["power"] == pytest.approx(0.74, abs=0.005)
    assert told["n_for_power"] > 400  # for a power of 0.8
    _, plain, _ = verb("power", "--auc", 0.9, "--width", 0.05, "--n", 100, "--simulate")
    assert "An interval of 0.05 at an AUC of 0.9 needs" in plain
    assert "simulated" in plain
    assert verb("power", "--auc", 1.0)[0] == 2
    assert verb("power", "--other", 0.9)[0] == 2  # the same AUC
    assert verb("power", "--n", 1)[0] == 2
    status, _, error = verb("power", "--n", 10**11, "--simulate")  # more than memory holds
    assert (status, "ask for 10,000,000 at most" in error) == (2, True)
