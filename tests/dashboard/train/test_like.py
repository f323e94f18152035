"""Train again with changes: the form is filled from a run that a link names."""

import shutil
from functools import partial

import pytest

from dashboard import state
from dashboard.parts import links
from engine.commands.prepare import prepare
from engine.runs import store
from engine.workspace import Workspace
from tests.dashboard import pages
from tests.dashboard.pages import box

opened = partial(pages.opened, links.TRAIN)


@pytest.fixture(autouse=True)
def nothing_is_started(monkeypatch):
    monkeypatch.setattr("engine.commands.estimate.start_estimate", lambda *_: None)


@pytest.fixture
def place(tmp_path, use_workspace, two_classes, decode_here) -> Workspace:
    """The datasets "pets" and, newer, "others"."""
    place = Workspace(use_workspace(tmp_path / "workspace"))
    for name in ("pets", "others"):
        folder = two_classes(tmp_path / name, 20)
        if name == "others":
            (folder / "cat" / "0.png").unlink()
        prepare(place, str(folder), name, image_size=48)
    return place


@pytest.fixture
def run(place, add_run):
    dataset = next(one for one in state.look().datasets if one.name == "pets")
    run = add_run(place, dataset="pets", dataset_fingerprint=dataset.fingerprint)
    changed = {"preset": "classic", "learning_rate": 0.0123, "epochs": 7, "optimizer": "adam",
               "augment": False, "seed": 5, "l2": 0.02}  # fmt: skip
    return store.save(run, config=run.config | changed)


def values(at) -> dict:
    kinds = (at.number_input, at.selectbox, at.select_slider, at.toggle)
    return {widget.label: widget.value for kind in kinds for widget in kind}


def test_every_hyperparameter_and_the_dataset_are_the_runs(run):
    at = opened(like="quick-1")
    told = values(at)
    assert told["Dataset"] == "pets"  # and not the newest
    assert (told["Epochs"], told["Seed"], told["L2 penalty"]) == (7, 5, 0.02)
    assert (told["Learning rate"], told["Optimizer"]) == (0.0123, "adam")  # no step of the slider
    assert told["Image size, px"] == 32
    assert told["Augment the training pictures"] is False
    assert at.query_params["preset"] == "classic"
    assert any("Filled from quick-1." in caption.value for caption in at.caption)


def test_what_is_changed_then_stays_and_the_preset_is_one_click_away(run):
    at = opened(like="quick-1")
    next(n for n in at.number_input if n.label == "Epochs").set_value(9).run()
    assert values(at)["Epochs"] == 9
    at.button(key="unlike").click().run()
    assert "like" not in at.query_params
    assert (values(at)["Epochs"], values(at)["Seed"]) == (20, 1)  # classic's own


def test_it_follows_a_link_from_another_page_whatever_was_chosen_before(run):
    at = opened(preset="quick", dataset="others")
    at.switch_page(links.RUNS).run()
    at.query_params.clear()
    at.query_params["like"] = "quick-1"
    at.switch_page(links.TRAIN).run()
    assert (values(at)["Epochs"], values(at)["Dataset"]) == (7, "pets")
    assert at.query_params["preset"] == "classic"


def test_a_run_that_is_not_there_is_a_sentence(run):
    at = opened(like="quick-9*")
    assert at.warning[0].value.startswith("There is no run quick-9\\* here to start from")
    assert values(at)["Epochs"] == 12
    assert not at.error


def test_a_configuration_of_another_version_is_a_sentence(run):
    store.save(run, config=run.config | {"optimizer": "lion"})
    at = opened(like="quick-1")
    assert "The preset's values are shown." in at.warning[0].value
    assert "lion" in at.warning[0].value
    assert values(at)["Epochs"] == 12


def test_pictures_that_are_gone_are_a_sentence_and_the_settings_are_used(run, place):
    shutil.rmtree(place.datasets / "pets")
    at = opened(like="quick-1")
    assert "The pictures of quick-1 (pets) are gone" in at.warning[0].value
    assert (values(at)["Epochs"], values(at)["Dataset"]) == (7, "others")


def test_the_question_comes_with_it(tmp_path, use_workspace, add_many):
    use_workspace(tmp_path)
    run = add_many(tmp_path, ("cat", "dog", "fox"))
    store.save(run, class_names=("fox", "cat"), positive=("cat",), negative=("fox",))
    at = opened(like="quick-1")
    assert box(at, "Dataset").value == "zoo"
    assert {one.label: one.value for one in at.multiselect} == {
        "Positive classes": ["cat"], "Negative classes": ["fox"],
    }  # fmt: skip
