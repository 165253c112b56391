"""The minimum-error boundary cut: where one block ends and the next begins, along the pixels in which both agree best."""

from __future__ import annotations

import numpy as np


def path_costs(error: np.ndarray) -> np.ndarray:
    """The least cost of a path from each pixel down to the last row, to a pixel of the three below at each step.

    Args:
        error: (n, m), cost of each pixel, 0 or more.

    Returns:
        (n, m) float64, the pixel's own cost counted.

    Source: Efros and Freeman 2001, section 2.1, from the other end.
    """
    n, m = error.shape
    costs = np.full((n, m + 2), np.inf)
    costs[:, 1:-1] = error
    for row in range(n - 2, -1, -1):
        below = costs[row + 1]
        costs[row, 1:-1] += np.minimum(np.minimum(below[:-2], below[1:-1]), below[2:])
    return costs[:, 1:-1]


def path_down(costs: np.ndarray, row: int, column: int) -> np.ndarray:
    """The cheapest path down from a pixel, by `path_costs`: its column in each row from `row` on, (n - row,)."""
    rows, last = costs.tolist(), costs.shape[1]
    path = [column]
    for values in rows[row + 1 :]:
        low = max(0, column - 1)
        near = values[low : min(last, column + 2)]
        column = low + near.index(min(near))
        path.append(column)
    return np.array(path)


def corner_of(down: np.ndarray, right: np.ndarray, error: np.ndarray) -> tuple[int, int]:
    """Where the cut at the left of a block and the cut at its top meet so that both together cost least: (row, column).

    Args:
        down: (o, o), in the corner that both overlaps share, the cost of the way from each pixel to the block's lower end.
        right: (o, o) likewise to its right end.
        error: (o, o), cost of each pixel there, which both ways count.
    """
    row, column = divmod(int(np.argmin(down + right - error)), error.shape[1])
    return row, column


def new_pixels(left: np.ndarray | None, top: np.ndarray | None, block: int) -> np.ndarray:
    """Which pixels of a block are laid over what is there already: those right of the cut at its left and below that at its top.

    Both cuts are one L: they end where they meet, at the place that costs least.

    Args:
        left: (b, o), squared difference in the overlap with the block at the left; None for none.
        top: (o, b), likewise above.
        block: b, pixels.

    Returns:
        (b, b) bool. A cut's own pixels are new.

    Source: Efros and Freeman 2001, sections 2.1 and 2.2.
    """
    new = np.ones((block, block), bool)
    down = None if left is None else path_costs(left)
    right = None if top is None else path_costs(top.T)  # (b, o): row x, column y
    if down is not None and right is not None:
        over = left.shape[1]
        y, x = corner_of(down[:over], right[:over].T, left[:over])
    else:
        y = x = 0
    place = np.arange(block)
    if down is not None:
        column = x if right is not None else int(down[0].argmin())
        beside = place >= path_down(down, y, column)[:, None]  # (b - y, b)
    if right is not None:
        row = y if down is not None else int(right[0].argmin())
        beneath = place[:, None] >= path_down(right, x, row)  # (b, b - x)
    if down is None and right is None:
        return new
    if right is None:
        return beside
    if down is None:
        return beneath
    new[:y, :x] = False
    new[y:, :x] = beside[:, :x]
    new[:y, x:] = beneath[:y]
    new[y:, x:] = beside[:, x:] & beneath[y:]
    return new
