"""Sliced distribution of patches, coarse to fine: the result's patches are distributed as the source's."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dst.patches import search
from dst.patches.pyramid import Level, Size, color_axes, spread_axes

BETAS, EPS = (0.9, 0.999), 1e-8
"""Of Adam (Kingma and Ba 2015)."""
RATE, END = 0.05, 0.03
"""Adam's rate, and the share of it left at the end of a scale."""
POSITIONS = 2**14
"""Patches that are compared in a step, about, on a grid placed at random."""
CALM = 0.02
"""Rate where what is begun from is to be changed no more than is needed."""
FAINT = 0.005
"""Rate where a picture is enlarged, and only detail is wanted."""
GREY = 1 / 255
"""Spread of a source's colours along an axis, in [-1, 1], up to which it has none along it: half a step of 8 bits."""
COARSE = 3
"""How many times as many steps the first scale takes: they are cheap there, and the noise has far to go."""


class SlicedDistribution:
    """An engine of `dst.patches.pyramid.walk`.

    At each step all patches of both images are projected on random directions; along each, the picture's are drawn towards the source's
    of the same rank, by one step of Adam on the mean absolute difference. Departures from the paper: images are mirrored beyond their
    borders, so that pixels at a border lie in as many patches as others; and, but for the published settings, a larger rate that falls,
    patches on a grid of some pixels' spacing, placed anew at each step, and Adam along the main axes of the source's colours, by how far
    they spread: along red, green and blue its equal steps leave coloured specks. Where the source's colours lie in a plane or on a
    line, as those of a grey picture do, the result's do too: a step's random directions would tint it.

    Source: Elnekave and Weiss 2022, "Generating natural images with direct patch distributions matching", section 3.
    """

    def __init__(
        self,
        patch: int = 7,
        projections: int = 16,
        steps: int = 200,
        seed: int = 0,
        rate: float = RATE,
        end: float = END,
        positions: int | None = POSITIONS,
        tinted: bool = True,
        coarse: int = COARSE,
    ) -> None:
        """Prepare.

        Args:
            patch: side of a patch, pixels, odd.
            projections: directions a step.
            steps: at a scale.
            seed: of the directions.
            rate: of Adam, for values in [-1, 1].
            end: share of the rate that is left at the end of a scale.
            positions: patches compared in a step, about; None for all.
            tinted: move along the main axes of the source's colours.
            coarse: how many times as many steps the first scale takes.
        """
        self.patch, self.projections, self.count = patch, projections, steps
        self.rate, self.end, self.positions, self.tinted = rate, end, positions, tinted
        self.coarse = coarse
        self.generator = torch.Generator().manual_seed(seed)

    def steps(self, scale: int, source: Size, target: Size) -> int:
        """As `Engine.steps`."""
        return self.count if scale else self.coarse * self.count

    @torch.no_grad()
    def refine(self, level: Level, image: Tensor) -> Tensor:
        """As `Engine.refine`."""
        image = image.clone()
        first, second = torch.zeros_like(image), torch.zeros_like(image)
        axes = color_axes(level.source) if self.tinted else torch.eye(3)
        plane = color_plane(level.source)
        image = image if plane is None else level.hold(onto_plane(image, *plane))
        places = None if level.usable is None else ~search.touching(~level.usable, self.patch, mirrored=True)
        for step in range(1, level.steps + 1):
            filters = directions(self.projections, self.patch, self.generator)
            if places is None:
                other = projected(level.source, filters, *self._grid(level.source)).flatten(1)
            else:
                other = projected(level.source, filters).flatten(1)[:, places]
            loss, gradient = difference(image, other.numpy(), filters, *self._grid(image))
            gradient = torch.einsum("ji,bjhw->bihw", axes, gradient)
            first.lerp_(gradient, 1 - BETAS[0])
            second.lerp_(gradient.square(), 1 - BETAS[1])
            along = (first / (1 - BETAS[0] ** step)) / ((second / (1 - BETAS[1] ** step)).sqrt() + EPS)
            slope = torch.einsum("ij,bjhw->bihw", axes, along)
            rate = self.rate * self.end ** ((step - 1) / max(1, level.steps - 1))
            image = image - rate * slope
            image = image if plane is None else onto_plane(image, *plane)
            image = level.hold(image.clamp_(-1, 1))
            level.tell(image, {"distance": loss})
        return image

    def _grid(self, image: Tensor) -> tuple[int, tuple[int, int]]:
        """Spacing of the patches that are compared, and where they begin."""
        count = image.shape[2] * image.shape[3]
        stride = 1 if self.positions is None else max(1, round((count / self.positions) ** 0.5))
        top, left = torch.randint(stride, (2,), generator=self.generator).tolist()
        return stride, (top, left)


def color_plane(image: Tensor) -> tuple[Tensor, Tensor] | None:
    """The mean colour (1, 3, 1, 1) of an image and the projection (3, 3) onto the axes its colours spread along; None if on all three."""
    spread, vectors = spread_axes(image)
    own = vectors[:, spread > GREY]
    if own.shape[1] == 3:
        return None
    return image.mean((2, 3), keepdim=True), (own @ own.T).to(image)


def onto_plane(image: Tensor, mean: Tensor, projection: Tensor) -> Tensor:
    """An image (1, 3, h, w) with each colour brought to the nearest of those in the plane or on the line through a mean."""
    return mean + torch.einsum("ij,bjhw->bihw", projection, image - mean)


def directions(count: int, patch: int, generator: torch.Generator) -> Tensor:
    """Random directions of unit length in the space of patches, (count, 3, patch, patch), evenly distributed."""
    found = torch.randn(count, 3, patch, patch, generator=generator)
    return found / found.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def projected(image: Tensor, filters: Tensor, stride: int = 1, begin: tuple[int, int] = (0, 0)) -> Tensor:
    """Patches of an image (1, 3, h, w), mirrored beyond its borders, projected on directions: (k, rows, columns)."""
    edge = filters.shape[-1] // 2
    padded = F.pad(image, (edge,) * 4, mode="reflect")
    return F.conv2d(padded[..., begin[0] :, begin[1] :], filters, stride=stride)[0]


def difference(
    image: Tensor, other: np.ndarray, filters: Tensor, stride: int = 1, begin: tuple[int, int] = (0, 0)
) -> tuple[float, Tensor]:
    """Sliced Wasserstein distance of order 1 of an image's patches from projections (k, m), and its gradient (1, 3, h, w).

    Source: Elnekave and Weiss 2022, equation 5 (the mean over directions of the mean absolute difference of sorted projections).
    """
    with torch.enable_grad():
        image = image.detach().requires_grad_()
        own = projected(image, filters, stride, begin).flatten(1)
        values = own.detach().numpy()
        apart = torch.from_numpy(values - ranked(values, other))
        loss = float(apart.abs().mean())
        (gradient,) = torch.autograd.grad(own, image, apart.sign_() / own.numel())
    return loss, gradient


def ranked(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each value (k, n) the one of the other row (k, m) that has its rank, read between two where m is not n: (k, n).

    NumPy sorts some four times as fast as PyTorch on a processor.
    """
    other = np.sort(others, 1)
    count, most = values.shape[1], other.shape[1]
    if most != count:
        place = np.linspace(0, most - 1, count)
        cell = np.minimum(place.astype(np.intp), most - 1)
        rest = (place - cell).astype(values.dtype)
        other = other[:, cell] * (1 - rest) + other[:, np.minimum(cell + 1, most - 1)] * rest
    found = np.empty_like(values)
    np.put_along_axis(found, np.argsort(values, 1), other, 1)
    return found
