"""A workspace of 1,000 runs: pages look at it without reading it again, and stay usable."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.overview import tables
from dashboard.parts import links
from engine import records
from engine.workspace import Workspace

RUNS = 1000


@pytest.fixture(scope="module")
def thousand(tmp_path_factory, add_run) -> Workspace:
    place = Workspace(tmp_path_factory.mktemp("thousand"))
    first = add_run(place, auc=0.6, validation_auc=0.95, created="2025-12-01T10:00:00+00:00")
    record = json.loads((first.folder / "run.json").read_bytes())
    for number in range(2, RUNS + 1):
        folder = place.runs / f"quick-{number}"
        folder.mkdir()
        figures = record["figures"] | {"auc": 0.5 + number / 4000, "validation_auc": 0.7}
        created = f"2026-01-{1 + number // 100:02d}T10:{number % 60:02d}:00+00:00"
        told = record | {"id": folder.name, "created": created, "figures": figures}
        (folder / "run.json").write_text(json.dumps(told), encoding="utf-8")
    return place


@pytest.fixture
def opened(thousand, use_workspace):
    use_workspace(thousand.path)

    def at(page: str) -> AppTest:
        found = AppTest.from_file("../../../dashboard/app.py", default_timeout=120).run()
        found.switch_page(page).run()
        assert not found.exception, found.exception
        return found

    return at


@pytest.mark.parametrize("page", [links.OVERVIEW, links.TRAIN, links.RUNS])
def test_a_page_reads_no_record_a_second_time(opened, monkeypatch, page):
    at = opened(page)
    read = []
    monkeypatch.setattr(records, "read", lambda path, kind: read.append(path))
    at.run()
    assert not at.exception
    assert read == []


def test_the_table_shows_the_newest_and_the_elected_and_says_where_the_others_are(opened):
    at = opened(links.OVERVIEW)
    data = (json.loads(element.proto.json) for element in at.get("bidi_component"))
    table = next(one for one in data if one["kind"] == "forest")
    ids = [row["id"] for group in table["groups"] for row in group["rows"]]
    assert len(ids) == tables.MOST_ROWS
    assert "quick-1" in ids  # elected of all, and the oldest of them
    assert "chosen among 1,000 runs by its AUC on validation" in at.header[0].value
    (all_runs,) = [link.proto for link in at.get("page_link") if "All 1,000" in link.proto.label]
    assert (all_runs.page, all_runs.query_string) == ("runs", "")
