"""Runs in a browser: tick two, compare them, delete one of them, undo, take one along."""

import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from engine.runs import outcome, store
from engine.workspace import Workspace

pytestmark = pytest.mark.browser
TICK_X, HEAD, ROW = 17, 34, 34  # pixels of the table: its first column, its head, a row


@pytest.fixture(scope="module")
def two_runs(workspace, tmp_path_factory) -> Path:
    """A workspace with quick-1 and a newer quick-2, which says a little else of each picture."""
    place = tmp_path_factory.mktemp("runs") / "workspace"
    shutil.copytree(workspace, place)
    newer = place / "runs" / "quick-2"
    shutil.copytree(place / "runs" / "quick-1", newer)
    record = json.loads((newer / "run.json").read_text())
    record |= {"id": "quick-2", "created": "2999-01-01T00:00:00+00:00"}
    record["config"] |= {"seed": 2}
    (newer / "run.json").write_text(json.dumps(record))
    run, rng = store.open_run(Workspace(place), "quick-2"), np.random.default_rng(1)
    parts = {part: store.predictions(run, part) for part in outcome.PARTS}
    for told in parts.values():
        told["y_score"] = np.clip(told["y_score"] + rng.normal(0, 0.2, len(told["y_score"])), 0, 1)
    outcome.write_predictions(newer, parts)
    return place


@pytest.fixture(scope="module")
def server(serve, two_runs) -> str:
    return serve(two_runs).address


def rows(page: Page):
    """The table tells a screen reader what a canvas cannot."""
    return page.get_by_test_id("stDataFrame").locator("canvas table tbody tr")


def tick(page: Page, row: int) -> None:
    place = {"x": TICK_X, "y": HEAD + ROW * row + ROW // 2}
    page.get_by_test_id("stDataFrame").click(position=place)


def test_two_are_ticked_compared_one_deleted_and_put_back(open_at, server, two_runs):
    page = open_at("runs", server=server)
    expect(rows(page)).to_have_count(2)
    tick(page, 0)
    expect(page).to_have_url(re.compile("runs=quick-2$"))
    expect(page.get_by_role("heading", name="quick-2")).to_be_visible()
    tick(page, 1)
    expect(page.get_by_role("heading", name="quick-2 against quick-1")).to_be_visible()
    expect(page).to_have_url(re.compile("runs=quick-2(,|%2C)quick-1$"))
    card = page.get_by_role("group", name=re.compile("^Difference in AUC [+−]0"))
    expect(card).to_contain_text("DeLong, paired")
    expect(page.get_by_role("cell", name="seed")).to_be_visible()
    expect(page.locator(".js-plotly-plot .xtitle")).to_have_count(1)

    tick(page, 1)  # no longer
    expect(page.get_by_role("heading", name="quick-2", exact=True)).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Yes, delete").click()
    expect(page.get_by_text("quick-2 was deleted")).to_be_visible()
    expect(rows(page)).to_have_count(1)
    assert not (two_runs / "runs" / "quick-2").exists()
    page.get_by_role("button", name="Undo").click()
    expect(rows(page)).to_have_count(2)
    expect(page.get_by_role("heading", name="quick-2", exact=True)).to_be_visible()
    assert (two_runs / "runs" / "quick-2" / "best.weights.h5").exists()


def test_a_run_is_named_and_taken_along(open_at, server):
    page = open_at("runs?runs=quick-1", server=server)
    page.get_by_role("button", name="Name and note").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("my first")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="quick-1 · my first")).to_be_visible()
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    assert download.value.suggested_filename == "quick-1.zip"
    packed = io.BytesIO(Path(download.value.path()).read_bytes())
    assert "quick-1/model.keras" in zipfile.ZipFile(packed).namelist()
