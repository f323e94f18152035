"""Who may import whom, and what starts without waiting for Keras."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("keras", "tensorflow", "sklearn", "matplotlib", "streamlit")


def test_rooms_import_only_what_lies_below_them():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def imported(code: str, *, argv: list[str] | None = None) -> set[str]:
    """Names of the modules that a fresh Python has after `code`."""
    runner = (
        "import atexit, sys\n"
        f"sys.argv[1:] = {argv or []!r}\n"
        "atexit.register(lambda: print('modules:', *sys.modules, file=sys.stderr))\n" + code
    )
    done = subprocess.run(
        [sys.executable, "-c", runner], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rpartition("modules:")[2].split())


@pytest.mark.parametrize("line", ["runs --json", "datasets --json", "--help", "train --help"])
def test_a_verb_that_needs_no_model_does_not_wait_for_keras(line, workspace):
    found = imported("from engine.cli import main; main()", argv=line.split())
    assert "engine.cli" in found
    assert not found.intersection(HEAVY)


def test_auc_does_not_wait_for_keras(tmp_path):
    scores = tmp_path / "scores.csv"
    scores.write_text("y_true,y_score\n0,0.1\n1,0.9\n")
    found = imported("from engine.cli import main; main()", argv=["auc", str(scores), "--json"])
    assert "engine.evaluation.roc" in found
    assert not found.intersection(HEAVY)


@pytest.mark.parametrize(
    "module",
    [
        "engine.training.config", "engine.models.presets", "engine.cam.methods", "engine.settings",
        "engine.runs", "engine.data.dataset", "engine.commands.train", "engine.commands.evaluate",
        "engine.commands.explain", "engine.commands.prepare", "engine.commands.first_run",
        "engine.cam", "dashboard.__main__",
    ],
)  # fmt: skip
def test_names_bounds_and_registers_need_no_keras(module):
    assert not imported(f"import {module}").intersection({"keras", "tensorflow"})


def test_preparing_needs_no_keras():
    """Its worker processes would each pay for it, in seconds and in memory."""
    found = imported("import engine.data.intake, engine.data.sources, engine.data.decode")
    assert not found.intersection(HEAVY)
