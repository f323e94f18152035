"""What was judged keeps its identity: runs are compared, chosen and shown by it."""

import shutil

import pytest

from engine.commands import compare
from engine.commands.prepare import prepare
from engine.data.dataset import list_datasets
from engine.runs import store
from engine.training.config import TrainConfig
from engine.workspace import Workspace


@pytest.fixture
def place(tmp_path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def pets(place, tmp_path, two_classes):
    """The dataset "pets", and the folder it was made of."""
    folder = two_classes(tmp_path / "pets", 40)
    return prepare(place, str(folder), "pets", image_size=32), folder


def test_a_run_shows_its_own_pictures_after_they_were_prepared_under_other_names(
    place, pets, judged_run
):
    dataset, folder = pets
    run = judged_run(place, "pets")
    told = store.predictions(run, "test")
    judged = dataset.images[dataset.indices("test")].copy()
    for word in ("cat", "dog"):
        for i in range(40):
            (folder / word / f"{i}.png").rename(folder / word / f"new {39 - i:02}.png")
    shutil.rmtree(dataset.folder)
    again = prepare(place, str(folder), "pets", image_size=32)
    found = compare.dataset_of(run, list_datasets(place))
    assert found == again
    rows = compare.rows(run, told, found)
    assert (rows != dataset.indices("test")).any()
    assert (found.images[rows] == judged).all()
    assert (found.labels[rows] == told["y_true"]).all()


def test_a_run_finds_its_pictures_under_another_name_and_not_where_classes_were_renamed(
    place, pets, judged_run
):
    dataset, folder = pets
    run = judged_run(place, "pets")
    other = prepare(place, str(folder), "same", image_size=32, seed=2)
    assert compare.dataset_of(run, list_datasets(place)).name == "pets"
    shutil.rmtree(dataset.folder)
    assert compare.dataset_of(run, list_datasets(place)) == other
    shutil.rmtree(other.folder)
    (folder / "cat").rename(folder / "kitten")
    prepare(place, str(folder), "pets", image_size=32)
    assert compare.dataset_of(run, list_datasets(place)) is None


def test_pictures_that_are_no_longer_there_have_no_row(place, pets, judged_run):
    dataset, folder = pets
    run = judged_run(place, "pets")
    (folder / "cat" / "0.png").unlink()
    fewer = prepare(place, str(folder), "fewer", image_size=32)
    everything = {"picture": dataset.pictures}
    rows = compare.rows(run, everything, fewer)
    assert (rows == -1).sum() == 1
    assert dataset.file_names[list(rows).index(-1)] == "cat/0.png"


def test_two_splits_of_one_set_may_not_be_compared(place, pets, judged_run):
    """Test pictures of the one are in the training part of the other."""
    prepare(place, str(pets[1]), "again", image_size=32, seed=2)
    runs = [judged_run(place, name) for name in ("pets", "again", "pets")]
    assert [run.id for run in compare.comparable(runs, runs[0])] == ["quick-1", "quick-3"]
    assert [run.id for run in compare.comparable(runs, runs[1])] == ["quick-2"]


def test_a_run_whose_split_is_not_known_is_comparable_with_itself_alone(place, pets, judged_run):
    runs = [store.save(judged_run(place, "pets"), split_id="") for _ in range(2)]
    assert compare.comparable(runs, runs[0]) == [runs[0]]


def test_the_run_is_chosen_on_validation_and_not_by_its_luck_on_test(place, pets, judged_run):
    runs = []
    for validation, test in ((0.9, 0.7), (0.8, 0.95), (0.9, 0.99)):
        run = judged_run(place, "pets")
        figures = run.figures | {"validation_auc": validation, "auc": test}
        runs.append(store.save(run, figures=figures))
    assert compare.elect(runs).id == "quick-1"  # the older of equals, whatever they did on test


def test_what_differs_and_nothing_else(place, pets, judged_run):
    a, b = judged_run(place, "pets"), judged_run(place, "pets")
    assert compare.what_differs([a, b])[0] == {}
    b = store.save(b, config=b.config | {"epochs": 3, "from_later": "x"})
    del a.config["early_stopping"]  # an older version wrote none
    differ, same = compare.what_differs([a, b])
    assert differ == {"epochs": [a.config["epochs"], 3], "from_later": [None, "x"]}
    assert same == len(TrainConfig.model_fields) + 2 - 1  # with dataset and question
