"""explain with its options, and methods, as one types them."""

import json
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine import backend, terminal
from engine.cam import methods as register
from engine.cam.heatmaps import Heatmaps
from engine.cam.methods import METHODS
from engine.commands import explain as explain_verb
from engine.commands import sheet
from engine.commands.explain import Explained
from engine.runs import store
from engine.workspace import Workspace


@pytest.fixture
def told(workspace, use_workspace, verb, tmp_path, draw_files):
    """`told("--raw")`: what `explain` says of one picture with those options, as JSON."""
    use_workspace(workspace)
    (picture,) = draw_files(tmp_path / "in", "cat", 1, "tom.png")

    def explain(*line: str) -> list[dict]:
        status, said, error = verb(
            "explain", "latest", picture, "--out", tmp_path / "out", "--json", *line
        )
        assert status == 0, error
        return json.loads(said)

    return explain


@pytest.fixture
def layers(workspace) -> tuple[str, ...]:
    return store.open_run(Workspace(workspace), "quick-1").layers


def test_what_was_computed_stands_in_the_json(told):
    grad, score = told()
    assert (grad["method"], score["method"]) == ("grad-cam", "score-cam")
    assert grad["passes"] == 1
    assert score["passes"] > 8
    assert grad["engine"].startswith("TensorFlow")
    assert grad["error"] is None
    assert grad["raw"] == grad["sheet"] == ""


def test_raw_maps_and_a_contact_sheet_are_written_where_asked_for(told, workspace):
    rows = told("--raw", "--sheet")
    run = store.open_run(Workspace(workspace), "quick-1")
    for row in rows:
        with np.load(row["raw"]) as stored:
            assert str(stored["method"]) == row["method"]
            assert str(stored["weights_sha256"]) == run.weights_sha256
            assert stored["values"].shape == (32, 32)
            assert stored["raw"].min() == pytest.approx(row["raw_min"])
            assert stored["raw"].max() == pytest.approx(row["raw_max"])
    (path,) = {row["sheet"] for row in rows}
    assert Path(path).name == "sheet.png"
    assert cv2.imread(path).shape[1] == sheet.GAP + 3 * (sheet.CELL + sheet.GAP)


def test_several_layers_become_one_map(told, layers):
    chosen = ("--layer", layers[-1], "--layer", layers[1], "--method", "grad-cam", "--raw")
    (mean,) = told(*chosen)
    assert mean["layer"] == f"{layers[-1]} + {layers[1]}"
    with np.load(mean["raw"]) as stored:
        by_mean = stored["raw"]
    (largest,) = told(*chosen, "--combine", "max")
    with np.load(largest["raw"]) as stored:
        assert (stored["raw"] >= by_mean - 1e-6).all()
        assert (stored["raw"] > by_mean + 1e-3).any()
        assert json.loads(str(stored["options"]))["combine"] == "max"


@pytest.mark.parametrize("option", ["--flips", "--score probability"])
def test_an_option_changes_the_map(told, option):
    (plain,) = told("--method", "grad-cam")
    (changed,) = told("--method", "grad-cam", *option.split())
    assert changed["raw_max"] != pytest.approx(plain["raw_max"], rel=1e-3)


def test_an_option_goes_to_the_methods_that_have_it(told, monkeypatch, tmp_path):
    (tmp_path / "counting.py").write_text(
        "from engine.cam.gradients import grad_cam\n"
        "from dataclasses import replace\n"
        "def counting(asked, *, samples: int = 2):\n"
        "    found = grad_cam(asked)\n"
        "    return replace(found, raw=found.raw * 0 + samples)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    entry = register.Method(
        "counting", "Counting", "control", "nobody", "", "How many.", "counting:counting",
        register.Cost(),
    )  # fmt: skip
    monkeypatch.setitem(METHODS, "counting", entry)
    both = ("--method", "counting", "--method", "grad-cam")
    assert told(*both)[0]["raw_max"] == 2
    counted, plain = told(*both, "--option", "samples=50")
    assert counted["raw_max"] == 50
    assert plain["raw_max"] != 50


def test_a_note_and_a_stated_error_are_printed_beside_the_numbers(capsys):
    one = Explained(
        picture="tom.png", method="score-cam", layer="", target="dog", score=0.75, raw_min=-1.0,
        raw_max=2.0, seconds=0.5, notes="The map is almost flat.", error=0.0625, passes=65,
        engine="OpenVINO 2026.4, bfloat16", original="a.png", heatmap="b.png", overlay="c.png",
        raw="d.npz", sheet="sheet.png",
    )  # fmt: skip
    terminal.print_explained([one, one], as_json=False)
    said, told = capsys.readouterr()
    assert said.split() == ["a.png", "b.png", "c.png", "d.npz", "sheet.png"]
    assert (
        "tom.png: score-cam for dog (probability 0.750), raw map -1 to 2, 95% error at most "
        "± 0.0625, 0.50 s by OpenVINO 2026.4, bfloat16\n"
    ) in told
    assert "tom.png: score-cam: The map is almost flat.\n" in told


def unfolded(said: str) -> str:
    return " ".join(said.split())


def test_a_terminal_of_80_columns_folds_the_register_and_cuts_nothing(monkeypatch, capsys):
    """Half of each cell ended in an ellipsis."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    terminal.print_methods(METHODS.values(), as_json=False)
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert "…" not in said
    for method in METHODS.values():
        for text in (method.name, method.paper, str(method.cost), method.idea, method.distance):
            assert text in unfolded(said), method.name


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("--combine sum", "There is no way to combine layers 'sum'; choose one of mean, max"),
        ("--score loss", "There is no score 'loss'; choose one of logit, probability"),
        ("--precision int8", "There is no precision 'int8'; choose one of float32, auto"),
    ],
)
def test_a_wrong_choice_is_refused_before_a_network_is_thought_of(
    line, reason, workspace, use_workspace, verb, tmp_path, draw_files, monkeypatch
):
    """It came after the first method's minutes, and after TensorFlow's seconds."""
    use_workspace(workspace)
    monkeypatch.setattr(backend, "prepare_process", lambda: pytest.fail("TensorFlow was imported"))
    (picture,) = draw_files(tmp_path / "in", "cat", 1, "tom.png")
    status, said, error = verb(
        "explain", "latest", picture, "--out", tmp_path / "out", *line.split()
    )
    assert (status, said) == (2, "")
    assert reason in unfolded(error)
    assert not (tmp_path / "out").exists()


def test_a_map_that_is_the_same_for_every_class_names_none(told, capsys):
    (row,) = told("--method", "eigen-cam")
    assert (row["target"], row["score"]) == (None, None)
    terminal.print_explained([Explained(**row)], as_json=False)
    assert ": eigen-cam the same for every class at " in capsys.readouterr().err


def test_methods_prints_the_register(verb):
    status, said, error = verb("methods")
    assert (status, error) == (0, "")
    for method in METHODS.values():
        (line,) = [line for line in said.splitlines() if line.split()[:1] == [method.name]]
        assert method.family in line
        assert method.idea in unfolded(said)
    facts = json.loads(verb("methods", "--json")[1])
    assert [one["name"] for one in facts] == list(METHODS)
    grad = facts[0]
    assert (grad["title"], grad["family"], grad["needs"]) == ("Grad-CAM", "gradient", "gradients")
    assert grad["cost"] == {"forward": 1, "per_channel": 0, "backward": 1}
    assert grad["cost_in_words"] == "1 pass forward, 1 back"
    assert "function" not in grad


@pytest.mark.parametrize(
    "method", [one for one in METHODS.values() if not one.exact], ids=lambda method: method.name
)
def test_an_approximation_says_how_far_it_is_and_from_what(method):
    assert re.match(r"rank correlation 0\.\d+ (\(least −?0\.\d+\) )?with ", method.distance)
    assert not set("`-") & set(method.distance.replace("Score-CAM", ""))
    assert method.distance[-1] != "."


def test_the_contact_sheet_tells_forward_passes_as_such():
    """Grad-CAM's pass back is none of them."""
    one = np.zeros((2, 4, 4), np.float32)
    heat = Heatmaps(one, one, np.ones(2), "conv", "grad-cam", seconds=3.0, passes=4)
    assert explain_verb._cost(heat) == "1.50 s, 2 forward"
