"""More than two classes, from a folder to figures and heatmaps, by the command line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from engine.data.dataset import open_dataset
from engine.evaluation import roc
from engine.runs import store
from engine.workspace import Workspace

NAMES = ["cat", "dog", "fox"]


@pytest.fixture(scope="module")
def wild(tmp_path_factory, cli, draw_files) -> tuple[Workspace, Path]:
    """A workspace with three classes of noise, 24 pictures each, a run on all of them (quick-1) and
    one on "dog against cat, fox" (quick-2); and the pictures' folder."""
    folder, place = tmp_path_factory.mktemp("wild"), tmp_path_factory.mktemp("workspace")
    for name in NAMES:
        draw_files(folder / name, name, 24)
    train = (
        "train --dataset wild --preset quick --epochs 1 --image-size 32 --batch-size 8 --json"
    )
    for line in (
        f"prepare {folder} --name wild --image-size 40 --json",
        train,
        f"{train} --positive dog --negative CAT --negative fox",
    ):
        done = cli(*line.split(), workspace=place)
        assert done.returncode == 0, done.stderr
    return Workspace(place), folder


@pytest.fixture
def say(wild, use_workspace, verb):
    """`say("evaluate", "quick-1")`: what the verb prints as JSON."""
    use_workspace(wild[0].path)

    def run(*line: object):
        status, out, err = verb(*line, "--json")
        assert status == 0, err
        return json.loads(out)

    return run


def test_a_run_on_three_classes_has_three_logits_a_picture_and_probabilities_of_them(wild):
    told = store.predictions(store.open_run(wild[0], "quick-1"), "test")
    rows = open_dataset(wild[0], "wild").rows_of(told["picture"])
    assert told["logit"].shape == told["y_score"].shape == (6, 3)
    np.testing.assert_allclose(told["y_score"].sum(axis=1), 1)
    assert (told["y_true"] == open_dataset(wild[0], "wild").labels[rows]).all()


def test_without_a_class_evaluate_tells_the_means_and_each_class(wild, say):
    told = store.predictions(store.open_run(wild[0], "quick-1"), "test")
    found = say("evaluate", "quick-1")
    mean = roc_auc_score(told["y_true"], told["y_score"], multi_class="ovo")
    assert found["auc"] == pytest.approx(mean)
    assert found["auc_low"] <= found["auc"] <= found["auc_high"]
    assert found["accuracy"] == (told["y_score"].argmax(axis=1) == told["y_true"]).mean()
    for label, one in enumerate(found["classes"]):
        assert (one["class"], one["n"]) == (NAMES[label], 2)
        assert one["auc"] == roc.auc(told["y_true"] == label, told["y_score"][:, label])
    stored = store.open_run(wild[0], "quick-1").figures
    assert {name: found[name] for name in stored if name in found} == {
        name: stored[name] for name in stored if name in found
    }


def test_a_class_is_judged_against_the_rest(wild, say):
    told = store.predictions(store.open_run(wild[0], "quick-1"), "test")
    found = say("evaluate", "quick-1", "--class", "DOG", "--threshold", "0.2")
    assert found["class"] == "dog"
    assert found["auc"] == roc.auc(told["y_true"] == 1, told["y_score"][:, 1])
    assert (found["n_positive"], found["n_negative"], found["threshold"]) == (2, 4, 0.2)


def test_a_question_s_run_is_one_of_two_classes_and_says_its_question(wild, say):
    run = store.open_run(wild[0], "quick-2")
    assert (run.class_names, run.question) == (("cat, fox", "dog"), "dog against cat, fox")
    told = store.predictions(run, "test")
    assert told["logit"].shape == (6,)
    assert told["y_true"].sum() == 2
    assert say("evaluate", "quick-2")["question"] == "dog against cat, fox"
    assert [one["question"] for one in say("runs")] == [None, "dog against cat, fox"]
    assert run.split_id != store.open_run(wild[0], "quick-1").split_id


def test_heat_is_made_for_any_of_the_classes(wild, say, tmp_path):
    picture = wild[1] / "fox" / "3.png"
    found = {
        name: say("explain", "quick-1", picture, "--method", "grad-cam", "--target", name,
                  "--out", tmp_path / name)
        for name in NAMES
    }  # fmt: skip
    assert [found[name][0]["target"] for name in NAMES] == NAMES
    assert sum(found[name][0]["score"] for name in NAMES) == pytest.approx(1, abs=1e-5)
    (said,) = say("explain", "quick-1", picture, "--method", "grad-cam", "--out", tmp_path / "said")
    assert said["score"] == max(found[name][0]["score"] for name in NAMES)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("evaluate quick-1 --class cow", "The class 'cow' is not one of 'quick-1'"),
        ("evaluate quick-2 --class cat", "choose 'cat, fox' or dog"),
        ("evaluate quick-1 --threshold 0.3", "a threshold is of one class against the rest"),
        ("evaluate quick-1 --side lower", "a bound on one side is of one class"),
        ("explain quick-1 {picture} --target cow --out {out}", "The class 'cow' is not one of"),
        ("train --dataset wild --positive dog", "The question has no negative class"),
        ("train --dataset wild --negative dog", "The question has no positive class"),
        ("train --dataset wild --positive dog --negative DOG", "'dog' stands on both sides"),
        ("train --dataset wild --positive dog --negative cow", "'cow' is not one of 'wild'"),
    ],
)
def test_a_class_or_question_that_is_not_there_ends_in_a_sentence_and_leaves_nothing(
    wild, use_workspace, verb, listing, tmp_path, line, says
):
    use_workspace(wild[0].path)
    before = listing(wild[0].path)
    given = line.format(picture=wild[1] / "fox" / "3.png", out=tmp_path / "out")
    status, out, err = verb(*given.split())
    assert (status, out) == (2, "")
    assert says in err
    assert listing(wild[0].path) == before
    assert not (tmp_path / "out").exists()


def test_few_pictures_and_subjects_are_warned_of_in_words_that_fit(wild, tmp_path, use_workspace,
                                                                   verb):  # fmt: skip
    """It said that --interval newcombe would mend the mean's interval, or nothing at all."""
    place = Workspace(shutil.copytree(wild[0].path, tmp_path / "place"))
    run = store.open_run(place, "quick-1")
    store.save(run, subjects={"test": 4, "validation": 6})
    use_workspace(place.path)
    said = " ".join(verb("evaluate", "quick-1")[2].split())
    assert "The 6 pictures are of 4 subjects, but which is whose was not stored" in said
    assert "each class has the same weight in the mean" in said
    said = verb("evaluate", "quick-1", "--split", "validation")[2]
    assert "subjects" not in said


def test_many_classes_are_told_in_a_table_with_the_worst_first(wild, use_workspace, verb):
    use_workspace(wild[0].path)
    status, out, _ = verb("evaluate", "quick-1")
    assert status == 0
    rows = [line.split() for line in out.splitlines() if line.strip().startswith(tuple(NAMES))]
    aucs = [float(row[2]) for row in rows]
    assert len(aucs) == 3
    assert aucs == sorted(aucs)
    assert "mean over all pairs of 3 classes (Hand & Till 2001)" in out
    assert "(bootstrap), Detection_rate=" in out
