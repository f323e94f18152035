"""Training from a real browser, whose clicks may come faster than a page is drawn."""

import re

import pytest
from playwright.sync_api import expect

from engine import files
from engine.runs import store

pytestmark = pytest.mark.browser


def test_a_double_click_starts_one_run(open_at, browser_workspace, until):
    runs = browser_workspace / "runs"
    before = set(runs.iterdir())

    def still_training() -> bool:
        started = set(runs.iterdir()) - before
        return any(files.read_json(run / "run.json")["status"] in store.ACTIVE for run in started)

    page = open_at("train?dataset=drawn&preset=quick")
    start = page.get_by_role("button", name="Start training")
    start.click()
    until(lambda: set(runs.iterdir()) - before)
    start.click()  # while the page is still drawn anew after the first
    expect(page).to_have_url(re.compile("job=quick-"))
    until(lambda: not still_training())
    assert len(set(runs.iterdir()) - before) == 1
