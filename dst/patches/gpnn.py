"""Nearest patches, coarse to fine: every patch of the result is one of the source's."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from dst.patches import search
from dst.patches.pyramid import Level, Size

EXACT = 2.4e8
"""Pairs of patches up to which all are compared at each step; beyond, neighbours are followed from the scale below."""


class NearestPatches:
    """An engine of `dst.patches.pyramid.walk`.

    Source: Granot, Feinstein, Shocher, Bagon and Irani 2022, "Drop the GAN: in defense of patches nearest neighbors as single image
    generative models", sections 3.2 and 3.3.
    """

    def __init__(self, patch=7, alpha=0.02, first=1, steps=10, fine=3, seed=0, exact=EXACT) -> None:
        self.patch, self.alpha, self.first, self.count, self.fine, self.exact = patch, alpha, first, steps, fine, exact
        self.generator = torch.Generator().manual_seed(seed)
        self.index, self.sizes = None, None

    def steps(self, scale: int, size: Size) -> int:
        if scale == 0:
            return self.first
        n = size[0] * size[1]
        return self.count if n * n <= self.exact else self.fine

    def refine(self, level: Level, image: Tensor) -> Tensor:
        own, other = tuple(image.shape[-2:]), tuple(level.source.shape[-2:])
        usable = search.whole(level.usable, self.patch)
        active = search.touching(level.made, self.patch)
        last = None
        n, m = ((a - self.patch + 1) * (b - self.patch + 1) for a, b in (own, other))
        exact = n * m <= self.exact
        if not exact: self._carry(level, image, usable)
        for step in range(level.steps):
            keys = level.blurred if step == 0 else level.source
            if exact:
                index, cost = self._search(image, keys, usable, active, n, m)
            else:
                index, cost = self._follow(image, keys, usable)
            same = last is not None and torch.equal(index, last)
            last = index
            self.index, self.sizes = index, (own, other)
            image = level.hold(search.folded(level.source, index, self.patch, own))
            level.tell(image, {"distance": float(cost.mean())})
            if same:
                break
        return image

    def _carry(self, level, image, usable):
        own, other = tuple(image.shape[-2:]), tuple(level.source.shape[-2:])
        if self.index is None:
            share = (self.exact / (own[0] * own[1] * other[0] * other[1])) ** 0.25
            from dst.patches.pyramid import reduced, covered
            small = [tuple(max(self.patch, int(s * share)) for s in size) for size in (own, other)]
            a, b = reduced(image, small[0]), reduced(level.blurred, small[1])
            u = None if level.usable is None else ~covered(~level.usable, small[1])
            self.index, _ = self._search(a, b, search.whole(u, self.patch), None, len(search.patches(a, self.patch)), len(search.patches(b, self.patch)))
            self.sizes = tuple(small)
        self.index = search.enlarged(self.index, self.patch, self.sizes, (own, other))
        self.sizes = (own, other)

    def _features(self, image, keys, n, m):
        if max(n, m) <= search.FEW:
            return search.patches(image, self.patch), search.patches(keys, self.patch)
        axes = search.principal_axes(keys, self.patch)
        return tuple(F.conv2d(p, axes)[0].flatten(1).T.contiguous() for p in (image, keys))

    def _search(self, image, keys, usable, active, n, m):
        a, b = self._features(image, keys, n, m)
        places = None if usable is None else usable.nonzero()[:, 0]
        if places is not None: b = b[places]
        q = a if active is None else a[active]
        alpha = self.alpha
        index, cost = search.nearest(q, b, alpha * 147 / a.shape[1] if alpha else None)
        if places is not None: index = places[index]
        if active is not None:
            full = torch.zeros(len(a), dtype=torch.long)
            full[active] = index
            index = full
        return index, cost

    def _follow(self, image, keys, usable):
        (own, other), p = self.sizes, self.patch
        a, b = self._features(image, keys, 10**9, 0)
        grids = tuple((h - p + 1, w - p + 1) for h, w in (own, other))
        return search.follow(a, b, self.index, grids, usable, self.generator)
