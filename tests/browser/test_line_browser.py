"""What only a browser shows of runs in line: the notice of an end, and rows that are ticked."""

import pytest
from playwright.sync_api import Page, expect

from engine import lease
from engine.commands import line, train
from engine.jobs import queue
from engine.runs import store
from engine.runs.record import Run
from engine.training.config import train_config
from engine.workspace import Workspace

pytestmark = pytest.mark.browser

HIDE = """hidden => {
  Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden})
  document.dispatchEvent(new Event('visibilitychange'))
}"""


def icon(page: Page) -> str:
    return page.evaluate("document.querySelector(\"link[rel~='icon']\").href")


@pytest.fixture
def place(browser_workspace) -> Workspace:
    return Workspace(browser_workspace)


def made(place: Workspace) -> Run:
    return train.create_run(place, "drawn", train_config("quick", image_size=32))


def test_the_tab_says_that_a_run_has_ended_until_it_is_looked_at(open_at, place, until):
    run = made(place)
    with store.taken_up(run):
        run = store.save(run, status="running", started=store.now())
        page = open_at(f"train?job={run.id}")
        expect(page.get_by_role("button", name="Stop and keep the best")).to_be_visible()
        expect(page.get_by_text("machine: processors")).to_be_visible()
        title, before = page.title(), icon(page)
        page.evaluate(HIDE, True)
        store.save(run, status="failed", ended=store.now(), error="It was a test.")
    expect(page).to_have_title(f"✗ {run.id} failed · Camsight")
    until(lambda: icon(page).startswith("data:image/svg"), 10)
    page.evaluate(HIDE, False)
    expect(page).to_have_title(title)
    assert icon(page) == before
    assert "Camsight" in title


def test_a_row_that_is_ticked_is_moved_and_stays_ticked(open_at, place):
    first, *waiting = (made(place) for _ in range(4))
    for run in (first, *waiting):
        queue.join(place, run.id)
    try:
        with store.taken_up(first), lease.hold(place.dispatcher):  # as the dispatcher
            store.save(first, status="running", started=store.now())
            page = open_at(f"train?job={first.id}")
            rows = page.get_by_test_id("stDataFrame")
            up = page.get_by_role("button", name="Up", exact=True)
            expect(up).to_be_disabled()
            last = {"x": 15, "y": 34 * 4 + 17}  # the box of the fourth row, which is drawn
            rows.locator("canvas").first.click(position=last, force=True)
            expect(up).to_be_enabled()
            up.click()
            expect(page.get_by_test_id("glide-cell-1-2")).to_have_text(waiting[2].id)
            assert queue.in_line(place)[-3:] == [waiting[i].id for i in (0, 2, 1)]
            expect(up).to_be_enabled()  # ticked where it stands now
            page.get_by_role("button", name="Cancel", exact=True).click()
            expect(up).to_be_disabled()
            assert store.open_run(place, waiting[2].id).status == "stopped"
            store.save(first, status="failed", ended=store.now(), error="It was a test.")
    finally:
        for run in (first, *waiting):
            line.cancel(place, run.id)
            queue.leave(place, run.id)
