"""precision="auto": measured once on a machine, and remembered."""

import json

import pytest

from engine.training import precision
from engine.training.config import train_config
from engine.workspace import Workspace


@pytest.fixture
def takes(monkeypatch):
    """`takes(float32=2.0, bfloat16=1.0)`: what a step is said to take; a list of what was asked."""
    asked = []

    def say(**seconds):
        def measured(config, classes, kind):
            asked.append((config.preset, config.image_size, kind))
            return seconds[kind]

        monkeypatch.setattr(precision, "seconds", measured)
        return asked

    return say


@pytest.mark.parametrize(
    ("exact", "half", "chosen"),
    [(2.0, 1.0, "bfloat16"), (1.0, 0.99, "float32"), (1.0, 30.0, "float32")],
)
def test_bfloat16_is_taken_where_it_is_clearly_faster(takes, tmp_path, exact, half, chosen):
    takes(float32=exact, bfloat16=half)
    assert precision.faster(Workspace(tmp_path), train_config("fast"), 2) == chosen


def test_a_network_is_measured_once_for_each_size_and_machine(takes, tmp_path, monkeypatch):
    asked, place = takes(float32=2.0, bfloat16=1.0), Workspace(tmp_path)
    for _ in range(3):
        assert precision.faster(place, train_config("fast"), 2) == "bfloat16"
    assert asked == [("fast", 128, "float32"), ("fast", 128, "bfloat16")]
    precision.faster(place, train_config("fast", image_size=64), 2)
    precision.faster(place, train_config("quick"), 2)
    assert len(asked) == 6
    monkeypatch.setattr(precision.processes, "machine", lambda: "another")
    takes(float32=1.0, bfloat16=2.0)
    assert precision.faster(place, train_config("fast"), 2) == "float32"
    assert len(asked) == 8
    assert len(json.loads((tmp_path / "precision.json").read_text())) == 4


@pytest.mark.parametrize("damaged", ["", "[1, 2]", "{", '{"x": 1}'])
def test_a_file_that_cannot_be_read_costs_a_measurement(takes, tmp_path, damaged):
    takes(float32=2.0, bfloat16=1.0)
    (tmp_path / "precision.json").write_text(damaged)
    assert precision.faster(Workspace(tmp_path), train_config("fast"), 2) == "bfloat16"
    assert "bfloat16" in json.loads((tmp_path / "precision.json").read_text()).values()


def test_a_file_that_cannot_be_written_does_not_end_the_run(takes, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(precision.files, "write_json", refuse)
    takes(float32=2.0, bfloat16=1.0)
    assert precision.faster(Workspace(tmp_path), train_config("fast"), 2) == "bfloat16"


def test_a_step_of_this_very_network_is_what_is_timed():
    assert 0 < precision.seconds(train_config("quick", image_size=32), 3, "float32") < 60


def test_a_backbone_is_timed_as_part_of_its_network():
    small = train_config("transfer", image_size=32, fine_tune=1, backbone="mobilenet-0.25")
    assert 0 < precision.seconds(small, 2, "float32") < 60
