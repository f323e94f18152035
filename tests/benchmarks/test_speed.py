"""Figures that the documents give, measured here: `make bench`. Nothing is asserted about time.

Where two ways are compared they run in alternation, and the ratio of their medians is printed.
"""

import io
import os
import statistics
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PHOTOGRAPHS = ROOT.parent / "shared" / "data" / "dogs-vs-cats-10k.zip"
needs_photographs = pytest.mark.skipif(
    not PHOTOGRAPHS.exists(), reason=f"the photographs are not at {PHOTOGRAPHS}"
)


def say(text: str) -> None:
    print(f"\n{text} ({len(os.sched_getaffinity(0))} cores)", file=sys.stderr)


def alternate(one, other, times: int = 5) -> tuple[float, float]:
    """Median seconds of two functions, called in turn after a call to warm each up."""
    one(), other()
    seconds: tuple[list, list] = ([], [])
    for _ in range(times):
        for work, kept in zip((one, other), seconds, strict=True):
            started = time.perf_counter()
            work()
            kept.append(time.perf_counter() - started)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


@needs_photographs
def test_preparing_ten_thousand_photographs(cli, tmp_path):
    started = time.perf_counter()
    done = cli("prepare", PHOTOGRAPHS, "--name", "photographs", workspace=tmp_path)
    assert done.returncode == 0, done.stderr
    say(f"prepare, 10,000 photographs: {time.perf_counter() - started:.1f} s")


@needs_photographs
def test_decoding_by_opencv_against_pillow():
    from engine.data.decode import decode

    with zipfile.ZipFile(PHOTOGRAPHS) as archive:
        files = [archive.read(name) for name in archive.namelist()[:300]]

    def by_pillow() -> None:
        for data in files:
            picture = Image.open(io.BytesIO(data)).convert("RGB")
            np.asarray(picture.resize((150, 150), Image.Resampling.BOX))

    ours, pillow = alternate(lambda: [decode(data, 150) for data in files], by_pillow)
    say(f"decoding: {300 / ours:,.0f} pictures/s, Pillow takes {pillow / ours:.2f} × as long")


@pytest.mark.parametrize(("preset", "size"), [("quick", 64), ("classic", 150)])
def test_training_speed(cli, tmp_path, preset, size):
    cli(*f"prepare drawn --name drawn --count 400 --image-size {size}".split(), workspace=tmp_path)
    done = cli(*f"train --dataset drawn --preset {preset} --estimate".split(), workspace=tmp_path)
    assert done.returncode == 0, done.stderr
    say(f"training, {preset}: {done.stdout.strip()}")


def test_a_verb_without_keras(cli, workspace):
    auc, listed = alternate(
        lambda: cli("runs", "--json", workspace=workspace),
        lambda: cli("datasets", "--json", workspace=workspace),
    )
    say(f"runs --json {auc:.2f} s, datasets --json {listed:.2f} s")


def test_a_look_at_a_thousand_runs(tmp_path):
    from dataclasses import replace

    from engine.commands import snapshot
    from engine.runs import store
    from engine.training.config import train_config
    from engine.workspace import Workspace

    place = Workspace(tmp_path)
    first = store.create(
        place, "quick", dataset="pets", dataset_fingerprint="f" * 64, split_id="5" * 64,
        dataset_image_size=64, class_names=("cat", "dog"), image_size=32,
        config=train_config("quick").model_dump(),
    )  # fmt: skip
    for number in range(2, 1001):
        folder = place.runs / f"quick-{number}"
        folder.mkdir()
        store.save(replace(first, folder=folder, status="finished"))

    def look() -> None:
        snapshot.forget(place)
        snapshot.look(place)

    seen, listed = alternate(look, lambda: store.list_runs(place))
    say(f"a look at 1,000 runs: {seen * 1e3:.0f} ms, listing them {listed / seen:.1f} × as long")
