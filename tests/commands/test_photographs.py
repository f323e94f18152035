"""From photographs to explanation on real ones, where they are at hand."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.evaluation.intervals import auc_interval
from engine.evaluation.roc import auc
from engine.settings import PROJECT
from engine.workspace import Workspace

PHOTOGRAPHS = Path(
    os.environ.get("CAMSIGHT_PHOTOGRAPHS", PROJECT.parent / "shared/data/dogs-vs-cats-10k.zip")
)
EACH = 200  # photographs of a class to train with, and as many others to judge with


def entries(archive: zipfile.ZipFile, start: int) -> list[tuple[zipfile.ZipInfo, int]]:
    """`EACH` of both classes from the `start`-th on, with their labels."""
    found = []
    for label, word in enumerate(("/Cat/", "/Dog/")):
        of_class = [entry for entry in archive.infolist() if word in entry.filename]
        found += [(entry, label) for entry in of_class[start : start + EACH]]
    return found


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A zip of 400 of them, and 400 others with their labels."""
    if not PHOTOGRAPHS.is_file():
        pytest.skip(f"no photographs at {PHOTOGRAPHS} (CAMSIGHT_PHOTOGRAPHS names another zip)")
    some = tmp_path_factory.mktemp("photographs") / "some.zip"
    with zipfile.ZipFile(PHOTOGRAPHS) as archive, zipfile.ZipFile(some, "w") as out:
        for entry, _ in entries(archive, 0):
            out.writestr(entry, archive.read(entry))
        others = [(archive.read(entry), label) for entry, label in entries(archive, EACH)]
    return some, others


def test_from_photographs_to_explanation(photographs, cli, tmp_path):
    from engine import inference
    from engine.data.decode import decode
    from engine.runs import store

    some, others = photographs
    place = tmp_path / "workspace"

    def told(*line):
        done = cli(*line, "--json", workspace=place)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    dataset = told("prepare", some, "--name", "photographs", "--image-size", 48)
    assert (dataset["pictures"], dataset["refused"]) == (2 * EACH, 0)
    assert dataset["class_names"] == ["Cat", "Dog"]
    assert dataset["counts"]["train"] == [160, 160]

    line = "train --dataset photographs --image-size 48 --epochs 8 --batch-size 16"
    trained = told(*line.split())
    assert trained["seconds"] > 0
    assert told("evaluate", "latest")["auc"] == trained["auc"]

    # 40 test pictures tell little; on 400 others it must be better than chance beyond doubt
    loaded = inference.load(store.open_run(Workspace(place), "latest"))
    seen = np.stack([decode(data, 48).pixels for data, _ in others])
    logit = inference.logits(loaded.model, seen)
    found = auc_interval(auc([label for _, label in others], logit), EACH, EACH)
    print(f"AUC on {2 * EACH} other photographs: {found.value:.3f}, from {found.low:.3f}")
    assert found.low > 0.55

    picture = tmp_path / "dog.jpg"
    picture.write_bytes(others[-1][0])
    explained = told("explain", "latest", picture, "--out", tmp_path / "out", "--target", "dog")
    assert [one["method"] for one in explained] == ["grad-cam", "score-cam"]
    assert all(Path(one["overlay"]).stat().st_size > 1000 for one in explained)
    assert all(0 < one["score"] < 1 and one["raw_max"] > one["raw_min"] for one in explained)
