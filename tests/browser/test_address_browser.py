"""The address says what is shown: after a walk over the pages, Back, Forward, and a reload."""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from engine.commands.auc import auc
from engine.evaluation import roc, thresholds
from engine.runs import store
from engine.workspace import Workspace

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def two_runs(workspace, tmp_path_factory) -> Path:
    """A workspace with quick-1 and a newer run, quick-2."""
    place = tmp_path_factory.mktemp("two") / "workspace"
    shutil.copytree(workspace, place)
    newer = place / "runs" / "quick-2"
    shutil.copytree(place / "runs" / "quick-1", newer)
    stored = json.loads((newer / "run.json").read_text())
    stored |= {"id": "quick-2", "created": "2999-01-01T00:00:00+00:00"}
    (newer / "run.json").write_text(json.dumps(stored))
    return place


@pytest.fixture(scope="module")
def server(serve, two_runs) -> str:
    return serve(two_runs).address


def run_box(page: Page):
    return page.get_by_role("combobox", name="Run", exact=True)


def shows(page: Page, heading: str, run: str) -> None:
    """That page of that run, in the address as well as on the page."""
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(f"/{heading.lower()}\\?.*run={run}(&|$)"))
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(run_box(page)).to_have_count(1)  # the one of before is gone
    expect(run_box(page)).to_have_value(run)


def go(page: Page, link: str) -> None:
    page.get_by_role("link", name=link, exact=True).first.click()


def back_to(page: Page, heading: str, run: str, step: str = "go_back") -> None:
    """Back (or Forward) until the page changes; what each step shows is what its address says."""
    for _ in range(3):
        getattr(page, step)()
        here = urlsplit(page.url).path.strip("/")
        shows(page, here.capitalize(), run)
        if here == heading.lower():
            return
    raise AssertionError(f"{page.url} is still not {heading}")


def test_back_and_forward_show_the_run_that_the_address_names(open_at, server):
    page = open_at("evaluate?run=quick-1", server=server)
    shows(page, "Evaluate", "quick-1")
    go(page, "Explain")
    shows(page, "Explain", "quick-1")
    go(page, "Evaluate")
    shows(page, "Evaluate", "quick-1")
    back_to(page, "Explain", "quick-1")
    back_to(page, "Evaluate", "quick-1")
    back_to(page, "Explain", "quick-1", step="go_forward")
    back_to(page, "Evaluate", "quick-1", step="go_forward")


def test_the_newest_run_is_named_and_a_choice_can_be_taken_back(open_at, server):
    page = open_at("evaluate", server=server)
    shows(page, "Evaluate", "quick-2")
    run_box(page).click()
    page.get_by_role("option", name="quick-1").click()
    shows(page, "Evaluate", "quick-1")
    page.go_back()
    shows(page, "Evaluate", "quick-2")
    page.go_forward()
    shows(page, "Evaluate", "quick-1")


def test_youdens_threshold_stands_exactly_in_the_address_and_survives_a_reload(
    open_at, server, two_runs
):
    run = store.open_run(Workspace(two_runs), "quick-1")
    predicted = store.predictions(run, "validation")
    best = thresholds.youden(roc.roc_curve(predicted["y_true"], predicted["y_score"]))
    assert best != round(best, 2)
    page = open_at("evaluate?run=quick-1", server=server)
    page.get_by_role("button", name="Youden").click()
    expect(page.get_by_text("the slider shows its nearest step")).to_be_visible()
    expect(page).to_have_url(re.compile("[?&]t="))
    assert float(parse_qs(urlsplit(page.url).query)["t"][0]) == best
    page.reload()
    expect(page.get_by_text("the slider shows its nearest step")).to_be_visible()
    assert float(parse_qs(urlsplit(page.url).query)["t"][0]) == best
    slider = page.get_by_role("slider", name=re.compile("Threshold"))
    slider.press("PageUp")
    expect(page.get_by_text("the slider shows its nearest step")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"[?&]t=0\.\d\d(&|$)"))


def test_link_and_files_hold_what_is_shown(open_at, server, two_runs):
    page = open_at("evaluate?run=quick-1&t=0.00256&interval=newcombe", server=server)
    page.get_by_role("button", name="…").click()
    link = page.get_by_test_id("stCode").filter(has_text="evaluate?")
    expect(link).to_contain_text("t=0.00256")
    expect(link).to_contain_text("interval=newcombe")
    with page.expect_download() as download:
        page.get_by_role("button", name="Predictions as CSV").click()
    predicted = store.predictions(store.open_run(Workspace(two_runs), "quick-1"), "test")
    file = Path(download.value.path())
    found = auc(file).intervals["y_score"]
    assert found.value == roc.auc(predicted["y_true"], predicted["y_score"])
    assert file.read_text().splitlines()[0] == "file,picture,truth,says,y_true,y_score"
    with page.expect_download() as download:
        page.get_by_role("button", name="Figures as JSON").click()
    known = json.loads(Path(download.value.path()).read_text())
    assert (known["threshold"], known["interval"]) == (0.00256, "newcombe")
