"""Train on a dataset of many classes: all of them, or a question about some."""

import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import state
from dashboard.parts import links
from engine import jobs, records
from engine.commands import train
from engine.data import dataset as datasets
from engine.data.dataset import open_dataset
from engine.data.question import Question
from engine.evaluation.proportions import wilson
from engine.runs import store
from engine.training.config import train_config
from engine.workspace import Workspace
from tests.dashboard import pages
from tests.dashboard.pages import cards

opened = partial(pages.opened, links.TRAIN)


FOUR = ("cat", "dog", "fox", "hare")


@pytest.fixture
def asked(monkeypatch) -> list:
    """What would have been started, in place of starting it: verb and options."""
    found = []

    def submit(place, argv, *, label="", once=False, **_) -> str:
        found.append(argv)
        return f"{label or argv[0]}.0"

    monkeypatch.setattr(jobs, "submit", submit)
    monkeypatch.setattr(state, "machine", lambda: None)
    return found


@pytest.fixture
def place(tmp_path, use_workspace, add_many, asked) -> Workspace:
    """A workspace with the dataset "zoo" of four classes, large enough to train on, and a run."""
    add_many(tmp_path, FOUR)
    workspace = Workspace(use_workspace(tmp_path))
    zoo = open_dataset(workspace, "zoo")
    np.save(zoo.folder / "images.npy", zoo.images.repeat(2, axis=1).repeat(2, axis=2))
    records.write(zoo.folder / "dataset.json", datasets.KIND, replace(zoo, image_size=32))
    return workspace


def side(at: AppTest, label: str):
    return next(one for one in at.multiselect if one.label == label)


def texts(at: AppTest) -> str:
    parts = (*at.header, *at.caption, *at.error, *at.warning)
    return "\n".join(str(one.value) for one in parts).replace("\\", "")


def test_all_classes_are_learned_unless_a_question_is_asked(place):
    at = opened()
    assert "80 pictures of cat, dog, fox and hare, 8 of them to train on" in texts(at)
    assert "All 4 classes are told apart." in texts(at)
    assert side(at, "Positive classes").value == side(at, "Negative classes").value == []
    at.button(key="start").click().run()
    run = store.list_runs(place)[-1]
    assert (run.class_names, run.question) == (FOUR, "")


def test_the_address_asks_a_question_and_start_trains_on_it(place, asked):
    at = opened(dataset="zoo", positive="dog", negative=["cat", "fox"])
    assert side(at, "Positive classes").value == ["dog"]
    assert side(at, "Negative classes").value == ["cat", "fox"]
    assert "Asked is dog against cat, fox: 60 pictures, 6 of them to train on." in texts(at)
    estimate = next(argv for argv in asked if "--estimate" in argv)
    at_positive = estimate.index("--positive")
    assert estimate[at_positive : at_positive + 6] == [
        "--positive", "dog", "--negative", "cat", "--negative", "fox"
    ]  # fmt: skip
    at.button(key="start").click().run()
    run = store.list_runs(place)[-1]
    assert run.question == "dog against cat, fox"
    assert any(h.value.startswith(f"{run.id} · zoo (dog against cat, fox) · ") for h in at.header)


def test_an_address_that_names_no_class_asks_nothing(place):
    at = opened(dataset="zoo", positive="", negative="")
    assert "All 4 classes are told apart." in texts(at)
    assert not at.warning


def test_what_is_chosen_stands_in_the_address(place):
    at = opened()
    side(at, "Positive classes").set_value(["dog", "hare"]).run()
    side(at, "Negative classes").set_value(["cat"]).run()
    assert at.query_params["positive"] == ["dog", "hare"]
    assert at.query_params["negative"] in ("cat", ["cat"])
    at.switch_page(links.OVERVIEW).run()
    at.switch_page(links.TRAIN).run()
    assert side(at, "Positive classes").value == ["dog", "hare"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"positive": "dog"}, "The question has no negative class"),
        ({"negative": "dog"}, "The question has no positive class"),
        ({"positive": "dog", "negative": ["cat", "dog"]}, "'dog' stands on both sides"),
    ],
)
def test_a_question_that_cannot_be_asked_is_a_sentence_and_starts_nothing(place, query, says):
    at = opened(**query)
    assert says in texts(at)
    assert at.button(key="start").disabled


def test_a_class_of_the_address_that_is_not_there_is_said(place):
    at = opened(positive=["dog", "unicorn"], negative="cat")
    assert "There is no class unicorn in zoo." in texts(at)
    assert side(at, "Positive classes").value == ["dog"]
    assert at.query_params["positive"] in ("dog", ["dog"])


def test_another_dataset_asks_anew_and_one_of_two_classes_asks_nothing(place, add_many):
    add_many(place.path, ("ant", "bee", "fox"), name="insects")
    zoo = open_dataset(place, "zoo")
    pair = shutil.copytree(zoo.folder, place.datasets / "pair")
    np.save(pair / "labels.npy", (zoo.labels % 2).astype(np.uint8))
    counts = {part: (sum(n) // 2, sum(n) // 2) for part, n in zoo.counts.items()}
    record = replace(zoo, name="pair", class_names=("cat", "dog"), counts=counts, folder=pair)
    records.write(pair / "dataset.json", datasets.KIND, record)
    at = opened(dataset="zoo", positive="dog", negative=["cat", "fox"])

    def choose(name: str) -> None:
        (chooser,) = [one for one in at.selectbox if one.label == "Dataset"]
        chooser.set_value(name).run()
        assert not at.exception

    choose("insects")
    assert side(at, "Negative classes").value == ["fox"]  # which it has as well
    choose("pair")
    assert not [one for one in at.multiselect if one.label.endswith("classes")]
    assert "positive" not in at.query_params
    at = opened(dataset="pair", positive="dog")
    assert "cat and dog are told apart as they are" in texts(at)
    at.button(key="start").click().run()
    assert store.list_runs(place)[-1].question == ""


def test_a_second_click_with_another_question_is_another_run(place):
    at = opened(dataset="zoo", positive="dog", negative="cat")
    before = len(store.list_runs(place))
    at.button(key="start").click().run()
    at.button(key="start").click().run()
    assert len(store.list_runs(place)) == before + 1
    side(at, "Negative classes").set_value(["fox"]).run()
    at.button(key="start").click().run()
    assert [run.question for run in store.list_runs(place)[before:]] == [
        "dog against cat", "dog against fox"
    ]  # fmt: skip


def test_a_failed_run_is_started_again_with_its_question(place):
    config = train_config("quick", image_size=32)
    run = train.create_run(place, "zoo", config, Question(("dog",), ("cat", "fox")))
    store.save(run, status="failed", error="The disk is full.")
    at = opened(job=run.id)
    at.button(key=f"again-{run.id}").click().run()
    again = store.list_runs(place)[-1]
    assert again.id != run.id
    assert again.question == "dog against cat, fox"


def test_a_run_whose_classes_are_gone_cannot_be_started_again(place):
    config = train_config("quick", image_size=32)
    run = train.create_run(place, "zoo", config, Question(("dog",), ("cat", "fox")))
    store.save(run, status="failed", error="The disk is full.")
    zoo = open_dataset(place, "zoo")
    record = replace(zoo, class_names=("cat", "lynx", "fox", "hare"))
    records.write(zoo.folder / "dataset.json", datasets.KIND, record)
    at = opened(job=run.id)
    at.button(key=f"again-{run.id}").click().run()
    assert "The class 'dog' is not one of 'zoo'" in texts(at)


def test_accuracy_on_validation_counts_the_pictures_of_the_question_alone(place):
    config = train_config("quick", image_size=32)
    run = train.create_run(place, "zoo", config, Question(("dog",), ("cat", "fox")))
    header = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds"
    (run.folder / "history.csv").write_text(f"{header}\n1,0.7,0.5,0.6,0.6666667,0.003,2.0\n")
    with store.taken_up(run):
        store.save(run, status="running", started=store.now())
        best = cards(opened(job=run.id))["Best so far, epoch 1"]
    expected = wilson(18, 27)
    assert best["interval"] == f"95% {100 * expected.low:.1f}–{100 * expected.high:.1f}%"
    assert "n\u00a0=\u00a027" in best["evidence"]


def test_a_run_of_many_classes_says_that_its_auc_is_a_mean(place):
    told = store.open_run(place, "quick-1").figures
    shown = cards(opened(job="quick-1"))["AUC on test"]
    assert shown["value"] == f"{told['auc']:.3f}"
    assert shown["remark"] == "mean of 4 classes"
    assert "bootstrap" in shown["evidence"]
    assert "n\u00a0=\u00a036" in shown["evidence"]


def test_an_earlier_run_tells_the_time_of_the_same_question_alone(place):
    config = train_config("quick", image_size=32)
    run = train.create_run(place, "zoo", config, Question(("dog",), ("cat",)))
    header = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds"
    rows = [f"{e},0.7,0.5,0.6,0.5,0.003,3.0" for e in (1, 2, 3)]
    (run.folder / "history.csv").write_text("\n".join([header, *rows, ""]))
    figures = store.open_run(place, "quick-1").figures
    store.save(run, status="finished", figures=figures, weights_sha256="0" * 64)
    told = "24 s of training"
    assert told in texts(opened(preset="quick", positive="dog", negative="cat"))
    assert told not in texts(opened(preset="quick", positive="dog", negative="fox"))
    assert told not in texts(opened(preset="quick"))
