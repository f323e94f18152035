"""Training from a real browser, whose clicks may come faster than a page is drawn."""

import re

import pytest
from playwright.sync_api import Page, expect

from engine import files
from engine.commands import train
from engine.runs import outcome, store
from engine.runs.record import ACTIVE, Run
from engine.training.config import train_config
from engine.workspace import Workspace

pytestmark = pytest.mark.browser

POINTS = """name => [...document.querySelectorAll('.js-plotly-plot')]
    .filter(chart => chart.offsetParent)
    .map(chart => chart.data?.find(line => line.name === name))
    .filter(line => line)
    .map(line => line.y.length)"""


def test_a_double_click_starts_one_run(open_at, browser_workspace, until):
    runs = browser_workspace / "runs"
    before = set(runs.iterdir())

    def still_training() -> bool:
        started = set(runs.iterdir()) - before
        return any(files.read_json(run / "run.json")["status"] in ACTIVE for run in started)

    page = open_at("train?dataset=drawn&preset=quick")
    start = page.get_by_role("button", name="Start training")
    start.click()
    until(lambda: set(runs.iterdir()) - before)
    start.click()  # while the page is still drawn anew after the first
    expect(page).to_have_url(re.compile("job=quick-"))
    until(lambda: not still_training())
    assert len(set(runs.iterdir()) - before) == 1


def write_epochs(run: Run, count: int) -> None:
    """What a run has written when `count` epochs have ended and the next one is on."""
    rows = [f"{e},{1 / e},0.6,{1 / e},{0.5 + e / 100},0.003,2.0" for e in range(1, count + 1)]
    header = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds"
    (run.folder / "history.csv").write_text("\n".join([header, *rows, ""]))
    outcome.write_progress(
        run.folder,
        {"phase": "training", "epoch": count + 1, "epochs": 8, "batch": 1, "batches": 6,
         "pictures_per_second": 226.0, "seconds_left": 34.0},
    )  # fmt: skip


def test_the_live_chart_is_as_far_as_the_numbers_beside_it(open_at, browser_workspace, until):
    run = train.create_run(
        Workspace(browser_workspace), "drawn", train_config("quick", image_size=32)
    )
    with store.taken_up(run):
        run = store.save(run, status="running", started=store.now())
        write_epochs(run, 2)
        page = open_at(f"train?job={run.id}")
        for count in (2, 3, 4):
            write_epochs(run, count)
            expect(page.get_by_text(f"Epoch {count + 1} of 8, about 34 s left.")).to_be_visible()
            expect(page.get_by_text(f"Best so far, epoch {count}")).to_be_visible()
            expect(page.get_by_text(f"lower is better · after epoch {count}")).to_be_visible()
            until(lambda: page.evaluate(POINTS, "validation") == [count, count], 30)  # noqa: B023
        store.save(run, status="failed", ended=store.now(), error="It was a test.")
    expect(page.get_by_text("It was a test.")).to_be_visible()  # by itself


def chosen_dataset(page: Page):
    return page.get_by_role("combobox", name="Dataset")


def test_a_link_to_train_arrives_with_its_dataset_and_the_form_is_found_as_it_was_left(
    open_at, browser_workspace, two_classes, tmp_path, cli, until
):
    done = cli("prepare", two_classes(tmp_path / "pets"), "--name", "small", "--image-size", 48,
               workspace=browser_workspace)  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = open_at("train?dataset=drawn")
    expect(chosen_dataset(page)).to_have_value("drawn")
    epochs = page.get_by_label("Epochs", exact=True)
    epochs.fill("3")
    epochs.press("Enter")
    until(lambda: page.evaluate(POINTS, "learning rate") == [3], 60)
    page.get_by_role("link", name="Overview", exact=True).click()
    page.get_by_role("link", name="Train on small").click()
    expect(chosen_dataset(page)).to_have_value("small")
    expect(page).to_have_url(re.compile("dataset=small"))
    expect(epochs).to_have_value("3")
    page.get_by_role("link", name="Overview", exact=True).click()
    page.get_by_role("link", name="Train", exact=True).click()
    expect(chosen_dataset(page)).to_have_value("small")
    expect(epochs).to_have_value("3")


def test_the_advice_to_bring_pictures_opens_the_upload_and_back_closes_it(open_at):
    page = open_at("")
    page.get_by_role("link", name=re.compile("Give drawn more pictures")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("prepare drawn --name drawn-2")).to_be_visible()
    expect(page).to_have_url(re.compile("add=drawn"))
    page.go_back()
    expect(dialog).not_to_be_visible()
    expect(page).not_to_have_url(re.compile("add="))
