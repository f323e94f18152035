"""`classic` as Camsight trains it against the blog post's own loop: `make bench`, or

    python -m tests.benchmarks.training [--steps 12] [--rounds 2]

The blog post's loop: all pictures as float32 in memory, and `fit` over a generator that shuffles
a copy of them in every epoch. Ours: `engine.training.fit.fit` over the mapped dataset, in float32
and in the precision that `precision="auto"` finds here. Each way has a process of its own, in
turn, whose highest memory is what the system says of it; "alone" is the network with a single
batch, which both ways need.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PHOTOGRAPHS = ROOT.parent / "shared" / "data" / "dogs-vs-cats-10k.zip"
NAME, PICTURES, SIZE, BATCH = "dogs-vs-cats", 10_000, 150, 32
WAYS = ("blog", "ours", "auto")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--workspace", type=Path, help=f"one that holds {NAME} at {SIZE} px")
    parser.add_argument("--way", choices=(*WAYS, "alone"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(one_way(asked.way, asked.steps)))
        return
    with tempfile.TemporaryDirectory() as folder:
        place = asked.workspace or prepared(folder)
        turns = ("alone", *WAYS * asked.rounds)
        found = [(way, measured(way, asked.steps, place)) for way in turns]
    tell(found)


def prepared(folder: str) -> Path:
    """A workspace with the photographs, or with drawn pictures where they are not at hand."""
    source = [str(PHOTOGRAPHS)] if PHOTOGRAPHS.exists() else ["drawn", "--count", str(PICTURES)]
    options = ["--name", NAME, "--image-size", str(SIZE)]
    call("engine", "prepare", *source, *options, workspace=folder)
    return Path(folder)


def call(module: str, *arguments: str, workspace: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, check=True, text=True,
        stdout=subprocess.PIPE, env=os.environ | {"CAMSIGHT_WORKSPACE": str(workspace)},
    )  # fmt: skip
    return done.stdout


def measured(way: str, steps: int, workspace: Path) -> dict:
    arguments = ["--way", way, "--steps", str(steps)]
    told = call("tests.benchmarks.training", *arguments, workspace=workspace)
    return json.loads(told.splitlines()[-1])


def tell(found: list[tuple[str, dict]]) -> None:
    """The table, and the two ratios that matter."""
    figures = {
        way: {
            name: statistics.median(one[name] for other, one in found if other == way)
            for name in ("pictures_per_second", "per_core_second", "peak_mb")
        }
        for way in dict.fromkeys(way for way, _ in found)
    }
    alone, blog = figures["alone"]["peak_mb"], figures["blog"]
    precision = next(one["precision"] for way, one in found if way == "auto")
    print(f"classic, {PICTURES:,} pictures of {SIZE} px, batches of {BATCH}, "
          f"{len(os.sched_getaffinity(0))} cores; auto is {precision} here")  # fmt: skip
    print("way     pictures/s  (× blog)  per s of a core  (× blog)  peak MB  above alone (blog ÷)")
    for way, one in figures.items():
        speed, busy, peak = one.values()
        above = peak - alone
        share = f"{(blog['peak_mb'] - alone) / above:.1f}" if above > 0 else "-"
        print(f"{way:7} {speed:10.1f} {speed / blog['pictures_per_second']:9.2f} "
              f"{busy:16.1f} {busy / blog['per_core_second']:9.2f} {peak:8,.0f} "
              f"{above:12,.0f} ({share})")  # fmt: skip


def one_way(way: str, steps: int) -> dict:
    """Pictures a second of a whole epoch, from `steps` timed ones, and this process's peak."""
    from engine import backend
    from engine.commands.learn import settled
    from engine.data.dataset import open_dataset
    from engine.data.question import task_of
    from engine.settings import settings
    from engine.training.config import train_config
    from engine.workspace import Workspace

    backend.prepare_process()
    workspace = Workspace(settings().workspace)
    task = task_of(open_dataset(workspace, NAME), None)
    config = train_config("classic", precision="auto" if way == "auto" else None)
    config = settled(workspace, config, task)
    clock = Clock(steps)
    run = {"blog": as_the_blog_post, "alone": alone}.get(way, as_we_do)
    each_epoch = run(task, config, clock)
    wall, core = clock.step()
    batches = -(-PICTURES // BATCH)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "pictures_per_second": PICTURES / (batches * wall + each_epoch),
        "per_core_second": PICTURES / (batches * core + each_epoch),
        "peak_mb": peak / (1e6 if sys.platform == "darwin" else 1e3),
        "precision": config.precision,
    }


class Clock:
    """When each batch ended, in seconds of the day and of processors."""

    def __init__(self, steps: int):
        self.steps, self.times = steps, []

    def tick(self, *_, **__) -> bool:
        self.times.append((time.perf_counter(), time.process_time()))
        return len(self.times) > self.steps

    def step(self) -> np.ndarray:
        """Median seconds of a step, of the day and of processors; the first ones trace."""
        return np.median(np.diff(self.times[1:], axis=0), axis=0)


def as_the_blog_post(task, config, clock: Clock) -> float:
    images = task.images[:PICTURES].astype(np.float32)
    labels = task.labels[:PICTURES].astype(np.float32)[:, None]
    copying = []

    def shuffled():
        while True:
            began = time.perf_counter()
            order = np.random.permutation(len(images))  # noqa: NPY002 - as written
            x, y = images[order], labels[order]
            copying.append(time.perf_counter() - began)
            for at in range(0, len(x), BATCH):
                yield x[at : at + BATCH], y[at : at + BATCH]

    batches = shuffled()
    by_keras(config, batches, clock)
    while len(copying) < 2:  # what is left of the epoch, until the next one has its copy
        next(batches)
    return statistics.median(copying)


def as_we_do(task, config, clock: Clock) -> float:
    from engine.training import fit

    rows = {"train": np.arange(PICTURES), "validation": np.arange(64), "test": np.arange(64)}
    every = OtherRows(task, rows)
    with tempfile.TemporaryDirectory() as folder:
        fit.fit(
            network(config), every, config, Path(folder),
            report=lambda told: None, should_stop=clock.tick,
        )  # fmt: skip
    training, _ = fit.batches_of(every, config)
    for at in range(len(training)):  # what is left of the epoch
        training[at]
    return 0.0


def alone(task, config, clock: Clock) -> float:
    """The network with one batch."""
    batch = task.images[:BATCH].copy(), task.labels[:BATCH].astype(np.float32)[:, None]

    def again():
        while True:
            yield batch

    by_keras(config, again(), clock)
    return 0.0


class OtherRows:
    """A task with other rows in its parts."""

    def __init__(self, task, rows: dict):
        self.task, self.rows = task, rows

    def __getattr__(self, name: str):
        return getattr(self.task, name)

    def indices(self, part: str) -> np.ndarray:
        return self.rows[part]


def network(config):
    from engine.models.build import build
    from engine.training.fit import compile_model

    model = build(config.preset, config.image_size, l2=config.l2, precision=config.precision)
    compile_model(model, config)
    return model


def by_keras(config, batches, clock: Clock) -> None:
    import keras

    network(config).fit(
        batches,
        steps_per_epoch=clock.steps + 1,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=clock.tick)],
        shuffle=False,
        verbose=0,
    )


if __name__ == "__main__":
    main()
