"""What a person should know of a map before believing its colours."""

import numpy as np

FLAT = 0.8  # of the maximum: where everything lies above it, the whole picture is painted hot
RING = 14  # the border is a fourteenth of the map wide, and at least a cell
WIDEST = 1 / 3  # of the map: of coarser ones so much is border that heat there says little


def note(raw: np.ndarray) -> str:
    """A sentence about a signed map `(h', w')` before ReLU, "" where there is nothing to say.

    >>> note(np.zeros((7, 7)))
    'No heat: the map is zero everywhere.'
    """
    heat = np.maximum(raw, 0)
    if not raw.any():
        return "No heat: the map is zero everywhere."
    if not heat.any():
        return "No heat: the map is nowhere positive, so nothing in it speaks for the class."
    if heat.min() > FLAT * heat.max():
        return (
            f"Almost flat: the map runs from {raw.min():.3g} to {raw.max():.3g}, so nearly all of "
            "the picture looks hot."
        )
    return _at_border(heat)


def _at_border(heat: np.ndarray) -> str:
    """A note where much more of the heat lies in the outermost cells than they take of the map:
    at least half of what they could have beyond that."""
    inner = heat[tuple(slice(_ring(n), n - _ring(n)) for n in heat.shape)]
    area = 1 - inner.size / heat.size
    if area > WIDEST:
        return ""
    share = 1 - inner.sum(dtype=float) / heat.sum(dtype=float)
    if share < (1 + area) / 2:
        return ""
    return (
        f"At the border: {share:.0%} of the heat lies in the outermost {area:.0%} of the picture, "
        "where padding can raise it."
    )


def _ring(n: int) -> int:
    return -(-n // RING)
