"""Positions drawn anew for each step, and feature maps sampled there."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

CROWDED = 64
"""Pixels for each position up to which a gradient is gathered pixel by pixel; beyond, most pixels have none."""


class Places:
    """Positions, and the four pixels and their weights that each of them stands for in a map of any size.

    They are worked out once for each size, and so serve all maps of a step.
    """

    def __init__(self, positions: Tensor, which: Tensor | None = None) -> None:
        """Prepare.

        Args:
            positions: (n, 2), (x, y) in [-1, 1] as `draw_positions` gives them.
            which: (n,) int64, the number of the image of a batch that each is on; None for all of them on every image.
        """
        self.positions, self.which = positions, which
        self._known: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self._turned: dict[tuple[int, int, int], tuple[Tensor, Tensor]] = {}

    def some(self, which: Tensor) -> Places:
        """Those of the positions that are counted in `which`, (m,) int64."""
        fewer = Places(self.positions[which], None if self.which is None else self.which[which])
        fewer._known = {size: (index[which], weight[which]) for size, (index, weight) in self._known.items()}
        return fewer

    def on(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Pixels, counted along the rows, and bilinear weights on a map: (n, 4) both.

        Beyond the centres of the border's pixels the border's value goes on.
        """
        if (height, width) not in self._known:
            x = ((self.positions[:, 0] + 1) * (width / 2) - 0.5).clamp(0, width - 1)
            y = ((self.positions[:, 1] + 1) * (height / 2) - 0.5).clamp(0, height - 1)
            left, top = x.floor().clamp_max(max(width - 2, 0)), y.floor().clamp_max(max(height - 2, 0))
            x, y = x - left, y - top
            corner = (top * width + left).long()
            right, below = min(width - 1, 1), width * min(height - 1, 1)
            index = torch.stack([corner, corner + right, corner + below, corner + right + below], 1)
            weight = torch.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], 1)
            self._known[height, width] = index, weight
        return self._known[height, width]

    def stacked(self, images: int, height: int, width: int) -> tuple[Tensor, Tensor]:
        """As `on`, for the maps of several images whose pixels follow one another.

        Returns:
            (images * n, 4) both, or (n, 4) where each position is on one of them.
        """
        index, weight = self.on(height, width)
        if self.which is not None:
            return index + self.which[:, None] * (height * width), weight
        if images == 1:
            return index, weight
        return torch.cat([index + k * height * width for k in range(images)]), weight.repeat(images, 1)

    def turned(self, images: int, height: int, width: int) -> tuple[Tensor, Tensor]:
        """`stacked` the other way round: which of its entries stand for the first pixel, for the second and so on.

        Returns:
            entries, counted along the rows; (images * height * width + 1,) where each pixel's begin.
        """
        if (images, height, width) not in self._turned:
            index = self.stacked(images, height, width)[0].flatten()
            count = torch.bincount(index, minlength=images * height * width)
            self._turned[images, height, width] = index.argsort(stable=True), F.pad(count.cumsum(0), (1, 0))
        return self._turned[images, height, width]


def draw_positions(count: int, size: tuple[int, int], generator: torch.Generator, mask: Tensor | None = None) -> Tensor:
    """Draw about `count` positions, one at random in each cell of a regular grid.

    Args:
        count: how many; the grid's cells are near square, so that slightly fewer or more may come.
        size: (H, W) of the map they are for; no more positions than pixels are drawn.
        generator: of the random draws; the positions live on its device.
        mask: (1, 1, h, w); positions where it is under 0.5 are left out, and the grid is finer in return.

    Returns:
        (n, 2), (x, y) in [-1, 1], where -1 and 1 are the outer edges of the border pixels.
    """
    height, width = size
    if mask is not None:
        count = round(count / float((mask >= 0.5).float().mean().clamp_min(1e-3)))
    count = min(count, height * width)
    rows = max(1, min(height, round(math.sqrt(count * height / width))))
    columns = max(1, min(width, round(count / rows)))
    device = generator.device
    jitter = torch.rand(rows, columns, 2, generator=generator, device=device)
    x = (torch.arange(columns, device=device).view(1, -1) + jitter[..., 0]) / columns
    y = (torch.arange(rows, device=device).view(-1, 1) + jitter[..., 1]) / rows
    positions = torch.stack([x, y], 2).view(-1, 2) * 2 - 1
    if mask is None:
        return positions
    inside = sample([mask], Places(positions))[0, :, 0] >= 0.5
    return positions[inside] if bool(inside.any()) else positions


def sample(maps: list[Tensor], places: Places) -> Tensor:
    """Values of several maps at the same positions, bilinearly.

    Rows of a channels-last map are gathered whole and weighted in one call, which for a few hundred positions costs a
    fraction of `grid_sample`, and so does its gradient.

    Args:
        maps: (N, C_i, h_i, w_i) each.
        places: n positions.

    Returns:
        (N, n, sum C_i); (1, n, sum C_i) where each position is on one image.
    """
    return torch.cat([_weighted(values, places) for values in maps], 2)


def _weighted(values: Tensor, places: Places) -> Tensor:
    images, channels, height, width = values.shape
    rows = values.permute(0, 2, 3, 1).reshape(images * height * width, channels)
    index, weight = places.stacked(images, height, width)
    weight = weight.to(values.dtype)
    if values.device.type not in ("cpu", "cuda"):
        found = (rows[index.reshape(-1)].view(*index.shape, channels) * weight[..., None]).sum(1)
    elif rows.requires_grad and len(rows) <= CROWDED * len(index):
        found = _Gathered.apply(rows, index, weight, *places.turned(images, height, width))
    else:
        found = F.embedding_bag(index, rows, per_sample_weights=weight, mode="sum")
    return found.view(images if places.which is None else 1, -1, channels) if len(found) else found[None]


class _Gathered(torch.autograd.Function):
    """Weighted sums of rows, as of `embedding_bag`, whose own gradient sorts the index anew for every map."""

    @staticmethod
    def forward(ctx, rows, index, weight, order, begins):
        ctx.save_for_backward(weight, order, begins)
        return F.embedding_bag(index, rows, per_sample_weights=weight, mode="sum")

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        weight, order, begins = ctx.saved_tensors
        entries, weight = order.div(weight.shape[1], rounding_mode="floor"), weight.flatten()[order]
        grad = F.embedding_bag(
            entries, grad.contiguous(), begins, per_sample_weights=weight, mode="sum", include_last_offset=True
        )
        return grad, None, None, None, None
