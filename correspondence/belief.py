"""Which displacement each cell of the deep levels has, decided together with its neighbours.

The nearest neighbour of a single cell is often wrong where two images are painted differently: a smiling mouth looks like a
painted nose. Its neighbours, which move with it, tell what is right. So every cell holds a probability for each displacement,
and sum-product belief propagation (Pearl 1988) over the grid lets neighbours agree, with an outlier floor that lets them differ.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

ROUNDS = 16
SHARPNESS = 14.0
"""How many times likelier a displacement is, as an exponent, for a similarity higher by one."""
FLOOR = 3e-3
"""Share of a message that is spread over all displacements: neighbours may belong to different things."""


def cell_scores(a: torch.Tensor, b: torch.Tensor, radius: int, patch: int) -> torch.Tensor:
    """Mean similarity over patches of every cell of `a` with those of `b` around it; 0 where there is nothing.

    a, b: (1, C, h, w). Returns (2r + 1, 2r + 1, h, w), [dy + r, dx + r, y, x] as in `best_buddies.window_scores`.
    """
    _, channels, height, width = a.shape
    side = 2 * radius + 1
    padded = F.pad(b, (radius,) * 4)
    full = a.reshape(channels, -1).T @ padded.reshape(channels, -1)  # (h w, (h + 2r)(w + 2r))
    ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    dy, dx = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    index = (ys[None, None] + dy[..., None, None]) * (width + 2 * radius) + xs[None, None] + dx[..., None, None]
    rows = (ys * width + xs)[None, None].expand_as(index)
    table = full[rows.reshape(-1), index.reshape(-1)].reshape(side * side, 1, height, width)
    return F.avg_pool2d(table, patch, 1, patch // 2).reshape(side, side, height, width)


def propagate(table: torch.Tensor, weight: torch.Tensor, flex: float) -> torch.Tensor:
    """Probabilities of displacements: (2r + 1, 2r + 1, h, w) similarities, (h, w) weights in [0, 1] -> the same shape.

    flex: neighbouring cells' displacements usually differ by no more than about this, in cells.
    """
    side = len(table)
    data = (SHARPNESS * weight * (table - table.amax((0, 1)))).exp()
    offset = torch.arange(side, dtype=table.dtype, device=table.device)
    kernel = torch.exp(-0.5 * ((offset[:, None] - offset[None]) / flex) ** 2)
    kernel = kernel * (kernel > 1e-7)  # denormal numbers are a hundred times slower
    ahead, back, everything = slice(1, None), slice(None, -1), slice(None)
    ways = (((everything, ahead), (everything, back), 1), ((everything, back), (everything, ahead), 0))
    ways += (((ahead, everything), (back, everything), 3), ((back, everything), (ahead, everything), 2))
    messages = [torch.full_like(data, 1.0 / side**2) for _ in ways]
    for _ in range(ROUNDS):
        first, second = data * (messages[0] * messages[1]), data * (messages[2] * messages[3])
        others = (messages[1] * second, messages[0] * second, messages[3] * first, messages[2] * first)
        # a cell tells its neighbour what all others but that neighbour tell it
        for k, (to, source, opposite) in enumerate(ways):
            sent = _spread(others[opposite], kernel)[(..., *source)]
            share = (0.5 - 0.5 * FLOOR) / sent.sum((0, 1)).clamp_min(1e-30)
            place = (..., *to)
            messages[k][place] = torch.addcmul(0.5 * messages[k][place] + 0.5 * FLOOR / side**2, sent, share)
    belief = data * messages[0] * messages[1] * messages[2] * messages[3]
    return belief / belief.sum((0, 1)).clamp_min(1e-30)


def _spread(table: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Blur over the displacements, both axes: (S, S, h, w) by (S, S). All cells in one product: small ones are slow."""
    side, _, height, width = table.shape
    along = (kernel @ table.reshape(side, -1)).view(side, side, -1)
    return torch.matmul(kernel, along).view(side, side, height, width)


def peaks(belief: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The likeliest displacement of every cell (2, h, w) as (dx, dy), to a fraction of a cell, and the mass around it (h, w)."""
    side, _, height, width = belief.shape
    radius = side // 2
    flat = belief.reshape(side * side, 1, height, width).permute(2, 3, 1, 0).reshape(-1, 1, side, side)
    mass = F.avg_pool2d(flat, 3, 1, 1, divisor_override=1)
    best = mass.reshape(len(flat), -1).argmax(1)
    offset = torch.arange(side, dtype=belief.dtype, device=belief.device)
    near_y = ((offset[None] - (best // side)[:, None]).abs() < 1.5).to(belief.dtype)
    near_x = ((offset[None] - (best % side)[:, None]).abs() < 1.5).to(belief.dtype)
    local = flat[:, 0] * near_y[:, :, None] * near_x[:, None]
    total = local.sum((1, 2)).clamp_min(1e-30)
    dx = (local.sum(1) @ offset) / total - radius
    dy = (local.sum(2) @ offset) / total - radius
    return torch.stack([dx, dy]).reshape(2, height, width), total.reshape(height, width)


def belief_buddies(
    scores_ab: torch.Tensor, scores_ba: torch.Tensor, weight_a: torch.Tensor, weight_b: torch.Tensor, flex: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cells whose likeliest displacements, there and back, agree to a cell.

    Args:
        scores_ab, scores_ba: (2r + 1, 2r + 1, h, w), `cell_scores` of a with b and of b with a.
        weight_a, weight_b: (h, w) in [0, 1], how much each cell's own similarities count.
        flex: as for `propagate`.

    Returns:
        Positions in a (k, 2) as (x, y) and int64, displacements to b (k, 2) as (dx, dy), both in cells; and weights (k,) in
        [0, 1], the product of the probability masses there and back.
    """
    there, mass_a = peaks(propagate(scores_ab, weight_a, flex))
    back, mass_b = peaks(propagate(scores_ba, weight_b, flex))
    height, width = mass_a.shape
    ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    ty, tx = ys + there[1], xs + there[0]
    grid = torch.stack([(tx + 0.5) * 2 / width - 1, (ty + 0.5) * 2 / height - 1], -1)[None]
    returned = F.grid_sample(torch.cat([back, mass_b[None]])[None], grid, mode="nearest", align_corners=False)[0]
    apart = (there + returned[:2]).square().sum(0).sqrt()
    inside = (grid[0].abs() <= 1).all(-1)
    keep = (apart < 1.0) & inside
    # the mean of there and back, so that neither image leads
    move = ((there - returned[:2]) / 2)[:, keep].T
    return torch.stack([xs[keep], ys[keep]], 1), move, (mass_a * returned[2])[keep]
