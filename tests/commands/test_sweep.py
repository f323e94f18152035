"""Several runs with one word: a sweep of hyperparameters, and a repetition with other seeds."""

import shutil

import numpy as np
import pytest

from engine import jobs
from engine.commands import many, train
from engine.commands.prepare import prepare
from engine.data.dataset import open_dataset
from engine.errors import ConfigError, DatasetError, JobError
from engine.jobs import queue
from engine.runs import store
from engine.training.config import train_config
from engine.workspace import Workspace


@pytest.fixture
def started(monkeypatch) -> list:
    """The verbs that would have been started as processes."""
    asked = []
    monkeypatch.setattr(jobs, "submit", lambda place, argv, **how: asked.append(argv) or "job.0")
    return asked


@pytest.fixture
def place(tmp_path, two_classes, decode_here, use_workspace, started) -> Workspace:
    """A workspace with the dataset "pets", in use by this process."""
    made = Workspace(use_workspace(tmp_path / "workspace"))
    prepare(made, str(two_classes(tmp_path / "pets", 40)), "pets", image_size=32)
    return made


@pytest.fixture
def rates(place):
    """`rates(3)`: configurations that differ in the learning rate."""

    def make(n: int) -> list:
        values = np.linspace(0.001, 0.01, n).tolist()
        pets = open_dataset(place, "pets")
        return many.combinations(pets, {"learning_rate": values}, preset="quick")

    return make


def test_every_combination_of_values_is_a_queued_run_and_one_process_starts_them(
    place, verb, started
):
    line = "sweep --dataset pets --preset quick --learning-rate 0.001 --learning-rate 0.003"
    status, out, _ = verb(*line.split(), "--batch-size", 16, "--batch-size", 32, "--batch-size", 16)
    runs = store.list_runs(place)
    assert status == 0
    assert [(run.config["learning_rate"], run.config["batch_size"]) for run in runs] == [
        (0.001, 16), (0.001, 32), (0.003, 16), (0.003, 32)
    ]  # fmt: skip
    assert out.splitlines()[1] == "quick-2  learning_rate=0.001  batch_size=32"
    assert queue.in_line(place) == [run.id for run in runs]
    assert {run.status for run in runs} == {"queued"}
    assert started == [["work"]]
    assert {(run.series, run.varies) for run in runs} == {
        (runs[0].series, ("learning_rate", "batch_size"))
    }
    other = train.start(place, "pets", train_config("quick", image_size=32))
    assert many.swept_with(runs[2], [*runs, other]) == runs
    assert many.swept_with(other, [*runs, other]) == []


def test_each_preset_of_a_sweep_has_its_own_defaults(place):
    presets = {"preset": ["quick", "transfer"]}
    configs = many.combinations(open_dataset(place, "pets"), presets, epochs=3)
    assert configs == [
        train_config("quick", image_size=32, epochs=3),
        train_config("transfer", image_size=32, epochs=3),  # as large as the pictures are
    ]


def test_a_sweep_has_the_preset_that_a_single_training_has(place, verb):
    status, out, _ = verb("sweep", "--dataset", "pets", "--epochs", 2)
    assert (status, out.split()[0]) == (0, "transfer-1")


@pytest.mark.parametrize("n", [0, 51])
def test_a_sweep_of_0_or_51_runs_is_a_sentence_and_queues_nothing(place, n, started, rates):
    with pytest.raises(ConfigError, match=f"A sweep of {n} runs cannot be queued; choose values"):
        many.sweep(place, "pets", rates(n) if n else [])
    assert store.list_runs(place) == []
    assert started == []
    assert len(many.sweep(place, "pets", rates(50))) == 50


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--seed 1 --seed -1", "seed = -1 cannot be used"),
        ("--preset quick --image-size 40 --seed 1 --seed 2", "above the 32 pixels of 'pets'"),
        ("--preset quick --preset huge", "huge"),
        ("--preset quick --seed " + " --seed ".join(map(str, range(51))), "A sweep of 51 runs"),
    ],
)
def test_a_value_that_cannot_be_used_queues_no_run_at_all(place, verb, line, says):
    argv = line.split() if "--image-size" in line else ["--image-size", "32", *line.split()]
    status, _, err = verb("sweep", "--dataset", "pets", *argv)
    assert status == 2
    assert says in err
    assert store.list_runs(place) == []


def test_a_disk_that_is_full_in_the_middle_leaves_no_run_behind(
    place, monkeypatch, listing, rates
):
    create, before = store.create, listing(place.path)

    def full(*args, **known):
        if len(store.list_runs(place)) == 2:
            raise OSError(28, "No space left on device")
        return create(*args, **known)

    monkeypatch.setattr(store, "create", full)
    with pytest.raises(OSError, match="No space"):
        many.sweep(place, "pets", rates(3))
    assert listing(place.path) == before


def test_a_repetition_differs_in_the_seed_alone(place, judged_run, verb, started):
    run = judged_run(place, "pets")
    status, out, _ = verb("repeat", run.id, "--seeds", 3, "--json")
    runs = store.list_runs(place)
    assert status == 0
    assert out.strip().startswith('[{"run": "quick-2", "seed": 2}')
    assert [one.config for one in runs] == [run.config | {"seed": seed} for seed in (1, 2, 3, 4)]
    assert many.repeated_with(run, runs) == runs
    assert many.repeated_with(runs[2], runs) == runs
    more = many.repeat(place, "quick-3", 2)  # of one of them: seeds that none of them has
    assert [one.config["seed"] for one in more] == [5, 6]
    assert len(many.repeated_with(run, store.list_runs(place))) == 6
    assert [one.series for one in more] == [run.id] * 2


def test_the_same_seed_twice_is_no_second_chance_and_no_repetition_has_to_be_asked_for(
    place, judged_run
):
    first, again = judged_run(place, "pets"), judged_run(place, "pets")
    second = store.save(judged_run(place, "pets"), config=first.config | {"seed": 2})
    slower = store.save(again, id="quick-9", config=first.config | {"learning_rate": 0.5})
    runs = [first, again, second, slower]
    assert many.repeated_with(first, runs) == [first, second]
    assert many.repeated_with(again, runs) == [again, second]
    assert many.spread(many.repeated_with(slower, runs)) is None


def test_what_has_no_part_in_a_head_alone_makes_no_further_run(place, judged_run):
    several = {"preset": ["transfer", "quick"], "learning_rate": [0.01, 0.001], "seed": [3, 4]}
    configs = many.combinations(open_dataset(place, "pets"), several)
    assert [(one.preset, one.learning_rate, one.seed) for one in configs] == [
        ("transfer", 0.01, 3), ("quick", 0.01, 3), ("quick", 0.01, 4), ("quick", 0.001, 3),
        ("quick", 0.001, 4),
    ]  # fmt: skip
    only = {"preset": ["transfer"], "seed": [3, 4]}
    tuned = many.combinations(open_dataset(place, "pets"), only, fine_tune=1)
    assert len(tuned) == 2
    run = store.save(judged_run(place, "pets"), config=train_config("transfer").model_dump())
    with pytest.raises(ConfigError, match="fitted to its end whatever its seed"):
        many.repeat(place, run.id, 2)
    assert store.list_runs(place) == [run]


def test_a_run_with_the_number_of_a_deleted_one_is_not_of_its_repetition(place, judged_run):
    run = judged_run(place, "pets")
    (again, _) = many.repeat(place, run.id, 2)
    shutil.rmtree(run.folder)
    other = train_config("quick", image_size=32, learning_rate=0.01)
    stranger = store.save(
        store.create(place, "quick", **{
            name: getattr(again, name)
            for name in ("dataset", "dataset_fingerprint", "split_id", "dataset_image_size",
                         "class_names", "image_size")
        } | {"config": other.model_dump()}),
        series=run.id, varies=("seed",),
    )  # fmt: skip
    found = many.repeated_with(again, store.list_runs(place))
    assert stranger not in found
    assert len(found) == 2


@pytest.mark.parametrize("n", [0, 1, 21])
def test_a_repetition_with_too_few_or_too_many_seeds_is_a_sentence(place, judged_run, verb, n):
    run = judged_run(place, "pets")
    status, _, err = verb("repeat", run.id, "--seeds", n)
    assert (status, store.list_runs(place)) == (2, [run])
    assert f"A run cannot be repeated with {n} seeds; choose 2 to 20." in err


def test_a_run_whose_dataset_was_replaced_is_not_repeated(
    place, judged_run, two_classes, tmp_path
):
    run = judged_run(place, "pets")
    other = two_classes(tmp_path / "other", 30)
    prepare(place, str(other), "pets", image_size=32, replace=True)
    assert open_dataset(place, "pets").fingerprint != run.dataset_fingerprint
    with pytest.raises(DatasetError, match="'pets' was replaced after 'quick-1' was trained"):
        many.repeat(place, run.id, 2)
    assert store.list_runs(place) == [run]


def test_runs_that_cannot_be_put_in_line_have_failed_with_a_sentence(place, monkeypatch, rates):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(queue, "join", refuse)
    with pytest.raises(JobError, match="The line of runs cannot be written"):
        many.sweep(place, "pets", rates(2))
    assert [run.status for run in store.list_runs(place)] == ["failed", "failed"]


def test_runs_whose_dispatcher_cannot_be_started_have_failed(place, monkeypatch, rates):
    def refuse(*args, **more):
        raise JobError("The job 'work' could not be started (no memory); try it again.")

    monkeypatch.setattr(jobs, "submit", refuse)
    with pytest.raises(JobError):
        many.sweep(place, "pets", rates(2))
    assert [run.status for run in store.list_runs(place)] == ["failed", "failed"]


def test_the_spread_says_how_much_of_an_auc_is_chance(place, judged_run):
    runs = [judged_run(place, "pets", seed=seed) for seed in range(5)]
    aucs = np.array([run.figures["auc"] for run in runs])
    found = many.spread([*runs, store.create(place, "quick", **ABOUT)])
    assert (found.n, found.low, found.high) == (5, aucs.min(), aucs.max())
    assert found.mean == pytest.approx(aucs.mean())
    assert found.sd == pytest.approx(aucs.std(ddof=1))
    assert found.luck == pytest.approx(2.7764 * 2**0.5 * found.sd, rel=1e-4)  # t of a table
    assert f"{found.sd:.3f}" in found.sentence
    assert found.sentence.startswith("5 runs that differ in nothing but their seed have AUCs fro")
    assert many.spread(runs[:1]) is None


def test_two_runs_of_one_configuration_lie_within_the_luck_19_of_20_times():
    """By what the spread promises: normal AUCs, five seeds, one more pair."""
    rng = np.random.default_rng(3)
    within = []
    for _ in range(4000):
        values = rng.normal(0.95, 0.01, 5)
        spread = many.Spread(5, values.mean(), values.min(), values.max(), values.std(ddof=1))
        within.append(abs(np.subtract(*rng.normal(0.95, 0.01, 2))) < spread.luck)
    assert np.mean(within) == pytest.approx(0.95, abs=0.012)


ABOUT = {
    "dataset": "pets", "dataset_fingerprint": "f" * 64, "split_id": "5" * 64,
    "dataset_image_size": 32, "class_names": ("cat", "dog"), "image_size": 32,
    "config": train_config("quick", image_size=32).model_dump(),
}  # fmt: skip
