"""What is said of a map that a person would misread."""

import numpy as np
import pytest

from engine.cam import explain
from engine.cam.notes import note
from tests.models.strangers import network


def test_an_ordinary_map_needs_no_word():
    rng = np.random.default_rng(1)
    for shape in ((2, 2), (3, 5), (7, 7), (14, 14), (150, 150)):
        assert note(rng.uniform(-1, 1, shape)) == ""
    peak = np.zeros((7, 7))
    peak[3, 2:5] = 1
    assert note(peak) == ""


def test_a_map_that_is_painted_yellow_all_over_says_so():
    """From 1.5 to 1.73 everything lies above 0.86 of the maximum."""
    raw = np.linspace(1.5, 1.73, 49).reshape(7, 7)
    assert note(raw) == (
        "Almost flat: the map runs from 1.5 to 1.73, so nearly all of the picture looks hot."
    )
    assert note(np.full((3, 3), 0.2)).startswith("Almost flat: the map runs from 0.2 to 0.2")
    assert note(np.linspace(1.3, 1.73, 49).reshape(7, 7)) == ""  # 0.75: a person sees its shape
    assert note(np.linspace(-1.5, 1.73, 49).reshape(7, 7)) == ""


def test_a_map_without_heat_says_which_it_is():
    assert note(np.zeros((4, 4))) == "No heat: the map is zero everywhere."
    assert note(-np.ones((4, 4))).startswith("No heat: the map is nowhere positive")


@pytest.mark.parametrize(("side", "wide"), [(11, 1), (14, 1), (28, 2), (150, 11)])
def test_heat_on_the_border_is_said_at_any_resolution(side, wide):
    raw = np.ones((side, side))
    raw[wide:-wide, wide:-wide] = 0.02
    share = 1 - 0.02 * (side - 2 * wide) ** 2 / raw.sum()
    area = 1 - (side - 2 * wide) ** 2 / side**2
    assert note(raw) == (
        f"At the border: {share:.0%} of the heat lies in the outermost {area:.0%} of the picture, "
        "where padding can raise it."
    )
    assert note(raw[::-1] * 3) == note(raw)
    assert note(1.02 - raw) == ""


@pytest.mark.parametrize("side", [1, 2, 3, 7, 10])
def test_a_map_of_which_half_is_border_says_nothing_of_heat_there(side):
    """Of 7 x 7 cells the border is 49%: "81% of the heat lies in the outermost 49%"."""
    raw = np.zeros((side, side))
    raw[0, 0] = 1
    assert "border" not in note(raw)


def test_heat_in_one_corner_lies_on_the_border():
    raw = np.zeros((14, 14))
    raw[0, 0] = 1
    assert "100% of the heat lies in the outermost 27%" in note(raw)


def test_what_is_cold_does_not_count_as_heat():
    raw = np.full((7, 7), -5.0)
    raw[3, 3] = 1
    assert note(raw) == ""


def test_every_picture_has_its_own_note():
    model = network("Dense, then Activation")
    images = np.random.default_rng(2).uniform(0, 255, (2, 32, 32, 3))
    images[1] = 0
    model.get_layer("maps").set_weights(
        [np.abs(weight) * (weight.ndim > 1) for weight in model.get_layer("maps").get_weights()]
    )
    heat = explain(model, images, "score-cam")
    assert heat.notes[1] == "No heat: the map is zero everywhere."
    assert heat.notes[0] != heat.notes[1]
