"""What the channels of a layer did over a picture, in a few numbers each."""

from __future__ import annotations

import numpy as np

NAMES = ("mean", "standard_deviation", "maximum", "active_share", "selectivity")
"""What `activation_statistics` gives of each channel."""


def sparseness(maps: np.ndarray) -> np.ndarray:
    """How few positions a channel's response comes from: 0 where all respond alike or none does, 1 where a single one does.

    S = (1 - (sum r / n)^2 / (sum r^2 / n)) / (1 - 1 / n), for the responses r of a channel at n positions.

    Args:
        maps: (C, h, w), none negative.

    Returns:
        (C,) float64 in [0, 1].

    Source: Vinje and Gallant, "Sparse Coding and Decorrelation in Primary Visual Cortex During Natural Vision" (Science 287,
    2000); their responses are those to n moments of a film, ours those at n positions of a picture.
    """
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    count, power = flat.shape[1], np.square(flat).mean(1)
    if count == 1:
        return np.zeros(len(maps))
    fires = power > 0
    ratio = np.divide(np.square(flat.mean(1)), power, out=np.ones_like(power), where=fires)
    return np.clip((1 - ratio) / (1 - 1 / count), 0, 1)


def activation_statistics(maps: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, standard deviation, maximum, share of positions above 0, and selectivity (`sparseness`) of each channel.

    Args:
        maps: (C, h, w), none negative.

    Returns:
        (C,) float64 by the names of `NAMES`; the standard deviation is that of the positions, divided by their number.
    """
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    found = flat.mean(1), flat.std(1), flat.max(1), (flat > 0).mean(1), sparseness(maps)
    return dict(zip(NAMES, found, strict=True))


def strongest_places(values: np.ndarray, count: int, apart: int) -> list[tuple[int, int]]:
    """Positions of the largest values, the largest first, no two of them nearer than `apart` in both directions.

    Args:
        values: (h, w); only those above 0 count. Of equal ones the first in reading order is taken.
        count: at most.
        apart: positions, 1 or more.
    """
    left, found = values.astype(np.float64), []
    while len(found) < count and left.max() > 0:
        row, column = (int(k) for k in np.unravel_index(left.argmax(), left.shape))
        found.append((row, column))
        around = [slice(max(0, k - apart + 1), k + apart) for k in (row, column)]
        left[tuple(around)] = 0
    return found
