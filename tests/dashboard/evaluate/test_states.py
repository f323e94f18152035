"""The page Evaluate where something is missing, damaged, or not done yet."""

import csv
import io
import shutil
from functools import partial

import numpy as np
import pytest

from dashboard.evaluate import take_along
from dashboard.parts import links
from engine.commands import evaluate, snapshot
from engine.data.dataset import open_dataset
from engine.runs import outcome, store
from engine.runs.record import Run
from engine.workspace import Workspace
from tests.dashboard import pages
from tests.dashboard.pages import box, cards, drawn, explained, said

opened = partial(pages.opened, links.EVALUATE)


def test_without_a_run_the_page_says_what_will_be_here_and_leads_to_training(empty_workspace):
    at = opened()
    assert "There is no run to judge yet" in said(at)
    assert [link.proto.page for link in at.get("page_link")] == ["train"]
    assert drawn(at, "cards") == []


def test_a_run_in_training_says_when_its_figures_come_and_offers_another(own):
    known = ("dataset", "dataset_fingerprint", "split_id", "class_names", "dataset_image_size",
             "image_size", "config")  # fmt: skip
    place = Workspace(own.folder.parents[1])
    active = store.create(place, "quick", **{name: getattr(own, name) for name in known})
    with store.taken_up(active):
        store.save(active, status="running")
        outcome.write_progress(
            active.folder,
            {"phase": "training", "epoch": 2, "epochs": 4, "batch": 3, "batches": 6,
             "seconds_left": 22.4},
        )  # fmt: skip
        at = opened(run=active.id)
        assert f"{active.id} is running, so it has no AUC yet" in said(at)
        assert "in about 22 s" in said(at)
        assert drawn(at, "cards") == []
        (look,) = [b for b in at.button if b.label == "Look at quick-1"]
        look.click().run()
        assert cards(at)["AUC"]["value"]
        assert box(opened(), "Run").value == "quick-1"
        (active.folder / "progress.json").write_text("{")
        assert "when its training has ended" in said(opened(run=active.id))


def test_a_failed_run_says_why_in_its_own_words(own):
    sentence = "The loss became NaN in epoch 1; try a learning rate of 0.03 or less."
    store.save(own, status="failed", figures=None, error=sentence)
    at = opened()
    assert [error.value for error in at.error] == [sentence]
    assert drawn(at, "cards") == []


def test_numbers_stay_where_the_pictures_are_gone(own):
    before = cards(opened())
    shutil.rmtree(own.folder.parents[1] / "datasets" / "drawn")
    at = opened()
    assert cards(at) == before
    assert any("is gone, or holds others now" in w.value for w in at.warning)
    assert explained(at) == []


def test_pictures_prepared_again_under_other_names_are_shown_under_their_own_scores(own, cli):
    """The same pictures in another order: rows of the predictions would show others."""
    place = Workspace(own.folder.parents[1])
    data = open_dataset(place, "drawn")
    before = {name: data.images[at].copy() for at, name in enumerate(data.pictures)}
    order = np.random.default_rng(3).permutation(data.size)
    for name in ("images", "labels", "split", "pictures"):
        array = np.load(data.folder / f"{name}.npy")
        np.save(data.folder / f"{name}.npy", array[order])
    with (data.folder / "pictures.csv").open("w", newline="") as file:
        rows = ([f"other/{at:04}.png", "", "", ""] for at in range(data.size))
        csv.writer(file).writerows([["file", "class", "group", "part"], *rows])
    snapshot.forget(place)
    found = evaluate.evaluate(place, "quick-1")
    for row in csv.DictReader(io.StringIO(take_along.predictions_csv(found))):
        at = int(row["file"].removeprefix("other/").removesuffix(".png"))
        again = open_dataset(place, "drawn")
        assert (again.images[at] == before[row["picture"]]).all()
    links = explained(opened())
    assert {link["pics"] for link in links} <= {name[:16] for name in before}
    assert links


def test_unreadable_predictions_end_in_a_sentence(own):
    (own.folder / "predictions.npz").write_bytes(b"not an archive")
    at = opened()
    (error,) = [error.value for error in at.error]
    assert error.startswith("The predictions of 'quick-1' cannot be read")
    assert drawn(at, "cards") == []


@pytest.mark.parametrize("file", ["images.npy", "pictures.npy", "pictures.csv"])
def test_a_damaged_dataset_takes_the_pictures_and_leaves_the_numbers(own, file):
    cut_short(own, file)
    at = opened()
    assert cards(at)["AUC"]["value"] == f"{own.figures['auc']:.3f}"
    assert explained(at) == []
    assert any(f"{file} of the dataset" in warning.value for warning in at.warning)


def test_pictures_that_are_cut_short_under_a_running_server_do_not_end_it(own):
    assert explained(opened())
    cut_short(own, "images.npy")
    at = opened()
    assert explained(at) == []
    assert any("images.npy of the dataset" in warning.value for warning in at.warning)


def cut_short(run: Run, file: str) -> None:
    path = run.folder.parents[1] / "datasets" / "drawn" / file
    with path.open("r+b") as opened:
        opened.truncate(200)


def test_an_unreadable_run_that_a_link_asks_for_is_told_with_its_reason(own):
    broken = own.folder.with_name("quick-7")
    shutil.copytree(own.folder, broken)
    (broken / "run.json").write_text("{")
    at = opened(run="quick-7")
    assert box(at, "Run").value == "quick-1"
    (warning,) = [w.value for w in at.warning if "quick-7" in w.value]
    assert "unreadable: run.json cannot be read" in warning.replace("\\", "")
    assert "quick-1 is shown instead" in warning
    assert at.query_params["run"] in ("quick-1", ["quick-1"])
    at.run()
    assert any("quick-7" in w.value for w in at.warning)  # until one has chosen
    (own.folder / "run.json").write_text("")
    assert any("unreadable" in w.value for w in opened(run="quick-1").warning)


def test_a_stopped_run_says_how_far_it_came(own):
    config = {**own.config, "epochs": 40}
    store.save(own, status="stopped", config=config, best_epoch=1)
    at = opened()
    assert at.caption[0].value == "quick on drawn, 32 px, 2 of 40 epochs"
    at.session_state["tab"] = "All numbers"
    at.run()
    numbers, configuration = at.table
    assert "of the validation pictures were right then" in numbers.value.to_string()
    assert "batch_size" in configuration.value.to_string().replace("\\", "")
