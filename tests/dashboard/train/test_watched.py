"""Train: a run is watched, stopped, found again."""

from functools import partial

import pytest

from dashboard import words
from dashboard.parts import evidence, links
from dashboard.train.cards import on_one_scale
from engine.commands import train
from engine.evaluation.proportions import wilson
from engine.runs import outcome, store
from engine.training.config import TrainConfig, train_config
from engine.workspace import Workspace
from tests.dashboard import pages
from tests.dashboard.pages import cards, texts

opened = partial(pages.opened, links.TRAIN)


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


def of_a_head(run) -> dict:
    return dict(run.config) | train_config("transfer", image_size=32).model_dump()


def test_a_head_alone_says_what_computed_its_features_and_no_speed_and_no_seed(
    copied, no_processes
):
    run = store.open_run(copied, "quick-1")
    by = "OpenVINO 2026.4, bfloat16; OpenVINO 2026.4, float32"
    store.save(run, config=of_a_head(run), features_by=by)
    at = opened(job=run.id)
    shown = cards(at)
    assert "Speed" not in shown
    assert shown["Features by"]["value"] == "OpenVINO"
    assert shown["Features by"]["evidence"].startswith("2026.4, bfloat16 and 2026.4, float32")
    assert shown["Training time"]["evidence"].startswith("its features, and ")
    assert not any("seed" in one.value for one in at.header)
    assert "No part of quick-1 is the seed's chance" in texts(at)
    assert not [one for one in at.button if one.key == f"repeat-{run.id}"]
    store.save(run, config=of_a_head(run), features_by="stored features")
    assert cards(opened(job=run.id))["Features"]["evidence"] == "computed by an earlier run"


def test_the_time_that_features_take_is_from_their_speed(training, no_processes):
    store.save(training, config=of_a_head(training))
    outcome.write_progress(training.folder, {
        "phase": "features", "done": 100, "total": 400, "pictures_per_second": 50.0,
        "seconds_left": 6.0, "engine": "OpenVINO 2026.4, float32",
    })  # fmt: skip
    shown = cards(opened())
    assert (shown["Time left"]["value"], shown["Time left"]["evidence"]) == (
        "6 s", "from the speed so far",
    )  # fmt: skip
    assert shown["Epoch"]["evidence"] == "of the head, after the features"
    assert shown["Speed"]["value"] == "50 pictures/s"


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

    shown = on_one_scale([card(0.96), card(0.55), evidence.Card("Speed", "9")])
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
