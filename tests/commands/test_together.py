"""Two processes at once, in every pair of verbs that could meet: nobody sees half a thing.

The verbs are the functions behind them, called by two processes that live through all rounds, so
that two hundred meetings at random moments take seconds and not minutes.
"""

import multiprocessing
import random
import shutil
import time
from collections import Counter

import pytest

from engine.commands import learn, resume
from engine.commands import train as commands
from engine.commands.sweep import sweep
from engine.data import dataset as datasets
from engine.data.writing import write_dataset
from engine.errors import CamsightError
from engine.jobs import queue
from engine.runs import store
from engine.training.config import train_config
from engine.workspace import Workspace

ROUNDS = 200
CONFIG = train_config("quick", image_size=32)


def make(place: Workspace, seed: int, replace: bool) -> str:
    """`prepare`'s own naming and publishing around pictures that need no decoding."""
    import numpy as np

    from engine import identity
    from engine.commands import prepare as room

    with room._name_of_ones_own(place, "pets") as staging:
        rng = np.random.default_rng(seed)
        images = rng.integers(0, 256, (20, 32, 32, 3), np.uint8)
        np.save(staging / "images.npy", images)
        about = {"name": "pets", "class_names": ("cat", "dog"), "image_size": 32, "seed": 1,
                 "source": "made", "created": "2026-01-01T00:00:00+00:00"}  # fmt: skip
        made = write_dataset(
            staging, about=about, labels=np.repeat([0, 1], 10).astype(np.uint8),
            pictures=np.array([identity.of_picture(one) for one in images]),
            file_names=[f"{i}.png" for i in range(20)], refused=[],
        )  # fmt: skip
        room._place(place, made, replace)
    return "made"


def prepare_one(place, turn):
    return make(place, 1, replace=False)


def prepare_other(place, turn):
    return make(place, turn, replace=True)


def create_run(place, turn):
    run = commands.create_run(place, "pets", CONFIG)
    learn.task_of_run(place, run)
    return "queued"


def take_up(place, turn):
    with store.taken_up(store.open_run(place, "quick-1")):
        time.sleep(0.001)
    return "trained"


def list_all(place, turn):
    store.read_runs(place)
    _, unreadable = datasets.read_datasets(place)
    assert not unreadable, unreadable
    return "listed"


def delete_and_make(place, turn):
    run = commands.create_run(place, "pets", CONFIG)
    time.sleep(random.random() / 500)
    shutil.rmtree(run.folder)
    return "deleted"


def train_in_turn(place, turn):
    """As `train_run` does around the training itself: of those that train, none meets another."""
    run = commands.create_run(place, "pets", CONFIG)
    with store.taken_up(run):
        assert commands._is_its_turn(place, run, lambda told: None)
        use_the_device(place)
        store.save(run, status="finished")
        queue.leave(place, run.id)
    return "trained"


def resume_and_be_lost(place, turn):
    """The run is taken up again, and its process ends without a word."""
    run = resume.put_back(place, "quick-1")
    with store.taken_up(run):
        run = store.save(run, status="running")
        use_the_device(place, "of quick-1")
    return "resumed"


def use_the_device(place, name="device"):
    held = place.path / name
    held.touch(exist_ok=False)  # an error where another one uses it
    time.sleep(0.001)
    held.unlink()


def clear(place, turn):
    sweep(place)
    return "swept"


def work(place, verb, barrier, results, seed, rounds) -> None:
    rng = random.Random(seed)
    for turn in range(rounds):
        barrier.wait(60)
        time.sleep(rng.random() / 200)
        try:
            said = verb(place, turn)
        except CamsightError as error:
            said = f"refused: {error}"
        except Exception as error:  # what this test looks for
            said = f"BROKEN: {error!r}"
        results.put(said)


PAIRS = {
    "prepare and prepare": (prepare_one, prepare_one),
    "prepare --replace and train": (prepare_other, create_run),
    "prepare --replace and list": (prepare_other, list_all),
    "train and train of one run": (take_up, take_up),
    "train and train": (create_run, create_run),
    "delete and list": (delete_and_make, list_all),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_two_at_once_two_hundred_times(pair, tmp_path):
    place = Workspace(tmp_path / "workspace")
    place.datasets.mkdir(parents=True)
    prepare_other(place, 0)
    commands.create_run(place, "pets", CONFIG)
    said = meet(place, *PAIRS[pair])
    assert sum(said.values()) == 2 * ROUNDS
    assert not [line for line in said if line.startswith("BROKEN")], said
    refused = [line for line in said if line.startswith("refused: ")]
    assert all(line.endswith(".") for line in refused)
    if pair == "train and train":
        runs = store.list_runs(place)
        assert [run.number for run in sorted(runs, key=lambda r: r.number)] == list(range(1, 402))
    if pair == "train and train of one run":
        assert all("another process" in line for line in refused)
        assert said["trained"] >= ROUNDS  # of two, one at least
    assert [p.name for p in place.datasets.iterdir() if p.is_dir()] == ["pets"]
    assert not list(place.runs.glob(".new-*-*"))


def meet(place: Workspace, *verbs, rounds: int = ROUNDS) -> Counter:
    """All verbs in processes of their own, begun together in every round."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(len(verbs)), context.Queue()
    processes = [
        context.Process(target=work, args=(place, verb, barrier, results, seed, rounds))
        for seed, verb in enumerate(verbs)
    ]
    for process in processes:
        process.start()
    said = Counter(results.get(timeout=120) for _ in range(len(verbs) * rounds))
    for process in processes:
        process.join(60)
    return said


def test_eight_at_once_train_in_turn_resume_list_and_sweep(tmp_path):
    """One device, and one run that is resumed by two: nobody meets another on either."""
    place = Workspace(tmp_path / "workspace")
    place.datasets.mkdir(parents=True)
    make(place, 1, replace=False)
    first = commands.create_run(place, "pets", CONFIG)
    queue.leave(place, first.id)
    store.save(first, status="running")
    train, again, looks = (train_in_turn,) * 2, (resume_and_be_lost,) * 2, (list_all,) * 3
    said = meet(place, *train, *again, *looks, clear, rounds=25)
    assert not [line for line in said if line.startswith("BROKEN")], said
    assert said["trained"] == 2 * 25
    assert said["resumed"] >= 25  # of two that meet, one at least
    assert (said["listed"], said["swept"]) == (3 * 25, 25)
    assert store.open_run(place, first.id).status == "lost"
    finished = [run for run in store.list_runs(place) if run.status == "finished"]
    assert len(finished) == 2 * 25
    assert queue.in_line(place) == []
