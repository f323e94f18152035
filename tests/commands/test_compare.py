"""What was judged keeps its identity: runs are compared, chosen and shown by it."""

import json
import shutil

import numpy as np
import pytest

from engine.commands import compare
from engine.commands.prepare import prepare
from engine.data.dataset import list_datasets
from engine.errors import RunError
from engine.runs import outcome, store
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


# --- two runs on the same pictures ----------------------------------------------------------------


def test_two_runs_are_paired_by_picture_in_whatever_order_they_stored(place, pets, judged_run):
    a = judged_run(place, "pets", seed=1, skill=0.6)
    b = judged_run(place, "pets", seed=2, skill=0.3)
    found = compare.paired(a, b)
    assert found.value == pytest.approx(a.figures["auc"] - b.figures["auc"])
    assert found.low < found.value < found.high
    told = {part: store.predictions(b, part) for part in outcome.PARTS}
    order = np.random.default_rng(3).permutation(len(told["test"]["y_true"]))
    told["test"] = {name: column[order] for name, column in told["test"].items()}
    outcome.write_predictions(b.folder, told)
    assert compare.paired(a, b) == found


def test_runs_on_other_pictures_are_refused_with_the_reason(place, pets, judged_run):
    prepare(place, str(pets[1]), "again", image_size=32, seed=2)
    a, b = judged_run(place, "pets"), judged_run(place, "again")
    with pytest.raises(RunError, match="'quick-1' and 'quick-2' were judged on other test"):
        compare.paired(a, b)
    with pytest.raises(RunError, match="cannot be compared with itself"):
        compare.paired(a, a)
    unknown = store.save(judged_run(place, "pets"), split_id="")
    with pytest.raises(RunError, match="may have been judged on other test pictures"):
        compare.paired(a, unknown)


def test_a_record_that_claims_the_same_pictures_is_not_believed(place, pets, judged_run):
    prepare(place, str(pets[1]), "again", image_size=32, seed=2)
    a, b = judged_run(place, "pets"), judged_run(place, "again")
    b = store.save(b, split_id=a.split_id)
    with pytest.raises(RunError, match="are not of the same pictures, though"):
        compare.paired(a, b)


def test_runs_of_many_classes_are_not_tested_yet_and_it_is_said(tmp_path, add_many):
    runs = [add_many(tmp_path, ("cat", "dog", "fox"))]
    again = store.create(
        Workspace(tmp_path), "quick", **{
            name: getattr(runs[0], name) for name in (
                "dataset", "dataset_fingerprint", "split_id", "dataset_image_size", "class_names",
                "image_size", "config",
            )
        },
    )  # fmt: skip
    again = store.save(again, status="finished", figures=runs[0].figures)
    with pytest.raises(RunError, match="two mean AUCs is not tested yet"):
        compare.paired(runs[0], again)


def test_what_differs_and_nothing_else(place, pets, judged_run):
    a, b = judged_run(place, "pets"), judged_run(place, "pets")
    assert compare.what_differs([a, b])[0] == {}
    b = store.save(b, config=b.config | {"epochs": 3, "from_later": "x"})
    del a.config["early_stopping"]  # an older version wrote none
    differ, same = compare.what_differs([a, b])
    assert differ == {"epochs": [a.config["epochs"], 3], "from_later": [None, "x"]}
    assert same == len(TrainConfig.model_fields) + 2 - 1  # with dataset and question


def test_comparing_on_the_command_line(place, pets, judged_run, verb, use_workspace, tmp_path):
    use_workspace(place.path)
    judged_run(place, "pets", skill=0.6), judged_run(place, "pets", seed=2, skill=0.3)
    status, out, err = verb("compare", "quick-1", "quick-2", "--json")
    told = json.loads(out)
    assert (status, err) == (0, "")
    assert told["value"] == pytest.approx(told["auc_a"] - told["auc_b"])
    _, out, err = verb("compare", "quick-1", "quick-2")
    assert out.splitlines()[1].startswith(f"difference {told['value']:+.3f}, 95% ")
    assert err.startswith("Only 4 of a class were judged")
    status, out, err = verb("compare", "quick-1", "quick-9")
    assert (status, out) == (2, "")
    assert err.startswith("The run 'quick-9' does not exist")


def test_two_files_of_scores_are_compared_where_their_labels_agree(tmp_path, verb):
    def written(name: str, *rows: str) -> str:
        (tmp_path / name).write_text("\n".join(("y_true,y_score", *rows)))
        return str(tmp_path / name)

    a = written("a.csv", "1,4", "1,3", "0,2", "0,1")
    status, out, _ = verb("compare", a, written("b.csv", "1,4", "1,1", "0,2", "0,3"), "--json")
    told = json.loads(out)
    assert (status, told["value"], told["standard_error"]) == (0, 0.5, 0.5)
    status, _, err = verb("compare", a, written("c.csv", "0,4", "1,1", "0,2", "1,3"))
    assert status == 2
    assert "hold other labels" in err
