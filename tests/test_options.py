"""The command line offers every hyperparameter there is, and says what it is."""

from typing import Annotated, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from engine import options
from engine.cli import app
from engine.evaluation.intervals import INTERVALS
from engine.models.presets import PRESETS
from engine.training.config import TrainConfig

FIELDS = TrainConfig.model_fields


@pytest.fixture(scope="module")
def train_help() -> str:
    done = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "100"})
    assert done.exit_code == 0
    return " ".join(done.output.split())


@pytest.mark.parametrize("name", FIELDS)
def test_train_s_help_explains_every_hyperparameter(name, train_help):
    """It said nothing of epochs, batch size, learning rate or schedule."""
    assert f"--{name.replace('_', '-')} " in train_help
    assert FIELDS[name].description in train_help


@pytest.mark.parametrize(
    "says",
    [
        "From 1 to 500; default 12 (transfer), 8 (quick), 20 (classic), ",
        "Above 0 to 1; default 0.0001 (transfer), 0.003 (quick), 0.01 (classic), ",
        "default 32 (transfer), 32 (quick), 32 (classic), 64 (fast)",
        "Default on (transfer), on (quick), off (classic), on (fast)",
        "[one-cycle|exponential|constant]",
        "--augment / --no-augment",
        "Default float32 (transfer), float32 (quick), float32 (classic), auto (fast)",
    ],
)
def test_train_s_help_says_bounds_choices_and_defaults(says, train_help):
    assert says in train_help


def verb(model: type[TrainConfig]) -> tuple[typer.Typer, list[dict]]:
    """A command line with one verb, and what the verb was given."""
    line, given = typer.Typer(), []

    @line.command()
    @options.from_fields(model, {"quick": PRESETS["quick"].defaults})
    def begin(dataset: str, *, as_json: Annotated[bool, typer.Option("--json")] = False, **chosen):
        given.append({"dataset": dataset, "as_json": as_json, **chosen})

    return line, given


def test_a_new_field_is_an_option_by_itself():
    class Newer(TrainConfig):
        dropout: float = Field(0.25, ge=0, lt=1, description="Share of units left out.")
        pooling: Literal["mean", "max"] = Field("mean", description="What a map becomes.")

    line, given = verb(Newer)
    done = CliRunner().invoke(line, ["--help"], env={"COLUMNS": "200"})
    assert "Share of units left out. From 0 to below 1; default 0.25." in done.output
    asked = ["drawn", "--dropout", "0.5", "--pooling", "max", "--epochs", "3", "--no-augment"]
    assert CliRunner().invoke(line, [*asked, "--json"]).exit_code == 0
    expected = dict.fromkeys(Newer.model_fields) | {"dropout": 0.5, "pooling": "max"}
    expected |= {"epochs": 3, "augment": False, "dataset": "drawn", "as_json": True}
    assert given == [expected]


def test_every_hyperparameter_reaches_the_verb_as_the_field_holds_it():
    line, given = verb(TrainConfig)
    config = TrainConfig(**PRESETS["classic"].defaults, preset="classic", early_stopping=2, seed=9)
    asked = []
    for name, value in config.model_dump().items():
        flag = name.replace("_", "-")
        asked += [f"--no-{flag}"] if value is False else [f"--{flag}", str(value)]
    assert CliRunner().invoke(line, ["drawn", *asked]).exit_code == 0
    assert TrainConfig(**{name: given[0][name] for name in FIELDS}) == config


@pytest.mark.parametrize("verb_name", ["evaluate", "auc"])
@pytest.mark.parametrize("method", INTERVALS.values(), ids=lambda method: method.name)
def test_help_explains_every_interval(verb_name, method):
    done = CliRunner().invoke(app, [verb_name, "--help"], env={"COLUMNS": "100"})
    assert f"{method.title}: {method.idea}" in " ".join(done.output.split())
    assert method.name in done.output
