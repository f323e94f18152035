"""The page Evaluate: every figure is that of the stored predictions, whatever the address says."""

import csv
import io
import json
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics
from streamlit.testing.v1 import AppTest

from dashboard.evaluate import details, figures, mistakes, take_along
from dashboard.parts import links
from engine.commands import evaluate
from engine.commands.auc import auc
from engine.data.dataset import open_dataset
from engine.evaluation import coverage
from engine.evaluation.intervals import DEFAULT, INTERVALS
from engine.evaluation.proportions import wilson
from engine.runs import outcome, store
from engine.runs.record import Run
from engine.workspace import Workspace
from tests.dashboard import pages
from tests.dashboard.pages import box, cards, drawn, explained

opened = partial(pages.opened, links.EVALUATE)



def scored(run: Run, **scores) -> None:
    """Replace the run's scores of "validation" and "test": a function of the labels each."""
    parts = {}
    for part in ("validation", "test"):
        told = store.predictions(run, part)
        score = scores[part](told["y_true"]) if part in scores else told["y_score"]
        parts[part] = told | {"y_score": np.asarray(score, np.float64)}
    outcome.write_predictions(run.folder, parts)


def counts(at: AppTest) -> dict[str, int]:
    (matrix,) = drawn(at, "matrix")
    return {c["id"]: int(c["count"]) for row in matrix["rows"] for c in row["cells"]}


def pressed(at: AppTest) -> list[str]:
    (matrix,) = drawn(at, "matrix")
    return [c["id"] for row in matrix["rows"] for c in row["cells"] if c["pressed"]]


def texts(at: AppTest) -> str:
    kinds = (at.markdown, at.warning, at.error, at.caption, at.code, at.info)
    return "\n".join(element.value for kind in kinds for element in kind)


def in_the_middle(told: dict) -> float:
    """A threshold that leaves pictures in every cell, on the slider's steps."""
    return float(np.floor(100 * np.median(told["y_score"])) / 100)


# --- figures --------------------------------------------------------------------------------------


def test_the_cards_say_what_scikit_learn_says_of_the_stored_predictions(workspace):
    told = store.predictions(store.open_run(Workspace(workspace), "quick-1"), "test")
    at = opened()
    shown = cards(at)
    area = metrics.roc_auc_score(told["y_true"], told["y_score"])
    said = told["y_score"] >= 0.5
    n = len(said)
    assert shown["AUC"]["value"] == f"{area:.3f}"
    assert shown["AUC"]["interval"].startswith("95% 0.")
    short = INTERVALS[DEFAULT].short
    assert shown["AUC"]["evidence"] == f" · {short} · n\u00a0=\u00a0{n}"
    accuracy = metrics.accuracy_score(told["y_true"], said)
    assert shown["Accuracy"]["value"] == f"{100 * accuracy:.1f}%"
    assert "Wilson" in shown["Accuracy"]["evidence"]
    recall = metrics.recall_score(told["y_true"], said)
    assert shown["Sensitivity"]["value"] == f"{100 * recall:.1f}%"
    assert shown["Mistakes"]["value"] == str((said != told["y_true"]).sum())
    assert [at.caption[0].value] == ["quick on drawn, 32 px, 2 epochs"]


def test_an_auc_below_a_half_is_shown_as_it_is_with_a_hint(own):
    rng = np.random.default_rng(6)
    scored(own, test=lambda labels: rng.uniform(0, 0.6, len(labels)) + 0.4 * (1 - labels))
    at = opened(run=own.id)
    assert float(cards(at)["AUC"]["value"]) < 0.5
    assert "those of cat: if they are meant for dog, the classes may be swapped" in texts(at)


def test_the_address_restores_part_interval_and_threshold(workspace):
    told = store.predictions(store.open_run(Workspace(workspace), "quick-1"), "validation")
    at = opened(run="quick-1", split="validation", interval="newcombe", t="0.31")
    assert at.slider(key="t").value == 0.31
    assert box(at, "Interval").value == "newcombe"
    assert " · Newcombe · " in cards(at)["AUC"]["evidence"]
    tn, fp, fn, tp = metrics.confusion_matrix(told["y_true"], told["y_score"] >= 0.31).ravel()
    assert counts(at) == {"tn": tn, "fp": fp, "fn": fn, "tp": tp}
    assert any("flatter" in warning.value for warning in at.warning)


KEYS = ("run", "against", "split", "interval", "level", "side", "t", "cell", "err")


@pytest.mark.parametrize("nonsense", ["", "<b>", "²", "-1", "f" * 300])
def test_an_address_with_nonsense_shows_the_newest_run_at_one_half(workspace, nonsense):
    at = opened(**dict.fromkeys(KEYS, nonsense))
    assert box(at, "Run").value == "quick-1"
    assert at.slider(key="t").value == 0.5
    assert box(at, "Interval").value == DEFAULT
    assert cards(at)["AUC"]["interval"].startswith("95% 0.")
    assert cards(at)["Accuracy"]["remark"] == "at 0.50"
    assert pressed(at) == []
    assert at.query_params["run"] in ("quick-1", ["quick-1"])


@pytest.mark.parametrize("t", ["7", "nan", "1e999"])
def test_a_threshold_that_is_none_is_one_half(workspace, t):
    assert opened(t=t).slider(key="t").value == 0.5


def test_a_threshold_of_0_in_the_address_calls_everything_positive(workspace):
    at = opened(t="0")
    assert at.slider(key="t").value == 0.0
    assert counts(at)["tn"] == counts(at)["fn"] == 0
    assert cards(at)["Said “cat”, is cat"]["value"] == "–"
    assert cards(at)["Said “cat”, is cat"]["track"] is None


def test_moving_the_threshold_moves_matrix_cards_and_gallery(workspace):
    told = store.predictions(store.open_run(Workspace(workspace), "quick-1"), "test")
    at = opened()
    t = in_the_middle(told)
    at.slider(key="t").set_value(t).run()
    tn, fp, fn, tp = metrics.confusion_matrix(told["y_true"], told["y_score"] >= t).ravel()
    assert counts(at) == {"tn": tn, "fp": fp, "fn": fn, "tp": tp}
    assert cards(at)["Accuracy"]["remark"] == f"at {t:.2f}"
    assert len(explained(at)) == min(16, fp + fn)


def test_the_buttons_choose_on_validation_even_when_judged_on_test(own):
    def split_at(threshold):
        return lambda y: np.where(y == 1, threshold + 0.005, threshold - 0.1)

    scored(own, validation=split_at(0.7), test=split_at(0.3))
    for name in ("Youden", "Closest to corner"):
        at = opened()
        (button,) = [b for b in at.button if b.label == name]
        button.click().run()
        assert at.slider(key="t").value == pytest.approx(0.705)
        assert cards(at)["Sensitivity"]["value"] == "0.0%"
        assert "validation" in button.help


def test_youdens_threshold_is_not_rounded_so_that_the_specificity_stays(own):
    """Rounded to 0.00 it would call everything positive."""
    scored(own, **dict.fromkeys(("validation", "test"), lambda y: np.where(y == 1, 0.00256, 0.001)))
    at = opened()
    (button,) = [b for b in at.button if b.label == "Youden"]
    button.click().run()
    assert at.slider(key="t").value == 0.00256
    assert at.query_params["t"] in ("0.00256", ["0.00256"])
    assert cards(at)["Specificity"]["value"] == cards(at)["Sensitivity"]["value"] == "100.0%"
    assert cards(at)["Accuracy"]["remark"] == "at 0.00256"
    assert "It is 0.00256; the slider shows its nearest step." in texts(at)
    again = opened(t=str(0.00256))  # from the link
    assert cards(again)["Specificity"]["value"] == "100.0%"
    again.slider(key="t").set_value(0.01).run()
    assert "nearest step" not in texts(again)


def test_a_perfect_auc_gets_newcombes_interval_and_never_a_width_of_zero(own):
    scored(own, test=lambda y: np.where(y == 1, 0.9, 0.1))
    at = opened()
    area = cards(at)["AUC"]
    n = len(store.predictions(own, "test")["y_true"])
    assert area["value"] == "1.000"
    assert area["evidence"].startswith(" · Newcombe, since it has no width · ")
    assert area["interval"] != "95% 1.000–1.000"
    assert "finds no width" in texts(at)
    assert cards(at)["Mistakes"]["evidence"].startswith(f"of {n} pictures")
    at.session_state["tab"] = "All numbers"
    at.run()
    assert "±0.000" not in texts(at)
    assert "(newcombe)" in texts(at)


def known(method: str, *counts: float) -> float:
    """As if simulations had found this."""
    return {"hanley-mcneil": 0.725, "delong-logit": 0.941}.get(method, 0.99)


def test_a_method_that_is_known_to_promise_too_much_is_a_reason_to_warn(workspace, monkeypatch):
    monkeypatch.setattr(coverage, "known_coverage", known)
    (warning,) = opened(interval="hanley-mcneil").warning
    assert "intervals by Hanley & McNeil held the truth in 72.5% of simulations" in warning.value
    assert "those by DeLong, logit did in 94.1%" in warning.value
    assert opened(interval="delong-logit").warning == []


def test_what_limits_the_figures_stands_in_one_block_with_a_line_each(own, monkeypatch):
    store.save(own, error="The loss became NaN in epoch 2.")
    monkeypatch.setattr(coverage, "known_coverage", known)
    (block,) = opened(split="validation", interval="hanley-mcneil").warning
    lines = block.value.split("  \n")
    assert [line.split()[0] for line in lines] == ["The", "The", "On"]
    assert max(map(len, lines)) < 230


# --- details --------------------------------------------------------------------------------------


def test_every_picture_links_to_its_own_heatmap_by_what_is_in_it(workspace):
    run = store.open_run(Workspace(workspace), "quick-1")
    told = store.predictions(run, "test")
    said = told["y_score"] >= 0.5
    mistaken = np.flatnonzero(said != told["y_true"])
    wrong = {told["picture"][place][:16]: int(said[place]) for place in mistaken}
    links = explained(opened())
    assert len(links) == min(16, len(wrong)) > 0
    for link in links:
        target = run.class_names[wrong[link["pics"]]]
        assert link == {"run": "quick-1", "target": target, "pics": link["pics"]}


@pytest.mark.parametrize("cell", ["tn", "fp", "fn", "tp"])
def test_a_cell_in_the_address_is_pressed_and_filters_the_pictures(workspace, cell):
    told = store.predictions(store.open_run(Workspace(workspace), "quick-1"), "test")
    t = in_the_middle(told)
    at = opened(cell=cell, t=str(t))
    said, truth = told["y_score"] >= t, told["y_true"] == 1
    members = {"tn": ~said & ~truth, "fp": said & ~truth, "fn": ~said & truth, "tp": said & truth}
    assert pressed(at) == [cell]
    shown = {link["pics"] for link in explained(at)}
    assert shown <= {picture[:16] for picture in told["picture"][members[cell]]}
    assert len(shown) == min(16, int(members[cell].sum()))


def test_a_number_under_a_picture_is_the_probability_of_the_class_beside_it(own):
    """A dog with a score of 0.11 is the worse mistake than one with 0.29, and must look it."""
    scored(own, test=lambda y: np.where(y == 1, 0.11, 0.6))
    at = opened()
    below = [m.value for m in at.markdown if "says" in m.value]
    dogs = [text for text in below if "✗ dog" in text]
    cats = [text for text in below if "✗ cat" in text]
    assert all("dog, says cat 0.89" in text for text in dogs)
    assert all("cat, says dog 0.60" in text for text in cats)
    assert len(dogs) + len(cats) == len(below) == 16


def test_a_picture_is_named_by_its_file(workspace):
    names = open_dataset(Workspace(workspace), "drawn").file_names
    below = [m.value for m in opened().markdown if "says" in m.value]
    assert below
    assert all(any(name in text.replace("\\", "") for name in names) for text in below)


def test_choosing_the_least_certain_writes_it_into_the_address(workspace):
    at = opened(cell="tp")
    (pills,) = [group for group in at.get("button_group") if group.key == "shown"]
    pills.set_value("uncertain").run()
    assert pressed(at) == []
    assert at.query_params["err"] in ("uncertain", ["uncertain"])
    assert "cell" not in at.query_params


def test_the_report_is_scikit_learns_and_only_the_open_tab_is_computed(workspace):
    told = store.predictions(store.open_run(Workspace(workspace), "quick-1"), "test")
    t = in_the_middle(told)
    at = opened(t=str(t))
    assert "precision" not in texts(at)
    at.session_state["tab"] = "All numbers"
    at.run()
    (code,) = [c.value for c in at.code if "precision" in c.value]
    expected = metrics.classification_report(
        told["y_true"], told["y_score"] >= t, target_names=["cat", "dog"], digits=3
    )
    assert code.split() == expected.split()
    assert explained(at) == []


def test_the_tab_of_the_address_is_open(workspace):
    at = opened(tab="All numbers")
    assert len(at.table) == 2
    assert explained(at) == []
    assert [tab.label for tab in at.tabs] == list(details.TABS)
    assert explained(opened(tab="<b>"))  # the first one is open


def test_without_a_run_the_page_still_plans_and_takes_a_file(empty_workspace):
    at = opened()
    assert [one.label for one in at.get("file_uploader")] == ["CSV of scores"]
    assert any(one.label == "Assumed AUC" for one in at.number_input)


def test_few_test_pictures_lead_to_a_cross_validation(workspace):
    at = opened()
    (button,) = [one for one in at.button if "cross-validate" in one.label]
    button.click().run()
    assert at.session_state["tab"] == details.CROSSED
    assert any("**Cross-validate**" in one.label for one in at.button)
    assert explained(at) == []


def test_places_are_in_the_order_that_they_are_shown_in():
    found = SimpleNamespace(
        y_true=np.array([0, 0, 1, 1, 1]), y_score=np.array([0.9, 0.1, 0.2, 0.55, 0.95]),
        threshold=0.5,
    )  # fmt: skip
    assert mistakes.places(found, "confident").tolist() == [0, 2]
    assert mistakes.places(found, "uncertain").tolist() == [3, 2, 0, 1, 4]
    assert mistakes.places(found, "tp").tolist() == [4, 3]
    assert mistakes.places(found, "fp").tolist() == [0]


# --- taken along ----------------------------------------------------------------------------------


def test_predictions_as_csv_name_file_class_and_picture_and_give_the_same_auc(workspace, tmp_path):
    run = store.open_run(Workspace(workspace), "quick-1")
    found = evaluate.evaluate(Workspace(workspace), "quick-1", threshold=0.3)
    rows = list(csv.DictReader(io.StringIO(take_along.predictions_csv(found))))
    data = open_dataset(Workspace(workspace), "drawn")
    assert len(rows) == len(found.y_true)
    for row, truth, score in zip(rows, found.y_true, found.y_score, strict=True):
        (place,) = data.rows_of(np.array([row["picture"]]))
        assert row["file"] == data.file_names[place]
        assert row["truth"] == run.class_names[truth] == run.class_names[data.labels[place]]
        assert row["says"] == run.class_names[int(score >= 0.3)]
        assert float(row["y_score"]) == score
    file = tmp_path / "scores.csv"
    file.write_text(take_along.predictions_csv(found))
    assert auc(file).intervals["y_score"] == found.interval


def test_figures_as_json_hold_the_matrix_and_every_rate_with_its_interval(workspace):
    found = evaluate.evaluate(Workspace(workspace), "quick-1", threshold=0.0)
    known = json.loads(json.dumps(figures.known(found), allow_nan=False))
    c = found.confusion
    assert known["matrix"] == {"tn": c.tn, "fp": c.fp, "fn": c.fn, "tp": c.tp}
    share = wilson(c.tp + c.tn, len(found.y_true))
    assert known["rates"]["accuracy"] == {
        "value": share.value, "low": share.low, "high": share.high, "n": share.n,
        "interval": "wilson", "level": 0.95,
    }  # fmt: skip
    assert known["rates"]["negative_predictive_value"] is None  # at 0 it never says cat
    assert known["auc_low"] < known["auc"] < known["auc_high"]
    assert known["class_names"] == ["cat", "dog"]
