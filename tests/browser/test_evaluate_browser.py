"""Evaluate as it is hovered, dragged and taken along."""

import csv
import io
import re
import struct
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from engine.evaluation import roc
from engine.runs import store
from engine.workspace import Workspace

pytestmark = pytest.mark.browser


@pytest.fixture
def page(open_at) -> Page:
    page = open_at("evaluate?run=quick-1")
    expect(page.locator(".js-plotly-plot .xtitle")).to_have_count(2)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    return page


def chart(page: Page):
    return page.get_by_role("figure", name=re.compile("^ROC curve of quick-1"))


def taken(page: Page, kind: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=kind, exact=True).click()
    assert download.value.suggested_filename.endswith(f".{kind.lower()}")
    return Path(download.value.path()).read_bytes()


def test_the_roc_curve_is_taken_along_as_it_is_seen(page, browser_workspace):
    page.get_by_role("button", name="Files").first.click()
    image = taken(page, "PNG")
    assert image.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", image[16:24])
    seen = page.locator(".st-key-roc-light .main-svg").first.bounding_box()
    assert (width, height) == (3 * round(seen["width"]), 3 * round(seen["height"]))
    drawing = taken(page, "SVG").decode()
    root = ElementTree.fromstring(drawing)
    assert "sensitivity: dogs found" in "".join(root.itertext())
    assert "rgb(11, 107, 96)" in drawing  # the accent, as it is on the page
    assert "font/woff2" in drawing
    assert "hoverlayer" not in drawing

    predicted = store.predictions(store.open_run(Workspace(browser_workspace), "quick-1"), "test")
    rows = list(csv.DictReader(io.StringIO(taken(page, "CSV").decode())))
    sensitivity, specificity = (
        np.array([float(row[name]) for row in rows]) for name in ("sensitivity", "specificity")
    )
    area = np.trapezoid(sensitivity, 1 - specificity)
    assert area == pytest.approx(roc.auc(predicted["y_true"], predicted["y_score"]))
    assert b"Plotly.newPlot" in taken(page, "HTML")


def test_the_confusion_matrix_is_taken_along_too(page):
    page.get_by_role("button", name="Files").nth(2).click()
    text = " ".join(ElementTree.fromstring(taken(page, "SVG")).itertext())
    assert re.search(r"truly cat dog cat \d+ \d+ dog \d+ \d+", text)
    assert taken(page, "PNG").startswith(b"\x89PNG")


def test_a_table_that_is_longer_than_a_picture_may_be_is_taken_along_smaller(open_at):
    page = open_at("evaluate?of=file")
    rows = "".join(f"{at % 2},{at / 1000}\n" for at in range(1000))
    sent = {"name": "a.csv", "mimeType": "text/csv", "buffer": f"y_true,y_score\n{rows}".encode()}
    page.locator("input[type=file]").set_input_files(sent)
    page.get_by_role("tab", name="Operating points").click()
    heading = page.get_by_role("heading", name="Every threshold")
    expect(heading).to_be_visible()
    page.get_by_role("button", name="Files").last.click()
    height = struct.unpack(">II", taken(page, "PNG")[16:24])[1]
    assert 20_000 < height < 32_768  # three times 24,000 would be more than a browser draws


def test_a_hover_over_the_curve_says_threshold_sensitivity_and_specificity(page):
    ring = page.locator(".st-key-roc-light .scatterlayer .point").last.bounding_box()
    x, y = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    page.mouse.move(x - 9, y - 9)
    page.mouse.move(x, y, steps=4)
    said = page.locator(".st-key-roc-light .hoverlayer").first
    for word in ("threshold 0.", "sensitivity", "specificity"):
        expect(said).to_contain_text(word)


def test_the_slider_moves_marker_line_matrix_and_cards(page):
    slider = page.get_by_role("slider", name=re.compile("Threshold"))
    slider.press("Home")
    label = page.locator(".st-key-roc-light .annotation-text")
    expect(label).to_have_text(["threshold 0.00"])  # and no longer that of before
    expect(page.locator(".card", has_text="Accuracy").first).to_contain_text("at 0.00")
    expect(page.locator(".matrix [data-id='tn'] .count")).to_have_text("0")
    expect(page.locator(".matrix [data-id='fn'] .count")).to_have_text("0")
    slider.press("End")
    expect(label).to_have_text(["threshold 1.00"])


def test_level_and_side_are_chosen_and_stand_in_the_address(page):
    page.get_by_role("button", name="95%").click()
    page.get_by_role("spinbutton", name="Confidence level, %").fill("90")
    page.keyboard.press("Enter")
    first = page.locator(".card").first
    expect(first).to_contain_text("90% 0.")
    expect(page).to_have_url(re.compile("[?&]level=90"))
    page.get_by_role("radio", name="lower").click()
    expect(first).to_contain_text("90% at least 0.")
    expect(page).to_have_url(re.compile("[?&]side=lower(&|$)"))
    page.get_by_role("tab", name="Calibration").click()
    expect(page).to_have_url(re.compile("[?&]tab=Calibration(&|$)"))
    page.reload()
    expect(page.locator(".card").first).to_contain_text("90% at least 0.")
    expect(page.get_by_role("heading", name="Calibration")).to_be_visible()
    page.get_by_role("button", name="…").click()
    link = page.get_by_test_id("stCode").filter(has_text="evaluate?")
    for part in ("level=90", "side=lower", "tab=Calibration", "band=pointwise"):
        expect(link).to_contain_text(part)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="90%")).to_be_visible()
