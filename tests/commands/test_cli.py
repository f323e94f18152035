"""The command line as a person meets it."""

import ctypes
import json
import os
import re
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

SENTENCE = re.compile(r"[^\n]+[.]\n")
USAGE = "Usage: "


@pytest.fixture(scope="session")
def things(tmp_path_factory, draw_files, two_classes) -> Path:
    """What the bad lines below name."""
    place = tmp_path_factory.mktemp("things")
    two_classes(place / "good")
    (place / "none").mkdir()
    draw_files(place / "one" / "cat", "cat", 12)
    for word, count in (("cat", 12), ("dog", 9)):
        draw_files(place / "few" / word, word, count)
    good = draw_files(place, "photo", 1, "photo.png")[0].read_bytes()
    (place / "corrupt.png").write_bytes(good[: len(good) // 2])
    (place / "words.jpg").write_text("words")
    os.mkfifo(place / "pipe.png")
    (place / "broken.zip").write_text("words")
    for name, rows in {
        "good": "0,0.1\n1,0.9\n0,0.4\n1,0.3\n",
        "nan": "0,0.1\n1,nan\n",
        "one-class": "1,0.1\n1,0.9\n",
        "labels": "0,0.1\n2,0.9\n",
        "empty": "",
    }.items():
        (place / f"{name}.csv").write_text("y_true,y_score\n" + rows)
    return place


BAD_LINES = {
    "prepare {things}/nowhere --name x": "is not there; give a folder or a zip that is",
    "prepare {things}/none --name x": "holds no pictures",
    "prepare {things}/one --name x": "holds one class",
    "prepare {things}/few --name x": "The class 'dog' has 9 usable pictures",
    "prepare {things}/broken.zip --name x": "cannot be read as a zip",
    "prepare {things}/good --name x --image-size 31": "image size 31 is outside 32 to 512",
    "prepare {things}/good --name x --fit fill": "The fit 'fill' is not known; choose one of str",
    "prepare {things}/good --name ../x": "cannot name a dataset",
    "prepare {things}/good --name drawn": "'drawn' exists and holds other pictures",
    "prepare drawn --name x --count 3": "3 drawn pictures are too few",
    "train --dataset nothing": "The dataset 'nothing' does not exist; there is: drawn",
    "train --dataset drawn --image-size 31": "image_size = 31 cannot be used",
    "train --dataset drawn --image-size 65": "image size 65 is above the 64 pixels of 'drawn'",
    "train --dataset drawn --preset slow": "The preset 'slow' does not exist",
    "train --dataset drawn --learning-rate 2": "learning_rate = 2.0 cannot be used",
    "train --dataset drawn --learning-rate nan": "learning_rate = nan cannot be used",
    "evaluate quick-9": "The run 'quick-9' does not exist; there is: quick-1",
    "evaluate quick-1 --interval wald": "delong-logit, delong, hanley-mcneil",
    "evaluate quick-1 --level 95": "give one between 0 and 1, as 0.95",
    "evaluate quick-1 --side left": "choose both or lower or upper",
    "evaluate quick-1 --split train": "choose validation or test",
    "auc {things}/nowhere.csv": "There is no file",
    "auc {things}/nan.csv": "Line 3 of .*'nan', which is not a finite number",
    "auc {things}/one-class.csv": "only class 1",
    "auc {things}/labels.csv": "Line 3 of .* has the label '2'",
    "auc {things}/empty.csv": "empty",
    "auc {things}": "cannot be read",
    "auc {things}/photo.png": "cannot be read|no column",
    "explain quick-9 {things}/photo.png --out {out}": "The run 'quick-9' does not exist",
    "explain quick-1 {things}/nowhere.png --out {out}": "cannot be read .*; check the path",
    "explain quick-1 {things}/pipe.png --out {out}": "pipe.png' is no file; give picture files",
    "explain quick-1 {things}/corrupt.png --out {out}": "corrupt.png' cannot be used: ",
    "explain quick-1 {things}/photo.png {things}/words.jpg --out {out}": "words.jpg' cannot be",
    "explain quick-1 {things}/photo.png --target fox --out {out}": "choose cat or dog",
    "explain quick-1 {things}/photo.png --layer conv9 --out {out}": "choose one of scale, stem",
    "explain quick-1 {things}/photo.png --method lime --out {out}": "choose one of grad-cam",
    "explain quick-1 {things}/photo.png --colormap jet --out {out}": "choose one of inferno",
    "explain quick-1 {things}/photo.png --layer stem --layer conv9 --out {out}": "'conv9' does not",
    "explain quick-1 {things}/photo.png --combine sum --out {out}": "choose one of mean, max",
    "explain quick-1 {things}/photo.png --score loss --out {out}": "choose one of logit, probab",
    "explain quick-1 {things}/photo.png --precision int8 --out {out}": "choose one of float32",
    "explain quick-1 {things}/photo.png --option samples --out {out}": "give it as samples=50",
    "explain quick-1 {things}/photo.png --option depth=3 --out {out}": "has an option 'depth'",
    "explain quick-1 {things}/photo.png --out {things}/words.jpg": "words.jpg",
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_bad_input_ends_in_one_sentence_and_status_2(
    line, verb, workspace, use_workspace, things, tmp_path, listing
):
    use_workspace(workspace)
    before, out = listing(workspace), tmp_path / "out"
    status, said, error = verb(*(word.format(things=things, out=out) for word in line.split()))
    assert (status, said) == (2, "")
    assert SENTENCE.fullmatch(error), error
    assert re.search(BAD_LINES[line], error), error
    assert listing(workspace) == before
    assert not out.exists()


@pytest.mark.parametrize("option", [[], ["--json"]])
@pytest.mark.parametrize("line", [line for line in BAD_LINES if line.endswith(("-9", "{out}"))][:3])
def test_bad_input_in_a_process_of_its_own_says_nothing_but_the_sentence(
    line, option, cli, workspace, things, tmp_path
):
    words = [word.format(things=things, out=tmp_path / "out") for word in line.split()]
    done = cli(*words, *option, workspace=workspace)
    assert (done.returncode, done.stdout) == (2, "")
    assert SENTENCE.fullmatch(done.stderr), done.stderr


@pytest.mark.parametrize(
    "line",
    ["trian", "train --epochs many", "train", "auc", "prepare drawn", "runs --all",
     "evaluate quick-1 --threshold 2", "evaluate quick-1 --threshold nan",
     "explain quick-1 --out x"],
)  # fmt: skip
def test_a_line_that_cannot_be_read_ends_in_its_usage_and_status_2(
    line, verb, workspace, use_workspace
):
    use_workspace(workspace)
    status, said, error = verb(*line.split())
    assert (status, said) == (2, "")
    assert error.startswith(USAGE)
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("setting", "value"),
    [("CAMSIGHT_PORT", "many"), ("CAMSIGHT_PROCESSES", "0"), ("CAMSIGHT_MAX_PIXELS", "-1")],
)
def test_a_setting_that_cannot_be_used_is_named(setting, value, cli, workspace):
    done = cli("runs", workspace=workspace, **{setting: value})
    assert done.returncode == 2
    assert SENTENCE.fullmatch(done.stderr), done.stderr
    assert setting in done.stderr
    assert value in done.stderr


def test_a_workspace_that_cannot_be_written_is_named(cli, things):
    done = cli("prepare", things / "good", "--name", "x", workspace=things / "words.jpg")
    assert done.returncode == 2
    assert SENTENCE.fullmatch(done.stderr), done.stderr
    assert "words.jpg" in done.stderr


def without_roots_rights() -> None:
    """Let a folder's mode bind root as it binds everyone: drop CAP_DAC_OVERRIDE before exec."""
    ctypes.CDLL(None).prctl(24, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="root is bound by modes on Linux only")
def test_looking_needs_no_right_to_write_and_what_needs_it_says_so(cli, workspace, tmp_path):
    place = shutil.copytree(workspace, tmp_path / "read-only")
    run = place / "runs" / "quick-1" / "run.json"
    run.write_text(run.read_text().replace('"finished"', '"running"'))  # its lease is looked for
    folders = [place, *(path for path in place.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        for verb in ("runs", "datasets"):
            done = cli(verb, "--json", workspace=place, preexec_fn=without_roots_rights)
            assert done.returncode == 0, done.stderr
        done = cli(
            *["prepare", "drawn", "--name", "more", "--count", "40", "--image-size", "32"],
            workspace=place, preexec_fn=without_roots_rights,
        )  # fmt: skip
        assert done.returncode == 2
        assert SENTENCE.fullmatch(done.stderr), done.stderr
        assert "Permission denied" in done.stderr
    finally:
        for folder in folders:
            folder.chmod(0o755)


def answer(done):
    """The one JSON value on standard output."""
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


FIGURES = {
    "auc", "auc_low", "auc_high", "standard_error", "interval", "level", "side", "n_positive",
    "n_negative",
}  # fmt: skip


def test_evaluate_says_what_the_run_stored(cli, workspace):
    told = answer(cli("evaluate", "latest", "--json", workspace=workspace))
    assert told.keys() >= FIGURES | {"run", "accuracy", "threshold", "seconds"}
    stored = json.loads((workspace / "runs" / "quick-1" / "run.json").read_text())
    figures = {name: value for name, value in stored["figures"].items() if name in told}
    assert {name: told[name] for name in figures} == figures
    assert figures.keys() >= FIGURES
    assert (told["run"], told["threshold"], told["seconds"]) == ("quick-1", 0.5, stored["seconds"])
    assert (told["n_positive"], told["n_negative"]) == (12, 12)
    assert 0 <= told["auc_low"] <= told["auc"] <= told["auc_high"] <= 1


def test_evaluate_at_another_threshold_part_and_interval(cli, workspace):
    line = "evaluate quick-1 --threshold 1 --split validation --interval newcombe --json"
    told = answer(cli(*line.split(), workspace=workspace))
    assert (told["threshold"], told["interval"], told["accuracy"]) == (1, "newcombe", 0.5)


def test_evaluate_for_people_ends_in_the_closing_line(cli, workspace):
    done = cli("evaluate", "quick-1", workspace=workspace)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"AUC=[01]\.\d+, Confidence_interval\(95%\)=(±0\.\d+|[\d.]+–[\d.]+) \([a-z-]+\), "
        r"Detection_rate=[01]\.\d+, Process_time=\d+\.\dsec",
        done.stdout.splitlines()[-1],
    )
    assert "precision" in done.stdout
    assert "±0.000" not in done.stdout


def test_auc_of_a_file(cli, workspace, things):
    told = answer(cli("auc", things / "good.csv", "--json", workspace=workspace))
    assert told.keys() == FIGURES
    assert (told["auc"], told["n_positive"], told["n_negative"]) == (0.75, 2, 2)


def test_runs_and_datasets(cli, workspace):
    (run,) = answer(cli("runs", "--json", workspace=workspace))
    assert run.keys() >= {"run", "name", "dataset", "preset", "status", "auc"}
    assert (run["run"], run["dataset"], run["preset"]) == ("quick-1", "drawn", "quick")
    assert run["status"] == "finished"
    (dataset,) = answer(cli("datasets", "--json", workspace=workspace))
    assert (dataset["name"], dataset["pictures"], dataset["image_size"]) == ("drawn", 240, 64)
    for verb, word in (("runs", "quick-1"), ("datasets", "drawn")):
        assert word in cli(verb, workspace=workspace).stdout


def test_runs_and_datasets_of_an_empty_workspace(cli, tmp_path, listing):
    for verb in ("runs", "datasets"):
        assert answer(cli(verb, "--json", workspace=tmp_path / "new")) == []
    assert not (tmp_path / "new").exists()


def test_doctor_says_what_computes_here(cli, workspace):
    told = answer(cli("doctor", "--json", workspace=workspace))
    assert told["device"]["kind"] in ("CPU", "GPU")
    assert told["versions"].keys() >= {"tensorflow", "keras", "numpy"}
    assert told["workspace"] == str(workspace)


def test_prepare_says_what_was_kept_and_what_was_refused(cli, tmp_path, things):
    shutil.copytree(things / "good", tmp_path / "good")
    (tmp_path / "good" / "cat" / "bad [red].jpg").write_bytes(b"")
    again = sorted((tmp_path / "good" / "dog").iterdir())[0]
    shutil.copy(again, again.with_name("again.png"))
    deepen(tmp_path / "good" / "cat" / "3.png")
    options = "--name pets --image-size 32 --fit pad"
    line = ["prepare", tmp_path / "good", *options.split()]
    done = cli(*line, workspace=tmp_path / "ws")
    assert done.returncode == 0, done.stderr
    assert "refused: cat/bad [red].jpg: empty: 0 bytes" in done.stderr
    assert done.stdout.startswith("pets: 25 pictures of 26 files kept, 1 refused, 32 px")
    assert "copies      1 of others;" in done.stdout
    assert "\n  1 picture was scaled from 16 bits by its own range\n" in done.stdout
    told = answer(cli(*line, "--json", workspace=tmp_path / "ws"))
    assert (told["pictures"], told["refused"], told["candidates"]) == (25, 1, 26)
    assert (told["copies"], told["fit"]) == (1, "pad")
    assert told["remarks"] == {"scaled from 16 bits by its own range": 1}
    assert sum(map(sum, told["counts"].values())) == 25


def test_estimate_measures_and_writes_no_run(cli, workspace, listing):
    before = listing(workspace)
    line = "train --dataset drawn --image-size 32 --epochs 7 --estimate --json"
    told = answer(cli(*line.split(), workspace=workspace))
    assert told["seconds"] > 0
    assert told["pictures_per_second"] > 0
    assert listing(workspace) == before


def deepen(path) -> None:
    """Write the picture anew with the 12 bits of a scanner in 16."""
    cv2.imwrite(str(path), png(path)[..., ::-1].astype(np.uint16) * 16)


def png(path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)


@pytest.fixture(scope="session")
def explained(cli, workspace, tmp_path_factory, draw_files):
    """Two pictures of one name, the second of 16 bits, and what explain said of them and wrote."""
    place = tmp_path_factory.mktemp("explained")
    pictures = [
        draw_files(place / folder, folder, 1, "my cat.png", size=90)[0] for folder in ("a", "b")
    ]
    deepen(pictures[1])
    done = cli(
        "explain", "latest", *pictures, "--out", place / "out", "--json", workspace=workspace
    )
    return place, pictures, answer(done)


def test_explain_writes_original_heatmap_and_overlay_of_both_methods(explained, listing):
    place, _, _ = explained
    assert listing(place / "out") == sorted(
        f"{name}.{rest}.png"
        for name in ("my cat", "my cat-2")
        for rest in (
            "original", "grad-cam.heatmap", "grad-cam.overlay", "score-cam.heatmap",
            "score-cam.overlay",
        )
    )  # fmt: skip


def test_explain_writes_the_original_as_the_model_saw_it(explained):
    from engine.data.decode import decode, resize

    place, pictures, _ = explained
    for picture, name in zip(pictures, ("my cat", "my cat-2"), strict=True):
        expected = resize(decode(picture.read_bytes(), 64).pixels, 32)
        assert (png(place / "out" / f"{name}.original.png") == expected).all()


def test_explain_says_what_was_changed_in_a_picture(explained, workspace, use_workspace, capsys):
    from engine import cli

    place, pictures, told = explained
    deep = "scaled from 16 bits by its own range"
    assert [one["remarks"] for one in told] == [[], [], [deep], [deep]]
    assert png(place / "out" / "my cat-2.original.png").max() > 150
    use_workspace(workspace)
    cli.explain("latest", pictures, place / "told", method=["grad-cam"], as_json=False)
    assert capsys.readouterr().err.count(" was ") == 1


def test_explain_draws_what_the_engine_computes(explained, workspace):
    """The files against heatmaps made in this process."""
    from engine import inference
    from engine.cam import colour, explain, overlay
    from engine.runs import store
    from engine.workspace import Workspace

    place, _, told = explained
    loaded = inference.load(store.open_run(Workspace(workspace), "quick-1"))
    originals = [png(place / "out" / f"{name}.original.png") for name in ("my cat", "my cat-2")]
    says = inference.logits(loaded.model, np.stack(originals)) >= 0
    assert len(told) == 4
    for one, i in zip(told, (0, 0, 1, 1), strict=True):
        heat = explain(loaded.model, originals[i][None], one["method"], target=int(says[i]))
        assert one["target"] == ("cat", "dog")[int(says[i])]
        assert one["score"] == pytest.approx(heat.scores[0], abs=1e-5)
        assert one["raw_max"] == pytest.approx(heat.raw.max(), rel=1e-2)
        near = np.abs(png(one["heatmap"]).astype(int) - colour(heat.values[0])) <= 16
        assert near.mean() > 0.98
        over = np.abs(png(one["overlay"]).astype(int) - overlay(originals[i], heat.values[0])) <= 16
        assert over.mean() > 0.98


def test_explain_prints_the_paths_it_wrote_once_each(cli, workspace, things, tmp_path):
    line = "--method grad-cam --target dog --colormap ocean --layer stem"
    done = cli(
        "explain", "latest", things / "photo.png", *line.split(), "--out", tmp_path / "a" / "b",
        workspace=workspace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = ("photo.original.png", "photo.grad-cam.heatmap.png", "photo.grad-cam.overlay.png")
    assert done.stdout.split("\n") == [*(str(tmp_path / "a" / "b" / name) for name in names), ""]
    assert all(Path(path).is_file() for path in done.stdout.split())
    assert "grad-cam for dog (probability" in done.stderr
    assert "Warning" not in done.stderr
