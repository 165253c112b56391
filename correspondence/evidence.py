"""What speaks for a match once all are found: a second look with the deep features, apart from how it was found.

After the last level both images are bent halfway towards each other, so a right match has both its ends in one place. There
the deep features of one image are searched again in a window of the other, with no help from neighbours: whether that search,
out by the features and back by the match, returns to where it began is the match's cycle consistency.
"""

from __future__ import annotations

import numpy as np
import torch

from .propagation import cell_scores

RADIUS = 6
"""Window of the second search, in cells of level 4."""
APART = 2
"""A rival lies at least this many cells off."""


def second_look(a: torch.Tensor, b: torch.Tensor, cells: np.ndarray) -> np.ndarray:
    """Lead over the best rival, and cycle error, of places in two maps that should show the same there.

    Args:
        a, b: (1, C, h, w), deep features of both bent images; products are weighted cosines, zero outside an image.
        cells: (N, 2) as (x, y), cell centres at integers.

    Returns:
        (N, 2), the same with a and b exchanged: by how much the similarity over 3 x 3 cells is larger than the best one
        APART or more cells off, the lesser of both directions; and how far the best place in the window is from where it
        should be, in cells, the mean of both directions.
    """
    height, width = a.shape[-2:]
    place = np.round(cells).astype(np.int64)
    x, y = place[:, 0].clip(0, width - 1), place[:, 1].clip(0, height - 1)
    offset = np.arange(2 * RADIUS + 1) - RADIUS
    far = np.hypot(offset[:, None], offset[None]).reshape(-1, 1)
    leads, errors = [], []
    for there in (cell_scores(a, b, RADIUS, 3), cell_scores(b, a, RADIUS, 3)):
        table = there[:, :, y, x].reshape(len(far), -1).double().cpu().numpy()
        here = table[len(far) // 2]
        leads.append(here - np.where(far >= APART, table, -np.inf).max(axis=0))
        errors.append(far[(table - 1e-6 * far).argmax(axis=0), 0])
    return np.stack([np.min(leads, axis=0), np.mean(errors, axis=0)], axis=1)
