"""Best buddies: positions of two feature maps that are each other's nearest neighbour (Aberman et al. 2018, section 3).

Similarity is the normalised cross-correlation of patches: the mean over the patch of the per-position cosine.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

EPSILON = 1e-6


def normalise(features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Bring features to zero mean and unit deviation in every channel, then every position to unit length.

    This takes the place of the common appearance of the paper: what differs between two images everywhere (a palette,
    a contrast) is divided out. features: (1, C, h, w); mask: (1, 1, h, w) in [0, 1], what belongs to the image.
    Returns (1, C, h, w), zero outside the mask; a flat image gives zeros, never NaN.
    """
    total = mask.sum().clamp_min(EPSILON)
    mean = (features * mask).sum((2, 3), keepdim=True) / total
    centred = (features - mean) * mask
    deviation = (centred.square().sum((2, 3), keepdim=True) / total).sqrt()
    scaled = centred / (deviation + 1e-3 * mean.abs() + EPSILON)
    length = scaled.square().sum(1, keepdim=True).sqrt()
    # the floor keeps a flat map's rounding from being blown up to unit length
    return scaled / (length + 0.01) * (mask > 0)


def activation(features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The energy of every position, scaled to [0, 1] over the image (section 3.3): (1, C, h, w) -> (1, 1, h, w).

    An image whose energy is the same everywhere has nothing that stands out: all zeros.
    """
    energy = features.square().sum(1, keepdim=True).sqrt()
    inside = energy[mask > 0.5]
    if inside.numel() == 0:
        return torch.zeros_like(energy)
    low, high = inside.min(), inside.max()
    if float(high - low) <= 1e-4 * float(high) + EPSILON:
        return torch.zeros_like(energy)
    return ((energy - low) / (high - low)).clamp(0, 1) * (mask > 0.5)


def patches(unit: torch.Tensor, size: int) -> torch.Tensor:
    """Rows of flattened patches, unit length: (1, C, h, w) -> (h * w, C * size * size)."""
    rows = F.unfold(unit, size, padding=size // 2)[0].T
    return rows / (rows.square().sum(1, keepdim=True).sqrt() + EPSILON)


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
