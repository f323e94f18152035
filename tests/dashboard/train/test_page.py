"""Train: the form follows the engine's configuration, and starts what was chosen."""

import json
import time
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import words
from dashboard.parts import links, live
from engine import files
from engine.commands import prepare
from engine.runs import store
from engine.training.config import TrainConfig, train_config
from engine.workspace import Workspace
from tests.dashboard import pages
from tests.dashboard.pages import cards, texts

opened = partial(pages.opened, links.TRAIN)


def field(at: AppTest, name: str, preset: str = "quick"):
    """The widget of a hyperparameter, whatever kind it is."""
    image_size = f"{name}-{preset}-drawn"
    kinds = ("number_input", "selectbox", "select_slider", "toggle")
    widgets = [widget for kind in kinds for widget in getattr(at, kind)] + list(at.button_group)
    return next(w for w in widgets if w.key in (f"{name}-{preset}", image_size))


# --- the form -------------------------------------------------------------------------------------


def test_every_hyperparameter_has_a_widget_with_its_default_and_help(workspace, no_processes):
    at = opened()
    default = train_config("quick")
    for name, known in TrainConfig.model_fields.items():
        if name in ("preset", "backbone", "fine_tune"):
            continue
        widget = field(at, name)
        expected = min(default.image_size, 64) if name == "image_size" else getattr(default, name)
        assert widget.value == expected, name
        assert widget.proto.help == known.description


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("epochs", 9999, "epochs = 9999 cannot be used"),
        ("image_size", 65, "above the 64 pixels of 'drawn'"),  # the dataset's, not the engine's
        ("momentum", 1.0, "momentum = 1.0 cannot be used"),
    ],
)
def test_a_number_out_of_bounds_is_a_sentence_and_starts_nothing(
    workspace, no_processes, name, value, says
):
    at = opened()
    field(at, name).set_value(value).run()
    assert any(says in error.value.replace("\\", "") for error in at.error)
    assert at.button(key="start").disabled


def test_the_preset_follows_the_pictures_until_another_is_chosen(
    copied, no_processes, two_classes, tmp_path
):
    """Photographs get transfer, whose form has no rate unless blocks are fine-tuned."""
    prepare.prepare(copied, str(two_classes(tmp_path / "pets")), "pets", image_size=48)
    at = opened(dataset="pets")
    assert field(at, "backbone", "transfer").value == "efficientnet-lite0"
    assert not [one for one in at.select_slider if one.key.startswith("learning_rate")]
    field(at, "fine_tune", "transfer").set_value(2).run()
    assert field(at, "learning_rate", "transfer").value == 1e-4

    def choose(name: str) -> AppTest:
        box = next(box for box in at.selectbox if box.label == "Dataset")
        return box.set_value(name).run()

    assert field(choose("drawn"), "epochs", "quick").value == 8
    assert field(choose("pets"), "epochs", "transfer").value == 12
    presets = next(one for one in at.button_group if one.label == "Preset")
    presets.set_value("classic").run()
    assert field(choose("drawn"), "epochs", "classic").value == 20


def test_a_batch_larger_than_all_pictures_is_pointed_out(workspace, no_processes):
    at = opened(dataset="drawn")
    assert not any("an epoch is one step" in one.value for one in at.caption)
    field(at, "batch_size").set_value(512).run()
    says = "The batch size 512 is above the 192 pictures to train on, so an epoch is one step"
    assert any(says in one.value for one in at.caption)


def test_a_preset_that_does_not_exist_is_said(workspace, no_processes):
    at = opened(preset="huge", dataset="drawn")
    assert "There is no preset huge here; quick is chosen." in [one.value for one in at.warning]
    assert field(at, "epochs").value == 8


def test_the_address_chooses_preset_and_dataset(workspace, no_processes):
    at = opened(preset="classic", dataset="drawn")
    assert field(at, "optimizer", "classic").value == "sgd"
    assert field(at, "learning_rate", "classic").value == 0.01
    assert (
        opened(preset="huge", dataset="nothing")
        .warning[0]
        .value.startswith("There is no dataset nothing here")
    )


def test_a_link_with_a_dataset_arrives_with_it_whatever_was_chosen_before(
    copied, no_processes, two_classes, tmp_path
):
    prepare.prepare(copied, str(two_classes(tmp_path / "pets")), "small", image_size=48)

    def chosen(at: AppTest) -> str:
        return next(box.value for box in at.selectbox if box.label == "Dataset")

    at = opened(dataset="drawn")
    assert chosen(at) == "drawn"
    at.switch_page(links.OVERVIEW).run()
    at.query_params["dataset"] = "small"
    at.switch_page(links.TRAIN).run()
    assert chosen(at) == "small"
    at.switch_page(links.OVERVIEW).run()
    at.query_params.clear()
    at.switch_page(links.TRAIN).run()
    assert chosen(at) == "small"


def test_the_preview_of_the_rate_follows_the_form(workspace, no_processes):
    at = opened()

    def rates() -> list[float]:
        drawn = [json.loads(chart.proto.spec)["data"] for chart in at.get("plotly_chart")]
        return next(data[0]["y"] for data in drawn if data[0]["name"] == "learning rate")

    config = train_config("quick")
    assert rates() == [config.rate_at(epoch + 0.5) for epoch in range(config.epochs)]
    field(at, "schedule").set_value("constant").run()
    field(at, "epochs").set_value(3).run()
    assert rates() == [0.003] * 3


def test_start_asks_the_engine_for_exactly_what_was_chosen(copied, no_processes):
    at = opened()
    field(at, "epochs").set_value(3).run()
    field(at, "image_size").set_value(32).run()
    field(at, "learning_rate").set_value(0.001).run()
    field(at, "augment").set_value(False).run()
    at.button(key="start").click().run()
    assert not at.exception
    run = store.list_runs(copied)[-1]
    expected = train_config(
        "quick", epochs=3, image_size=32, learning_rate=0.001, augment=False
    ).model_dump()
    assert run.config == expected
    assert ("work", ["work"]) in no_processes
    assert at.query_params["job"] in (run.id, [run.id])


def test_a_double_click_starts_one_run_and_a_later_click_another(copied, no_processes, monkeypatch):
    at = opened()
    before = len(store.list_runs(copied))
    at.button(key="start").click().run()
    at.button(key="start").click().run()
    assert len(store.list_runs(copied)) == before + 1
    field(at, "seed").set_value(2).run()
    at.button(key="start").click().run()
    assert len(store.list_runs(copied)) == before + 2  # another configuration is no second click
    store.ask_to_stop(store.list_runs(copied)[-1])
    at.button(key="start").click().run()
    assert len(store.list_runs(copied)) == before + 3  # nor is one after a change of mind
    monkeypatch.setattr(live, "MOMENT", 0.0)
    at.button(key="start").click().run()
    assert len(store.list_runs(copied)) == before + 4


def test_time_is_known_from_a_run_of_the_same_settings_and_follows_the_epochs(
    workspace, no_processes
):
    at = opened()
    field(at, "image_size").set_value(32).run()
    field(at, "epochs").set_value(400).run()
    run = store.open_run(Workspace(workspace), "quick-1")
    _compiling, second_epoch = store.history(run)["seconds"]
    (said,) = [one.value for one in at.caption if "timed on an earlier run" in one.value]
    assert f"{words.about(400 * second_epoch)} of training" in said


def test_unknown_settings_are_measured_once_in_a_process_of_their_own(copied, no_processes):
    at = opened()
    field(at, "batch_size").set_value(16).run()
    at.run()
    asked = [argv for job, argv in no_processes if job.startswith("estimate-")]
    assert len(asked) == len({str(argv) for argv in asked}) == 2  # never the same twice
    assert asked[-1][:2] == ["train", "--estimate"]
    label = no_processes[-1][0]
    job = copied.jobs / f"{label}.5f1c"
    job.mkdir(parents=True)
    files.write_json(job / "job.json", {"argv": asked[-1], "label": label, "started": time.time()})
    told = {"seconds": 16.0, "seconds_per_epoch": 2.0, "pictures_per_second": 100.0}
    files.write_json(job / "out.json", told)
    field(at, "epochs").set_value(10).run()
    measured = "from a short measurement on this machine."
    assert f"**About 20 s of training**, {measured}" in [one.value for one in at.caption]
    files.write_json(job / "out.json", told | {"start_seconds": 17.0})
    at.run()
    whole = f"**About 37 s**: 20 s of training and 17 s to begin and to judge, {measured}"
    assert whole in [one.value for one in at.caption]


def test_what_takes_time_around_an_earlier_run_is_part_of_the_estimate(copied, no_processes):
    run = store.open_run(copied, "quick-1")
    store.save(run, started="2026-01-01T10:00:00+00:00", ended="2026-01-01T10:00:19+00:00",
               seconds=2.0)  # fmt: skip
    at = opened()
    field(at, "image_size").set_value(32).run()
    (said,) = [one.value for one in at.caption if "timed on an earlier run" in one.value]
    assert "and 17 s to begin and to judge" in said


def test_a_run_of_another_version_does_not_stop_an_estimate(copied, no_processes):
    run = store.open_run(copied, "quick-1")
    store.save(run, config=run.config | {"batch_size": "many"})
    assert field(opened(), "epochs").value == 8


def test_classes_are_called_by_their_names_which_may_be_no_nouns(copied, no_processes):
    path = copied.datasets / "drawn" / "dataset.json"
    files.write_json(path, files.read_json(path) | {"class_names": ["healthy", "sick"]})
    assert "240 pictures of healthy and sick, 192 of them to train on" in texts(opened())


def test_the_form_keeps_what_was_set_when_one_leaves_it_and_returns(workspace, no_processes):
    at = opened()
    field(at, "epochs").set_value(3).run()
    field(at, "learning_rate").set_value(0.01).run()
    field(at, "image_size").set_value(40).run()
    field(at, "augment").set_value(False).run()
    at.switch_page(links.OVERVIEW).run()
    at.switch_page(links.TRAIN).run()
    kept = {name: field(at, name).value
            for name in ("epochs", "learning_rate", "image_size", "augment")}  # fmt: skip
    assert kept == {"epochs": 3, "learning_rate": 0.01, "image_size": 40, "augment": False}


def test_without_pictures_the_page_leads_to_them(empty_workspace, no_processes):
    at = opened()
    assert "There are no pictures to train on yet" in texts(at)
    assert "Nothing has been trained yet" in texts(at)


def test_a_real_run_is_started_found_again_and_stopped_from_the_page(copied, until):
    at = opened()
    field(at, "epochs").set_value(500).run()
    field(at, "image_size").set_value(32).run()
    at.button(key="start").click().run()
    run = store.list_runs(copied)[-1]
    until(lambda: store.history(run), 90)
    again = opened(job=run.id)  # as after a reload: another session
    assert "of 500" in cards(again)["Epoch"]["value"]
    again.button(key="stop").click().run()
    until(lambda: not store.open_run(copied, run.id).active, 60)
    ended = store.open_run(copied, run.id)
    assert (ended.status, ended.error) == ("stopped", None)
    assert ended.figures["n_positive"] == 12
    assert "AUC on test" in cards(again.run())
