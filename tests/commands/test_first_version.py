"""A workspace of the version before this one opens with all its runs, links and figures; one of a
newer version is left alone."""

import numpy as np
import pytest

from engine.commands import compare, learn
from engine.commands import train as commands
from engine.commands.evaluate import evaluate
from engine.commands.prepare import prepare
from engine.data.dataset import open_dataset, read_datasets
from engine.errors import DatasetError
from engine.runs import store
from engine.training.config import train_config


def test_every_run_is_there_as_it_was(first_version):
    runs, unreadable = store.read_runs(first_version)
    assert unreadable == []
    assert [(run.id, run.status, run.judged) for run in runs] == [
        ("quick-1", "finished", True), ("quick-2", "finished", True), ("quick-3", "lost", False),
    ]  # fmt: skip
    assert runs[0].figures["auc"] == 2 / 3
    assert store.history(runs[1])["epoch"] == [1, 2]


def test_its_figures_are_those_that_it_stored(first_version):
    stored = store.open_run(first_version, "quick-1").figures
    found = evaluate(first_version, "quick-1", method=stored["interval"]).figures
    numbers = {name for name, value in stored.items() if isinstance(value, float)}
    for name, value in stored.items():
        assert found[name] == (pytest.approx(value, rel=1e-12) if name in numbers else value)


def test_its_runs_may_be_compared_with_each_other_and_with_what_its_dataset_holds(first_version):
    runs = store.list_runs(first_version)
    (dataset,), unreadable = read_datasets(first_version)
    assert unreadable == []
    assert [run.id for run in compare.comparable(runs, runs[0])] == ["quick-1", "quick-2"]
    assert runs[0].split_id == runs[1].split_id == dataset.split_id
    assert runs[2].split_id == ""
    assert compare.elect(runs[:2]).id in ("quick-1", "quick-2")
    assert 0 <= compare.validation_auc(runs[0]) <= 1


def test_its_rows_are_its_pictures_as_long_as_its_dataset_was_not_made_anew(first_version):
    run, dataset = store.open_run(first_version, "quick-1"), open_dataset(first_version, "drawn")
    told = store.predictions(run, "test")
    rows = compare.rows(run, told, compare.dataset_of(run, [dataset]))
    assert (rows == dataset.indices("test")).all()
    assert (dataset.rows_of(dataset.pictures[rows]) == rows).all()

    again = prepare(first_version, "drawn", "drawn", image_size=32, count=60)
    assert again.created == dataset.created  # the same pictures: the stored ones are taken

    path = dataset.folder / "dataset.json"
    path.write_text(path.read_text().replace(dataset.created, "2999-01-01T00:00:00+00:00"))
    later = open_dataset(first_version, "drawn")
    assert (compare.rows(run, told, later) == -1).all()


def test_its_weights_give_the_scores_that_it_stored(first_version):
    from engine import inference

    run, dataset = store.open_run(first_version, "quick-1"), open_dataset(first_version, "drawn")
    told = store.predictions(run, "test")
    logit = inference.logits(inference.load(run).model, dataset.images, told["row"])
    np.testing.assert_allclose(logit, told["logit"], atol=1e-4)


def test_a_run_can_be_queued_on_its_dataset(first_version):
    config = train_config("quick", image_size=32, epochs=1)
    run = commands.create_run(first_version, "drawn", config)
    dataset = open_dataset(first_version, "drawn")
    assert (run.id, run.split_id) == ("quick-4", dataset.split_id)
    assert (learn.task_of_run(first_version, run).dataset.pictures == dataset.pictures).all()


@pytest.mark.parametrize("part", ["validation", "test"])
def test_its_predictions_have_no_pictures_and_say_so(first_version, part):
    told = store.predictions(store.open_run(first_version, "quick-1"), part)
    assert (told["picture"] == "").all()
    assert len(told["row"]) == 6


def test_its_dataset_is_the_same_only_with_the_positive_class_that_it_has(first_version):
    again = {"image_size": 32, "count": 60}
    with pytest.raises(DatasetError, match="exists and takes dog for the positive class"):
        prepare(first_version, "drawn", "drawn", positive="cat", **again)
    stored = open_dataset(first_version, "drawn")
    assert prepare(first_version, "drawn", "drawn", positive="dog", **again) == stored


def test_no_verb_touches_a_newer_workspace(empty_workspace, verb, two_classes, tmp_path):
    (empty_workspace / "workspace.json").write_text('{"format": 99}')
    pets = two_classes(tmp_path / "pets")
    for line in (["runs"], ["prepare", pets, "--name", "pets"], ["first-run"], ["restore", "a-1"]):
        status, said, error = verb(*line)
        assert (status, said) == (2, "")
        assert "was written by a newer version of Camsight" in error
    assert [path.name for path in empty_workspace.iterdir()] == ["workspace.json"]
