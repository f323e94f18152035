"""Maps that any method must beat: what can be drawn without the network, and the plain gradient."""

import hashlib

import cv2
import numpy as np

from engine.cam.asked import Asked, Found
from engine.cam.methods import check_number


def random(asked: Asked) -> Found:
    """Noise, uniform from 0 to 1, each pixel for itself.

    It is drawn from the seed and the picture's own pixels, so that a picture has the same map
    whatever pictures stand beside it.
    """
    def noise(image: np.ndarray) -> np.ndarray:
        content = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
        rng = np.random.default_rng((asked.seed, int.from_bytes(content)))
        return rng.random(image.shape[:2], np.float32)

    return _drawn(asked, [noise(image) for image in asked.images])


def center(asked: Asked, *, sigma: float = 0.25) -> Found:
    """A Gaussian in the middle of the picture: where the photographer aimed.

    Args:
        sigma: its standard deviation, in heights and widths of the picture.

    Raises:
        ConfigError: if sigma is not positive.
    """
    check_number("width of the Gaussian", sigma, 1e-3)
    rows, columns = (
        np.exp(-0.5 * (((np.arange(n) + 0.5) / n - 0.5) / sigma) ** 2)
        for n in asked.images.shape[1:3]
    )
    return _drawn(asked, [np.outer(rows, columns)] * len(asked.images))


def edges(asked: Asked) -> Found:
    """The length of Sobel's gradient (3 × 3) of the mean over the colours.

    An edge detector knows nothing of the network, and yet its map looks like that of some methods
    (Adebayo et al. 2018, arXiv 1810.03292, figure 1).
    """
    def sobel(grey: np.ndarray) -> np.ndarray:
        across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
        return np.hypot(across, down)

    return _drawn(asked, [sobel(image.mean(axis=-1)) for image in asked.images])


def input_gradient(asked: Asked) -> Found:
    """The gradient of the score by the pixels (Simonyan et al. 2013, arXiv 1312.6034, section 3.1).

    A pixel's value is the largest absolute gradient of its colours, max_c |w_c|, as there; the
    score is the logit, the paper's "unnormalised" one. Others add the colours up, or multiply by
    the picture. As the sign is lost, the map of one sigmoid's class 0 is that of its class 1.
    """
    gradients, logits = asked.pixels()
    asked.progress(len(logits), len(logits))
    return Found(np.abs(gradients).max(axis=-1), asked.probabilities(logits))


def _drawn(asked: Asked, maps) -> Found:
    _, logits = asked.activations()
    asked.progress(len(logits), len(logits))
    return Found(np.stack(maps).astype(np.float32), asked.probabilities(logits))
