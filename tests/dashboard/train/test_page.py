"""Train: the form follows the engine's configuration; a run is watched, stopped, found again."""

import json
import shutil
import time
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import state, words
from dashboard.parts import evidence, links, live
from dashboard.train import watched
from engine import files, jobs
from engine.commands import prepare, train
from engine.evaluation.intervals import wilson
from engine.runs import outcome, store
from engine.training.config import TrainConfig, train_config
from engine.workspace import Workspace
from tests.dashboard import pages
from tests.dashboard.pages import cards

opened = partial(pages.opened, links.TRAIN)



@pytest.fixture(autouse=True)
def no_warm_up(monkeypatch):
    """These pages need no TensorFlow, so no thread of a test imports it into the next one."""
    monkeypatch.setattr(state, "warm_up", lambda: None)


@pytest.fixture
def copied(workspace, tmp_path, use_workspace) -> Workspace:
    """A copy of the workspace with a finished run, to write into; without the jobs of others."""
    copy = shutil.copytree(workspace, tmp_path / "copy", ignore=shutil.ignore_patterns("jobs"))
    return Workspace(use_workspace(copy))


@pytest.fixture
def no_processes(monkeypatch) -> list:
    """What would have been started, in place of starting it: (label, verb and options)."""
    asked = []

    def submit(place, argv, *, label="", once=False) -> str:
        asked.append((label or argv[0], argv))
        return f"{label or argv[0]}.0"

    monkeypatch.setattr(jobs, "submit", submit)
    return asked


def texts(at: AppTest) -> str:
    parts = [*at.header, *at.markdown, *at.caption]
    progress = [element.proto.text for element in at.get("progress")]
    return "\n".join([*(str(part.value) for part in parts), *progress])


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
        if name == "preset":
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
    assert (run.id, ["train", "--queued", run.id]) in no_processes
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


# --- the run that is watched ----------------------------------------------------------------------


@pytest.fixture
def training(copied):
    """A run under way: somebody holds its lock, one epoch has ended."""
    run = train.create_run(copied, "drawn", train_config("quick", image_size=32))
    with store.taken_up(run):
        run = store.save(run, status="running", started=store.now())
        (run.folder / "history.csv").write_text(
            "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n"
            "1,0.7,0.5,0.69,0.625,0.003,2.0\n2,0.6,0.6,0.5,0.75,0.003,2.0\n"
            "3,0.5,0.7,0.6,0.70833,0.003,2.0\n"
        )
        outcome.write_progress(
            run.folder,
            {"phase": "training", "epoch": 4, "epochs": 8, "batch": 3, "batches": 6,
             "pictures_per_second": 226.0, "seconds_left": 340.0},
        )  # fmt: skip
        yield run


def test_a_run_under_way_shows_epoch_time_speed_and_best_with_its_interval(training, no_processes):
    shown = cards(opened())
    assert shown["Epoch"]["value"] == "4 of 8"
    assert shown["Time left"]["value"] == "6 min"
    assert shown["Speed"]["value"] == "226 pictures/s"
    assert shown["Speed"]["evidence"] == "float32"
    best = shown["Best so far, epoch 2"]  # lowest validation loss, not highest accuracy of all
    expected = wilson(18, 24)
    assert best["value"] == "75.0%"
    assert best["interval"] == f"95% {100 * expected.low:.1f}–{100 * expected.high:.1f}%"
    assert "Wilson" in best["evidence"]
    assert "n\u00a0=\u00a024" in best["evidence"]


def test_a_run_that_chose_its_precision_says_which(training, no_processes):
    auto = dict(training.config) | {"precision": "auto"}
    store.save(training, config=auto)
    assert cards(opened())["Speed"]["evidence"] == "auto"  # not measured yet
    store.save(training, config=auto, precision="bfloat16")
    assert cards(opened())["Speed"]["evidence"] == "bfloat16"


def test_stop_is_asked_once_and_said(training, no_processes):
    at = opened(job=training.id)
    at.button(key="stop").click().run()
    assert store.asked_to_stop(training)
    assert "stopping" in texts(at)
    assert at.button(key="stop").disabled


def test_a_new_run_is_told_behind_whom_it_would_start(training, no_processes):
    said = texts(opened())
    assert f"is measured when {training.id} has ended" in said
    assert "would start after it, in about 6 min" in said
    assert not [job for job, _ in no_processes if job.startswith("estimate-")]  # no measuring now


def test_a_queued_run_says_behind_whom_it_waits(copied, training, no_processes):
    second = train.create_run(copied, "drawn", train_config("quick", image_size=32))
    with store.taken_up(second):
        outcome.write_progress(second.folder, {"phase": "waiting"})
        at = opened(job=second.id)
    assert f"Waits until {training.id} has ended." in texts(at)
    assert "**Do not start it**" in [button.label for button in at.button]


def test_a_worker_that_starts_says_that_it_takes_about_10_s(copied, no_processes):
    run = train.create_run(copied, "drawn", train_config("quick", image_size=32))
    assert "about 10 s" in texts(opened(job=run.id))


@pytest.mark.parametrize(
    ("status", "error", "title"),
    [
        ("failed", "The loss became NaN in epoch 2; try a rate of 0.03 or less.", "failed"),
        ("running", None, "was lost"),
    ],
)
def test_a_failed_or_lost_run_says_why_and_can_be_started_again(
    copied, no_processes, status, error, title
):
    run = train.create_run(copied, "drawn", train_config("quick", image_size=32, seed=5))
    store.save(run, status=status, error=error)
    at = opened(job=run.id)
    assert (error or "killed, or the machine went down") in at.error[0].value
    assert title in at.error[0].proto.title
    at.button(key=f"again-{run.id}").click().run()
    assert store.list_runs(copied)[-1].config == run.config
    assert store.list_runs(copied)[-1].id != run.id


def test_a_finished_run_shows_its_figures_and_leads_on(workspace, no_processes):
    at = opened(job="quick-1")
    told = store.open_run(Workspace(workspace), "quick-1").figures
    shown = cards(at)["AUC on test"]
    assert shown["value"] == f"{told['auc']:.3f}"
    assert shown["interval"] == f"95% {told['auc_low']:.3f}–{told['auc_high']:.3f}"
    labels = [link.proto.label for link in at.get("page_link")]
    assert "**Evaluate it**" in labels
    assert "**Look inside**" in labels
    assert any("epoch 2 of 2" in code.value for code in at.code)  # the log


def test_the_address_names_the_run_that_is_shown_even_if_it_is_the_newest(
    copied, no_processes, add_run
):
    at = opened()
    assert at.query_params["job"] in ("quick-1", ["quick-1"])
    add_run(copied)
    at.run()
    assert any(header.value.startswith("quick-1 ") for header in at.header)


def test_an_address_of_evaluate_or_explain_shows_its_run(copied, no_processes, add_run):
    add_run(copied)
    at = opened(run="quick-1")
    assert any(header.value.startswith("quick-1 ") for header in at.header)
    assert "run" not in at.query_params


def test_a_stopped_run_says_how_many_epochs_it_trained_and_which_weights_are_kept(
    copied, no_processes
):
    run = store.open_run(copied, "quick-1")
    store.save(run, status="stopped", config=run.config | {"epochs": 40})
    told = store.history(run)
    best = min(range(2), key=lambda at: told["val_loss"][at])
    said = texts(opened(job="quick-1"))
    assert "It was stopped after 2 of 40 epochs." in said
    assert f"The weights of epoch {best + 1} are kept and judged" in said
    assert f"lowest validation loss, {told['val_loss'][best]:.3f}." in said
    assert f"Its accuracy on validation was {100 * told['val_accuracy'][best]:.1f}%." in said


def test_intervals_side_by_side_stand_on_one_scale():
    def card(low: float) -> evidence.Card:
        return evidence.Card("a", "b", track=evidence.track(0.97, low, 0.98))

    shown = watched.on_one_scale([card(0.96), card(0.55), evidence.Card("Speed", "9")])
    assert [one.track and (one.track.min, one.track.max) for one in shown] == [
        (0.5, 1.0), (0.5, 1.0), None,
    ]  # fmt: skip


def test_the_configuration_of_a_run_can_be_read_with_what_it_means(workspace, no_processes):
    shown = opened(job="quick-1").table[0].value
    rows = shown.set_index("hyperparameter")
    assert {name.replace("\\", "") for name in rows.index} == set(TrainConfig.model_fields)
    assert rows.loc["epochs", "value"] == "2"
    assert rows.loc["epochs", "meaning"] == TrainConfig.model_fields["epochs"].description


def test_a_configuration_that_cannot_be_used_is_a_sentence_in_place_of_start_it_again(
    copied, no_processes
):
    run = train.create_run(copied, "drawn", train_config("quick", image_size=32))
    store.save(run, status="failed", error="No.", config=run.config | {"batch_size": "many"})
    at = opened(job=run.id)
    assert "The stored configuration has batch_size = 'many'" in texts(at).replace("\\", "")
    assert not [button for button in at.button if "again" in button.label]
    assert at.error[0].value == "No."


def test_a_run_that_cannot_be_read_is_a_sentence_and_the_newest_is_shown(
    copied, no_processes, add_run
):
    run = add_run(copied)
    (run.folder / "run.json").write_bytes(b"")
    at = opened(job=run.id)
    assert "is unreadable" in at.warning[0].value
    assert any(header.value.startswith("quick-1 ") for header in at.header)


@pytest.mark.parametrize("content", [b"", b"epoch,loss\n1,0.5\n", b"\xff\xfe"])
def test_a_damaged_history_is_an_empty_chart(copied, no_processes, content):
    (copied.runs / "quick-1" / "history.csv").write_bytes(content)
    shown = cards(opened(job="quick-1"))
    assert shown["AUC on test"]["value"]
    assert shown["Best epoch"]["value"] == words.NOTHING


@pytest.mark.parametrize("told", [{"phase": "training"}, {"phase": 3}, [], {"phase": "?"}])
def test_progress_of_another_version_is_a_start(training, no_processes, told):
    outcome.write_progress(training.folder, told)
    assert "about 10 s" in texts(opened(job=training.id))


def test_an_address_with_a_run_that_does_not_exist_says_so(workspace, no_processes):
    at = opened(job="quick-99")
    assert "quick\\-99" in at.warning[0].value or "quick-99" in at.warning[0].value
    assert any("quick-1" in header.value for header in at.header)  # the newest is shown instead


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
