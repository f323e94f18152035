"""Whatever happens to the files of a workspace, every verb does its work or says a sentence."""

import json
import re
import shutil
from pathlib import Path

import pytest

from engine import formats
from engine.commands.prepare import prepare
from engine.workspace import Workspace

SENTENCE = re.compile(r"[^\n]+[.]\n")
RUN_FILES = (
    "run.json", "config.json", "history.csv", "progress.json", "predictions.npz", "log.txt",
    "lease.json", "best.weights.h5",
)  # fmt: skip
DATASET_FILES = (
    "dataset.json", "images.npy", "labels.npy", "split.npy", "pictures.npy", "pictures.csv",
    "refused.csv",
)  # fmt: skip


def newer(data: bytes) -> bytes:
    """Of a later schema: JSON by its number, others by a key or a line that nobody knows."""
    try:
        return json.dumps(json.loads(data) | {"schema": 99}).encode()
    except (ValueError, TypeError):
        return data + b"\nschema 99"


DAMAGES = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "newer": newer,
    "of a wrong type": lambda data: b'[{"a": 1}, "b"]',
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, two_classes, judged_run) -> Path:
    """A workspace with two datasets and two runs on each; none has weights that a model takes."""
    base = tmp_path_factory.mktemp("damage")
    place = Workspace(base / "whole")
    for name in ("pets", "others"):
        prepare(place, str(two_classes(base / name, 12)), name, image_size=32)
        for _ in range(2):
            run = judged_run(place, name)
            (run.folder / "best.weights.h5").write_bytes(b"weights")
            (run.folder / "history.csv").write_text("epoch,loss\n1,0.7\n")
            (run.folder / "progress.json").write_text('{"phase": "judging"}')
            (run.folder / "log.txt").write_text("begun\n")
            (run.folder / "lease.json").write_text('{"schema": 1, "pid": 1}')
    return place.path


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", [f"runs/quick-1/{f}" for f in RUN_FILES]
                         + [f"datasets/pets/{f}" for f in DATASET_FILES])  # fmt: skip
def test_a_damaged_file_leaves_the_healthy_rows_and_every_verb_answers(
    whole, tmp_path, use_workspace, verb, file, damage
):
    place = use_workspace(Path(shutil.copytree(whole, tmp_path / "copy")))
    path = place / file
    path.write_bytes(DAMAGES[damage](path.read_bytes()))

    status, out, err = verb("runs", "--json")
    assert (status, err) == (0, "")
    rows = {row["run"]: row for row in json.loads(out)}
    assert rows.keys() == {"quick-1", "quick-2", "quick-3", "quick-4"}
    assert [rows[f"quick-{i}"]["status"] for i in (2, 3, 4)] == ["finished"] * 3
    assert rows["quick-1"]["status"] in ("finished", "unreadable")
    if "run.json" in file:
        assert rows["quick-1"]["status"] == "unreadable"
        assert "run.json" in rows["quick-1"]["error"]

    status, out, err = verb("datasets", "--json")
    assert (status, err) == (0, "")
    found = {row["name"]: row.get("status", "readable") for row in json.loads(out)}
    assert found == {
        "others": "readable", "pets": "unreadable" if "dataset.json" in file else "readable"
    }  # fmt: skip

    for line in (
        "runs", "datasets", "evaluate quick-1 --json", "evaluate quick-2 --json",
        f"explain quick-1 {place}/nothing.png --out {place}/out",
        f"prepare {whole.parent}/pets --name pets --image-size 32 --json",
        "train --queued quick-1", "train --dataset pets --image-size 40",
    ):  # fmt: skip
        status, out, err = verb(*line.split())
        assert status in (0, 2), (line, err)
        assert "Traceback" not in err
        if status == 2:
            assert out == ""
            assert SENTENCE.fullmatch(err), (line, err)


def test_predictions_that_are_an_empty_file_are_named_by_evaluate(
    whole, tmp_path, use_workspace, verb
):
    """An EOFError would end in "Aborted!"."""
    place = use_workspace(Path(shutil.copytree(whole, tmp_path / "copy")))
    (place / "runs/quick-1/predictions.npz").write_bytes(b"")
    status, _, err = verb("evaluate", "quick-1")
    assert status == 2
    assert "The predictions of 'quick-1' cannot be read (predictions.npz is damaged)" in err


def test_everything_damaged_at_once_is_still_a_listing(whole, tmp_path, use_workspace, verb):
    place = use_workspace(Path(shutil.copytree(whole, tmp_path / "copy")))
    for path in place.rglob("*"):
        if path.is_file() and path.name != formats.FILE:  # without which nothing is read
            path.write_bytes(b"")
    status, out, _ = verb("runs", "--json")
    assert status == 0
    assert {row["status"] for row in json.loads(out)} == {"unreadable"}


def test_train_queued_on_a_finished_run_leaves_it_finished(whole, tmp_path, use_workspace, verb):
    use_workspace(Path(shutil.copytree(whole, tmp_path / "copy")))
    status, _, err = verb("train", "--queued", "quick-1")
    assert status == 2
    assert "'quick-1' is finished and can be trained only once" in err
    assert json.loads(verb("runs", "--json")[1])[0]["status"] == "finished"
