"""Nearest patches, coarse to fine: every patch of the result is one of the source's, before they overlap."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from dst.patches import search
from dst.patches.pyramid import Level, Size, covered, reduced

EXACT = 2.4e8
"""Pairs of patches up to which all are compared at each step; beyond, neighbours are followed from the scale below."""
FINE = 3
"""Steps of a scale at which neighbours are followed: they hardly move there."""
SETTLED = 1e-3
"""Share of patches that take another neighbour under which a scale is done."""


class NearestPatches:
    """An engine of `dst.patches.pyramid.walk`.

    At each step every patch of the picture is replaced by its nearest one of the source, and each pixel becomes the mean of the patches
    that lie over it. At the first step of a scale the picture, enlarged from the scale below, is compared with the source as blurred,
    then with the source itself.

    Where there are too many pairs of patches for an exact search, two departures from the paper: neighbours are followed from the scale
    below and improved around (`search.follow`), and the completeness score is left out, the arrangement being settled by then.

    Attributes:
        index, sizes: after `refine`, for each patch of the picture the number of its neighbour, and the sizes of both images.

    Source: Granot, Feinstein, Shocher, Bagon and Irani 2022, "Drop the GAN: in defense of patches nearest neighbors as single image
    generative models", sections 3.2 and 3.3.
    """

    def __init__(
        self,
        patch: int = 7,
        alpha: float | None = 0.005,
        steps: int = 10,
        first: int = 1,
        seed: int = 0,
        exact: float = EXACT,
    ) -> None:
        """Prepare.

        Args:
            patch: side of a patch, pixels, odd.
            alpha: of the completeness score, for values in [0, 1]; None for the nearest patches alone.
            steps: at a scale, at the most.
            first: at the coarsest; 1 leaves the layout that the noise made, more brings back the source's.
            seed: of the places where better neighbours are looked for.
            exact: pairs of patches up to which all are compared.
        """
        self.patch, self.count, self.first, self.exact = patch, steps, first, exact
        # images are in [-1, 1] here: differences are twice as large
        self.alpha = None if alpha is None else 4 * alpha * 3 * patch**2
        self.generator = torch.Generator().manual_seed(seed)
        self.index: Tensor | None = None
        self.sizes: tuple[Size, Size] | None = None

    def steps(self, scale: int, source: Size, target: Size) -> int:
        """As `Engine.steps`."""
        if scale == 0:
            return self.first
        return self.count if self._pairs(target, source) <= self.exact else min(FINE, self.count)

    def refine(self, level: Level, image: Tensor) -> Tensor:
        """As `Engine.refine`."""
        sizes = tuple(image.shape[-2:]), tuple(level.source.shape[-2:])
        usable = search.whole(level.usable, self.patch)
        active = search.touching(level.made, self.patch)
        exact = self._pairs(*sizes) <= self.exact
        if not exact:
            self.index = self._carried(level, image, sizes)
        before = None
        for step in range(level.steps):
            features = self._features(image, level.blurred if step == 0 else level.source, sizes)
            if exact:
                self.index, cost = _compared(*features, usable, active, self.alpha)
            else:
                grids = tuple((height - self.patch + 1, width - self.patch + 1) for height, width in sizes)
                self.index, cost = search.follow(*features, self.index, grids, usable, self.generator)
            self.sizes = sizes
            image = level.hold(search.folded(level.source, self.index, self.patch, sizes[0]))
            level.tell(image, {"distance": float(cost.mean()) / (12 * self.patch**2)})
            moved = 1.0 if before is None else float((self.index != before).float().mean())
            before = self.index
            if step > 0 and moved < SETTLED:
                break
        return image

    def _pairs(self, first: Size, second: Size) -> int:
        edge = self.patch - 1
        return (first[0] - edge) * (first[1] - edge) * (second[0] - edge) * (second[1] - edge)

    def _features(self, image: Tensor, keys: Tensor, sizes: tuple[Size, Size]) -> tuple[Tensor, Tensor]:
        """What patches of both images are compared by: all values, or those along the main axes of the keys'."""
        edge = self.patch - 1
        if max((height - edge) * (width - edge) for height, width in sizes) <= search.FEW:
            return search.patches(image, self.patch), search.patches(keys, self.patch)
        axes = search.principal_axes(keys, self.patch)
        first, second = (F.conv2d(x, axes)[0].flatten(1).T.contiguous() for x in (image, keys))
        return first, second

    def _carried(self, level: Level, image: Tensor, sizes: tuple[Size, Size]) -> Tensor:
        """Neighbours from the scale below; where there is none, from a search between both images made smaller."""
        if self.index is None:
            share = (self.exact / self._pairs(*sizes)) ** 0.25
            small = tuple(tuple(max(self.patch, int(n * share)) for n in size) for size in sizes)
            features = self._features(reduced(image, small[0]), reduced(level.blurred, small[1]), small)
            usable = None if level.usable is None else ~covered(~level.usable, small[1])
            self.index, _ = _compared(*features, search.whole(usable, self.patch), None, None)
            self.sizes = small
        index = search.enlarged(self.index, self.patch, self.sizes, sizes)
        usable = search.whole(level.usable, self.patch)
        if usable is None or bool(usable[index].all()):
            return index
        return torch.where(usable[index], index, _closest(usable, index, sizes[1][1] - self.patch + 1))


def _compared(
    queries: Tensor, keys: Tensor, usable: Tensor | None, active: Tensor | None, alpha: float | None
) -> tuple[Tensor, Tensor]:
    """`search.nearest` among the usable keys, for the active queries; the others get number 0."""
    places = None if usable is None else usable.nonzero()[:, 0]
    index, cost = search.nearest(
        queries if active is None else queries[active], keys if places is None else keys[places], alpha
    )
    index = index if places is None else places[index]
    if active is None:
        return index, cost
    return torch.zeros(len(queries), dtype=torch.long).masked_scatter(active, index), cost


def _closest(usable: Tensor, index: Tensor, columns: int) -> Tensor:
    """For each number of a patch the usable one that lies nearest to it."""
    import cv2

    grid = (~usable).view(-1, columns).numpy().astype("uint8")
    _, labels = cv2.distanceTransformWithLabels(grid, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    labels = torch.from_numpy(labels).flatten().long()
    own = torch.zeros(int(labels.max()) + 1, dtype=torch.long)
    own[labels[usable]] = usable.nonzero()[:, 0]
    return own[labels[index]]
