"""What every heatmap has in common: shapes, ranges, targets, batches, and what is refused."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from engine.cam import METHODS, explain, heatmaps
from engine.cam.asked import Asked
from engine.cam.methods import Cost, Method
from engine.errors import ConfigError, LayerError
from engine.models.build import build
from tests.cam.paper import IMAGE, WEIGHTS, on_paper
from tests.models.strangers import NETWORKS, in_precision, network, says, to_int8


@pytest.fixture(scope="module")
def quick():
    keras.utils.set_random_seed(5)
    return build("quick", 32)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(8).integers(0, 256, (20, 32, 32, 3), np.uint8)


@pytest.mark.parametrize("method", ["grad-cam", "score-cam"])
@pytest.mark.parametrize("layer", [None, "stem", "block1_out"])
def test_shapes_and_range_at_any_layer(quick, images, method, layer):
    heat = explain(quick, images[:3], method=method, layer=layer)
    expected = quick.get_layer(layer or "block2_out").output.shape[1:3]
    assert heat.raw.shape == (3, *expected)
    assert (heat.values.shape, heat.values.dtype) == ((3, 32, 32), np.float32)
    assert (heat.scores.shape, heat.method, heat.layer) == ((3,), method, layer or "block2_out")
    assert heat.values.min() >= 0
    assert all(one.max() in (0, 1) for one in heat.values)
    assert heat.seconds > 0
    says = quick.predict(images[:3].astype(np.float32), verbose=0)[:, 0]
    np.testing.assert_allclose(heat.scores, says, atol=1e-5)


@pytest.mark.parametrize("method", ["grad-cam", "score-cam"])
def test_many_pictures_give_what_each_gives_alone(quick, images, method):
    count = 20 if method == "grad-cam" else 5
    targets = np.arange(count) % 2
    batch = 16 if method == "grad-cam" else 3
    together = explain(quick, images[:count], method=method, target=targets, batch=batch)
    for i in (0, 1, count - 2, count - 1):
        alone = explain(quick, images[i : i + 1], method=method, target=int(targets[i]))
        np.testing.assert_allclose(alone.raw[0], together.raw[i], atol=1e-4, rtol=1e-3)
        np.testing.assert_allclose(alone.scores[0], together.scores[i], atol=1e-5)


def test_the_model_that_was_handed_in_is_never_changed(quick, images):
    before = [weight.copy() for weight in quick.get_weights()]
    config, layers_before = quick.to_json(), [layer.name for layer in quick.layers]
    says = quick.predict(images, verbose=0)
    for method in ("grad-cam", "score-cam"):
        explain(quick, images[:2], method=method)
    assert all((a == b).all() for a, b in zip(before, quick.get_weights(), strict=True))
    assert quick.to_json() == config
    assert [layer.name for layer in quick.layers] == layers_before
    assert all(layer.trainable for layer in quick.layers)
    assert (quick.predict(images, verbose=0) == says).all()


def test_new_weights_in_the_same_model_give_new_maps(images):
    model = on_paper()
    first = explain(model, IMAGE, method="grad-cam").raw
    model.get_layer("answer").set_weights([-np.array(WEIGHTS)[:, None], np.array([0.0])])
    np.testing.assert_allclose(explain(model, IMAGE, method="grad-cam").raw, -first, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_progress_is_told_over_all_batches_and_can_end_the_work(quick, images, method):
    steps = []
    explain(
        quick, images[:3], method, "stem", batch=2, progress=lambda *step: steps.append(step)
    )
    assert steps == sorted(steps)
    assert len({total for _, total in steps}) == 1
    assert steps[-1][0] == steps[-1][1]
    assert max(done for done, _ in steps[:-1]) >= steps[-1][1] * 2 // 3  # the first two of three

    class Enough(Exception):
        pass

    def stop(done, total):
        raise Enough

    with pytest.raises(Enough):
        explain(quick, images[:2], method=method, progress=stop)


def test_a_method_added_to_the_register_is_the_one_that_runs(quick, images, tmp_path, monkeypatch):
    """Whatever was not Grad-CAM was Score-CAM, told under the new name."""
    (tmp_path / "brightest.py").write_text(
        "from engine.cam.asked import Found\n"
        "def brightest(asked):\n"
        "    activations, logits = asked.activations()\n"
        "    asked.progress(len(activations), len(activations))\n"
        "    return Found(activations.max(axis=-1), asked.probabilities(logits))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    entry = Method(
        "brightest", "Brightest", "control", "nobody", "", "The largest.", "brightest:brightest",
        Cost(),
    )
    monkeypatch.setitem(METHODS, "brightest", entry)
    heat = explain(quick, images[:3], method="brightest", layer="stem_relu")
    inner = keras.Model(quick.inputs[0], quick.get_layer("stem_relu").output)
    expected = np.max(inner(images[:3].astype(np.float32)), axis=-1)
    np.testing.assert_allclose(heat.raw, expected, atol=1e-5)
    assert heat.method == "brightest"


def test_the_register_is_read_without_keras():
    """A page lists the methods long before Keras is there."""
    code = "import sys, engine.cam; assert 'keras' not in sys.modules, 'Keras was imported'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_more_than_a_batch_of_pictures_goes_through_the_model_at_once(monkeypatch):
    """Score-CAM's first pass took all pictures at once, and all their maps into memory."""
    sizes, activations = [], Asked.activations

    def watched(asked):
        sizes.append(len(asked.images))
        return activations(asked)

    monkeypatch.setattr(Asked, "activations", watched)
    images = np.random.default_rng(3).uniform(0, 5, (40, 4, 4, 3))
    explain(on_paper(), images, method="score-cam")
    assert max(sizes) == heatmaps.BATCH


@pytest.mark.parametrize("name", NETWORKS)
def test_the_probability_that_is_told_is_the_model_s_own(name, images):
    model = network(name)
    own = says(model, images[:4].astype(np.float32))
    own = own if own.shape[1] > 1 else np.hstack([1 - own, own])
    targets = np.arange(4) % own.shape[1]
    heat = explain(model, images[:4], method="grad-cam", target=targets)
    np.testing.assert_allclose(heat.scores, own[np.arange(4), targets], atol=1e-5)
    assert np.isfinite(heat.raw).all()
    assert heat.raw.any(axis=(1, 2)).all()


def test_what_cannot_be_explained_is_said_in_a_sentence(quick, images):
    with pytest.raises(ConfigError, match="The method 'lime' does not exist; choose one of grad"):
        explain(quick, images, method="lime")
    with pytest.raises(LayerError, match="The layer 'average' has no spatial map"):
        explain(quick, images, layer="average")
    with pytest.raises(ConfigError, match="The target 2 is no class; choose from 0 to 1"):
        explain(quick, images, target=2)
    with pytest.raises(ConfigError, match=r"shape \(32, 32, 3\); give at least one"):
        explain(quick, images[0])
    with pytest.raises(ConfigError, match=r"shape \(0, 32, 32, 3\); give at least one"):
        explain(quick, images[:0])
    with pytest.raises(ConfigError, match=r"\(2, 40, 40, 3\) and the model takes \(n, 32, 32, 3"):
        explain(quick, np.zeros((2, 40, 40, 3)))
    with pytest.raises(ConfigError, match="There are 2 targets for 3 pictures; give one"):
        explain(quick, images[:3], target=[0, 1])


@pytest.mark.parametrize("target", [0.9, -0.1, np.nan, np.inf, "1", None, 2**40, [0, 0.5], [0, -1]])
def test_a_target_that_is_no_class_is_refused(quick, images, target):
    """0.9 was taken for class 0, and 2**40, which does not fit into 32 bits, too."""
    with pytest.raises(ConfigError, match=r"is no class; choose from 0 to 1"):
        explain(quick, images[:2], target=target)


@pytest.mark.parametrize("target", [1, 1.0, True, np.int64(1), np.array([1, 1], np.uint8), [1, 1]])
def test_a_target_may_be_any_whole_number(quick, images, target):
    heat = explain(quick, images[:2], method="grad-cam", target=target)
    np.testing.assert_array_equal(heat.raw, explain(quick, images[:2], "grad-cam", target=1).raw)


@pytest.mark.parametrize("what", [np.nan, np.inf, -np.inf])
def test_a_picture_with_a_hole_is_refused_by_its_number(quick, images, what):
    holed = images[:4].astype(np.float32)
    holed[2, 5, 5, 1] = what
    with pytest.raises(ConfigError, match=r"The picture 2 \(counted from 0\) holds numbers that"):
        explain(quick, holed, method="grad-cam")


def test_numbers_that_overflow_in_the_model_are_said_and_not_drawn(images):
    model = network("Dense, then Activation")
    model.get_layer("maps").kernel.assign(np.full((3, 3, 3, 4), np.inf))
    with pytest.raises(LayerError, match="weights of the layer 'maps' hold infinite numbers"):
        explain(model, images[:2], method="score-cam")
    model.get_layer("maps").kernel.assign(np.full((3, 3, 3, 4), 3e38))
    for method in ("score-cam", "eigen-cam", "refine-cam", "opti-cam", "kpca-cam"):
        with pytest.raises(LayerError, match=r"picture 0 .* is not finite at the layer 'maps'"):
            explain(model, images[:2], method, "maps")


def test_a_model_of_pictures_without_a_colour_axis_is_answered_in_a_sentence():
    pixels = keras.Input((8, 8))
    x = layers.Conv2D(2, 3)(layers.Reshape((8, 8, 1))(pixels))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))
    with pytest.raises(ConfigError, match=r"\(1, 8, 8, 1\) and the model takes \(n, 8, 8\)"):
        explain(model, np.ones((1, 8, 8, 1)))


def test_a_map_that_is_1_by_1_for_small_pictures_is_refused():
    pixels = keras.Input((None, None, 3))
    x = layers.Conv2D(2, 3, name="maps")(layers.Conv2D(2, 3, name="first")(pixels))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))
    assert explain(model, np.ones((1, 6, 6, 3)), "grad-cam").raw.shape == (1, 2, 2)
    with pytest.raises(
        LayerError, match="The layer 'maps' has a map of 1 × 1 for pictures of this"
    ):
        explain(model, np.ones((1, 5, 5, 3)), "grad-cam")


def test_float16_has_the_map_of_float32_and_not_an_empty_one(images):
    """Gradients below 6e-8 are 0 in float16, and a mean over a map makes them small."""
    half, exact = in_precision("float16"), in_precision("float32")
    for model in (half, exact):
        model.layers[-2].kernel.assign(ops.cast(model.layers[-2].kernel, "float32") * 1e-3)
    exact.set_weights([np.asarray(weight, np.float32) for weight in half.get_weights()])
    found, expected = (explain(model, images[:2], "grad-cam") for model in (half, exact))
    np.testing.assert_allclose(found.raw, expected.raw, rtol=1e-3)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    assert found.values.max() == expected.values.max() == 1


def test_int8_has_the_map_of_the_network_that_it_was_made_from(images):
    model = network("Dense, then Softmax")
    whole = explain(model, images[:2], "grad-cam").raw
    quantised = explain(to_int8(model), images[:2], "grad-cam").raw
    np.testing.assert_allclose(quantised, whole, atol=0.02 * np.abs(whole).max())
    assert (quantised != whole).any()
