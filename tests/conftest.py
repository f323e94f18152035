"""What tests share: a command line, a server, pictures on disk, a workspace with a finished run."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import hypothesis
import numpy as np
import pytest

from engine import files, identity, records
from engine.commands.evaluate import area, judge_all
from engine.data import dataset as datasets
from engine.data.dataset import PARTS, Dataset
from engine.runs import outcome, store
from engine.runs.record import Run
from engine.settings import settings
from engine.training.config import train_config
from engine.workspace import Workspace
from tests import provider as providers

ROOT = Path(__file__).resolve().parents[1]
# The same examples each time, however busy the machine is.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("same")
# Fixtures of tests that train, or start the command line, a server, processes that decode.
SLOW = {"workspace", "cli", "serve", "two_classes"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make check` leaves out, by what it uses."""
    for item in items:
        if SLOW.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def cli() -> Callable[..., subprocess.CompletedProcess]:
    """`python -m engine ARGS` in a process of its own; `workspace=` is CAMSIGHT_WORKSPACE there."""

    def run(
        *args, workspace: Path | None = None, seconds: float = 240, preexec_fn=None, **environment
    ):
        place = {} if workspace is None else {"CAMSIGHT_WORKSPACE": str(workspace)}
        return subprocess.run(
            [sys.executable, "-m", "engine", *map(str, args)],
            cwd=ROOT,
            env=os.environ | place | environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            preexec_fn=preexec_fn,
        )

    return run


class Server(NamedTuple):
    """`python -m dashboard`, which answers at `address` and writes what it prints into `log`."""

    address: str
    process: subprocess.Popen
    log: Path


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """`serve(workspace, CAMSIGHT_…=…)`: a Server on a free port of 127.0.0.1, once it answers.

    {address} in a setting is where it answers; `preexec_fn` is Popen's.
    """
    servers = []

    def start(workspace: Path, *, preexec_fn=None, **environment: str) -> Server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        place = {"CAMSIGHT_WORKSPACE": str(workspace), "CAMSIGHT_PORT": str(port)}
        told = {name: text.replace("{address}", address) for name, text in environment.items()}
        log = tmp_path_factory.mktemp("server") / "log.txt"
        with log.open("w") as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", "dashboard"],
                cwd=ROOT,
                env=os.environ | place | told,
                stdout=printed,
                stderr=subprocess.STDOUT,
                preexec_fn=preexec_fn,
            )
        servers.append(process)
        server = Server(address, process, log)
        for _ in range(480):
            assert process.poll() is None, f"the server ended: {log.read_text()}"
            try:
                with urllib.request.urlopen(f"{server.address}/_stcore/health", timeout=1) as told:
                    if told.read() == b"ok":
                        return server
            except OSError:
                time.sleep(0.25)
        raise AssertionError(f"the server did not answer in two minutes: {log.read_text()}")

    yield start
    for process in servers:
        process.terminate()
    for process in servers:
        process.wait(60)


@pytest.fixture(scope="session")
def any_provider() -> Iterator[providers.Provider]:
    """A provider to sign in at; tests ask for `provider`."""
    with providers.running() as provider:
        yield provider


@pytest.fixture
def provider(any_provider) -> providers.Provider:
    """A provider to sign in at, honest until the test says otherwise."""
    any_provider.be_honest()
    return any_provider


@pytest.fixture(scope="session")
def workspace(tmp_path_factory, cli) -> Path:
    """A workspace with the dataset "drawn" (240 pictures, 64 px) and the finished run "quick-1"
    (2 epochs, 32 px), made by the command line. Tests must not write into it."""
    place = tmp_path_factory.mktemp("workspace")
    kept = os.environ.get("CAMSIGHT_WORKSPACE")
    os.environ["CAMSIGHT_WORKSPACE"] = str(place)
    settings.cache_clear()
    for line in (
        "prepare drawn --name drawn --count 240 --image-size 64 --json",
        "train --dataset drawn --preset quick --epochs 2 --image-size 32 --json",
    ):
        done = cli(*line.split(), workspace=place)
        assert done.returncode == 0, done.stderr
    yield place
    if kept is None:
        os.environ.pop("CAMSIGHT_WORKSPACE", None)
    else:
        os.environ["CAMSIGHT_WORKSPACE"] = kept
    settings.cache_clear()


@pytest.fixture(scope="session")
def copy_of() -> Callable[[Path, Path], Workspace]:
    """`copy_of(workspace, folder)`: a workspace with the same datasets and no run."""

    def copy(workspace: Path, folder: Path) -> Workspace:
        shutil.copytree(workspace / "datasets", folder / "ready" / "datasets")
        return Workspace(folder / "ready")

    return copy


@pytest.fixture
def use_workspace(monkeypatch) -> Callable[[Path], Path]:
    """A function that makes a folder the workspace of this process until the test ends."""

    def use(place: Path) -> Path:
        monkeypatch.setenv("CAMSIGHT_WORKSPACE", str(place))
        settings.cache_clear()
        return place

    yield use
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def empty_workspace(tmp_path, use_workspace) -> Path:
    """A workspace with nothing in it, for this test alone."""
    place = tmp_path / "empty workspace"
    place.mkdir()
    return use_workspace(place)


@pytest.fixture
def decode_here(monkeypatch) -> None:
    """Pictures are decoded in this process: a worker takes a second to start, and how one breaks
    has tests of its own."""
    from engine.data import workers

    def each(work, n: int, processes: int, seconds: float):
        return ((i, answer, "") for i, answer in enumerate(work(0, n)))

    monkeypatch.setattr(workers, "each", each)


@pytest.fixture(scope="session")
def draw_files() -> Callable[..., list[Path]]:
    """`draw_files(folder, "cat", 12)`: pictures of noise, each another, as PNG in `folder`.

    `names` makes a file's name out of its number; what is written depends on `word` and the number
    alone, so that two folders can hold the same pictures.
    """

    def draw(folder: Path, word: str, count: int, names: str = "{i}.png", size: int = 40):
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for i in range(count):
            rng = np.random.default_rng([i, *word.encode()])
            path = folder / names.format(i=i)
            _, encoded = cv2.imencode(".png", rng.integers(0, 256, (size, size, 3), np.uint8))
            path.write_bytes(encoded.tobytes())
            paths.append(path)
        return paths

    return draw


@pytest.fixture(scope="session")
def two_classes(draw_files) -> Callable[..., Path]:
    """`two_classes(folder)`: `folder/cat` and `folder/dog` with 12 pictures each."""

    def draw(folder: Path, count: int = 12) -> Path:
        for word in ("cat", "dog"):
            draw_files(folder / word, word, count)
        return folder

    return draw


@pytest.fixture(scope="session")
def listing() -> Callable[[Path], list[str]]:
    """Everything in a folder, hidden files too, but not the locks, which hold nothing."""

    def names(folder: Path) -> list[str]:
        found = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        return sorted(name for name in found if not name.endswith(".lock"))

    return names


@pytest.fixture(scope="session")
def until() -> Callable:
    """`until(condition)`: what `condition` gives once it is true; an error if that takes long."""

    def wait(condition: Callable, seconds: float = 120):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError("it did not happen in time")

    return wait


# --- many classes, without training ------------------------------------------------------------


@pytest.fixture(scope="session")
def add_many() -> Callable[..., Run]:
    """`add_many(folder, ("cat", "dog", "fox"), counts=(9, 4, 12))`: a dataset "zoo" of noise in a
    workspace, and a judged run on it whose scores a seed made; counts: of each class in validation
    and in test."""
    return make_many


def make_many(
    folder: Path,
    class_names: Sequence[str],
    counts: Sequence[int] | None = None,
    seed: int = 1,
    name: str = "zoo",
) -> Run:
    """The later a class, the less often it is told rightly; the last two are alike."""
    place, rng, k = Workspace(folder), np.random.default_rng(seed), len(class_names)
    data = _dataset(place.datasets / name, rng, class_names, counts or [9] * k)
    about = {
        "dataset": data.name, "dataset_fingerprint": data.fingerprint, "split_id": data.split_id,
        "dataset_image_size": 16, "class_names": data.class_names, "image_size": 16,
        "config": train_config("quick", epochs=2).model_dump(),
    }  # fmt: skip
    run, parts = store.create(place, "quick", **about), {}
    for part in outcome.PARTS:
        rows = data.indices(part)
        y_true = data.labels[rows].astype(np.int64)
        logit = rng.normal(0, 1, (len(rows), k))
        logit[np.arange(len(rows)), y_true] += 3.2 - 2.4 * y_true / k
        alike = y_true >= k - 2
        logit[alike, 2 * k - 3 - y_true[alike]] += 0.7
        odds = np.exp(logit - logit.max(axis=1, keepdims=True))
        parts[part] = {
            "picture": data.pictures[rows], "y_true": y_true, "logit": logit.astype(np.float32),
            "y_score": odds / odds.sum(axis=1, keepdims=True),
        }  # fmt: skip
    outcome.write_predictions(run.folder, parts)
    run = store.save(
        run, status="finished", started=store.now(), ended=store.now(), seconds=4.0, best_epoch=1,
        weights_sha256="0" * 64, layers=("conv1", "conv2"),
    )  # fmt: skip
    figures = judge_all(run, "test", parts["test"], "hanley-mcneil").figures
    return store.save(run, figures=figures | {"validation_auc": area(parts["validation"])})


def _dataset(folder: Path, rng: np.random.Generator, class_names, counts) -> Dataset:
    """Written by hand: two pictures of each class to train on, `counts` in each other part."""
    of_part = [np.full(len(counts), 2), np.array(counts), np.array(counts)]
    labels = np.concatenate([np.repeat(np.arange(len(counts)), of) for of in of_part])
    part_of = np.repeat(np.arange(3), [of.sum() for of in of_part])
    images = rng.integers(0, 256, (len(labels), 16, 16, 3), np.uint8)
    pictures = np.array([identity.of_picture(pixels) for pixels in images])
    folder.mkdir(parents=True)
    for name, array in (
        ("images", images), ("labels", labels.astype(np.uint8)),
        ("split", part_of.astype(np.uint8)), ("pictures", pictures.astype("S64")),
    ):  # fmt: skip
        np.save(folder / f"{name}.npy", array)
    (folder / "files.txt").write_text("\n".join(f"{at:04}.png" for at in range(len(labels))))
    (folder / "refused.csv").write_text("file,reason\n")
    names, test = tuple(class_names), part_of == PARTS.index("test")
    data = Dataset(
        folder=folder, name=folder.name, class_names=names, image_size=16, seed=1,
        fingerprint=identity.of_pictures(pictures, labels, names),
        split_id=identity.of_pictures(pictures[test], labels[test], names),
        source="noise", created=store.now(), candidates=len(labels), refused=0,
        counts={part: tuple(of.tolist()) for part, of in zip(PARTS, of_part, strict=True)},
    )  # fmt: skip
    records.write(folder / "dataset.json", datasets.KIND, data)
    return data


# --- a model, without training ------------------------------------------------------------------


@pytest.fixture(scope="session")
def with_weights() -> Callable[[Run], Run]:
    """`with_weights(run)`: the run with a network that has learned nothing, which makes heat."""

    def give(run: Run) -> Run:
        from engine.models.build import build, spatial_layers

        model = build(run.preset, run.image_size, len(run.class_names), l2=run.config["l2"])
        model.save_weights(run.folder / "best.weights.h5")
        sha = files.sha256(run.folder / "best.weights.h5")
        return store.save(run, weights_sha256=sha, layers=tuple(spatial_layers(model)))

    return give


@pytest.fixture(scope="session")
def untrained_run(tmp_path_factory, add_many, with_weights) -> Run:
    """A run of cat, dog and fox that has learned nothing."""
    return with_weights(add_many(tmp_path_factory.mktemp("untrained"), ("cat", "dog", "fox")))
