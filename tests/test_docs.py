"""What can be asked for stands in the documentation, and what it promises exists."""

import ast
import re

import pytest
import typer

from dashboard import figures
from engine.cam.methods import METHODS, own_options
from engine.cli import app
from engine.evaluation.intervals import INTERVALS
from engine.models.presets import PRESETS
from engine.serving.client import Figures
from engine.settings import PROJECT
from engine.training.config import TrainConfig
from tools.settings_table import page

README = (PROJECT / "README.md").read_text(encoding="utf-8")
SECURITY = (PROJECT / "SECURITY.md").read_text(encoding="utf-8")
VERBS = [name for name, verb in typer.main.get_command(app).commands.items() if not verb.hidden]


def test_the_table_of_settings_is_the_code_s():
    """`.venv/bin/python -m tools.settings_table > docs/settings.md` writes it anew."""
    assert (PROJECT / "docs" / "settings.md").read_text(encoding="utf-8") == page()


def test_every_figure_for_a_monitor_is_documented_in_its_own_words():
    table = (PROJECT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    of_models = figures.of_models(Figures(1, 0, 0, 0, {}, {}, {}))
    for figure in [*figures.REGISTRY.collect(), *of_models]:
        if figure.name.startswith("camsight_"):
            name = figure.name + ("_total" if figure.type == "counter" else "")
            assert f"| `{name}" in table
            assert figure.documentation in table


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_documented(verb):
    assert f"`{verb}" in README


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_documented(preset):
    assert f"`{preset}`" in README


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_every_heatmap_method_is_documented_as_its_paper_writes_it_with_what_it_costs(method):
    cost = f"{method.cost}{'' if method.exact else ', approximate'}"
    named = ", ".join(filter(None, (method.title, method.paper)))
    assert f"| `{method.name}` | {named} | {cost} |" in README


def test_every_option_of_a_heatmap_method_is_documented_with_its_default():
    for method in METHODS.values():
        told = ", ".join(f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
                         for name, value in own_options(method).items())  # fmt: skip
        assert not told or f"`{method.name}` {told}" in README.replace("\n", " ")


@pytest.mark.parametrize("method", INTERVALS)
def test_every_interval_method_is_documented(method):
    assert method.split("-")[0] in README.lower()


@pytest.mark.parametrize("name", [n for n in TrainConfig.model_fields if n != "preset"])
def test_every_hyperparameter_is_documented_and_explained(name):
    assert f"`--{name.replace('_', '-')}`" in README
    assert TrainConfig.model_fields[name].description


def test_every_test_of_the_threat_table_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", SECURITY)
    assert len(named) > 40
    there = {file: _tests_in(file) for file in {file for file, _ in named}}
    assert not [f"{file}::{name}" for file, name in named if name not in there[file]]


def test_every_row_of_the_threat_table_names_a_test():
    rows = [line for line in SECURITY.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith(("| what is sent", "| ---"))]
    assert rows
    assert not [row for row in rows if "::test_" not in row or row.count(" | ") != 2]


def _tests_in(file: str) -> set[str]:
    """By reading the file: a test that is only collected elsewhere counts, too."""
    path = PROJECT / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
