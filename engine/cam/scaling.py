"""Maps at another size, and from 0 to 1."""

import cv2
import numpy as np


def resized(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map `(h', w')` or a picture `(h', w', c)` with the height and width `size`, bilinear.

    An only channel stays, which OpenCV leaves out.
    """
    found = cv2.resize(array, size[::-1], interpolation=cv2.INTER_LINEAR)
    return found.reshape(*size, *array.shape[2:])


def unit(maps: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    """From 0 to 1 by the minimum and maximum over these axes; 0 where they are equal.

    >>> unit(np.array([[1.0, 3.0], [5.0, 5.0]]), axis=1).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    low = maps.min(axis=axis, keepdims=True)
    span = maps.max(axis=axis, keepdims=True) - low
    return (maps - low) / np.where(span > 0, span, 1)
