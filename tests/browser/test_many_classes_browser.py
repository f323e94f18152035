"""Evaluate for a run of many classes, as it is clicked, linked to, and read aloud."""

import re
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from engine.runs import store
from engine.workspace import Workspace
from tests.browser.still import be_still

pytestmark = pytest.mark.browser
NAMES = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "owl", "pig", "rat", "yak")


@pytest.fixture(scope="module")
def zoo(tmp_path_factory, add_many) -> Path:
    """Twelve classes as "quick-1", three of them as "quick-2"."""
    place = tmp_path_factory.mktemp("zoo")
    add_many(place, NAMES)
    add_many(place, NAMES[1:4], name="pets")
    return place


@pytest.fixture(scope="module")
def server(serve, zoo) -> str:
    return serve(zoo).address


@pytest.fixture(scope="module")
def common_mistake(zoo) -> tuple[int, int, int]:
    """Truth, what the model says, and how often, of the most frequent mistake."""
    predicted = store.predictions(store.open_run(Workspace(zoo), "quick-1"), "test")
    counts = np.zeros((12, 12), int)
    np.add.at(counts, (predicted["y_true"], predicted["y_score"].argmax(axis=1)), 1)
    np.fill_diagonal(counts, 0)
    truth, said = np.unravel_index(counts.argmax(), counts.shape)
    return int(truth), int(said), int(counts.max())


def settled(page: Page) -> None:
    expect(page.locator(".js-plotly-plot .xtitle")).to_have_count(2)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    be_still(page)


def class_box(page: Page):
    return page.get_by_role("combobox", name="Class", exact=True)


def test_a_cell_and_a_class_are_chosen_by_a_click_and_stand_in_the_address(
    open_at, server, common_mistake
):
    truth, said, n = common_mistake
    page = open_at("evaluate?run=quick-1", server=server)
    settled(page)
    matrix = page.get_by_role("region", name="Confusion matrix of all classes")
    name = f"{n} {NAMES[truth]}s? taken for {NAMES[said]}s?, show these pictures"
    cell = matrix.get_by_role("button", name=re.compile(name))
    cell.click()
    expect(cell).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile(f"[?&]cell={truth}-{said}(&|$)"))
    pictures = page.get_by_role("img", name=f"{NAMES[truth]}, the model says {NAMES[said]}")
    expect(pictures).to_have_count(n)

    classes = page.get_by_role("region", name="Classes by AUC")
    row = classes.get_by_role("button", name="cat", exact=True)
    row.click()
    expect(row).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("[?&]class=cat(&|$)"))
    expect(class_box(page)).to_have_value("cat against the rest")
    expect(page.get_by_role("heading", name="cat against the rest")).to_be_visible()
    expect(cell).to_have_attribute("aria-pressed", "true")  # what was chosen before stays

    page.reload()
    settled(page)
    expect(class_box(page)).to_have_value("cat against the rest")
    expect(pictures).to_have_count(n)
    page.get_by_role("button", name="…").click()
    link = page.get_by_test_id("stCode").filter(has_text="evaluate?")
    expect(link).to_contain_text("class=cat")
    expect(link).to_contain_text(f"cell={truth}-{said}")
    expect(page.get_by_role("button", name="All probabilities as CSV")).to_be_visible()
    expect(page.get_by_role("button", name="cat against the rest as CSV")).to_be_visible()
    page.keyboard.press("Escape")
    cell.click()
    expect(cell).to_have_attribute("aria-pressed", "false")
    expect(page).not_to_have_url(re.compile("cell="))


def test_a_cell_is_pressed_no_longer_than_its_pictures_are_shown(open_at, server, common_mistake):
    cell = "{}-{}".format(*common_mistake[:2])
    page = open_at(f"evaluate?run=quick-1&cell={cell}", server=server)
    settled(page)
    of_all = page.locator(f".confusion [data-id='{cell}']")
    expect(of_all).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("stButtonGroup").get_by_text("Least certain").click()
    expect(of_all).to_have_attribute("aria-pressed", "false")
    of_all.click()
    expect(of_all).to_have_attribute("aria-pressed", "true")
    of_one = page.locator(".matrix [data-id='tn']")
    of_one.click()
    expect(of_one).to_have_attribute("aria-pressed", "true")
    expect(of_all).to_have_attribute("aria-pressed", "false")
    expect(page).to_have_url(re.compile("[?&]cell=tn(&|$)"))


def test_the_worst_class_is_named_and_a_choice_can_be_taken_back(open_at, server):
    page = open_at("evaluate?run=quick-1", server=server)
    settled(page)
    expect(page).to_have_url(re.compile("[?&]class="))
    worst = re.search("[?&]class=([a-z]+)", page.url)[1]
    class_box(page).click()
    page.get_by_role("option", name="ant against the rest").click()
    expect(page).to_have_url(re.compile("[?&]class=ant(&|$)"))
    page.go_back()
    expect(class_box(page)).to_have_value(f"{worst} against the rest")
    page.go_forward()
    expect(class_box(page)).to_have_value("ant against the rest")


@pytest.mark.parametrize(
    ("run", "scheme", "width"),
    [
        ("quick-1", "light", 1440),
        ("quick-1", "dark", 1440),
        ("quick-1", "light", 390),
        ("quick-2", "dark", 390),
    ],
)
def test_axe_finds_nothing(open_at, server, run, scheme, width):
    page = open_at(f"evaluate?run={run}&err=uncertain", server, scheme, width)
    settled(page)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    told = Axe().run(page, options={"runOnly": tags, "resultTypes": ["violations"]}).response
    found = [f"{v['id']}: {n['target']} {n['failureSummary']}" for v in told["violations"]
             for n in v["nodes"]]  # fmt: skip
    assert not found, "\n".join(found)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
