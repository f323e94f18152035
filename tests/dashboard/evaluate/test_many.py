"""The page Evaluate for a run of many classes: the means, each class, and one against the rest."""

import csv
import io
import json
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs

import numpy as np
import pytest
import streamlit as st
from sklearn import metrics
from streamlit.testing.v1 import AppTest

from dashboard.evaluate import figures, means, mistakes, take_along
from dashboard.parts import links
from engine.commands import evaluate
from engine.commands.auc import auc
from engine.evaluation import coverage
from engine.evaluation.intervals import DEFAULT
from engine.runs import outcome, store
from engine.runs.record import Run
from engine.workspace import Workspace
from tests.dashboard import pages
from tests.dashboard.pages import box, drawn

opened = partial(pages.opened, links.EVALUATE)


STRANGE = "a*b_c $x$ <b>"
NAMES, COUNTS = ("cat", "dog", STRANGE, "fox", "owl"), (12, 9, 14, 8, 11)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory, add_many) -> Path:
    """A workspace with "quick-1" on five classes and a newer "quick-2" on three of them."""
    place = tmp_path_factory.mktemp("zoo")
    add_many(place, NAMES, COUNTS, seed=3)
    add_many(place, ("cat", "dog", "fox"), (9, 9, 9), name="pets")
    return place


@pytest.fixture
def run(zoo, use_workspace) -> Run:
    use_workspace(zoo)
    return store.open_run(Workspace(zoo), "quick-1")


@pytest.fixture
def own(zoo, tmp_path, use_workspace) -> Run:
    """In a copy of the workspace, which a test may write to."""
    shutil.copytree(zoo, tmp_path / "own")
    place = use_workspace(tmp_path / "own")
    yield store.open_run(Workspace(place), "quick-1")
    st.cache_data.clear()


def card(at: AppTest, label: str, which: int = 0) -> dict:
    """The first of that label, which is of all classes where both have it."""
    found = [one for data in drawn(at, "cards") for one in data["cards"] if one["label"] == label]
    return found[which]


def said_by(at: AppTest, key: str) -> str:
    value = at.query_params[key]
    return value[0] if isinstance(value, list) else value


def told(run: Run, part: str = "test"):
    """Truth, probabilities `(n, k)`, what it says."""
    predicted = store.predictions(run, part)
    return predicted["y_true"], predicted["y_score"], predicted["y_score"].argmax(axis=1)


def auc_of(run: Run, name: str) -> float:
    y_true, y_score, _ = told(run)
    label = run.class_names.index(name)
    return metrics.roc_auc_score(y_true == label, y_score[:, label])


# --- figures --------------------------------------------------------------------------------------


def test_the_cards_say_what_scikit_learn_says_of_all_classes_and_of_the_worst(run):
    y_true, y_score, said = told(run)
    worst = min(NAMES, key=lambda name: auc_of(run, name))
    at = opened(run="quick-1")
    mean = metrics.roc_auc_score(y_true, y_score, multi_class="ovo", average="macro")
    assert card(at, "Mean AUC")["value"] == f"{mean:.3f}"
    assert card(at, "Mean AUC")["remark"] == "0.5 is chance"
    assert "bootstrap" in card(at, "Mean AUC")["evidence"]
    assert "mean over all pairs of 5 classes, Hand & Till" in card(at, "Mean AUC")["evidence"]
    assert card(at, "Accuracy")["value"] == f"{100 * metrics.accuracy_score(y_true, said):.1f}%"
    assert "Wilson" in card(at, "Accuracy")["evidence"]
    assert card(at, "Worst class")["value"] == worst
    assert card(at, "Worst class")["remark"] == f"AUC {auc_of(run, worst):.3f}"
    assert card(at, "AUC")["value"] == f"{auc_of(run, worst):.3f}"
    assert box(at, "Class").value == worst == said_by(at, "class")
    assert f"## {worst} against the rest" in [one.value for one in at.markdown]


def test_the_matrix_is_scikit_learns_and_the_table_begins_with_the_worst(run):
    y_true, _, said = told(run)
    at = opened(run="quick-1", class_="owl")
    (data,) = drawn(at, "confusion")
    matrix = np.zeros((5, 5), int)
    for truth, row in enumerate(data["rows"]):
        for cell in row:
            matrix[truth, cell["at"]] = int(cell["count"])
    assert (matrix == metrics.confusion_matrix(y_true, said)).all()
    (table,) = drawn(at, "classes")
    order = sorted(NAMES, key=lambda name: auc_of(run, name))
    assert [row["name"] for row in table["rows"]] == order
    assert [row["name"] for row in table["rows"] if row["pressed"]] == ["owl"]
    (owl,) = [row for row in table["rows"] if row["name"] == "owl"]
    recall = metrics.recall_score(y_true == 4, said == 4)
    precision = metrics.precision_score(y_true == 4, said == 4)
    assert [rate[0] for rate in owl["rates"]] == [f"{100 * r:.1f}%" for r in (recall, precision)]
    assert owl["auc"] == f"{auc_of(run, 'owl'):.3f}"
    assert owl["n"] == "11"


def test_every_figure_below_is_of_the_class_and_the_threshold_of_the_address(run):
    y_true, y_score, _ = told(run)
    at = opened(run="quick-1", class_="dog", t="0.2")
    tn, fp, fn, tp = metrics.confusion_matrix(y_true == 1, y_score[:, 1] >= 0.2).ravel()
    (matrix,) = drawn(at, "matrix")
    counts = [int(cell["count"]) for row in matrix["rows"] for cell in row["cells"]]
    assert counts == [tn, fp, fn, tp]
    assert matrix["names"] == ["the rest", "dog"]
    assert card(at, "Sensitivity")["value"] == f"{100 * tp / (tp + fn):.1f}%"
    assert card(at, "Specificity")["remark"] == "others not taken for dogs"
    assert card(at, "Specificity")["evidence"].endswith(f"{tn + fp} others")
    assert at.slider(key="t").label == "Threshold: say “dog” from this score on"


def test_youdens_threshold_is_that_of_the_class_on_validation(run):
    y_true, y_score, _ = told(run, "validation")
    fpr, tpr, thresholds = metrics.roc_curve(y_true == 3, y_score[:, 3], drop_intermediate=False)
    at = opened(run="quick-1", class_="fox")
    (button,) = [one for one in at.button if one.label == "Youden"]
    button.click().run()
    assert at.slider(key="t").value == thresholds[np.argmax(tpr - fpr)]


def test_all_classes_are_judged_once_and_not_at_every_step_of_the_slider(own, monkeypatch):
    asked = []
    judge_all = evaluate.judge_all
    monkeypatch.setattr(
        evaluate, "judge_all", lambda *a, **k: asked.append(a) or judge_all(*a, **k)
    )
    at = opened(run="quick-1")
    at.slider(key="t").set_value(0.3).run()
    box(at, "Class").set_value("cat").run()
    assert len(asked) == 1
    box(at, "Interval").set_value("newcombe").run()
    assert len(asked) == 2
    assert "Newcombe" in card(at, "Worst class")["evidence"]


def test_classes_of_few_pictures_are_told_in_a_line_for_all(run, monkeypatch):
    monkeypatch.setattr(coverage, "known_coverage", lambda m, *of: 0.9 if m == "delong" else 0.96)
    (block,) = opened(run="quick-1", interval="delong").warning
    of_each, of_mean = block.value.split("  \n")
    assert "as 5 of 5 classes have, 95% intervals held the truth in as few as 90.0%" in of_each
    assert of_mean.startswith("fox has 8, and each class has the same weight in the mean")
    (block,) = opened(run="quick-1", interval="newcombe").warning
    assert block.value == of_mean


def test_that_pictures_of_few_subjects_are_not_independent_is_told(own):
    """The intervals took each for one of its own, without a word."""
    store.save(own, subjects={"test": 7})
    (block,) = opened(run="quick-1").warning
    n = len(store.predictions(own, "test")["y_true"])
    assert f"The {n} pictures are of 7 subjects, but which is whose was not stored" in block.value
    (block,) = opened(run="quick-1", split="validation").warning
    assert "subjects" not in block.value


def test_subjects_that_were_stored_are_not_said_to_be_missing(own):
    """Intervals of many classes knew them and were told to be too narrow all the same."""
    parts = {part: store.predictions(own, part) for part in outcome.PARTS}
    for told in parts.values():
        told["subject"] = np.arange(len(told["y_true"]), dtype=np.int32) // 2
    outcome.write_predictions(own.folder, parts)
    store.save(own, subjects={"test": len(np.unique(parts["test"]["subject"]))})
    at = opened(run="quick-1")
    assert not [block.value for block in at.warning if "was not stored" in block.value]


def test_names_that_look_like_several_pictures_of_a_subject_are_told_beside_the_figures(own):
    """They were pointed out once, in the terminal that prepared them."""
    folder = own.folder.parents[1] / "datasets" / own.dataset
    labels = np.load(folder / "labels.npy")
    turn = [np.sum(labels[:i] == label) for i, label in enumerate(labels)]
    names = [f"{y}/p{n // 3}_{n % 3}.png" for y, n in zip(labels, turn, strict=True)]
    (folder / "files.txt").write_text("\n".join(names))
    st.cache_data.clear()
    (block,) = opened(run="quick-1").warning
    assert "may be of one subject. If they are, the run is judged on subjects" in block.value
    store.save(own, dataset_fingerprint="0" * 64)  # the dataset is gone
    assert not any("may be of one subject" in w.value for w in opened(run="quick-1").warning)


# --- the choice of a class ------------------------------------------------------------------------


def test_a_class_that_is_not_there_is_remarked_until_one_has_chosen(run):
    at = opened(run="quick-1", class_="wolf *x*")
    (remark,) = [w.value for w in at.warning if "knows no class" in w.value]
    assert "wolf \\*x\\*" in remark
    assert box(at, "Class").value in remark
    at.run()
    assert any("knows no class" in w.value for w in at.warning)
    box(at, "Class").set_value("cat").run()
    assert not any("knows no class" in w.value for w in at.warning)
    assert said_by(at, "class") == "cat"


def test_a_class_is_known_in_whatever_case_a_link_writes_it(run):
    at = opened(run="quick-1", class_="DOG")
    assert box(at, "Class").value == "dog"
    assert not any("knows no class" in w.value for w in at.warning)


def test_another_run_keeps_the_class_if_it_knows_it_and_else_shows_its_worst(run):
    at = opened(run="quick-1", class_="dog")
    box(at, "Run").set_value("quick-2").run()
    assert box(at, "Class").value == "dog"
    box(at, "Run").set_value("quick-1").run()
    box(at, "Class").set_value("owl").run()
    box(at, "Run").set_value("quick-2").run()
    assert box(at, "Class").value == card(at, "Worst class")["value"] == said_by(at, "class")
    assert not any("knows no class" in w.value for w in at.warning)


def test_a_run_of_two_classes_has_no_choice_of_one(workspace):
    at = opened(class_="dog")
    assert [one.label for one in at.selectbox] == ["Run", "Compare with", "Interval"]
    assert drawn(at, "confusion") == drawn(at, "classes") == []
    assert "class" not in at.query_params


def test_names_of_strangers_are_text(run):
    at = opened(run="quick-1", class_=STRANGE)
    assert box(at, "Class").value == STRANGE
    assert "## a\\*b\\_c \\$x\\$ \\<b\\> against the rest" in [one.value for one in at.markdown]
    assert drawn(at, "matrix")[0]["names"][1] == STRANGE


# --- pictures -------------------------------------------------------------------------------------


def explained(at: AppTest) -> list[dict[str, str]]:
    """What the links under the pictures carry."""
    queries = [parse_qs(link.proto.query_string.lstrip("?")) for link in at.get("page_link")]
    return [{key: value[0] for key, value in q.items()} for q in queries if "pics" in q]


def test_a_cell_of_the_address_is_pressed_and_its_pictures_are_shown(run):
    y_true, _, said = told(run)
    wrong = np.argwhere(metrics.confusion_matrix(y_true, said) * (1 - np.eye(5, dtype=int)))
    truth, taken_for = wrong[0]
    at = opened(run="quick-1", cell=f"{truth}-{taken_for}")
    (data,) = drawn(at, "confusion")
    assert data["pressed"] == f"{truth}-{taken_for}"
    members = store.predictions(run, "test")["picture"][(y_true == truth) & (said == taken_for)]
    assert {link["pics"] for link in explained(at)} == {picture[:16] for picture in members}
    assert {link["target"] for link in explained(at)} == {NAMES[taken_for]}
    (pills,) = [group for group in at.get("button_group") if group.key == "shown"]
    pills.set_value("uncertain").run()
    assert drawn(at, "confusion")[0]["pressed"] is None
    assert "cell" not in at.query_params


def test_the_right_ones_of_a_class_among_all_and_at_the_threshold_stay_two_choices(run):
    at = opened(run="quick-1", class_="owl", cell="4-4")
    at.slider(key="t").set_value(0.3).run()
    assert said_by(at, "cell") == "4-4"
    (pills,) = [group for group in at.get("button_group") if group.key == "shown"]
    assert {"owls, right among all classes", "owls, right"} <= set(pills.options)


def test_classes_whose_names_begin_alike_are_told_apart(tmp_path, add_many, use_workspace):
    long = "the same forty letters before the difference "
    names = (f"{long * 2}one", f"{long * 2}two", "cat")
    add_many(tmp_path, names)
    use_workspace(tmp_path)
    for name in names[:2]:
        at = opened(run="quick-1", class_=name, cell="0-1")
        at.slider(key="t").set_value(0.3).run()
        assert (said_by(at, "class"), said_by(at, "cell")) == (name, "0-1")
    st.cache_data.clear()


@pytest.mark.parametrize("cell", ["5-0", "0-5", "1", "1-2-3", "-1-2", "²-1", "<b>"])
def test_a_cell_that_is_none_shows_the_most_confident_mistakes(run, cell):
    assert mistakes.classes_of(cell, run) is None


def test_a_picture_says_its_truth_and_what_the_model_says_with_that_classs_probability(run):
    y_true, y_score, said = told(run)
    at = opened(run="quick-1")
    below = [one.value for one in at.markdown if " says " in one.value]
    first = max(np.flatnonzero(said != y_true), key=lambda at: y_score[at].max())
    assert below[0].startswith(":small[✗ ")
    assert f"{y_score[first].max():.2f}]" in below[0]
    assert len(below) == min(16, (said != y_true).sum())


def test_in_a_cell_of_the_class_its_own_probability_stands_beside_a_larger_one(run):
    y_true, y_score, _ = told(run)
    at = opened(run="quick-1", class_="cat", t="0.05", cell="fp")
    members = (y_true != 0) & (y_score[:, 0] >= 0.05)
    assert "even if that of another class is larger" in "".join(one.value for one in at.caption)
    below = [one.value for one in at.markdown if " says " in one.value]
    assert len(below) == min(16, members.sum())
    assert any(", cat 0." in text for text in below)
    assert {link["target"] for link in explained(at)} == {"cat"}


def test_pictures_are_in_the_order_that_they_are_shown_in():
    y_score = np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.4, 0.35, 0.25], [0.6, 0.3, 0.1]])
    run = SimpleNamespace(class_names=("a", "b", "c"))
    whole = SimpleNamespace(
        run=run, y_true=np.array([1, 0, 0, 1]), y_score=y_score, said=y_score.argmax(axis=1)
    )
    assert mistakes.places(None, "confident", whole).tolist() == [1, 3, 0]
    assert mistakes.places(None, "uncertain", whole).tolist() == [2, 0, 3, 1]
    assert mistakes.places(None, "1-0", whole).tolist() == [3, 0]
    assert mistakes.places(None, "0-0", whole).tolist() == [2]
    assert mistakes.places(None, "2-1", whole).tolist() == []


# --- details and what is taken along --------------------------------------------------------------


def test_report_and_all_numbers_are_of_every_class(run):
    y_true, _, said = told(run)
    at = opened(run="quick-1", class_="dog")
    at.session_state["tab"] = "All numbers"
    at.run()
    (code,) = [c.value for c in at.code if "precision" in c.value]
    expected = metrics.classification_report(y_true, said, target_names=NAMES, digits=3)
    assert code.split() == expected.split()
    whole, by_class, one, _ = (table.value for table in at.table)
    assert "Mean AUC" in whole.to_string()
    assert "SHA-256" in whole.to_string()
    assert len(by_class) == 5
    assert f"{auc_of(run, 'owl'):.3f}" in by_class.to_string().replace("\\", "")
    assert "Sensitivity" in one.to_string()


def test_a_csv_has_a_column_for_each_class_and_another_is_read_by_auc(run, tmp_path):
    y_true, y_score, said = told(run)
    whole = means.judged(run, "test", DEFAULT)
    rows = list(csv.DictReader(io.StringIO(take_along.probabilities_csv(whole))))
    assert [row["truth"] for row in rows] == [NAMES[label] for label in y_true]
    assert [row["says"] for row in rows] == [NAMES[label] for label in said]
    columns = [[float(row[f"p({name})"]) for name in NAMES] for row in rows]
    assert (np.array(columns) == y_score).all()
    assert all(row["file"].endswith(".png") and len(row["picture"]) == 64 for row in rows)
    found = evaluate.judge(
        run, "test", store.predictions(run, "test"), 0.3, target=3
    )
    (tmp_path / "fox.csv").write_text(take_along.predictions_csv(found))
    assert auc(tmp_path / "fox.csv").intervals["y_score"] == found.interval
    rows = list(csv.DictReader(io.StringIO(take_along.predictions_csv(found))))
    assert {row["truth"] for row in rows} == {"the rest", "fox"}


def test_the_figures_as_json_hold_every_class_and_the_one_at_the_threshold(run):
    whole = means.judged(run, "test", "newcombe")
    found = evaluate.judge(run, "test", store.predictions(run, "test"), 0.3, "newcombe", target=1)
    known = means.known(whole) | {"at_threshold": figures.at_threshold(found)}
    known = json.loads(json.dumps(known, allow_nan=False))
    assert known["class_names"] == list(NAMES)
    assert known["matrix"] == whole.matrix.tolist()
    assert [one["class"] for one in known["classes"]] == list(NAMES)
    assert known["classes"][1]["auc"] == known["at_threshold"]["auc"] == found.interval.value
    assert known["classes"][1]["interval"] == "newcombe"
    assert known["at_threshold"]["class"] == "dog"
    assert known["interval"] == "bootstrap"


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told_of", "sentence"),
    [
        (lambda y, p: (np.where(y == 4, 3, y), p), "Class 4 (counted from 0) has no picture"),
        (lambda y, p: (y % 3, p[:, :3]), "its columns do not belong together"),
    ],
    ids=["a class without pictures", "fewer classes"],
)
def test_predictions_that_do_not_fit_the_run_end_in_a_sentence(own, told_of, sentence):
    parts = {}
    for part in outcome.PARTS:
        predicted = store.predictions(own, part)
        y_true, y_score = told_of(predicted["y_true"], predicted["y_score"])
        parts[part] = predicted | {"y_true": y_true, "y_score": y_score, "logit": y_score}
    outcome.write_predictions(own.folder, parts)
    st.cache_data.clear()
    at = opened(run="quick-1")
    (error,) = [one.value for one in at.error]
    assert sentence in error
    assert drawn(at, "cards") == []


def test_numbers_stay_where_the_pictures_are_gone(own):
    shutil.rmtree(own.folder.parents[1] / "datasets" / "zoo")
    at = opened(run="quick-1")
    assert card(at, "Mean AUC")["value"] == f"{own.figures['auc']:.3f}"
    assert any("is gone, or holds others now" in w.value for w in at.warning)
    assert explained(at) == []
