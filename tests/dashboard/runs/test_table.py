"""Runs: every run is in the table, whatever became of it, and can be found."""

import json
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import state
from dashboard.parts import links
from engine import records
from engine.runs import about
from tests.dashboard import pages

opened = partial(pages.opened, links.RUNS)


def table(at: AppTest):
    return at.dataframe[0].value


def ids(at: AppTest) -> list[str]:
    return list(table(at)["Run"]) if at.dataframe else []


def texts(at: AppTest) -> str:
    return "\n".join(part.value for kind in (at.caption, at.warning, at.markdown) for part in kind)


@pytest.fixture
def several(place, add_run):
    """quick-1 finished; quick-2 failed; quick-3 finished on other pictures, named; quick-4 stopped;
    quick-5 cannot be read."""
    add_run(place, auc=0.8)
    add_run(place, status="failed", figures=None, error="The loss became NaN in epoch 2.")
    named = add_run(place, dataset="tags", auc=0.9, created="2999-01-01T00:00:00+00:00")
    about.write_about(named.folder, "no augmentation", "from the Paper", ("baseline",))
    add_run(place, status="stopped", figures=None, started=None)
    (add_run(place).folder / "run.json").write_text("{")
    return place


def test_every_run_has_a_row_the_newest_first_and_those_that_cannot_be_read_last(several):
    rows = table(opened())
    assert list(rows["Run"]) == ["quick-3", "quick-4", "quick-2", "quick-1", "quick-5"]
    assert [one[0] for one in rows["State"]] == [
        "finished", "stopped", "failed", "finished", "unreadable"
    ]  # fmt: skip
    assert list(rows["AUC"].dropna()) == [0.9, 0.8]
    why = dict(zip(rows["Run"], rows["95% interval"], strict=True))
    assert why["quick-1"] == "0.750–0.850"
    assert why["quick-2"] == "The loss became NaN in epoch 2."
    assert why["quick-4"].startswith("It was stopped before it had begun")
    assert why["quick-5"].startswith("run.json cannot be read")
    assert rows["Name"].iloc[0] == "no augmentation"
    assert list(rows["Tags"].iloc[0]) == ["baseline"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "finished"}, ["quick-3", "quick-1"]),
        ({"state": ["failed", "stopped"]}, ["quick-4", "quick-2", "quick-5"]),
        ({"on": "tags"}, ["quick-3"]),
        ({"q": "AUGMENT"}, ["quick-3"]),
        ({"q": "paper"}, ["quick-3"]),
        ({"q": "base"}, ["quick-3"]),
        ({"q": "quick-5"}, ["quick-5"]),
        ({"state": "finished", "on": "pets", "q": "quick"}, ["quick-1"]),
        ({"state": "nonsense", "on": "nonsense"}, ["quick-3", "quick-4", "quick-2", "quick-1",
                                                    "quick-5"]),  # no such filter
    ],
)  # fmt: skip
def test_the_address_filters(several, query, found):
    at = opened(**query)
    assert ids(at) == found


def test_filters_stand_in_the_address_and_what_they_hide_is_said(several):
    at = opened(runs="quick-1,quick-3")
    at.text_input[0].set_value("augmentation").run()
    assert at.query_params["q"] == "augmentation"
    assert at.query_params["runs"] == "quick-3"  # the other is hidden, and no longer ticked
    assert "1 of 5 runs" not in texts(at)
    at = opened(runs="quick-1", q="augmentation")
    assert "Hidden by the filters: quick-1." in texts(at)
    assert "1 of 5 runs." in texts(at)
    assert "No run fits these filters" in texts(opened(q="nothing like it"))


def test_a_link_to_a_run_that_is_gone_is_a_sentence(several):
    at = opened(runs="quick-77,quick-1")
    assert at.warning[0].value == "There is no run quick-77 here."
    assert at.query_params["runs"] == "quick-1"


def test_an_empty_workspace_says_what_will_stand_here(place):
    at = opened()
    assert "Nothing has been trained yet." in texts(at)
    assert not at.dataframe


def test_names_from_strangers_are_text(place, add_run):
    run = add_run(place, dataset="**bold** $x$ :smile:", class_names=("<b>cat</b>", "dog"))
    about.write_about(run.folder, "*n* :red[x]", "# note\n- [a](b)", ("<i>t</i>",))
    at = opened(runs="quick-1")
    assert at.header[0].value == "quick-1 · \\*n\\* \\:\u2060red\\[x\\]"
    note = next(one.value for one in at.markdown if "note" in one.value)
    assert note == "\\# note  \n\\- \\[a\\](b)"
    assert "\\*\\*bold\\*\\*" in texts(at)


# --- a thousand -----------------------------------------------------------------------------------


@pytest.fixture
def thousand(place, add_run):
    first = add_run(place, auc=0.6)
    record = json.loads((first.folder / "run.json").read_bytes())
    for number in range(2, 1001):
        folder = place.runs / f"quick-{number}"
        folder.mkdir()
        told = record | {"id": folder.name, "created": f"2026-01-01T00:00:{number % 60:02}+00:00"}
        (folder / "run.json").write_text(json.dumps(told), encoding="utf-8")
        (folder / "history.csv").write_text("epoch,val_loss\n1,0.7\n2,0.6\n")
    return place


def test_a_thousand_runs_are_one_table_and_nothing_is_read_twice(thousand, monkeypatch):
    at = opened()
    assert len(ids(at)) == 1000
    assert "1,000 runs." in texts(at)
    read = []
    monkeypatch.setattr(records, "read", lambda path, kind: read.append(path))
    monkeypatch.setattr("engine.runs.outcome.read_history", lambda folder: read.append(folder))
    at.run()
    assert not at.exception
    assert (len(ids(at)), read) == (1000, [])


def test_all_of_a_thousand_can_be_chosen(thousand):
    at = opened(runs=",".join(f"quick-{n}" for n in range(1, 1001)))
    assert at.header[0].value == "1000 runs"
    assert len(at.query_params["runs"].split(",")) == 50
    assert "Only what differs" in texts(at)
    assert state.look().runs
