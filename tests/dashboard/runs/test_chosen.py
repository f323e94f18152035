"""Runs: one that is chosen, two that are compared, what is written about them, and the trash."""

import zipfile
from functools import partial
from io import BytesIO

import numpy as np
import pytest

from dashboard.parts import links
from dashboard.runs import charts, one
from dashboard.runs.charts import Curve
from engine.commands import trash
from engine.runs import about, store
from engine.serving.client import Client
from engine.training.config import train_config
from tests.dashboard import pages
from tests.dashboard.pages import cards, drawn, said

opened = partial(pages.opened, links.RUNS)


# --- one ------------------------------------------------------------------------------------------


def test_one_run_shows_its_figures_with_intervals_and_the_ways_on(place, judged):
    judged(auc=0.8)
    at = opened(runs="quick-1")
    found = cards(at)
    assert found["AUC on test"]["value"] == "0.800"
    assert found["AUC on test"]["interval"] == "95% 0.750–0.850"
    assert found["Accuracy on test"]["interval"].startswith("95% ")
    assert found["Training time"]["value"] == "4.0 s"
    ways = {link.proto.label: link.proto.query_string for link in at.get("page_link")}
    assert ways["Evaluate"] == ways["Explain"] == "run=quick-1"
    assert ways["Train again with changes"] == "like=quick-1"


def test_a_run_without_a_result_says_why_and_offers_no_download(place, add_run):
    add_run(place, status="failed", figures=None, error="The disk is full.")
    at = opened(runs="quick-1")
    assert at.warning[0].value == "The disk is full."
    assert not at.get("download_button")
    assert "Evaluate" not in [link.proto.label for link in at.get("page_link")]


def test_a_run_that_cannot_be_read_says_why_and_can_be_deleted(place, add_run):
    (add_run(place).folder / "run.json").write_text("{")
    at = opened(runs="quick-1")
    assert "run.json cannot be read" in at.error[0].value
    next(b for b in at.button if "Yes, delete" in b.label).click().run()
    assert [one.id for one in trash.trashed(place)] == ["quick-1"]


def test_the_zip_is_made_when_it_is_asked_for_and_not_before(workspace, monkeypatch):
    asked = []
    exported = Client.exported
    monkeypatch.setattr(
        Client, "exported", lambda self, run: asked.append(run.id) or exported(self, run)
    )
    opened(runs="quick-1")
    assert asked == []
    run = next(run for run in one.state.look().runs if run.id == "quick-1")
    with zipfile.ZipFile(BytesIO(one.packed(run)())) as archive:
        assert "quick-1/model.keras" in archive.namelist()
    assert asked == ["quick-1"]


# --- what people write ----------------------------------------------------------------------------


def test_a_name_a_note_and_tags_are_saved_and_shown_where_runs_are_listed(place, judged):
    judged()
    at = opened(runs="quick-1")
    at.text_input[1].set_value("my best")
    at.text_area[0].set_value("Two\nlines")
    at.multiselect[0].set_value(["paper"])
    next(b for b in at.button if "Save" in b.label).click().run()
    assert not at.exception
    written = store.open_run(place, "quick-1").about
    assert (written.name, written.note, written.tags) == ("my best", "Two\nlines", ("paper",))
    assert at.header[0].value == "quick-1 · my best"
    assert list(at.dataframe[0].value["Name"]) == ["my best"]
    at.switch_page(links.EVALUATE).run()
    assert any(caption.value.startswith("my best · quick on pets") for caption in at.caption)
    assert pages.box(at, "Run").options == ["quick-1 · my best"]
    at.switch_page(links.OVERVIEW).run()
    (row,) = drawn(at, "forest")[0]["groups"][0]["rows"]
    assert row["remark"].startswith("my best · 32 px")


def test_a_damaged_name_is_a_word_and_the_run_is_shown(place, judged):
    (judged().folder / about.FILE).write_text("{")
    at = opened(runs="quick-1")
    assert "about.json cannot be read" in at.warning[0].value.replace("\\", "")
    assert cards(at)["AUC on test"]


# --- deleting -------------------------------------------------------------------------------------


def test_deleting_asks_again_and_can_be_undone(place, judged):
    judged(), judged()
    at = opened(runs="quick-2")
    assert "Delete quick-2? The trash keeps it for 7 days." in said(at)
    next(b for b in at.button if "Yes, delete" in b.label).click().run()
    assert list(at.dataframe[0].value["Run"]) == ["quick-1"]
    assert "quick-2 was deleted; the trash keeps it for 7 days." in said(at)
    at.button(key="undo").click().run()
    assert list(at.dataframe[0].value["Run"]) == ["quick-2", "quick-1"]
    assert at.query_params["runs"] == "quick-2"
    assert "was deleted" not in said(at)


def test_several_are_deleted_at_once_and_put_back_from_the_trash(place, judged):
    judged(), judged()
    at = opened(runs="quick-1,quick-2")
    next(b for b in at.button if "Yes, delete" in b.label).click().run()
    assert "Nothing has been trained yet." in said(at)
    assert [one.label for one in at.expander] == ["Trash (2)"]
    at.session_state["trash"] = True
    at.run()
    next(b for b in at.button if b.label == "Restore quick-1").click().run()
    assert list(at.dataframe[0].value["Run"]) == ["quick-1"]


def test_a_run_under_way_cannot_be_deleted(place, add_run):
    add_run(place, status="queued", figures=None, ended=None)
    at = opened(runs="quick-1")
    assert "quick-1 is still under way and cannot be deleted" in said(at)
    assert not [b for b in at.button if "Yes, delete" in b.label]


# --- two and more ---------------------------------------------------------------------------------


def test_two_on_other_pictures_stand_in_groups_of_their_own(place, judged):
    """What either learnt from is not there to be looked at, so they are not compared."""
    judged(), judged(split_id="6" * 64, dataset="others", start=500)
    at = opened(runs="quick-1,quick-2")
    assert "so nobody can tell whether it was trained on" in at.warning[0].value
    assert "Difference in AUC" not in cards(at)
    assert [g["name"] for g in drawn(at, "forest")[0]["groups"]] == ["pets", "others"]
    assert "may not be compared" in said(at)


def test_only_what_differs_is_shown_and_the_rest_is_counted(place, judged):
    config = judged().config
    judged(config=config | {"learning_rate": 0.1, "augment": not config["augment"]})
    at = opened(runs="quick-1,quick-2")
    rows = at.table[0].value
    assert list(rows["setting"]) == ["learning rate", "augment"]
    assert rows["quick-2"].iloc[0].replace("\\", "") == "0.1"
    assert f"{len(config)} further settings are the same." in said(at)
    assert "quick-1 has the highest AUC on validation" in said(at)
    assert "There is nothing to draw" not in said(at)


def test_what_has_no_part_in_a_head_alone_does_not_differ(place, judged):
    config = judged().config
    head = train_config("transfer", image_size=32, seed=9).model_dump()
    judged(config=config | head)
    rows = opened(runs="quick-1,quick-2").table[0].value.set_index("setting")
    assert rows.loc["seed", "quick-2"] == rows.loc["learning rate", "quick-2"] == "–"
    assert rows.loc["seed", "quick-1"] == "1"


def test_where_nothing_differs_it_is_said(place, judged):
    judged(), judged()
    at = opened(runs="quick-1,quick-2")
    assert "Nothing: all" in said(at)
    assert "There is nothing to draw: no two of these" in said(at)


def test_the_seeds_spread_stands_beside_a_comparison(place, judged):
    config = judged(auc=0.7).config
    for seed, auc in ((2, 0.8), (3, 0.75)):
        judged(auc=auc, config=config | {"seed": seed})
    judged(auc=0.9, seed=2, config=config | {"epochs": 1})  # of other settings: no part of it
    says = "Like quick-1: 3 runs that differ in nothing but their seed have AUCs from 0.700 to 0.80"
    assert says in said(opened(runs="quick-1,quick-4"))
    assert said(opened(runs="quick-1,quick-2")).count("in nothing but their seed") == 1
    alone = opened(runs="quick-2")
    assert [dot["chosen"] for dot in drawn(alone, "dots")[0]["dots"]] == [False, True, False]
    assert "3 runs that differ in nothing but their seed" in said(alone)
    assert "nothing but their seed" not in said(opened(runs="quick-4"))


def test_more_than_two_are_shown_and_at_most_five_curves_drawn(place, judged):
    for seed in range(7):
        judged(seed=seed)
    at = opened(runs=",".join(f"quick-{n}" for n in range(1, 8)))
    assert at.header[0].value == "7 runs"
    assert "Each two of the 7 judged runs are tested below." in said(at)
    assert "The first 5 of 7." in said(at)
    assert len(drawn(at, "forest")[0]["groups"][0]["rows"]) == 7


# --- figures --------------------------------------------------------------------------------------


def test_curves_have_a_colour_a_dash_and_a_name_each_and_names_do_not_overlap():
    curves = [Curve(f"quick-{n}", [1, 2], [0.7, 0.6], 2) for n in range(1, 6)]
    figure = charts.overlaid(curves)
    lines = [trace for trace in figure.data if trace.line.dash]
    assert len({(line.line.color, line.line.dash) for line in lines}) == 5
    shifts = sorted(note.yshift for note in figure.layout.annotations)
    assert np.diff(shifts) == pytest.approx(charts.APART)
    broken = charts.overlaid([Curve("quick-1", [1, 2], [float("nan")] * 2, None)])
    assert not broken.layout.annotations


def test_parallel_coordinates_place_values_powers_and_words():
    figure = charts.parallel(
        ["a-1", "a-2", "a-3"],
        {"learning_rate": [0.001, 0.01, 0.1], "optimizer": ["sgd", "adam", "sgd"],
         "epochs": [2, 4, 3]},
        [0.7, 0.9, 0.8],
    )  # fmt: skip
    lines = {trace.hovertemplate.split("<br>")[0]: trace for trace in figure.data}
    assert list(lines["a-2"].y) == pytest.approx([0.5, 1, 1, 1])
    assert list(lines["a-3"].y) == pytest.approx([1, 0, 0.5, 0.5])
    assert list(figure.data)[-1].line.color == charts.charts.ACCENT  # the best lies on top
    assert "optimizer: adam" in lines["a-2"].hovertemplate
    assert {"0.001", "0.01", "0.1", "sgd", "adam"} <= {n.text for n in figure.layout.annotations}
