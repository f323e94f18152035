"""Scores of any model on Evaluate: what a file holds is what is shown of it."""

import csv
import io

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import words
from dashboard.evaluate import any_scores
from dashboard.parts import links
from engine.evaluation.compare import all_pairs
from engine.evaluation.intervals import auc_interval
from engine.evaluation.scores import read_scores
from tests.dashboard.pages import box, cards, drawn, opened, texts

RNG = np.random.default_rng(4)
TRUTH = np.repeat([0, 1], 60)
MODELS = {
    "y_score": RNG.normal(1.2 * TRUTH),
    "other": RNG.normal(0.9 * TRUTH),
    "w*rse": RNG.normal(-0.5 * TRUTH),
}


def written(**columns) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(columns)
    lines.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def uploaded(data: bytes, name: str = "mine.csv", **query) -> AppTest:
    at = opened(links.EVALUATE, of="file", **query)
    at.file_uploader[0].upload(name, data).run()
    assert not at.exception, at.exception
    return at


@pytest.fixture
def several(workspace, use_workspace) -> AppTest:
    use_workspace(workspace)
    return uploaded(written(y_true=TRUTH, **MODELS))


def tables(at: AppTest) -> list:
    """As they are read, without the signs that keep Markdown from reading them."""
    return [table.value.replace(r"\\", "", regex=True) for table in at.table]


def test_before_a_file_it_says_what_one_holds(workspace, use_workspace):
    use_workspace(workspace)
    at = opened(links.EVALUATE, of="file")
    assert "the columns y_true and y_score" in texts(at)
    assert not drawn(at, "cards")
    assert list(read_scores(any_scores.EXAMPLE.encode()).columns) == ["y_score", "other_model"]


def test_a_file_is_still_there_after_a_look_at_a_run_until_it_is_left_out(several):
    auc = cards(several)["AUC"]["value"]
    for source in ("run", "file"):
        (switch,) = [one for one in several.button_group if one.label == "What is judged"]
        switch.set_value(source).run()
    assert cards(several)["AUC"]["value"] == auc
    assert "mine.csv" in texts(several)
    next(one for one in several.button if one.label == "Leave it out").click().run()
    assert not several.exception
    assert not drawn(several, "cards")


def test_a_workspace_without_runs_judges_files(tmp_path, use_workspace):
    use_workspace(tmp_path)
    at = opened(links.EVALUATE)
    assert "no run to judge yet" in texts(at)
    at.file_uploader[0].upload("mine.csv", written(y_true=TRUTH, y_score=MODELS["y_score"])).run()
    assert not at.exception, at.exception
    assert cards(at)["AUC"]["value"] == f"{auc_interval(TRUTH, MODELS['y_score']).value:.3f}"


def test_every_model_and_every_difference_is_the_engines(several):
    models, differences = tables(several)
    assert list(models["Model"]) == ["y_score", "other", "w*rse"]
    for value, scores in zip(models["AUC"], MODELS.values(), strict=True):
        assert value == f"{auc_interval(TRUTH, scores).value:.3f}"
    pairs = all_pairs(TRUTH, MODELS)
    assert len(differences) == len(pairs) == 3
    by_holm = sorted(pairs, key=lambda pair: pair.p_holm)
    for says, p, pair in zip(differences["After Holm"], differences["p"], by_holm, strict=True):
        assert words.p_value(pair.found.p).endswith(p)
        assert ("is better" in says) == (pair.p_holm < 0.05)
    assert "DeLong, paired: all models scored the same 120 rows" in texts(several)
    assert "Holm" in texts(several)


def test_an_auc_below_a_half_is_shown_as_it_is_with_a_hint(several):
    (hint,) = [one.value for one in several.warning if "swapped" in one.value]
    assert hint.startswith("w\\*rse: An AUC below 0.5 says that the higher scores are those of neg")
    assert tables(several)[0]["AUC"].iloc[2] == f"{auc_interval(TRUTH, MODELS['w*rse']).value:.3f}"


def test_models_that_are_none_are_taken_out(several):
    several.multiselect[0].set_value(["other", "y_score"]).run()
    assert not several.exception, several.exception
    models, differences = tables(several)
    assert list(models["Model"]) == ["y_score", "other"]
    assert len(differences) == 1
    assert not [one for one in several.warning if "swapped" in one.value]
    assert "w*rse" in box(several, "Subjects").options  # since numbers may name subjects, too


def test_the_threshold_is_of_the_model_that_is_chosen(several):
    box(several, "Threshold of").set_value("other").run()
    (slider,) = several.slider
    assert (slider.min, slider.max) == (MODELS["other"].min(), MODELS["other"].max())
    several.slider[0].set_value(slider.max).run()
    (matrix,) = drawn(several, "matrix")
    called = [int(row["cells"][1]["count"]) for row in matrix["rows"]]
    assert sum(called) == 1
    assert matrix["choose"] is False
    next(one for one in several.button if one.label == "Youden").click().run()
    assert not several.exception, several.exception
    assert several.slider[0].value in MODELS["other"]


def test_rows_of_subjects_are_judged_by_subject(workspace, use_workspace):
    use_workspace(workspace)
    who = [f"s{at // 3}" for at in range(len(TRUTH))]
    at = uploaded(written(y_true=TRUTH, y_score=MODELS["y_score"], subject=who))
    assert box(at, "Subjects").value == "subject"
    assert "40 subjects, 120 rows" in cards(at)["AUC"]["evidence"]
    by_subject = auc_interval(TRUTH, MODELS["y_score"], groups=who)
    assert f"{by_subject.low:.3f}–{by_subject.high:.3f}" in cards(at)["AUC"]["interval"]
    box(at, "Subjects").set_value(any_scores.NO_SUBJECTS).run()
    assert "n\xa0=\xa0120 rows" in cards(at)["AUC"]["evidence"]


def test_the_tabs_of_a_run_are_there_for_a_file_too(workspace, use_workspace):
    use_workspace(workspace)
    at = uploaded(written(y_true=TRUTH, y_score=1 / (1 + np.exp(-MODELS["y_score"]))))
    for tab, card in (
        ("Precision and recall", "Average precision"), ("Calibration", "Brier score"),
        ("Operating points", "Partial AUC, corrected"),
    ):  # fmt: skip
        at.session_state["scores-tab"] = tab
        at.run()
        assert not at.exception, at.exception
        assert card in cards(at)
    next(one for one in at.button if one.label == "Take cheapest").click().run()
    assert not at.exception, at.exception
    assert "0.50" not in cards(at)["Accuracy"]["remark"]


REFUSED = {
    b"y_true;y_score\n0;0,5\n": "semicolons",
    b"y_true,y_score\n0,0.5\n1,n*a\n": r"Line 3 of mine.csv has the score 'n\*a'",
    b"y_true,y_score\n0,0.5\n0,0.6\n": "only class 0",
    b"y_true,y_score\n0,1e308\n1,-1e308\n": "too far or too near",
    b"y_true,y_score\n0,1e17\n1,1e17\n": "too far or too near",
    b"\xff\xfe": "not UTF-8",
}
SMALL = (
    b"y_true,y_score\n0,0.5\n1,0.6\n",
    b"y_true,y_score\n0,7\n1,7\n",
    b"y_true,y_score,b\n0,0.1,5\n0,0.2,5\n1,0.3,5\n",
)


def test_a_file_that_cannot_be_judged_is_refused_and_a_small_one_is_not(
    workspace, use_workspace
):
    use_workspace(workspace)
    at = opened(links.EVALUATE, of="file")
    for data, says in REFUSED.items():
        at.file_uploader[0].upload("mine.csv", data).run()
        assert not at.exception, at.exception
        (error,) = at.error
        assert says in error.value.replace("\\_", "_")
    for data in SMALL:
        at.file_uploader[0].upload("mine.csv", data).run()
        assert not at.exception, at.exception
        assert "–" in cards(at)["AUC"]["interval"]


def test_of_thousands_of_models_no_more_are_compared_than_can_be(
    workspace, use_workspace, monkeypatch
):
    use_workspace(workspace)
    monkeypatch.setattr(any_scores, "MOST_MODELS", 2)
    at = uploaded(written(y_true=TRUTH, **MODELS))
    assert list(tables(at)[0]["Model"]) == ["y_score", "other"]
    assert "Of 3 columns of numbers, 2 are judged." in texts(at)
    at.multiselect[0].set_value(list(MODELS)).run()
    assert not at.exception, at.exception
    assert "3 models cannot be compared each with each; leave 2" in at.error[0].value


def test_of_many_rows_no_more_is_sent_than_can_be_seen(workspace, use_workspace):
    """A browser is given two thousand points of a curve and forty bars, not a mark for each row."""
    use_workspace(workspace)
    truth = np.arange(100_000) % 2
    at = uploaded(written(y_true=truth, y_score=RNG.normal(truth)))
    sizes = [len(chart.proto.spec) for chart in at.get("plotly_chart")]
    assert len(sizes) == 3
    assert max(sizes) < 300_000
