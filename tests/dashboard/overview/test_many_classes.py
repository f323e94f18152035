"""Overview of runs with many classes, of questions, and of datasets with subjects."""

import json
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.overview import said
from dashboard.parts import choose
from engine import records
from engine.commands import train
from engine.data import dataset as datasets
from engine.data.dataset import open_dataset
from engine.data.question import Question
from engine.runs import store
from engine.runs.record import Run
from engine.training.config import train_config
from engine.workspace import Workspace

THREE = ("cat", "dog", "fox")


@pytest.fixture
def place(tmp_path, use_workspace) -> Workspace:
    """An empty workspace."""
    return Workspace(use_workspace(tmp_path))


def opened() -> AppTest:
    at = AppTest.from_file("../../../dashboard/app.py", default_timeout=60).run()
    assert not at.exception, at.exception
    return at


def forest(at: AppTest) -> dict:
    data = (json.loads(element.proto.json) for element in at.get("bidi_component"))
    return next(one for one in data if one["kind"] == "forest")


def groups(at: AppTest) -> dict[str, list[str]]:
    return {one["name"]: [row["id"] for row in one["rows"]] for one in forest(at)["groups"]}


def captions(at: AppTest) -> str:
    return "\n".join(one.value for one in at.caption).replace("\\", "")


def ask(place: Workspace, positive: tuple[str, ...], negative: tuple[str, ...]) -> Run:
    """A judged run on a question about the zoo, as `train` makes it."""
    config = train_config("quick").model_copy(update={"image_size": 16})  # as small as the zoo
    run = train.create_run(place, "zoo", config, Question(positive, negative))
    figures = {
        "auc": 0.8, "auc_low": 0.7, "auc_high": 0.9, "interval": "hanley-mcneil",
        "n_positive": 9, "n_negative": 18, "accuracy": 0.75, "validation_auc": 0.8,
    }  # fmt: skip
    return store.save(
        run, status="finished", started=store.now(), ended=store.now(), figures=figures,
        weights_sha256="0" * 64,
    )  # fmt: skip


def test_the_headline_and_the_table_say_that_the_auc_is_a_mean(place, add_many):
    told = add_many(place.path, THREE).figures
    at = opened()
    assert at.header[0].value == (
        f"quick-1 on zoo has a mean AUC over 3 classes of {told['auc']:.3f} "
        f"(95% {told['auc_low']:.3f}–{told['auc_high']:.3f}) on 27 pictures it never saw."
    )
    (group,) = forest(at)["groups"]
    assert group["note"] == "mean of 3 classes · 27 test pictures"
    assert group["rows"][0]["n"] == "27"
    assert "(bootstrap)" in forest(at)["head"]


def test_the_head_of_the_table_names_every_method_of_its_intervals(place, add_many, add_run):
    add_many(place.path, THREE)
    add_run(place)
    assert "(Hanley-McNeil and bootstrap)" in forest(opened())["head"]


def test_what_the_run_says_of_pictures_and_how_often_it_is_wrong(place, add_many):
    run = add_many(place.path, THREE, counts=(30, 30, 30))
    at = opened()
    shown = [one.value for one in at.caption if "truly" in one.value]
    assert len(shown) == 3
    assert ":green[✓]" in shown[0]
    assert ":red[✗]" in shown[2]
    wrong = round(90 * (1 - run.figures["accuracy"]))
    assert f"It takes {wrong} of 90 for another class." in captions(at)


def test_questions_about_one_dataset_stand_apart_by_their_names(place, add_many):
    add_many(place.path, THREE)
    ask(place, ("dog",), ("cat", "fox"))
    ask(place, ("fox",), ("cat",))
    ask(place, ("fox",), ("cat",))
    at = opened()
    assert groups(at) == {
        "zoo: fox against cat": ["quick-3", "quick-4"],
        "zoo: dog against cat, fox": ["quick-2"],
        "zoo": ["quick-1"],
    }
    assert at.header[0].value.startswith(
        "quick-3 on zoo (fox against cat), chosen among 2 runs by its AUC on validation, has an AUC"
    )
    assert (
        "The newest result is on zoo (fox against cat); results on other pictures or of another "
        "question cannot be compared with it."
    ) in captions(at)


def test_a_question_about_pictures_that_were_replaced_says_so(place, add_many):
    add_many(place.path, THREE)
    asked = ask(place, ("dog",), ("cat", "fox"))
    dataset = open_dataset(place, "zoo")
    record = replace(dataset, class_names=("cat", "hare", "fox"), fingerprint="0" * 64)
    records.write(dataset.folder / "dataset.json", datasets.KIND, record)
    name = next(name for name, ids in groups(opened()).items() if ids == [asked.id])
    assert name == f"zoo: dog against cat, fox, earlier pictures {asked.split_id[:6]}"


def test_a_run_under_way_and_one_that_failed_say_their_question(place, add_many):
    add_many(place.path, THREE)
    run = ask(place, ("dog",), ("cat", "fox"))
    store.save(run, status="failed", error="The disk is full.", figures=None)
    labels = [link.proto.label for link in opened().get("page_link")]
    assert "**quick-2** on zoo (dog against cat, fox)" in labels


def test_the_datasets_name_their_classes_or_count_them_and_say_their_subjects(place, add_many):
    add_many(place.path, THREE)
    add_many(place.path, [f"breed {at}" for at in range(12)], name="breeds")
    (table,) = [one.value for one in opened().dataframe if "classes" in one.value]
    assert "subjects" not in table
    breeds = open_dataset(place, "breeds")
    record = replace(breeds, subjects=31, grouped_by="folder")
    records.write(breeds.folder / "dataset.json", datasets.KIND, record)
    (table,) = [one.value for one in opened().dataframe if "classes" in one.value]
    rows = table.set_index("dataset")
    assert rows.loc["zoo", "classes"] == "cat / dog / fox"
    assert rows.loc["breeds", "classes"] == "12 classes"
    assert rows.loc["breeds", "subjects"] == "31"
    assert rows.loc["zoo", "subjects"] == "not known"
    assert choose.about(record) == "240 pictures of 31 subjects and 12 classes"


def test_a_dataset_of_many_classes_is_shown_on_the_first_page(place, add_many):
    run = add_many(place.path, THREE)
    store.save(run, status="failed", error="The disk is full.", figures=None)
    at = opened()
    assert at.title[0].value == "Welcome to Camsight"
    assert "zoo: 60 pictures of cat, dog and fox." in captions(at)


def test_examples_of_two_classes_are_those_of_before():
    rng = np.random.default_rng(2)
    y_true, y_score = rng.integers(0, 2, 50), rng.uniform(size=50)
    off = np.abs(y_score - y_true)
    before = [int(np.where(y_true == label, off, np.inf).argmin()) for label in (0, 1)]
    assert said.chosen(y_true, y_score) == list(dict.fromkeys([*before, int(off.argmax())]))
