"""The statistics of feature maps that pictures are drawn to, and their differences, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from dst import losses

DIRECTIONS, POOL = 16, 12
"""Directions that feature maps are projected on in a step, for the sliced Wasserstein distance, and sets of them that take turns: the
targets' projections are sorted once for each."""
POSITIONS = 2**14
"""Positions of a larger map that are compared in a step, on a grid placed at random."""
SHIFTS = {1: 16, 2: 8, 4: 4, 8: 3, 16: 2}
"""Positions that a map is shifted by for its shifted Gram matrices, by its stride."""


class Target(NamedTuple):
    """One statistic of one layer of one image, that a picture is drawn to.

    Attributes:
        kind: a name of `KINDS`.
        layer: of the encoder.
        image: the number of the image.
        weight: of the difference.
        window: the number of the window that it is taken of, for Gram matrices; -1 for the whole picture.
    """

    kind: str
    layer: str
    image: int
    weight: float
    window: int = -1

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What targets have in common that are compared together."""
        return self.kind, self.layer, self.image, self.window


class Kind(NamedTuple):
    """A statistic and its difference.

    Attributes:
        measure: of feature maps (N, C, h, w), given the layer's stride.
        compare: (N,), of a measure and the target, given the step's generator.
        target: what a target is, of its feature maps and the layer's stride, where it is another thing than a measure.
    """

    measure: Callable[[Tensor, int], Tensor]
    compare: Callable[[Tensor, Any, torch.Generator], Tensor]
    target: Callable[[Tensor, int], Any] | None = None


def _gram(maps: Tensor, stride: int) -> Tensor:
    return losses.gram(maps)


def _maps(maps: Tensor, stride: int) -> Tensor:
    return maps


def _relative_content(a: Tensor, b: Tensor, _: torch.Generator) -> Tensor:
    return torch.stack([losses.content_features(one, b) for one in a.split(1)])


class Slices(NamedTuple):
    """What the sliced Wasserstein distance compares a map with.

    Attributes:
        directions: (POOL, DIRECTIONS, C), of unit length.
        values: (POOL, DIRECTIONS, n), the target's projections on them, sorted.
        size: mean square of the target.
    """

    directions: Tensor
    values: Tensor
    size: Tensor


def _slices(maps: Tensor, stride: int) -> Slices:
    """The projections of a target (1, C, h, w); directions depend on the number of channels alone."""
    generator = torch.Generator().manual_seed(maps.shape[1])
    drawn = torch.randn(POOL, DIRECTIONS, maps.shape[1], generator=generator).to(maps.device)
    directions = drawn / drawn.norm(dim=2, keepdim=True)
    count = min(maps.shape[2] * maps.shape[3], 2 * POSITIONS)

    def sorted_values(some: Tensor) -> Tensor:
        values = (some @ maps.flatten(2)[0]).sort(1).values
        return F.interpolate(values[None], size=count, mode="linear", align_corners=True)[0]

    return Slices(directions, torch.stack([sorted_values(some) for some in directions]), maps.square().mean())


def _sliced(maps: Tensor, target: Slices, generator: torch.Generator) -> Tensor:
    every = max(1, math.ceil(math.sqrt(maps.shape[2] * maps.shape[3] / POSITIONS)))
    which, x, y = torch.randint(2**16, (3,), generator=generator, device=generator.device).tolist()
    some = maps[:, :, y % every :: every, x % every :: every]
    which %= POOL
    return losses.sorted_projections(some, target.directions[which], target.values[which]) / (target.size + losses.EPS)


KINDS: dict[str, Kind] = {
    "content": Kind(_maps, _relative_content),
    "gram": Kind(_gram, lambda a, b, _: losses.gram_difference(a, b)),
    "published content": Kind(_maps, lambda a, b, _: losses.published_content(a, b) / a[0].numel()),
    "published gram": Kind(_gram, lambda a, b, _: losses.published_gram(a, b)),
    "representation": Kind(_maps, lambda a, b, _: losses.representation(a, b)),
    "shift": Kind(
        lambda maps, stride: losses.shift_gram(maps, SHIFTS.get(stride, 2)).flatten(0, 1),
        lambda a, b, _: losses.gram_difference(a, b).view(-1, 2).mean(1),
    ),
    "sliced": Kind(_maps, _sliced, _slices),
}
"""The statistics by name: `losses` says what each is."""
CONTENT = ("content", "published content", "representation")
"""Those that need the picture's own size; the others are taken of an image at its own."""
