"""Principal components and rare values against NumPy, and eigen smoothing."""

import keras
import numpy as np
import pytest
from keras import layers

from engine.cam import explain, factors
from engine.cam.components import first_component
from engine.errors import LayerError
from tests.cam.small import Small, small
from tests.cam.test_gradients import IMAGES, grad_cam, layer_cam, seen


def component(x: np.ndarray, centred: bool) -> np.ndarray:
    """X·v for maps `(h, w, k)` of one picture, by NumPy's SVD, with the sign of the plain sum."""
    flat = x.reshape(-1, x.shape[-1])
    flat = flat - flat.mean(axis=0) if centred else flat
    projected = flat @ np.linalg.svd(flat, full_matrices=False)[2][0]
    sign = 1 if projected @ flat.sum(axis=1) >= 0 else -1
    return sign * projected.reshape(x.shape[:2])


def eigen_cam(net: Small, image):
    return component(net.maps(image), centred=False)


def kpca_cam(net: Small, image):
    """By hand: the kernel matrix, centred in its space, and its largest eigenvalue's vector."""
    x = net.maps(image).reshape(-1, 4)
    x = x - x.mean(axis=0)
    places = len(x)
    kernel = np.array([[np.tanh(a @ b / 4 + 1) for b in x] for a in x])
    off = np.eye(places) - np.full((places, places), 1 / places)
    values, vectors = np.linalg.eigh(off @ kernel @ off)
    found = vectors[:, -1] * np.sqrt(values[-1])
    found *= np.sign(found @ x.sum(axis=1))
    return found.reshape(net.maps(image).shape[:2])


def fem(net: Small, image):
    maps = net.maps(image)
    raw = np.zeros(maps.shape[:2])
    for k in range(maps.shape[-1]):
        mean, spread = maps[..., k].mean(), maps[..., k].std()
        for place in np.ndindex(raw.shape):
            if maps[place][k] > mean + 1.5 * spread:
                raw[place] += mean
    return raw


REFERENCES = {
    "eigen-cam": (eigen_cam, {}),
    "kpca-cam": (kpca_cam, {}),
    "fem": (fem, {"sigmas": 1.5}),
}


@pytest.mark.parametrize("method", REFERENCES)
@pytest.mark.parametrize("units", [1, 4])
def test_a_method_equals_numpy_and_asks_no_class(method, units):
    net = small("curved", units)
    reference, options = REFERENCES[method]
    expected = np.stack([reference(net, image) for image in IMAGES])
    assert (np.abs(expected).max(axis=(1, 2)) > 0.01).all()
    for target in (0, net.classes - 1):
        heat = explain(net.model, IMAGES, method, layer="maps", target=target, options=options)
        np.testing.assert_allclose(heat.raw, expected, atol=1e-5)
        probability = [net.probability(net.maps(image), target) for image in IMAGES]
        np.testing.assert_allclose(heat.scores, probability, atol=1e-6)


@pytest.mark.parametrize(("units", "target"), [(1, 0), (1, 1), (4, 2)])
def test_eigengrad_cam_is_the_first_component_of_gradient_times_map(units, target):
    net = small("curved", units)
    expected = []
    for number in (0, 1):
        maps, gradient = seen(net, number, target)
        expected.append(component(gradient * maps, centred=True))
    heat = explain(net.model, IMAGES, "eigengrad-cam", layer="maps", target=target)
    np.testing.assert_allclose(heat.raw, expected, atol=1e-5)
    smoothed = explain(net.model, IMAGES, "hires-cam", layer="maps", target=target, eigen=True)
    np.testing.assert_allclose(smoothed.raw, heat.raw, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", ["grad-cam", "layer-cam"])
def test_eigen_smoothing_adds_the_weighted_maps_along_their_first_component(method):
    net = small("curved", 4)
    expected, plain = [], []
    for number in (0, 1):
        maps, gradient = seen(net, number, 1)
        weights = gradient.mean(axis=(0, 1)) if method == "grad-cam" else np.maximum(gradient, 0)
        expected.append(component(weights * maps, centred=True))
        plain.append({"grad-cam": grad_cam, "layer-cam": layer_cam}[method](net, number, 1))
    heat = explain(net.model, IMAGES, method, layer="maps", eigen=True)
    np.testing.assert_allclose(heat.raw, expected, atol=1e-5)
    for smooth, sum_ in zip(heat.raw, plain, strict=True):  # it shows the same things
        assert np.corrcoef(smooth.ravel(), sum_.ravel())[0, 1] > 0.3


def test_of_one_sigmoid_a_smoothed_map_changes_its_sign_with_the_class():
    net = small("curved", 1)
    zero, one = (
        explain(net.model, IMAGES, "grad-cam", layer="maps", target=target, eigen=True).raw
        for target in (0, 1)
    )
    np.testing.assert_allclose(zero, -one, atol=1e-6)
    assert (np.abs(one).max(axis=(1, 2)) > 1e-3).all()


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("channels", [3, 40])
def test_the_first_component_is_that_of_an_svd_with_few_channels_and_with_many(channels, centred):
    x = np.random.default_rng(5).gamma(2, 1, (3, 4, 5, channels)) * np.arange(1, channels + 1)
    expected = [component(one, centred) for one in x]
    np.testing.assert_allclose(first_component(x, centred), expected, rtol=1e-5, atol=1e-4)


def test_of_maps_after_a_relu_eigen_cam_is_nowhere_negative():
    """Perron and Frobenius; with the sign that an SVD happens to give it may be all negative."""
    heat = explain(small().model, IMAGES, "eigen-cam", layer="maps")
    assert heat.raw.min() >= -1e-6
    assert heat.raw.max() > 0.1


def test_flat_channels_have_no_component_and_are_nowhere_rare():
    """The mean of many equal numbers may differ from them in the last digit, and the heat of that
    digit fills a picture."""
    flat = np.full((1, 7, 7, 3), 0.1, np.float32)
    assert not first_component(flat).any()
    pixels = keras.Input((7, 7, 3))
    maps = layers.Conv2D(3, 1, use_bias=False, name="maps")(pixels)
    answer = layers.Dense(1, activation="sigmoid")(layers.Flatten()(maps))
    model = keras.Model(pixels, answer)
    model.get_layer("maps").set_weights([np.eye(3, dtype=np.float32)[None, None]])
    for method in ("fem", "kpca-cam"):
        assert not explain(model, flat, method, layer="maps").raw.any(), method


def test_kpca_cam_of_a_map_with_too_many_places_is_refused(monkeypatch):
    monkeypatch.setattr(factors, "MOST_PLACES", 19)
    with pytest.raises(LayerError, match=r"5 × 4 places of the layer 'maps' are too many"):
        explain(small().model, IMAGES, "kpca-cam", layer="maps")


@pytest.mark.parametrize("kernel", factors.KERNELS)
def test_every_kernel_finds_something(kernel):
    heat = explain(small().model, IMAGES, "kpca-cam", layer="maps", options={"kernel": kernel})
    assert (np.abs(heat.raw).max(axis=(1, 2)) > 1e-3).all()
    if kernel == "linear":  # kernel PCA is PCA
        maps = np.stack([small().maps(image) for image in IMAGES])
        np.testing.assert_allclose(heat.raw, first_component(maps), atol=1e-5)
