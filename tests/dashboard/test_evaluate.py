"""The page Evaluate: every figure is that of the stored predictions, whatever the address says."""

import json
import shutil
from types import SimpleNamespace
from urllib.parse import parse_qs

import numpy as np
import pytest
import streamlit as st
from sklearn import metrics
from streamlit.testing.v1 import AppTest

from dashboard import figures, mistakes
from engine.runs import store


def opened(**query) -> AppTest:
    at = AppTest.from_file("../../dashboard/app.py", default_timeout=120)
    for key, value in query.items():
        at.query_params[key] = value
    at.switch_page("app_pages/evaluate.py").run()
    assert not at.exception, at.exception
    return at


@pytest.fixture
def own(workspace, tmp_path, use_workspace):
    """A copy of the workspace that a test may write to; the copied run."""
    shutil.copytree(workspace, tmp_path / "own")
    use_workspace(tmp_path / "own")
    st.cache_data.clear()
    yield store.open_run("quick-1")
    st.cache_data.clear()


def scored(run: store.Run, **scores) -> None:
    """Replace the run's scores of "validation" and "test": a function of the labels each."""
    parts = {}
    for part in ("validation", "test"):
        told = store.predictions(run, part)
        score = scores[part](told["y_true"]) if part in scores else told["y_score"]
        parts[part] = told | {"y_score": np.asarray(score, np.float64)}
    store.save_predictions(run, parts)


def drawn(at: AppTest, kind: str) -> list[dict]:
    found = [json.loads(element.proto.json) for element in at.get("bidi_component")]
    return [data for data in found if data["kind"] == kind]


def cards(at: AppTest) -> dict[str, dict]:
    return {card["label"]: card for data in drawn(at, "cards") for card in data["cards"]}


def counts(at: AppTest) -> dict[str, int]:
    (matrix,) = drawn(at, "matrix")
    return {c["id"]: int(c["count"]) for row in matrix["rows"] for c in row["cells"]}


def pressed(at: AppTest) -> list[str]:
    (matrix,) = drawn(at, "matrix")
    return [c["id"] for row in matrix["rows"] for c in row["cells"] if c["pressed"]]


def explained(at: AppTest) -> list[dict[str, str]]:
    """What the links under the pictures carry."""
    queries = [parse_qs(link.proto.query_string.lstrip("?")) for link in at.get("page_link")]
    return [{key: value[0] for key, value in q.items()} for q in queries if "pics" in q]


def texts(at: AppTest) -> str:
    kinds = (at.markdown, at.warning, at.error, at.caption, at.code, at.info)
    return "\n".join(element.value for kind in kinds for element in kind)


def in_the_middle(told: dict) -> float:
    """A threshold that leaves pictures in every cell, on the slider's steps."""
    return float(np.floor(100 * np.median(told["y_score"])) / 100)


# --- figures --------------------------------------------------------------------------------------


def test_the_cards_say_what_scikit_learn_says_of_the_stored_predictions(workspace):
    told = store.predictions(store.open_run("quick-1"), "test")
    at = opened()
    shown = cards(at)
    auc = metrics.roc_auc_score(told["y_true"], told["y_score"])
    said = told["y_score"] >= 0.5
    n = len(said)
    assert shown["AUC"]["value"] == f"{auc:.3f}"
    assert shown["AUC"]["interval"].startswith("95% 0.")
    assert shown["AUC"]["evidence"] == f" · Hanley-McNeil · n\u00a0=\u00a0{n}"
    accuracy = metrics.accuracy_score(told["y_true"], said)
    assert shown["Accuracy"]["value"] == f"{100 * accuracy:.1f}%"
    assert "Wilson" in shown["Accuracy"]["evidence"]
    recall = metrics.recall_score(told["y_true"], said)
    assert shown["Sensitivity"]["value"] == f"{100 * recall:.1f}%"
    assert shown["Mistakes"]["value"] == str((said != told["y_true"]).sum())
    assert [at.caption[0].value] == ["quick on drawn, 32 px, 2 epochs"]


def test_the_address_restores_part_interval_and_threshold(workspace):
    told = store.predictions(store.open_run("quick-1"), "validation")
    at = opened(run="quick-1", split="validation", interval="newcombe", t="0.31")
    assert at.slider(key="t").value == 0.31
    assert at.selectbox(key="interval").value == "newcombe"
    assert " · Newcombe · " in cards(at)["AUC"]["evidence"]
    tn, fp, fn, tp = metrics.confusion_matrix(told["y_true"], told["y_score"] >= 0.31).ravel()
    assert counts(at) == {"tn": tn, "fp": fp, "fn": fn, "tp": tp}
    assert any("flatter" in warning.value for warning in at.warning)


@pytest.mark.parametrize("t", ["abc", "7", "-1", "nan", "inf", ""])
def test_an_address_with_nonsense_shows_the_newest_run_at_one_half(workspace, t):
    at = opened(run="quick-99", split="train", interval="<b>", t=t, cell="xx", err="yy")
    assert at.selectbox(key="run").value == "quick-1"
    assert at.slider(key="t").value == 0.5
    assert at.selectbox(key="interval").value == "hanley-mcneil"
    assert cards(at)["Accuracy"]["remark"] == "at 0.50"
    assert pressed(at) == []


def test_a_threshold_of_0_in_the_address_calls_everything_positive(workspace):
    at = opened(t="0")
    assert at.slider(key="t").value == 0.0
    assert counts(at)["tn"] == counts(at)["fn"] == 0
    assert cards(at)["Said “cat”, is cat"]["value"] == "–"
    assert cards(at)["Said “cat”, is cat"]["track"] is None


def test_moving_the_threshold_moves_matrix_cards_and_gallery(workspace):
    told = store.predictions(store.open_run("quick-1"), "test")
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
        assert at.slider(key="t").value == 0.7
        assert cards(at)["Sensitivity"]["value"] == "0.0%"
        assert "validation" in button.help


def test_a_perfect_auc_gets_newcombes_interval_and_never_a_width_of_zero(own):
    scored(own, test=lambda y: np.where(y == 1, 0.9, 0.1))
    at = opened()
    auc = cards(at)["AUC"]
    n = len(store.predictions(own, "test")["y_true"])
    assert auc["value"] == "1.000"
    assert auc["evidence"].startswith(" · Newcombe, since SE = 0 · ")
    assert auc["interval"] != "95% 1.000–1.000"
    assert "standard error is 0" in texts(at)
    assert cards(at)["Mistakes"]["evidence"].startswith(f"of {n} pictures")
    at.session_state["evaluate_tab"] = "All numbers"
    at.run()
    assert "±0.000" not in texts(at)
    assert "(newcombe)" in texts(at)


def test_few_pictures_of_a_class_are_a_reason_to_warn(workspace):
    assert any("under 100 pictures of a class" in w.value for w in opened().warning)


# --- details --------------------------------------------------------------------------------------


def test_every_picture_links_to_its_own_heatmap(workspace):
    run = store.open_run("quick-1")
    told = store.predictions(run, "test")
    said = told["y_score"] >= 0.5
    mistaken = np.flatnonzero(said != told["y_true"])
    wrong = {int(told["indices"][place]): int(said[place]) for place in mistaken}
    links = explained(opened())
    assert len(links) == min(16, len(wrong)) > 0
    for link in links:
        row = int(link["pics"].removeprefix("row-"))
        assert row in wrong
        assert link == {
            "run": "quick-1",
            "target": run.class_names[wrong[row]],
            "pics": f"row-{row}",
        }


@pytest.mark.parametrize("cell", ["tn", "fp", "fn", "tp"])
def test_a_cell_in_the_address_is_pressed_and_filters_the_pictures(workspace, cell):
    told = store.predictions(store.open_run("quick-1"), "test")
    t = in_the_middle(told)
    at = opened(cell=cell, t=str(t))
    said, truth = told["y_score"] >= t, told["y_true"] == 1
    members = {"tn": ~said & ~truth, "fp": said & ~truth, "fn": ~said & truth, "tp": said & truth}
    assert pressed(at) == [cell]
    rows = {int(link["pics"].removeprefix("row-")) for link in explained(at)}
    assert rows <= set(told["indices"][members[cell]].tolist())
    assert len(rows) == min(16, int(members[cell].sum()))


def test_choosing_the_least_certain_writes_it_into_the_address(workspace):
    at = opened(cell="tp")
    (pills,) = [group for group in at.get("button_group") if group.key == "shown"]
    pills.set_value("uncertain").run()
    assert pressed(at) == []
    assert at.query_params["err"] in ("uncertain", ["uncertain"])
    assert "cell" not in at.query_params


def test_the_report_is_scikit_learns_and_only_the_open_tab_is_computed(workspace):
    told = store.predictions(store.open_run("quick-1"), "test")
    t = in_the_middle(told)
    at = opened(t=str(t))
    assert "precision" not in texts(at)
    at.session_state["evaluate_tab"] = "Classification report"
    at.run()
    (code,) = [c.value for c in at.code if "precision" in c.value]
    expected = metrics.classification_report(
        told["y_true"], told["y_score"] >= t, target_names=["cat", "dog"], digits=3
    )
    assert code.split() == expected.split()
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


@pytest.mark.parametrize(("exact", "on_slider"), [(0.4287, 0.42), (0.29, 0.29), (0.9999, 0.99)])
def test_a_threshold_goes_down_to_the_sliders_step(exact, on_slider):
    assert figures.hundredth(exact) == on_slider


# --- states ---------------------------------------------------------------------------------------


def test_without_a_run_the_page_says_what_will_be_here_and_leads_to_training(empty_workspace):
    at = opened()
    assert "There is no run to judge yet" in texts(at)
    assert [link.proto.page for link in at.get("page_link")] == ["train"]
    assert drawn(at, "cards") == []


def test_a_run_in_training_says_when_its_figures_come_and_offers_another(own):
    active = store.create(
        "quick", **{k: getattr(own, k) for k in ("dataset", "dataset_fingerprint", "class_names",
        "dataset_image_size", "image_size", "config")}
    )  # fmt: skip
    with store.trainer_lock(active).acquire(timeout=1):
        store.save(active, status="running")
        store.write_progress(
            active, {"phase": "training", "epoch": 2, "epochs": 4, "batch": 3, "batches": 6,
                     "seconds_left": 22.4},
        )  # fmt: skip
        at = opened(run=active.id)
        assert f"{active.id} is running, so it has no AUC yet" in texts(at)
        assert "in about 22 s" in texts(at)
        assert drawn(at, "cards") == []
        (look,) = [b for b in at.button if b.label == "Look at quick-1"]
        look.click().run()
        assert cards(at)["AUC"]["value"]
        assert opened().selectbox(key="run").value == "quick-1"


def test_a_failed_run_says_why_in_its_own_words(own):
    sentence = "The loss became NaN in epoch 1; try a learning rate of 0.03 or less."
    store.save(own, status="failed", figures={}, error=sentence)
    at = opened()
    assert [error.value for error in at.error] == [sentence]
    assert drawn(at, "cards") == []


def test_numbers_stay_where_the_pictures_are_gone(own):
    before = cards(opened())
    shutil.rmtree(own.folder.parents[1] / "datasets" / "drawn")
    at = opened()
    assert cards(at) == before
    assert any("are gone or were replaced" in w.value for w in at.warning)
    assert explained(at) == []


def test_unreadable_predictions_end_in_a_sentence(own):
    (own.folder / "predictions.npz").write_bytes(b"not an archive")
    at = opened()
    assert [error.value.partition(".")[0] for error in at.error] == ["predictions"]
    assert "pickle" not in texts(at)
    assert drawn(at, "cards") == []
