"""What is typed or chosen in a form is what is used, or it is said that it cannot be."""

import re
import shutil
import zipfile

import pytest
from playwright.sync_api import expect

from engine import lease
from engine.commands import train
from engine.runs import store
from engine.training.config import train_config
from engine.workspace import Workspace

pytestmark = pytest.mark.browser


def test_a_number_out_of_bounds_starts_no_training_with_another(open_at):
    """With bounds of its own the widget kept 9999 to itself, and 8 epochs were trained."""
    page = open_at("train?dataset=drawn&preset=quick")
    epochs = page.get_by_role("spinbutton", name="Epochs", exact=True)
    start = page.get_by_role("button", name="Start training")
    expect(start).to_be_enabled()
    epochs.fill("9999")
    epochs.press("Tab")
    expect(page.get_by_text("epochs = 9999 cannot be used")).to_be_visible()
    expect(start).to_be_disabled()
    epochs.fill("3")
    epochs.press("Tab")
    expect(start).to_be_enabled()


def test_a_zip_chosen_on_the_first_page_is_still_there_when_the_first_run_ends(
    workspace, tmp_path, serve, open_at, two_classes, until
):
    place = Workspace(shutil.copytree(workspace, tmp_path / "place"))
    done = store.open_run(place, "quick-1")
    shutil.rmtree(done.folder)
    own = shutil.copytree(place.datasets / "drawn", place.datasets / "own")
    record = own / "dataset.json"
    told = record.read_text().replace('"source": "drawn"', '"source": "own.zip"')
    created = re.compile('"created": "[^"]*"')
    record.write_text(created.sub('"created": "2999-01-01T00:00:00+00:00"', told))
    pets = two_classes(tmp_path / "pets")
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for path in pets.rglob("*.png"):
            archive.write(path, path.relative_to(pets))

    run = train.create_run(place, "drawn", train_config("quick", image_size=32))
    with lease.hold(run.folder / "lease.json"):
        run = store.save(run, status="running", started=store.now())
        page = open_at("", server=serve(place.path).address)
        # what the run learns from, and not the newest pictures
        expect(page.get_by_text("cat and dog, drawn by the program")).to_be_visible()
        page.locator("input[type=file]").set_input_files(tmp_path / "pets.zip")
        name = page.get_by_role("textbox", name="Name of the dataset")
        expect(name).to_have_value("pets")
        store.save(
            run, status="finished", ended=store.now(), figures=done.figures,
            weights_sha256=done.weights_sha256, seconds=1.0,
        )  # fmt: skip
        expect(page.get_by_role("link", name="Look at them now")).to_be_visible()
    expect(name).to_have_value("pets")
    page.get_by_role("button", name="Check and store them").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    until(lambda: (place.datasets / "pets" / "dataset.json").exists())
