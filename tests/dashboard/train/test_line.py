"""Train: the runs in line, several queued with one click, and what chance has to do with an AUC."""

import json
from collections.abc import Iterator
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import words
from dashboard.parts import links, live
from dashboard.train import cost, line, several
from dashboard.train.cost import Wanted
from engine import lease
from engine.commands import many, train
from engine.data.dataset import open_dataset
from engine.errors import JobError
from engine.jobs import queue
from engine.runs import outcome, store
from engine.runs.record import Run
from engine.training.config import train_config
from tests.dashboard import pages
from tests.dashboard.pages import drawn, texts

opened = partial(pages.opened, links.TRAIN)
SMALL = train_config("quick", image_size=32)


@pytest.fixture
def waiting(copied, training, no_processes) -> Iterator[list[Run]]:
    """Three runs in line behind the one that trains; this process is taken for the dispatcher."""
    queue.join(copied, training.id)
    rates = {"learning_rate": [0.001, 0.003, 0.01]}
    configs = many.combinations(open_dataset(copied, "drawn"), rates, **SMALL.model_dump())
    with lease.hold(copied.dispatcher):
        yield many.sweep(copied, "drawn", configs)


def table(at: AppTest) -> list[dict]:
    return at.dataframe[0].value.to_dict("records") if at.dataframe else []


def ticked(*runs: Run) -> AppTest:
    """The page with rows of the line ticked, as after a move."""
    at = AppTest.from_file(pages.APP, default_timeout=120).run()
    at.session_state["_moved"] = [run.id for run in runs]
    at.switch_page(links.TRAIN).run()
    assert not at.exception, at.exception
    return at


def test_the_line_says_behind_whom_and_until_when_a_run_waits(copied, training, waiting):
    store.save(store.open_run(copied, "quick-1"), status="failed", figures=None)
    rows = table(opened(job=waiting[1].id))
    assert [row["Run"] for row in rows] == [training.id, *(run.id for run in waiting)]
    assert [row["State"] for row in rows] == [
        "running", f"queued behind {training.id}", f"queued behind {waiting[0].id}",
        f"queued behind {waiting[1].id}",
    ]  # fmt: skip
    # 340 s are left of the first; those of the same settings take eight epochs of 2 s, as it does
    assert [row["Starts"] for row in rows] == [
        "now", *(f"in about {words.about(seconds)}" for seconds in (340, 356, 372))
    ]  # fmt: skip
    assert "rate 0.001" in rows[1]["Settings"]


def test_a_waiting_run_says_how_many_are_before_it(training, waiting):
    said = texts(opened(job=waiting[2].id))
    assert f"Waits until {waiting[1].id} has ended, the last of 3 before it." in said


def test_a_run_that_ended_tells_the_length_of_others_before_one_that_trains(
    copied, training, waiting
):
    """Of the one that trains, what comes before and after its epochs is not known yet."""
    ended = store.open_run(copied, "quick-1")
    store.save(ended, started="2026-01-01T10:00:00+00:00", ended="2026-01-01T10:01:40+00:00",
               seconds=0.0)  # fmt: skip
    _compiling, epoch = store.history(ended)["seconds"]
    times = cost.begins([training, *waiting], store.list_runs(copied))
    assert times == pytest.approx([0, *(340 + n * (8 * epoch + 100) for n in range(4))])


def test_what_is_behind_a_run_that_nobody_timed_is_not_known(copied, training, waiting):
    other = train_config("classic", image_size=32)
    runs = [training, waiting[0], train.create_run(copied, "drawn", other), waiting[1]]
    assert [seconds is None for seconds in cost.begins(runs, runs)] == [False] * 3 + [True] * 2


def test_without_a_run_that_waits_there_is_no_table(training, no_processes):
    assert table(opened(job=training.id)) == []


def test_runs_that_are_ticked_go_up_and_down_and_stay_ticked(copied, training, waiting):
    first, second, third = waiting
    at = ticked(third)
    at.button(key="line-up").click().run()
    assert queue.in_line(copied) == [training.id, first.id, third.id, second.id]
    at.button(key="line-up").click().run()
    assert queue.in_line(copied) == [training.id, third.id, first.id, second.id]
    at.button(key="line-up").click().run()  # not before the one that trains
    assert queue.in_line(copied) == [training.id, third.id, first.id, second.id]
    at.button(key="line-down").click().run()
    assert queue.in_line(copied) == [training.id, first.id, third.id, second.id]
    assert [row["Run"] for row in table(at)] == queue.in_line(copied)


def test_a_run_that_is_cancelled_in_the_line_is_never_trained(copied, training, waiting):
    at = ticked(training, waiting[1])  # the one that trains has a button of its own
    at.button(key="line-cancel").click().run()
    assert store.open_run(copied, waiting[1].id).status == "stopped"
    assert not store.asked_to_stop(training)
    assert waiting[1].id not in [row["Run"] for row in table(at)]
    ended = opened(job=waiting[1].id).warning[0].value
    assert ended == "It was stopped before it had begun, so there is nothing to judge."


def test_one_run_of_the_line_is_watched_from_there(training, waiting):
    at = ticked(waiting[1])
    at.button(key=f"line-watch-{waiting[1].id}").click().run()
    assert at.query_params["job"] in (waiting[1].id, [waiting[1].id])
    assert any(header.value.startswith(f"{waiting[1].id} ") for header in at.header)


def test_nothing_ticked_is_nothing_to_move(training, waiting):
    at = opened()
    assert {at.button(key=f"line-{name}").disabled for name in ("up", "down", "cancel")} == {True}
    assert "Tick runs that wait, to move or cancel them." in texts(at)


def test_do_not_start_it_takes_a_waiting_run_out_of_the_line(copied, training, waiting):
    at = opened(job=waiting[0].id)
    at.button(key="stop").click().run()
    assert store.open_run(copied, waiting[0].id).status == "stopped"


# --- several --------------------------------------------------------------------------------------


def chosen(at: AppTest, name: str):
    return next(one for one in [*at.multiselect, *at.number_input] if one.key == f"several-{name}")


def test_several_values_become_that_many_runs_with_one_click_and_their_time_is_said_before(
    copied, no_processes
):
    at = opened(job="quick-1")
    assert at.button(key="queue-several").disabled
    at.number_input(key="epochs-quick").set_value(2).run()
    at.number_input(key="image_size-quick-drawn").set_value(32).run()
    chosen(at, "rates").set_value([0.001, 0.003, 0.01]).run()
    chosen(at, "seeds").set_value(2).run()
    each = cost.of_run(store.open_run(copied, "quick-1"), store.list_runs(copied))
    assert f"**6 runs, about {words.about(6 * each)} in all**." in texts(at)
    at.button(key="queue-several").click().run()
    runs = store.list_runs(copied)[1:]
    assert [(run.config["learning_rate"], run.config["seed"]) for run in runs] == [
        (rate, seed) for rate in (0.001, 0.003, 0.01) for seed in (1, 2)
    ]
    assert {run.config["epochs"] for run in runs} == {2}
    assert ("work", ["work"]) in no_processes
    assert at.query_params["job"] in (runs[0].id, [runs[0].id])
    at.button(key="queue-several").click().run()  # of a double click
    assert len(store.list_runs(copied)) == 7


@pytest.mark.parametrize("seeds", [0, 51])
def test_a_sweep_of_0_or_51_runs_is_a_sentence_and_cannot_be_queued(copied, no_processes, seeds):
    at = opened()
    chosen(at, "seeds").set_value(seeds).run()
    assert f"A sweep of {seeds} runs cannot be queued" in at.error[0].value
    assert at.button(key="queue-several").disabled


def test_a_sweep_that_cannot_be_started_is_a_sentence(copied, no_processes, monkeypatch):
    def refuse(*_):
        raise JobError("The job 'work' could not be started (no memory); try it again.")

    at = opened()
    chosen(at, "seeds").set_value(3).run()
    monkeypatch.setattr(several, "queue", refuse)
    at.button(key="queue-several").click().run()
    assert "no memory" in at.error[0].value


def test_another_preset_of_a_sweep_has_its_own_defaults_and_the_form_s_is_as_in_the_form(copied):
    config = train_config("quick", image_size=40, epochs=3)
    wanted = Wanted(open_dataset(copied, "drawn"), config, None)
    found = several.combinations(wanted, ["quick", "classic"], [0.001, 0.01], [], 1)
    assert [(one.preset, one.epochs, one.image_size, one.learning_rate) for one in found] == [
        ("quick", 3, 40, 0.001), ("quick", 3, 40, 0.01),
        ("classic", train_config("classic").epochs, 64, 0.001),
        ("classic", train_config("classic").epochs, 64, 0.01),
    ]  # fmt: skip


def test_the_best_of_a_sweep_is_chosen_on_validation_and_that_is_said(
    copied, no_processes, add_run
):
    shared = {"series": "sweep-1", "varies": ("learning_rate",)}
    config = SMALL.model_dump()
    made = [
        add_run(copied, auc, chosen_by, config=config | {"learning_rate": rate}, **shared)
        for auc, chosen_by, rate in ((0.80, 0.93, 0.001), (0.95, 0.90, 0.003), (0.70, 0.6, 0.01))
    ]
    at = opened(job=made[2].id)
    (said,) = [one.value for one in at.markdown if "best of the 3" in one.value]
    assert said.startswith(f"**{made[0].id}** is the best of the 3 judged runs of this sweep on")
    assert "rate 0.001" in said
    assert "0.930 on validation and **0.800** on test" in said
    assert "the highest of 3 AUCs there owes part of its height to chance" in at.warning[0].value
    store.save(made[0], figures=None, status="queued")
    store.save(made[1], figures=None, status="failed")
    assert "of this sweep" not in texts(opened(job=made[2].id))  # of one nothing was chosen


# --- chance ---------------------------------------------------------------------------------------


def test_a_finished_run_is_repeated_with_further_seeds_from_the_page(copied, no_processes):
    at = opened(job="quick-1")
    assert "Is this run better, or luckier?" not in texts(at)
    at.number_input(key="more-seeds").set_value(3).run()
    at.button(key="repeat-quick-1").click().run()
    runs = store.list_runs(copied)[1:]
    assert [run.config["seed"] for run in runs] == [2, 3, 4]
    assert queue.in_line(copied) == [run.id for run in runs]
    assert "3 runs are under way with other seeds." in texts(at)


def test_too_many_seeds_are_a_sentence(copied, no_processes):
    at = opened(job="quick-1")
    at.number_input(key="more-seeds").set_value(21).run()
    at.button(key="repeat-quick-1").click().run()
    assert "A run cannot be repeated with 21 seeds; choose 2 to 20." in at.error[0].value
    assert len(store.list_runs(copied)) == 1


def test_the_spread_over_seeds_stands_beside_a_run_as_dots_on_one_scale(
    copied, no_processes, add_run
):
    config = SMALL.model_dump()
    first = add_run(copied, 0.95, config=config)
    for auc, seed in ((0.97, 2), (0.96, 3)):
        add_run(copied, auc, config=config | {"seed": seed}, series=first.id, varies=("seed",))
    at = opened(job=first.id)
    (dots,) = drawn(at, "dots")
    assert [dot["chosen"] for dot in dots["dots"]] == [True, False, False]
    assert dots["ends"] == ["0.95", "0.97"]
    assert [round(dot["at"], 3) for dot in dots["dots"]] == [0.0, 1.0, 0.5]
    said = texts(at)
    assert "Is this run better, or luckier?" in said
    assert "3 runs that differ in nothing but their seed have AUCs" in said
    assert "from 0.950 to 0.970, 0.960 on average with a standard deviation of 0.010" in said


# --- a run under way ------------------------------------------------------------------------------


def test_a_phase_of_pictures_is_a_bar_with_pictures_a_second_and_what_computes(
    training, no_processes
):
    outcome.write_progress(training.folder, {
        "phase": "features", "done": 1200, "total": 8000, "pictures_per_second": 310.0,
        "seconds_left": 22.0, "engine": "OpenVINO, bfloat16",
    })  # fmt: skip
    at = opened(job=training.id)
    (bar,) = at.get("progress")
    said = "Computing features: 1,200 of 8,000 pictures, about 22 s left."
    assert bar.proto.text.replace("\\", "") == said
    assert bar.proto.value == 15
    speed = pages.cards(at)["Speed"]
    assert (speed["value"], speed["evidence"]) == ("310 pictures/s", "OpenVINO, bfloat16")
    assert live.stage(training).batch_line == "310 pictures/s"


def test_a_run_under_way_says_what_its_process_and_the_machine_have_to_do(training, no_processes):
    (said,) = [one.value for one in opened(job=training.id).caption if "machine:" in one.value]
    assert "training: " in said  # this process holds the run
    assert " cores, " in said
    assert "memory " in said


def test_the_notice_is_given_for_a_run_that_this_tab_saw_training_and_for_no_other(
    copied, training, no_processes
):
    assert drawn(opened(job="quick-1"), "ended")[0]["ended"] == ""
    at = opened(job=training.id)
    assert drawn(at, "ended")[0]["ended"] == ""
    store.save(training, status="failed", ended=store.now(), error="No.")
    at.run()
    (told,) = drawn(at, "ended")
    assert told["ended"].startswith(f"{training.id} ")
    assert told["title"] == f"✗ {training.id} failed · Camsight"


def test_settings_of_a_stranger_s_dataset_are_plain_text(add_run, copied):
    run = add_run(copied, dataset="a\nb" + "x" * 60)
    assert "\n" not in line.settings(run)
    assert len(line.settings(run)) < 90
    assert json.dumps(line.settings(run))
