"""A run that ended early, on Train: whether and how it goes on, a button, and where it did."""

from functools import partial

import numpy as np
import pytest

from dashboard.parts import links
from engine import files
from engine.commands import learn, train
from engine.commands.prepare import prepare
from engine.jobs import queue
from engine.runs import outcome, store
from engine.training import checkpoint
from engine.training.checkpoint import Checkpoint, Told
from engine.training.config import train_config
from tests.dashboard import pages

opened = partial(pages.opened, links.TRAIN)
CONFIG = train_config("quick", image_size=32, epochs=8)


@pytest.fixture
def lost(copied):
    """A run that was killed in its fifth epoch, when nobody looked."""
    run = train.create_run(copied, "drawn", CONFIG)
    belongs = checkpoint.belongs(learn.task_of_run(copied, run), CONFIG)
    told = Told(belongs, 4, [[e, 0.5, 0.5, 0.5, 0.5, 0.1, 2.0] for e in (1, 2, 3, 4)], 1, 0.5, 8.0)
    checkpoint.write(run.folder, Checkpoint(told, [np.zeros(2)], b""))
    outcome.write_progress(run.folder, {"phase": "training", "epoch": 5, "epochs": 8, "batch": 3,
                                        "batches": 6, "pictures_per_second": 9.0})  # fmt: skip
    return store.save(run, status="running", started=store.now())


def button(at, run):
    return next((one for one in at.button if one.key == f"resume-{run.id}"), None)


def captions(at) -> str:
    return "\n".join(str(one.value) for one in at.caption).replace("\\", "")


def test_a_lost_run_says_where_it_goes_on_and_does_with_one_click(copied, no_processes, lost):
    at = opened(job=lost.id)
    assert "**Resume**: It goes on after epoch 4 of 8" in [str(c.value)[:41] for c in at.caption]
    button(at, lost).click().run()
    assert not at.exception
    run = store.open_run(copied, lost.id)
    assert run.status == "queued"
    assert queue.in_line(copied) == [run.id]
    assert [argv for label, argv in no_processes if label == "work"] == [["work"]]
    assert button(at, run) is None
    said = "\n".join(one.proto.text for one in at.get("progress"))
    assert "Starting worker" in said  # and nothing of the epoch that was cut short


def test_a_stopped_run_that_was_judged_goes_on_beside_its_results(copied, no_processes):
    run = store.open_run(copied, "quick-1")
    assert button(opened(job=run.id), run) is None  # it has finished
    run = store.save(run, status="stopped", config=run.config | {"epochs": 40})
    at = opened(job=run.id)
    assert "has no checkpoint" in captions(at)
    assert button(at, run) is None
    assert "**Evaluate it**" in [link.proto.label for link in at.get("page_link")]
    told = Told({}, 2, [], 1, 0.5, 8.0)
    checkpoint.write(run.folder, Checkpoint(told, [], b""))
    assert "goes on after epoch 2 of 40" in captions(opened(job=run.id))


def damaged(copied, run):
    files.write_bytes(run.folder / checkpoint.NAME, b"PK")


def replaced(copied, run):
    prepare(copied, "drawn", "drawn", count=40, image_size=32, seed=9, replace=True)


def diverged(copied, run):
    store.save(run, status="failed", diverged=True, error="The loss became NaN in epoch 5.")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (damaged, "checkpoint.npz is damaged"),
        (replaced, "'drawn' holds others by now"),
        (diverged, "smaller learning rate"),
    ],
)
def test_why_a_run_cannot_go_on_stands_in_place_of_the_button(
    copied, no_processes, decode_here, lost, change, says
):
    change(copied, lost)
    at = opened(job=lost.id)
    assert says in captions(at)
    assert button(at, lost) is None
    assert [one for one in at.button if one.key == f"again-{lost.id}"]


def test_a_checkpoint_damaged_within_is_a_sentence_at_the_click(copied, no_processes, lost):
    path = lost.folder / checkpoint.NAME
    whole = path.read_bytes()
    at = whole.index(b"state_0000") + 60
    path.write_bytes(whole[:at] + b"\xff\xff" + whole[at + 2 :])
    page = opened(job=lost.id)
    button(page, lost).click().run()
    assert "cannot be resumed" in "".join(one.value for one in page.error).replace("\\", "")
    assert store.open_run(copied, lost.id).status == "lost"


def test_where_a_run_went_on_is_said_as_long_as_it_is_shown(copied, no_processes):
    run = store.open_run(copied, "quick-1")
    store.save(run, went_on=((5, store.now()), (7, "2026-03-03T09:41:00+00:00")))
    said = captions(opened(job=run.id))
    assert "Resumed at epoch 5 today " in said
    assert "at epoch 7 3 Mar 2026." in said


def test_a_run_that_goes_on_says_after_which_epoch_before_its_first_batch(copied, no_processes):
    run = train.create_run(copied, "drawn", CONFIG)
    with store.taken_up(run):
        store.save(run, status="running", started=store.now())
        outcome.write_progress(run.folder, {"phase": "resuming", "epoch": 4, "epochs": 8})
        at = opened(job=run.id)
    assert "Goes on after epoch 4 of 8." in [one.proto.text for one in at.get("progress")]
