"""What holds for every method of the register, whatever it does.

A picture's map is its own: shapes, batch sizes, targets and pictures are thought up by Hypothesis,
the same ones each time. And where there is nothing to see, nothing is seen.
"""

import inspect
from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engine.cam import METHODS, explain
from engine.cam.asked import Asked
from tests.cam.small import pictures, small

SIDES = [(8, 8), (9, 14), (13, 10)]
COUNTED = ("samples", "masks", "steps", "iterations", "designs")  # options that say how many passes
MOST_PASSES = 600


def few_passes(method) -> dict:
    """Options with which a method that counts its passes makes few of them."""
    parameters = inspect.signature(method.load()).parameters.values()
    return {one.name: 2 for one in parameters if one.name in COUNTED}


CHEAP = [
    name
    for name, method in METHODS.items()
    if few_passes(method) or method.cost.passes(channels=4) <= MOST_PASSES
]


TRACED = [name for name in CHEAP if METHODS[name].cost.backward]  # anew for each number of pictures
COMPILED = [name for name in CHEAP if name not in TRACED]


def with_examples(most: int):
    """A decorator: so many batches, thought up by Hypothesis."""
    batches = given(
        sides=some.sampled_from(SIDES),
        targets=some.lists(some.integers(0, 1), min_size=2, max_size=5),
        units=some.sampled_from([1, 4]),
        seed=some.integers(0, 99),
    )
    settled = settings(max_examples=most)
    return lambda test: settled(batches(test))


@pytest.mark.parametrize("method", COMPILED)
@with_examples(6)
def test_a_map_does_not_depend_on_the_neighbours_in_the_batch(method, sides, targets, units, seed):
    check_neighbours(method, sides, targets, units, seed)


@pytest.mark.parametrize("method", TRACED)
@with_examples(3)
def test_nor_does_one_by_gradients(method, sides, targets, units, seed):
    check_neighbours(method, sides, targets, units, seed)


def check_neighbours(method: str, sides, targets, units, seed):
    model = small("curved", units, (None, None)).model
    images, at = pictures(len(targets), sides, seed), seed % len(targets)
    asked = {"method": method, "options": few_passes(METHODS[method]), "seed": seed}
    together = explain(model, images, target=targets, **asked)
    alone = explain(model, images[at : at + 1], target=targets[at], **asked)
    close = 1e-4 * np.abs(alone.raw).max() + 1e-7
    np.testing.assert_allclose(together.raw[at], alone.raw[0], rtol=0, atol=close)
    np.testing.assert_allclose(together.scores[at], alone.scores[0], atol=1e-5)


def by_the_batch(asked):
    """Grad-CAM as somebody might write it: every map as a part of the batch."""
    found = METHODS["grad-cam"].load()(asked)
    return replace(found, raw=found.raw / np.abs(found.raw).sum())


def test_a_method_that_looks_at_the_neighbours_is_found(monkeypatch):
    culprit = replace(METHODS["grad-cam"], name="culprit", function=f"{__name__}:by_the_batch")
    monkeypatch.setitem(METHODS, "culprit", culprit)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_neighbours("culprit", SIDES[0], [1, 0, 1], 1, seed=4)


@pytest.mark.parametrize("method", METHODS)
def test_the_register_says_which_options_a_method_looks_at(method, monkeypatch):
    """What it does not look at need not make a map anew: a page keeps maps by that."""
    looked = set()

    def noting(what: str, function):
        def note(*given, **known):
            looked.add(what)
            return function(*given, **known)

        return note

    monkeypatch.setattr(Asked, "add", noting("eigen", Asked.add))
    monkeypatch.setattr(Asked, "_passes", noting("precision", Asked._passes))
    about, model = METHODS[method], small("curved", 4, (None, None)).model
    explain(model, pictures(1, SIDES[0], 0), method, options=few_passes(about))
    assert ("eigen" in looked) == about.smooths
    assert ("precision" in looked) == about.rounds


# --- nothing to see -------------------------------------------------------------------------------

IMAGES = pictures(2)
OF_A_LAYER = [name for name in CHEAP if METHODS[name].layers != "none"]


def changed(layer: str, units: int) -> keras.Model:
    """The curved network, with zeros for the weights of one layer."""
    model = keras.models.clone_model(small("curved", units).model)
    model.set_weights(small("curved", units).model.get_weights())
    weights = model.get_layer(layer).get_weights()
    model.get_layer(layer).set_weights([np.zeros_like(one) for one in weights])
    return model


def asked(method: str, model, **more):
    return explain(model, IMAGES, method, layer="maps", options=few_passes(METHODS[method]), **more)


@pytest.mark.parametrize("eigen", [False, True])
@pytest.mark.parametrize("units", [1, 4])
def test_zero_maps_stay_zero(units, eigen):
    blind = changed("maps", units)
    for method in OF_A_LAYER:
        heat = asked(method, blind, eigen=eigen)
        assert not heat.raw.any(), method
        assert not heat.values.any(), method


@pytest.mark.parametrize("units", [1, 4])
def test_an_answer_that_depends_on_nothing_gives_no_heat_by_gradients_and_nan_by_none(units):
    deaf = changed("answer", units)
    for method in OF_A_LAYER:
        heat = asked(method, deaf)
        assert np.isfinite(heat.raw).all(), method
        of_gradients = METHODS[method].family == "gradient" or method == "eigengrad-cam"
        assert not (of_gradients and heat.raw.any()), method
