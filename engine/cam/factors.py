"""Methods that look at what the maps of a layer have in common: principal components and rare
values.

All but Eigen-Grad-CAM know nothing of a class: the map is the same for every target.
"""

import numpy as np
from sklearn.decomposition import KernelPCA

from engine.cam.asked import Asked, Found
from engine.cam.components import first_component
from engine.cam.methods import check_choice, check_number
from engine.errors import LayerError

KERNELS = ("sigmoid", "rbf", "poly", "cosine", "linear")
MOST_PLACES = 6400  # of a map in KPCA-CAM: 80 × 80, whose kernel takes 330 MB


def eigen_cam(asked: Asked) -> Found:
    """Eigen-CAM (Bany Muhammad & Yeasin 2020, section III): the maps projected on the first right
    singular vector of the places × channels matrix, L = A·V₁.

    The paper decomposes the maps as they are; pytorch-grad-cam takes each channel's mean off
    first, "otherwise the image returned is negative". That is a matter of the vector's sign, which
    is chosen here so that the map agrees with the sum of the maps, and so the paper is followed.
    """
    activations, logits = asked.activations()
    return _found(asked, first_component(activations, centred=False), logits)


def eigengrad_cam(asked: Asked) -> Found:
    """Eigen-Grad-CAM (J. Gildenblat, pytorch-grad-cam; it has no paper): the first principal
    component of gradient times activation, Eigen-CAM with a class. Channels are centred, as there.

    It is HiResCAM with eigen smoothing. The sign is that of the sum over channels, so in a network
    with one sigmoid the map of class 0 is minus that of class 1.
    """
    activations, gradients, logits = asked.gradients()
    return _found(asked, first_component(gradients * activations), logits)


def kpca_cam(asked: Asked, *, kernel: str = "sigmoid", gamma: float = 0.0) -> Found:
    """KPCA-CAM (Karmani et al. 2024): Eigen-CAM with kernel PCA, which follows curved relations
    between channels. The paper's kernel is the sigmoid, tanh(γ·xᵀy + 1) of two places' channels,
    each centred.

    Args:
        kernel: "sigmoid", "rbf", "poly", "cosine" or "linear", in scikit-learn's words.
        gamma: γ of the kernel; 0 is 1 / channels.

    Raises:
        ConfigError: if there is no such kernel, or gamma is negative.
        LayerError: if the layer's map has more than 6400 places, each of which is compared to each.
    """
    check_choice("kernel", kernel, KERNELS)
    check_number("gamma", gamma, 0)
    activations, logits = asked.activations()
    n, height, width, channels = activations.shape
    if height * width > MOST_PLACES:
        raise LayerError(
            f"KPCA-CAM compares every place of a map to every other, and the {height} × {width} "
            f"places of the layer '{asked.head.layer}' are too many; choose a later layer, with "
            f"{MOST_PLACES} places at most."
        )
    x = activations.reshape(n, height * width, channels).astype(np.float64)
    x = x - x.mean(axis=1, keepdims=True)
    maps = [_first_kernel_component(one, kernel, gamma) for one in x]
    return _found(asked, np.reshape(maps, (n, height, width)), logits)


def fem(asked: Asked, *, sigmas: float = 2.0) -> Found:
    """FEM (Fuad et al. 2020): where each map is rare by the k-sigma rule, weighed by its mean.

    Map k is 1 where A_k > mean_k + sigmas · std_k, else 0, and the heatmap is the sum of mean_k
    times that. pytorch-grad-cam does something else under the name: the sum of A_k times the share
    of places that are rare. The paper's authors are followed (their later code, and Xplique's).

    Raises:
        ConfigError: if sigmas is negative.
    """
    check_number("number of sigmas", sigmas, 0)
    activations, logits = asked.activations()
    # in float64 the mean of equal values is that value, and a flat map is nowhere above it
    mean = activations.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    spread = activations.std(axis=(1, 2), keepdims=True, dtype=np.float64)
    return _found(asked, asked.add(mean * (activations > mean + sigmas * spread)), logits)


def _found(asked: Asked, raw: np.ndarray, logits: np.ndarray) -> Found:
    asked.progress(len(raw), len(raw))
    return Found(raw.astype(np.float32), asked.probabilities(logits))


def _first_kernel_component(x: np.ndarray, kernel: str, gamma: float) -> np.ndarray:
    """Of one picture's centred places × channels matrix: `(places,)`, with the channels' sign."""
    if not x.any():
        return np.zeros(len(x))
    found = KernelPCA(1, kernel=kernel, gamma=gamma or None, random_state=0).fit_transform(x)[:, 0]
    return found if found @ x.sum(axis=1) >= 0 else -found
