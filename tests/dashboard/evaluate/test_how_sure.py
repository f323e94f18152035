"""How sure the figures on Evaluate are: level, side, band, subjects; and a second run beside."""

import base64
import json
import shutil
from functools import partial

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.evaluate import calibration_tab
from dashboard.parts import links
from engine.commands import evaluate, snapshot
from engine.evaluation import bands, calibration, roc
from engine.evaluation.intervals import DEFAULT, INTERVALS, auc_interval
from engine.evaluation.proportions import wilson, wilson_by_subject
from engine.runs import outcome, store
from engine.workspace import Workspace
from tests.dashboard import pages
from tests.dashboard.pages import box, cards, drawn, texts

opened = partial(pages.opened, links.EVALUATE)


def test_level_and_side_of_the_address_are_those_of_every_interval(workspace):
    told = store.predictions(store.open_run(Workspace(workspace), "quick-1"), "test")
    at = opened(level="90", side="lower")
    expected = auc_interval(told["y_true"], told["y_score"], level=0.9, side="lower")
    assert cards(at)["AUC"]["interval"] == f"90% at least {expected.low:.3f}"
    said = told["y_score"] >= 0.5
    share = wilson(int((said == told["y_true"]).sum()), len(said), 0.9)
    low, high = (f"{100 * end:.1f}" for end in (share.low, share.high))
    assert cards(at)["Accuracy"]["interval"] == f"90% {low}–{high}%"
    assert at.number_input(key="level").value == 90


def test_the_default_method_is_named_where_it_is_chosen(workspace):
    options = box(opened(), "Interval").options
    assert [one for one in options if one.endswith("(default)")] == [
        f"{INTERVALS[DEFAULT].title} (default)"
    ]


def test_moving_the_threshold_is_a_look_up(own, monkeypatch):
    """Curve, interval and both thresholds of the rules were computed again at every step."""
    at = opened()
    for name in ("judge", "judge_all"):
        monkeypatch.setattr(evaluate, name, None)  # to be called is to fail
    for room, name in (
        (roc, "roc_curve"), (bands, "pointwise"), (calibration_tab, "calibration"),
    ):  # fmt: skip
        monkeypatch.setattr(room, name, None)
    at.slider(key="t").set_value(0.31).run()
    assert not at.exception
    assert cards(at)["Accuracy"]["remark"] == "at 0.31"


@pytest.mark.parametrize("kind", ["pointwise", "simultaneous"])
def test_the_band_that_is_chosen_lies_around_the_curve(workspace, kind):
    told = store.predictions(store.open_run(Workspace(workspace), "quick-1"), "test")
    y = told["y_true"], told["y_score"]
    expected = {
        "pointwise": lambda: bands.pointwise(*y, bands.even(101)[::-1], 0.9),
        "simultaneous": lambda: bands.simultaneous(*y, 0.9),
    }[kind]()
    drawn = curves(opened(band=kind, level="90"))["band"]
    heights = {round(float(h), 9) for h in [*expected.low, *expected.high]}
    assert {round(h, 9) for h in values(drawn["y"])} == heights


def test_without_a_band_there_is_none(workspace):
    assert "band" in curves(opened())  # the default
    assert "band" not in curves(opened(band="none"))


def test_the_calibration_error_is_told_with_its_interval_and_what_chance_would_show(workspace):
    told = store.predictions(store.open_run(Workspace(workspace), "quick-1"), "test")
    found = calibration.calibration(told["y_true"], told["y_score"], level=0.99)
    at = opened(level="99", tab="Calibration")
    card, again = (
        card for data in drawn(at, "cards") for card in data["cards"]
        if card["label"] == "Calibration error"
    )  # fmt: skip
    assert card["value"] == f"{found.ece.value:.3f}"
    assert card["interval"] == f"99% {found.ece.low:.3f}–{found.ece.high:.3f}"
    assert card["remark"] == "0 is best"
    assert again["remark"] == f"a calibrated model shows {found.ece_by_chance:.3f}"


# --- subjects -------------------------------------------------------------------------------------


@pytest.fixture
def of_subjects(own):
    """The run judged on pictures of which each four are of one subject; its test predictions."""
    parts = {part: store.predictions(own, part) for part in ("validation", "test")}
    for told in parts.values():
        told["subject"] = np.arange(len(told["y_true"])) // 4
    outcome.write_predictions(own.folder, parts)
    store.save(own, subjects={part: int(t["subject"][-1]) + 1 for part, t in parts.items()})
    st.cache_data.clear()
    return parts["test"]


def test_of_several_pictures_of_a_subject_both_are_told_where_n_stands(of_subjects):
    told, at = of_subjects, opened()
    n, subjects = len(told["y_true"]), len(np.unique(told["subject"]))
    assert cards(at)["AUC"]["evidence"].endswith(f" · {subjects} subjects, {n} pictures")
    positives = told["y_true"] == 1
    of_positives = len(np.unique(told["subject"][positives]))
    sensitivity = cards(at)["Sensitivity"]
    assert sensitivity["evidence"].endswith(f"{of_positives} subjects, {positives.sum()} dogs")
    right = (told["y_score"] >= 0.5)[positives]
    share = wilson_by_subject(right, told["subject"][positives])
    low, high = (f"{100 * end:.1f}" for end in (share.low, share.high))
    assert sensitivity["interval"] == f"95% {low}–{high}%"


def test_how_much_narrower_an_interval_would_be_that_forgets_the_subjects_is_told(of_subjects):
    told = of_subjects
    naive = auc_interval(told["y_true"], told["y_score"])
    found = auc_interval(told["y_true"], told["y_score"], groups=told["subject"])
    (said,) = [one.value for one in opened().caption if "one of its own" in one.value]
    assert f"95% {naive.low:.3f}–{naive.high:.3f}" in said
    saved = 1 - (naive.high - naive.low) / (found.high - found.low)
    assert (f"{100 * saved:.1f}% narrower" if saved > 0.0005 else "no narrower") in said


# --- a second run ---------------------------------------------------------------------------------


@pytest.fixture
def other(own):
    """A second run, quick-2, on the same pictures: its scores turned around."""
    folder = own.folder.with_name("quick-2")
    shutil.copytree(own.folder, folder)
    known = json.loads((folder / "run.json").read_text())
    known |= {"id": "quick-2", "created": "2001-01-01T00:00:00+00:00", "weights_sha256": "1" * 64}
    (folder / "run.json").write_text(json.dumps(known))
    run = store.open_run(Workspace(own.folder.parents[1]), "quick-2")
    parts = {part: store.predictions(run, part) for part in ("validation", "test")}
    for told in parts.values():
        told["y_score"] = 1 - told["y_score"]
    outcome.write_predictions(folder, parts)
    snapshot.forget(Workspace(own.folder.parents[1]))
    return run


def curves(at: AppTest) -> dict[str, dict]:
    """What is drawn in the ROC chart, by name."""
    figures = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    (found,) = [one for one in figures if "scaleanchor" in one["layout"]["yaxis"]]
    return {trace["name"]: trace for trace in found["data"] if "name" in trace}


def values(told) -> list[float]:
    """Plotly writes large arrays as base64."""
    if isinstance(told, dict):
        return np.frombuffer(base64.b64decode(told["bdata"]), told["dtype"]).tolist()
    return told


def test_a_second_run_is_drawn_dashed_and_stands_in_the_address(other):
    at = opened(run="quick-1")
    assert "quick-2" not in curves(at)
    assert box(at, "Compare with").options == ["none", "quick-2"]
    box(at, "Compare with").set_value("quick-2").run()
    drawn = curves(at)
    assert drawn["quick-2"]["line"]["dash"] == "dash"
    assert "dash" not in drawn["quick-1"]["line"]
    assert at.query_params["against"] in ("quick-2", ["quick-2"])
    again = opened(run="quick-1", against="quick-2")
    assert "quick-2" in curves(again)
    box(again, "Compare with").set_value("none").run()
    assert "quick-2" not in curves(again)
    assert "against" not in again.query_params


def test_a_second_curve_of_other_pictures_says_so(other):
    assert "own test pictures" not in texts(opened(run="quick-1", against="quick-2"))
    store.save(other, split_id="f" * 64)
    assert "of its own test pictures" in texts(opened(run="quick-1", against="quick-2"))


def test_a_run_is_not_compared_with_itself_or_with_one_that_is_not_there(other):
    for against in ("quick-1", "quick-9"):
        at = opened(run="quick-1", against=against)
        assert box(at, "Compare with").value == "none"


def test_a_second_run_that_cannot_be_read_leaves_the_first_as_it_is(other):
    (other.folder / "predictions.npz").write_bytes(b"not an archive")
    at = opened(run="quick-1", against="quick-2")
    assert any("predictions of 'quick-2' cannot be read" in w.value for w in at.warning)
    assert "quick-1" in curves(at)
    assert cards(at)["AUC"]["value"]
