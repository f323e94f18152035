"""What `transfer` costs, and how good it is, on real photographs; the passes alone beside it."""

import json
import shutil
import time
import zipfile

import numpy as np
import pytest

from engine import backend, inference
from engine.data import features
from engine.data.dataset import open_dataset
from engine.data.decode import decode
from engine.models import transfer as network
from engine.models.build import build
from engine.runs import store
from engine.training import transfer
from engine.training.config import train_config
from engine.workspace import Workspace
from tests.benchmarks.test_speed import PHOTOGRAPHS, needs_photographs, say

FEW = 100  # of a class


@pytest.fixture(scope="module", params=[150, 200])
def photographs(request, tmp_path_factory, cli):
    """A workspace with the 10,000 photographs, stored at 150 or at 200 pixels."""
    place = tmp_path_factory.mktemp("photographs")
    size = request.param
    line = ("prepare", PHOTOGRAPHS, "--name", "dogs-vs-cats", "--image-size", size)
    done = cli(*line, workspace=place)
    assert done.returncode == 0, done.stderr
    return place, size


def trained(cli, place, name: str) -> tuple[float, dict]:
    began = time.perf_counter()
    done = cli("train", "--dataset", name, "--json", workspace=place, seconds=1200)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - began, json.loads(done.stdout)


def passes_alone(place, size: int) -> tuple[float, str]:
    """Seconds of the very passes that a first run makes, compiled beforehand, and by what."""
    dataset = open_dataset(Workspace(place), "dogs-vs-cats")
    config = train_config("transfer", image_size=size)
    model = build("transfer", size, backbone=config.backbone)
    network.load_imagenet(model, config.backbone)
    parts = transfer.parts_of(model, dataset, config)
    seconds, engines = 0.0, []
    for exact, names in transfer.PASSES.items():
        passes = backend.forward(network.features_of(model), exact=exact)
        engines.append(passes.engine)
        rows = np.concatenate([rows for name in names for _, rows in parts[name].chunks])
        began = time.perf_counter()
        for _ in passes.run(features.batches(parts[names[0]], rows)):
            pass
        seconds += time.perf_counter() - began
    return seconds, "; ".join(engines)


@needs_photographs
def test_ten_thousand_photographs(photographs, cli):
    place, size = photographs
    shutil.rmtree(place / "datasets" / "dogs-vs-cats" / "features", ignore_errors=True)
    first, told = trained(cli, place, "dogs-vs-cats")
    alone, engine = passes_alone(place, size)
    again, _ = trained(cli, place, "dogs-vs-cats")
    say(
        f"transfer, 10,000 photographs of {size} px: {first:.1f} s from `train` to its result, "
        f"accuracy {told['accuracy']:.3f}, AUC {told['auc']:.4f}; the passes alone {alone:.1f} s "
        f"by {engine}, so 1.5 times that and 12 s are {1.5 * alone + 12:.1f} s; a second run "
        f"{again:.1f} s"
    )


@needs_photographs
def test_a_hundred_photographs_of_each_class(cli, tmp_path):
    """Their test part has 20 pictures, which tell little: 1,000 others are judged, too."""
    some = tmp_path / "some.zip"
    with zipfile.ZipFile(PHOTOGRAPHS) as archive, zipfile.ZipFile(some, "w") as out:
        for word in ("/Cat/", "/Dog/"):
            of_class = [one for one in archive.infolist() if word in one.filename]
            for entry in of_class[:FEW]:
                out.writestr(entry, archive.read(entry))
        others = [
            (archive.read(one), label)
            for label, word in enumerate(("/Cat/", "/Dog/"))
            for one in [e for e in archive.infolist() if word in e.filename][FEW : FEW + 500]
        ]
    done = cli("prepare", some, "--name", "some", "--image-size", 200, workspace=tmp_path)
    assert done.returncode == 0, done.stderr
    seconds, told = trained(cli, tmp_path, "some")
    right, n = judged(tmp_path, told["run"], others)
    say(
        f"transfer, {FEW} photographs of each class: {seconds:.1f} s, {right} of {n} others right "
        f"({right / n:.3f})"
    )


def judged(place, run_id: str, others) -> tuple[int, int]:
    """How many other photographs the run's model tells rightly."""
    model = inference.load(store.open_run(Workspace(place), run_id)).model
    size = model.input_shape[1]
    pixels = (decode(data, size).pixels.astype(np.float32) for data, _ in others)
    found = backend.forward(model).run(one[None] for one in pixels)
    said = np.concatenate(list(found))[:, 0] >= 0.5
    labels = np.array([label for _, label in others])
    return int((said == labels).sum()), len(labels)
