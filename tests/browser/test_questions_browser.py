"""Many classes in a real browser: a zip is looked into before it is sent, a question is asked."""

import re
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from engine import records
from engine.data import dataset as datasets
from engine.data.dataset import open_dataset
from engine.workspace import Workspace

pytestmark = pytest.mark.browser


def test_subjects_are_seen_before_a_zip_is_sent_and_kept_together_after(
    open_at, browser_workspace, tmp_path, draw_files, until
):
    with zipfile.ZipFile(tmp_path / "scans.zip", "w") as archive:
        for word in ("cancer", "healthy"):
            for path in draw_files(tmp_path / word, word, 24):
                subject, shot = divmod(int(path.stem), 4)
                archive.write(path, f"{word}/patient_{word[0]}{subject}_{shot}.png")
    page = open_at("?add=own", width=390)
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(tmp_path / "scans.zip")
    expect(dialog.get_by_text("in 2 classes: cancer and healthy")).to_be_visible()
    subjects = dialog.get_by_role("textbox", name="Subjects")
    subjects.fill("patient_([a-z")
    subjects.press("Enter")
    expect(dialog.get_by_text("cannot be read")).to_be_visible()
    send = dialog.get_by_role("button", name="Check and store them")
    expect(send).to_be_disabled()
    subjects.fill(r"patient_([a-z]\d+)")
    subjects.press("Enter")
    expect(dialog.get_by_text("48 pictures of 12 subjects")).to_be_visible()
    first = dialog.get_by_role("row", name=re.compile("patient_c0_0"))
    expect(first.get_by_role("cell").nth(1)).to_have_text("c0")
    dialog.get_by_role("combobox", name="Which class is positive?").click()
    page.get_by_role("option", name="cancer").click()
    expect(dialog.get_by_text("--positive cancer")).to_be_visible()
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) == 0
    send.click()
    expect(page.get_by_text("48 pictures of 12 subjects and the classes")).to_be_visible()
    stored = open_dataset(Workspace(browser_workspace), "scans")
    assert stored.class_names == ("healthy", "cancer")
    parts = {(group, int(part)) for group, part in zip(stored.groups, stored.part_of, strict=True)}
    assert len(parts) == 12


def test_a_question_is_asked_by_choosing_classes(open_at, browser_workspace):
    """On the drawn pictures, called four classes in turn."""
    drawn = open_dataset(Workspace(browser_workspace), "drawn")
    folder = shutil.copytree(drawn.folder, drawn.folder.with_name("zoo"))
    labels = (drawn.labels + 2 * (np.arange(drawn.size) // 2 % 2)).astype(np.uint8)
    np.save(folder / "labels.npy", labels)
    counts = {
        part: tuple(np.bincount(labels[drawn.indices(part)], minlength=4).tolist())
        for part in drawn.counts
    }
    names = ("cat", "dog", "fox", "hare")
    zoo = replace(drawn, folder=folder, name="zoo", class_names=names, counts=counts)
    records.write(folder / "dataset.json", datasets.KIND, zoo)
    page = open_at("train?dataset=zoo&preset=quick&positive=dog", scheme="dark")
    start = page.get_by_role("button", name="Start training")
    expect(page.get_by_text("The question has no negative class")).to_be_visible()
    expect(start).to_be_disabled()
    page.get_by_role("combobox", name=re.compile("Negative classes")).click()
    page.get_by_role("option", name="fox").click()
    expect(page.get_by_text("Asked is dog against fox")).to_be_visible()
    expect(page).to_have_url(re.compile("positive=dog.*negative=fox"))
    page.keyboard.press("Escape")
    expect(start).to_be_enabled()
    found = Axe().run(page, options={"runOnly": ["wcag2aa", "wcag22aa"]}).response["violations"]
    assert not [(one["id"], one["nodes"][0]["html"]) for one in found]
    start.click()
    expect(page.get_by_role("heading", name=re.compile(r"zoo \(dog against fox\)"))).to_be_visible()
    page.get_by_role("button", name="Do not start it").or_(
        page.get_by_role("button", name="Stop and keep the best")
    ).click()
