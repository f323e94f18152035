"""Methods that only see what the network answers: pictures with parts hidden, and their scores."""

from collections.abc import Callable

import numpy as np
from scipy.spatial.distance import pdist, squareform
from scipy.stats import qmc

from engine.cam.asked import Asked, Found
from engine.cam.methods import check_number
from engine.cam.scaling import resized
from engine.errors import ConfigError


def occlusion(asked: Asked, *, size: float = 0.2, stride: float = 0.07) -> Found:
    """Occlusion sensitivity (Zeiler & Fergus 2014, arXiv 1311.2901, section 4.2).

    A grey square covers a part of the picture after the other; a pixel's value is how much the
    score falls, on average over the squares that cover it. (The paper draws the score at the
    square's place, low where it matters.) The paper's grey is the data's mean; here it is the mean
    colour of the picture, which is one in whatever range the model takes. It gives no size.

    Args:
        size: the square's side; stride: from one place to the next; both in shorter sides of the
            picture. The last places lie at the border.

    Raises:
        ConfigError: if one of them is not from 0 to 1, or 0.
    """
    check_number("size of the square", size, 0.01, 1)
    check_number("stride of the square", stride, 0.01, 1)
    shape = asked.images.shape[1:3]
    side = max(1, round(size * min(shape)))
    tops, lefts = (_places(n, side, max(1, round(stride * min(shape)))) for n in shape)
    places = [(top, left) for top in tops for left in lefts]

    def mask(number: int) -> np.ndarray:
        top, left = places[number]
        seen = np.ones(shape, np.float32)
        seen[top : top + side, left : left + side] = 0
        return seen

    grey = np.broadcast_to(asked.images.mean(axis=(1, 2), keepdims=True), asked.images.shape)
    scores, whole, probabilities = _scores(asked, len(places), mask, grey)
    falls, covered = np.zeros(asked.images.shape[:3], np.float32), np.zeros(shape, np.float32)
    for number in range(len(places)):
        hidden = 1 - mask(number)
        falls += (whole - scores[:, number])[:, None, None] * hidden
        covered += hidden
    return Found(falls / covered, probabilities)


def rise(asked: Asked, *, masks: int = 500, cells: int = 7, keep: float = 0.5) -> Found:
    """RISE (Petsiuk et al. 2018, arXiv 1806.07421, eq. 4 to 6).

    S(λ) is the mean score of the masks that keep the pixel λ, weighed by how much they keep of it:
    E[f(I ⊙ M) · M(λ)] / E[M]. Eq. 6 takes the mean over N masks. Here their mean score is taken off
    the scores first, Σ (f(I ⊙ M_i) − f̄) · M_i(λ) / (E[M] · N): that is S(λ) − E[f], what keeping
    the pixel adds, without a floor that would paint the whole picture hot, and without the noise
    of eq. 6, in which f̄ times how often a pixel happened to be kept drowns it on sure pictures.

    A mask is a grid of cells that are kept or not, enlarged (bilinear) and shifted by up to a cell.
    Cells are rounded up, as in the authors' code, so that every shift leaves a mask as large as the
    picture (the paper rounds down). All pictures are seen through the same masks.

    Args:
        masks: how many; the paper takes 4,000 for VGG16 and 8,000 for ResNet50.
        cells: of the grid's side. keep: how likely a cell is to be kept.

    Raises:
        ConfigError: if there are no masks, fewer than 2 cells, or keep is not between 0 and 1.
    """
    check_number("number of masks", masks, 1)
    check_number("number of cells", cells, 2, 64)
    check_number("share of cells that are kept", keep, 0.01, 0.99)
    shape, rng = asked.images.shape[1:3], np.random.default_rng(asked.seed)
    cell = [-(-n // cells) for n in shape]
    grids = (rng.random((masks, cells, cells)) < keep).astype(np.float32)
    shifts = rng.integers(0, cell, (masks, 2))
    large = ((cells + 1) * cell[0], (cells + 1) * cell[1])

    def mask(number: int) -> np.ndarray:
        top, left = shifts[number]
        whole = resized(grids[number], large)
        return whole[top : top + shape[0], left : left + shape[1]]

    scores, _, probabilities = _scores(asked, masks, mask)
    scores = scores - scores.mean(axis=1, keepdims=True)
    kept = np.zeros(asked.images.shape[:3], np.float32)
    for number in range(masks):
        kept += scores[:, number, None, None] * mask(number)
    return Found(kept / (keep * masks), probabilities)


def hsic(asked: Asked, *, masks: int = 512, cells: int = 7) -> Found:
    """HSIC attribution (Novello et al. 2022, arXiv 2206.06219).

    Each cell of a grid is kept or blackened at random; its value is how much the score depends on
    that, in whichever direction: HSIC = tr(K H L H) / (p − 1)² over p masks, K the Dirac kernel of
    the cell's bits, L a Gaussian kernel of the scores. With bits, H K H = 2 b bᵀ for the centred
    bits b, so nothing of size p × p is made for a cell. Masks are drawn by a Latin hypercube and
    rounded, as in the paper: each cell is kept in half of them. The Gaussian's width is the median
    distance of two scores that differ, the usual choice; the authors' code takes the median score,
    which changes with a constant that is added to all logits.

    Args:
        masks: how many; the paper takes 1,500, or 750 for less. cells: of the grid's side.

    Raises:
        ConfigError: if there are fewer than two masks, or two cells.
    """
    check_number("number of masks", masks, 2)
    check_number("number of cells", cells, 2, 64)
    grid = _grid(asked, cells)
    bits = np.round(qmc.LatinHypercube(grid[0] * grid[1], rng=asked.seed).random(masks))
    scores, _, probabilities = _scores(asked, masks, _in_cells(bits, grid, asked))
    centred = bits - bits.mean(axis=0)
    raw = [
        2 * np.sum(centred * (_gaussian(one) @ centred), axis=0) / (masks - 1) ** 2
        for one in scores
    ]
    return Found(np.reshape(raw, (-1, *grid)).astype(np.float32), probabilities)


def sobol(asked: Asked, *, designs: int = 8, cells: int = 7) -> Found:
    """Sobol attribution (Fel et al. 2021, arXiv 2111.04138): total indices, by Jansen's estimator.

    The cells of a grid are dimmed to random shares; a cell's value is the part of the score's
    variance that it has a hand in: S_T = Σ_j (f(A_j) − f(C_j))² / (2 N V[f(A)]), where C is A with
    that cell's shares taken from B. A and B are a scrambled Sobol sequence (the authors' is not
    scrambled, so that its first picture is always black). A score that no mask changes has the map
    0.

    Args:
        designs: N, a power of two; the paper takes 32, the authors' code 64. cells: of the grid's
            side; the paper takes 11, the authors' code 8. N · (cells² + 1) pictures are seen.

    Raises:
        ConfigError: if designs is no power of two from 2 on, or cells is less than 2.
    """
    if designs < 2 or designs & (designs - 1):
        raise ConfigError(f"The number of designs cannot be {designs}; give a power of two.")
    check_number("number of cells", cells, 2, 64)
    grid = _grid(asked, cells)
    d = grid[0] * grid[1]
    drawn = qmc.Sobol(2 * d, rng=asked.seed).random(designs)
    a, b = drawn[:, :d], drawn[:, d:]
    c = np.where(np.eye(d, dtype=bool)[:, None], b, a)  # (cell, design, share)
    shares = np.concatenate([a, c.reshape(-1, d)])
    scores, _, probabilities = _scores(asked, len(shares), _in_cells(shares, grid, asked))
    of_a, of_c = scores[:, :designs], scores[:, designs:].reshape(-1, d, designs)
    variance = of_a.var(axis=1, ddof=1)[:, None]
    apart = np.mean((of_a[:, None] - of_c) ** 2, axis=-1) / 2
    raw = np.divide(apart, variance, out=np.zeros_like(apart), where=variance > 0)
    return Found(raw.reshape(-1, *grid).astype(np.float32), probabilities)


# --- what they share ------------------------------------------------------------------------------


def _scores(asked: Asked, count: int, mask: Callable[[int], np.ndarray], under=None):
    """Scores of each picture behind each mask `(n, count)` and as it is `(n,)`, and the latter's
    probabilities. mask: a number to `(h, w)` from 0 to 1; under: what shows where it is 0."""
    n, whole = len(asked.images), np.ones(asked.images.shape[1:3], np.float32)
    of, number = np.divmod(np.arange(n * (count + 1)), count + 1)
    logits = asked.masked(
        of,
        lambda row: whole if number[row] == count else mask(number[row]),
        mode="raw",
        under=under,
        told=lambda done: asked.progress(done, len(of)),
    )
    scores = asked.scores(logits, of).reshape(n, count + 1)
    last = number == count
    return scores[:, :-1], scores[:, -1], asked.probabilities(logits[last], of[last])


def _places(length: int, side: int, stride: int) -> np.ndarray:
    """Where squares begin, about a stride apart, the first and the last at the borders."""
    steps = -(-(length - side) // stride)
    return np.unique(np.round(np.linspace(0, length - side, steps + 1)).astype(int))


def _grid(asked: Asked, cells: int) -> tuple[int, int]:
    """Rows and columns of cells; no more than the picture has pixels."""
    return tuple(min(cells, n) for n in asked.images.shape[1:3])


def _in_cells(values: np.ndarray, grid: tuple[int, int], asked: Asked) -> Callable:
    """A number to the mask whose cells have the values of that row, `(m, rows · columns)`."""
    rows, columns = (
        np.arange(n) * cells // n for n, cells in zip(asked.images.shape[1:3], grid, strict=True)
    )
    grids = values.reshape(-1, *grid).astype(np.float32)
    return lambda number: grids[number][np.ix_(rows, columns)]


def _gaussian(scores: np.ndarray) -> np.ndarray:
    """A Gaussian kernel of scores `(p,)`, as wide as the median distance of two that differ."""
    apart = pdist(scores[:, None].astype(np.float64))
    width = np.median(apart[apart > 0]) if apart.any() else 1.0
    return np.exp(-0.5 * (squareform(apart) / width) ** 2)
