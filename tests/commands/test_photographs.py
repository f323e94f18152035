"""From photographs to explanation on real ones, where they are at hand."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.evaluation.intervals import auc_interval
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
    from engine.backend import forward
    from engine.data.decode import decode
    from engine.runs import store

    some, others = photographs
    place = tmp_path / "workspace"

    def told(*line):
        done = cli(*line, "--json", workspace=place)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    dataset = told("prepare", some, "--name", "photographs", "--image-size", 150)
    assert (dataset["pictures"], dataset["refused"]) == (2 * EACH, 0)
    assert dataset["class_names"] == ["Cat", "Dog"]
    assert dataset["counts"]["train"] == [160, 160]

    trained = told("train", "--dataset", "photographs")
    assert trained["run"] == "transfer-1"
    assert told("evaluate", "latest")["auc"] == trained["auc"]

    # 40 test pictures tell little; 400 others tell that the backbone has seen cats and dogs
    loaded = inference.load(store.open_run(Workspace(place), "latest"))
    seen = np.stack([decode(data, 150).pixels for data, _ in others]).astype(np.float32)
    labels = np.array([label for _, label in others])
    said = np.concatenate(list(forward(loaded.model).run([seen[:200], seen[200:]])))[:, 0]
    found = auc_interval(labels, said)
    right = np.mean((said >= 0.5) == labels)
    print(f"{2 * EACH} other photographs: AUC {found.value:.4f} from {found.low:.4f}, {right:.3f}")
    assert found.low > 0.985
    assert right > 0.95

    picture = tmp_path / "dog.jpg"
    picture.write_bytes(others[-1][0])
    explained = told(
        "explain", "latest", picture, "--out", tmp_path / "out", "--target", "dog",
        "--method", "grad-cam",
    )  # fmt: skip
    assert all(Path(one["overlay"]).stat().st_size > 1000 for one in explained)
    assert all(0 < one["score"] < 1 and one["raw_max"] > one["raw_min"] for one in explained)


def test_lite0_knows_dogs_and_cats_of_imagenet(photographs):
    """Its own head of a thousand classes, of which 151 to 268 are dogs and 281 to 285 cats; on all
    10,000 photographs at 224 pixels 96.6% of dogs and 74.3% of cats have one of theirs first."""
    import keras

    from engine.backend import forward
    from engine.data.decode import decode
    from engine.models.lite0 import lite0, load_imagenet

    pixels = keras.Input((224, 224, 3))
    average = keras.layers.GlobalAveragePooling2D()(lite0(pixels, keras.DTypePolicy("float32")))
    model = keras.Model(pixels, keras.layers.Dense(1000, name="imagenet")(average))
    load_imagenet(model)
    _, others = photographs
    labels = np.array([label for _, label in others])
    batches = (decode(data, 224).pixels[None].astype(np.float32) for data, _ in others)
    first = np.concatenate(list(forward(model, exact=False).run(batches))).argmax(axis=1)
    assert ((first >= 151) & (first <= 268))[labels == 1].mean() > 0.92
    assert ((first >= 281) & (first <= 285))[labels == 0].mean() > 0.65
