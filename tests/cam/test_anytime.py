"""Anytime Score-CAM: exact in the end, and before that hardly ever further off than it says."""

import keras
import numpy as np
import pytest
from scipy.stats import spearmanr

from engine import inference
from engine.cam import explain
from engine.cam.anytime import STEP, _Picture
from engine.data.dataset import open_dataset
from engine.data.decode import resize
from engine.errors import LayerError
from engine.runs import store
from engine.workspace import Workspace
from tests.cam import plain

PICTURES = 200
ANYTIME, EXACT = "anytime-score-cam", "score-cam"


@pytest.fixture(scope="module")
def trained(workspace):
    """The trained `quick` network, of 96 channels at its last layer, and 200 pictures. Two epochs
    leave it unsure of every one, so that all weights would be alike: its last layer is made larger.
    """
    run = store.open_run(Workspace(workspace), "quick-1")
    drawn = open_dataset(Workspace(workspace), "drawn").images[:PICTURES]
    pictures = np.stack([resize(one, run.image_size) for one in drawn]).astype(np.float32)
    model = inference.load(run).model
    model.layers[-1].set_weights([40 * one for one in model.layers[-1].get_weights()])
    return model, pictures


@pytest.fixture(scope="module")
def exact(trained):
    """`exact(layer)`: Score-CAM of all pictures, for both classes by turns."""
    found = {}

    def of(layer):
        if layer not in found:
            found[layer] = explain(*trained, EXACT, layer, targets())
        return found[layer]

    return of


def targets() -> np.ndarray:
    return np.arange(PICTURES) % 2


def rank(some, others) -> np.ndarray:
    return np.array(
        [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(some, others, strict=True)]
    )


def off(some, others) -> np.ndarray:
    """The largest difference, as a share of the largest |value|, for each picture."""
    largest = np.abs(others).max(axis=(1, 2))
    return np.abs(some - others).max(axis=(1, 2)) / largest


@pytest.mark.parametrize(
    ("layer", "tolerance"), [("block2_out", 0.4), ("block2_out", 0.1), ("block1_out", 0.3)]
)
def test_the_exact_map_lies_within_the_stated_error_at_every_place(
    trained, exact, layer, tolerance
):
    expected = exact(layer)
    found = explain(*trained, ANYTIME, layer, targets(), options={"tolerance": tolerance})
    holds = (np.abs(found.raw - expected.raw) <= found.error + 1e-5).all(axis=(1, 2))
    assert holds.mean() >= 0.93
    stated = found.error.max(axis=(1, 2)) / np.abs(found.raw).max(axis=(1, 2))
    assert stated.max() <= tolerance * (1 + 1e-5)
    assert found.passes < expected.passes


def test_a_quarter_of_the_passes_is_closer_than_the_channels_that_vary_most(trained, exact):
    expected = exact("block2_out")
    found = explain(*trained, ANYTIME, "block2_out", targets())
    passes = found.passes / PICTURES
    assert passes <= 96 / 4
    others = explain(
        *trained, "faster-score-cam", "block2_out", targets(), options={"channels": round(passes)}
    )
    assert rank(found.raw, expected.raw).mean() >= 0.9
    assert rank(found.raw, expected.raw).mean() > rank(others.raw, expected.raw).mean()
    assert np.median(off(found.raw, expected.raw)) < np.median(off(others.raw, expected.raw)) / 4
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)


def test_without_tolerance_every_channel_is_asked_and_the_map_is_exact(trained, exact):
    model, pictures = trained
    found = explain(model, pictures[:3], ANYTIME, target=targets()[:3], options={"tolerance": 0})
    expected = exact("block2_out").raw[:3]
    np.testing.assert_allclose(found.raw, expected, atol=1e-6 * np.abs(expected).max())
    assert (found.error == 0).all()


def test_a_tolerance_that_is_hard_to_reach_ends_at_the_last_channel_and_is_exact(trained, exact):
    model, pictures = trained
    found = explain(model, pictures[:2], ANYTIME, target=targets()[:2], options={"tolerance": 1e-9})
    expected = exact("block2_out").raw[:2]
    np.testing.assert_allclose(found.raw, expected, atol=1e-6 * np.abs(expected).max())
    assert (found.error == 0).all()


def test_a_tighter_tolerance_asks_more_channels_and_is_closer(trained, exact):
    model, pictures = trained
    found = [
        explain(model, pictures[:16], ANYTIME, target=targets()[:16], options={"tolerance": one})
        for one in (0.5, 0.1, 0.03)
    ]
    passes = [one.passes for one in found]
    assert passes == sorted(set(passes))
    far = [off(one.raw, exact("block2_out").raw[:16]).mean() for one in found]
    assert far == sorted(far, reverse=True)


def test_a_picture_asks_what_it_asks_alone(trained):
    model, pictures = trained
    together = explain(model, pictures[:5], ANYTIME, target=targets()[:5])
    alone = [explain(model, pictures[i : i + 1], ANYTIME, target=i % 2) for i in range(5)]
    assert together.passes == sum(one.passes for one in alone)
    for i, one in enumerate(alone):
        np.testing.assert_allclose(together.raw[i], one.raw[0], atol=1e-4 * np.abs(one.raw).max())
        np.testing.assert_allclose(together.error[i], one.error[0], rtol=1e-2)


def test_the_score_may_be_the_logit(trained):
    model, pictures = trained
    exact, found = (
        explain(model, pictures[:8], method, score="logit") for method in (EXACT, ANYTIME)
    )
    assert (np.abs(found.raw - exact.raw) <= found.error).mean() > 0.95
    assert found.passes < exact.passes


@pytest.mark.parametrize(("units", "target"), plain.CASES)
def test_channels_that_are_flat_cost_no_pass(units, target):
    _, model = plain.built(units)
    images = plain.pictures()
    found = explain(model, images, ANYTIME, "maps", target)
    exact = explain(model, images, EXACT, "maps", target)
    np.testing.assert_allclose(found.raw, exact.raw, rtol=1e-5)  # four channels are one step
    assert found.passes == exact.passes == len(images) * (1 + 4)


def test_maps_that_are_flat_everywhere_are_a_zero_map_without_error():
    _, model = plain.built(1)
    found = explain(model, np.zeros((2, *plain.SIZE, 3), np.float32), ANYTIME, "maps")
    assert (found.raw == 0).all()
    assert (found.error == 0).all()
    assert found.passes == 2


def test_scores_that_are_all_the_same_need_one_look(trained):
    """A network that says the same of every picture: nothing is left to be learnt."""
    model = answering(trained, 0.0)
    found = explain(model, trained[1][:2], ANYTIME, options={"tolerance": 0.02})
    exact = explain(model, trained[1][:2], EXACT)
    assert found.passes == 2 * (1 + STEP)
    assert (exact.raw > 0).any()
    np.testing.assert_allclose(found.raw, exact.raw, rtol=1e-4)


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_maps_whose_squares_are_no_float32_are_told_apart_all_the_same(size):
    rng = np.random.default_rng(5)
    maps, scores = rng.gamma(1, 1, (4, 4, 40)).astype(np.float32), rng.uniform(0, 1, 40)
    found = []
    for factor in (1, size):
        picture = _Picture(0, maps * np.float32(factor), tolerance=0.5, most=40)
        picture.learn(scores[picture.next()])
        found.append((picture.asked, picture.weights, picture.error / factor))
    assert found[0][0] == found[1][0]
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-3)
    np.testing.assert_allclose(found[1][2], found[0][2], rtol=1e-3)


def test_a_network_that_overflows_is_named(trained):
    model = answering(trained, 3e38)
    with pytest.raises(LayerError, match="is not finite at the layer 'block2_out'"):
        explain(model, trained[1][:2], ANYTIME, score="logit")


def answering(trained, weight: float):
    """The trained network with another last layer."""
    model = keras.models.clone_model(trained[0])
    model.set_weights(trained[0].get_weights())
    last = model.layers[-1]
    last.set_weights([np.full_like(one, weight) for one in last.get_weights()])
    return model


def test_progress_rises_to_its_end_and_may_end_the_work(trained):
    model, pictures = trained
    steps = []
    explain(model, pictures[:3], ANYTIME, progress=lambda done, total: steps.append((done, total)))
    done = [one for one, _ in steps]
    assert done == sorted(done)
    assert {total for _, total in steps} == {3 * 96}
    assert steps[-1] == (3 * 96, 3 * 96)
    assert done[0] < 3 * 96 / 2

    def stop(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        explain(model, pictures[:3], ANYTIME, progress=stop)


def test_eigen_smoothing_has_no_stated_error(trained):
    model, pictures = trained
    assert explain(model, pictures[:2], ANYTIME, eigen=True).error is None


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_passes_in_bfloat16_have_no_stated_error(trained, monkeypatch, dtype):
    """At the tolerance 0 an error of 0 was stated for a map that was off by a hundredth."""
    monkeypatch.setattr("engine.backend.passes_dtype", lambda: dtype)
    model, pictures = trained
    asked = {"options": {"tolerance": 0, "channels": 16}, "precision": "auto"}
    found = explain(model, pictures[:2], ANYTIME, **asked)
    assert (found.error is None) == (dtype == "bfloat16")
    assert explain(model, pictures[:2], ANYTIME, **asked | {"precision": "float32"}).error.any()


def test_channels_are_the_most_that_are_asked(trained):
    model, pictures = trained
    found = explain(model, pictures[:4], ANYTIME, options={"tolerance": 1e-9, "channels": 13})
    assert found.passes == 4 * (1 + 13)
    assert (found.error.max(axis=(1, 2)) > 0).all()
