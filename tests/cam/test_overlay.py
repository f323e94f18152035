"""Heat as colour, and colour over a picture."""

import cv2
import numpy as np
import pytest

from engine.cam.overlay import COLOUR_MAPS, DIMMED, colour, overlay
from engine.errors import ConfigError

PICTURE = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
COLD, HOT = np.zeros((30, 40), np.float32), np.ones((30, 40), np.float32)


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_colours_are_opencv_s_in_rgb(name):
    heat = np.linspace(0, 1, 256, dtype=np.float32)[None]
    expected = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[None], COLOUR_MAPS[name])
    assert (colour(heat, name) == expected[..., ::-1]).all()


def test_ocean_is_the_blog_post_s_map_black_where_cold_and_white_where_hot():
    assert colour(COLD, "ocean")[0, 0].tolist() == [0, 0, 0]
    assert colour(HOT, "ocean")[0, 0].tolist() == [255, 255, 255]
    assert colour(HOT * 0.5, "ocean")[0, 0].tolist() != [127, 127, 127]


def test_by_heat_leaves_the_colours_of_cold_pixels_only_darker():
    found = overlay(PICTURE, COLD, "ocean", opacity=0.7, by="by heat")
    assert np.abs(found - PICTURE * (1 - DIMMED * 0.7)).max() <= 0.5
    even = overlay(PICTURE, COLD, "ocean", opacity=0.7, by="even")
    assert np.abs(even - PICTURE * 0.3).max() <= 0.5  # what OCEAN's black does to a picture


def test_even_mixes_everywhere_alike():
    found = overlay(PICTURE, HOT, "viridis", opacity=0.25, by="even")
    expected = 0.75 * PICTURE + 0.25 * colour(HOT, "viridis")
    assert np.abs(found - expected).max() <= 0.5


@pytest.mark.parametrize("by", ["even", "by heat"])
def test_no_opacity_is_the_picture_itself(by):
    assert (overlay(PICTURE, HOT, opacity=0, by=by) == PICTURE).all()


def test_full_opacity_where_hot_is_the_colour_itself():
    assert (overlay(PICTURE, HOT, "turbo", opacity=1, by="by heat") == colour(HOT, "turbo")).all()


def test_heat_of_another_size_is_fitted_to_the_picture():
    heat = np.zeros((3, 4), np.float32)
    heat[0, 0] = 1
    found = overlay(PICTURE, heat, "inferno", opacity=1, by="by heat")
    assert (found.shape, found.dtype) == ((30, 40, 3), np.uint8)
    assert np.abs(found[-1, -1] - PICTURE[-1, -1] * (1 - DIMMED)).max() <= 0.5


def test_the_picture_is_not_written_into():
    before = PICTURE.copy()
    overlay(PICTURE, HOT)
    assert (before == PICTURE).all()


def test_a_colour_map_that_does_not_exist():
    with pytest.raises(ConfigError, match="The colour map 'jet' does not exist; choose one of inf"):
        colour(HOT, "jet")
