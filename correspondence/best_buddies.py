"""Best buddies: positions of two feature maps that are each other's nearest neighbour (Aberman et al. 2018, section 3).

Similarity is the normalised cross-correlation of patches: the mean over the patch of the per-position cosine.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F


def mutual(scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mutual nearest neighbours of a score table (n, m): indices of rows, of columns, and the scores, each (k,)."""
    best, column = scores.max(1)
    row = scores.max(0).indices
    index = torch.arange(len(scores), device=scores.device)
    keep = row[column] == index
    return index[keep], column[keep], best[keep]


def window_scores(a: torch.Tensor, b: torch.Tensor, radius: int, patch: int) -> torch.Tensor:
    """Similarity of every position of `a` with the positions of `b` in a window around the same place.

    a, b: (1, C, h, w), unit length or zero. Returns (2r + 1, 2r + 1, h, w): [dy + r, dx + r, y, x] compares a at (x, y)
    with b at (x + dx, y + dy), the mean over patches of patch x patch; -inf where that lies outside.
    """
    _, _, height, width = a.shape
    padded = F.pad(b, (radius,) * 4)
    inside = F.pad(b.abs().sum(1, keepdim=True) > 0, (radius,) * 4)
    product = torch.empty_like(a)
    here = a.abs().sum(1, keepdim=True) > 0
    side = 2 * radius + 1
    table = a.new_empty(side, side, height, width)
    for dy in range(side):  # a loop over displacements, not over positions
        for dx in range(side):
            box = (slice(None), slice(None), slice(dy, dy + height), slice(dx, dx + width))
            cosine = torch.mul(a, padded[box], out=product).sum(1, keepdim=True)
            mean = F.avg_pool2d(cosine, (patch, 1), 1, (patch // 2, 0))  # one axis at a time: 2 k values, not k * k
            mean = F.avg_pool2d(mean, (1, patch), 1, (0, patch // 2))
            table[dy, dx] = mean.masked_fill_(~(inside[box] & here), -torch.inf)[0, 0]
    return table


def reverse(table: torch.Tensor) -> torch.Tensor:
    """The same similarities seen from `b`: [dy + r, dx + r, y, x] compares b at (x, y) with a at (x + dx, y + dy)."""
    side, _, height, width = table.shape
    radius = side // 2
    padded = F.pad(table, (radius,) * 4, value=-torch.inf)
    out = torch.empty_like(table)
    for dy in range(side):
        for dx in range(side):
            sy, sx = side - 1 - dy, side - 1 - dx
            out[dy, dx] = padded[sy, sx, dy : dy + height, dx : dx + width]
    return out


def window_buddies(table: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Best buddies within windows.

    table: (2r + 1, 2r + 1, h, w) of `window_scores`. Returns positions in a (k, 2) as (x, y), displacements to b (k, 2)
    as (dx, dy), both int64, and similarities (k,). Ties go to the shorter displacement.
    """
    side, _, height, width = table.shape
    radius = side // 2
    offset = torch.arange(side, device=table.device) - radius
    far = offset[:, None] ** 2 + offset[None, :] ** 2
    bias = 1e-5 * (far.to(table.dtype) / max(1, radius) ** 2)[:, :, None, None]
    forward = (table - bias).reshape(side * side, height, width).max(0)
    backward = (reverse(table) - bias).reshape(side * side, height, width).max(0)
    ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    dy, dx = forward.indices // side - radius, forward.indices % side - radius
    ty, tx = (ys + dy).clamp(0, height - 1), (xs + dx).clamp(0, width - 1)
    opposite = side * side - 1 - forward.indices
    keep = (backward.indices[ty, tx] == opposite) & torch.isfinite(forward.values)
    points = torch.stack([xs[keep], ys[keep]], 1)
    return points, torch.stack([dx[keep], dy[keep]], 1), forward.values[keep]
