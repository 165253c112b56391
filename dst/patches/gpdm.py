"""Sliced distribution of patches, coarse to fine: the result's patches are distributed as the source's."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dst.patches import search
from dst.patches.pyramid import Level, Size

BETAS, EPS = (0.9, 0.999), 1e-8


def directions(count: int, patch: int, generator: torch.Generator) -> Tensor:
    found = torch.randn(count, 3, patch, patch, generator=generator)
    return found / found.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def ranked(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each value (k, n) the one of the other row (k, m) that has its rank, read between where m is not n: (k, n)."""
    order = np.argsort(values, 1)
    other = np.sort(others, 1)
    n, m = values.shape[1], other.shape[1]
    if m != n:
        place = np.linspace(0, m - 1, n)
        cell = np.minimum(place.astype(np.intp), max(0, m - 2))
        rest = (place - cell).astype(np.float32)
        upper = np.minimum(cell + 1, m - 1)
        other = other[:, cell] * (1 - rest) + other[:, upper] * rest
    found = np.empty_like(values)
    np.put_along_axis(found, order, other, 1)
    return found


class SlicedDistribution:
    def __init__(self, patch=7, projections=32, steps=100, rate=0.01, end=.1, positions=2**14, seed=0):
        self.patch, self.projections, self.count, self.rate, self.positions, self.end = patch, projections, steps, rate, positions, end
        self.generator = torch.Generator().manual_seed(seed)

    def steps(self, scale, size):
        return self.count if scale else self.count * 3

    @torch.no_grad()
    def refine(self, level: Level, image: Tensor) -> Tensor:
        image = image.clone()
        first, second = torch.zeros_like(image), torch.zeros_like(image)
        usable = search.whole(level.usable, self.patch)
        for step in range(level.steps):
            filters = directions(self.projections, self.patch, self.generator)
            gradient, loss = self._gradient(image, level.source, filters, usable)
            rate = self.rate * self.end ** (step / max(1, level.steps - 1))
            first.lerp_(gradient, 1 - BETAS[0])
            second.lerp_(gradient.square(), 1 - BETAS[1])
            a, b = 1 - BETAS[0] ** (step + 1), 1 - BETAS[1] ** (step + 1)
            image -= rate * (first / a) / ((second / b).sqrt() + EPS)
            image = level.hold(image.clamp_(-1, 1))
            level.tell(image, {"distance": loss})
        return image

    def _gradient(self, image, source, filters, usable):
        image = image.detach().requires_grad_()
        with torch.enable_grad():
            own = self._projected(image, filters)
        if usable is None:
            other = self._projected(source, filters)
        else:
            other = F.conv2d(source, filters)[0].flatten(1)[:, usable]
        values = own.detach().flatten(1).numpy()
        difference = torch.from_numpy(values - ranked(values, other.flatten(1).numpy())).view_as(own)
        loss = float(difference.abs().mean())
        (gradient,) = torch.autograd.grad(own, image, difference.sign_() / own.numel())
        return gradient, loss

    def _projected(self, image, filters):
        stride = max(1, int((image.shape[2] * image.shape[3] / self.positions) ** 0.5 + .5))
        top, left = torch.randint(stride, (2,), generator=self.generator).tolist() if stride > 1 else (0, 0)
        edge = self.patch // 2
        padded = F.pad(image, (edge,) * 4, mode="reflect")
        return F.conv2d(padded[..., top:, left:], filters, stride=stride)[0]
