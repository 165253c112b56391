"""Large images seen through windows: crops of one size, encoded some at a time, and the positions that each answers for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from dst.features.sampling import Places

TILE = 384
"""Side, pixels, of the part of an image that a window answers for, at most."""
MARGIN = 24
"""Pixels around that part which the window shows too, so that what is encoded knows its neighbourhood."""
SHIFT = 8
"""Pixels that windows are shifted by at random, at most: what pooling favours, one pixel in two, in four and in eight, else
shows as a weave."""
TOGETHER = 8
"""Windows that are encoded at once: one and a half million pixels."""


def shifted(images: Tensor, shift: list[int] | None) -> Tensor:
    """Images (N, C, H, W) moved by `shift` (x, y) pixels, each under `SHIFT`: (N, C, H + SHIFT, W + SHIFT), the border going on.

    Without a shift they stay as they are.
    """
    if shift is None:
        return images
    x, y = shift
    return F.pad(images, (x, SHIFT - x, y, SHIFT - y), mode="replicate")


def shifted_places(places: Places, size: tuple[int, int], shift: list[int] | None) -> Places:
    """Positions on an image of `size` (H, W), on that image `shifted`."""
    if shift is None:
        return places
    height, width = size
    wide = places.positions.new_tensor([width, height])
    moved = (places.positions + 1) * wide + 2 * wide.new_tensor(shift)
    return Places(moved / (wide + SHIFT) - 1)


class Group(NamedTuple):
    """Some windows of an image.

    Attributes:
        corners: (x, y) of each window's first pixel.
        places: for each set of positions, those of them that these windows answer for.
    """

    corners: list[tuple[int, int]]
    places: list[Places]


class Windows:
    """The windows of an image of some size; where the image is no larger than one, that one. Beyond the image, its border goes on.

    Attributes:
        size: (H, W) of the image.
        shape: (h, w) of every window.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.count = [math.ceil(side / TILE) for side in size]  # rows and columns of tiles
        sides = zip(size, self.count, strict=True)
        self.shape = tuple(min(n, math.ceil(n / k) + 2 * MARGIN) + SHIFT for n, k in sides)

    def groups(self, sets: list[Tensor], generator: torch.Generator) -> Iterator[Group]:
        """The windows in random order, `TOGETHER` at a time, so that each group is of all parts of the image.

        Args:
            sets: positions (n, 2) in [-1, 1], as `draw_positions` gives them.
            generator: of the order and of the shift.
        """
        (height, width), (rows, columns) = self.size, self.count
        scale = torch.tensor([columns / 2, rows / 2], device=generator.device)
        last = torch.tensor([columns - 1, rows - 1], device=generator.device)
        cells = [((at + 1) * scale).floor().clamp_min(0).minimum(last).long() for at in sets]
        tiles = [cell[:, 0] + columns * cell[:, 1] for cell in cells]
        order = torch.randperm(rows * columns, generator=generator, device=generator.device)
        shift = torch.randint(SHIFT, (2,), generator=generator, device=generator.device).tolist()
        for some in order.split(TOGETHER):
            corners = [self._corner(*divmod(tile, columns), shift) for tile in some.tolist()]
            number = torch.full((rows * columns,), -1, device=some.device)
            number[some] = torch.arange(len(some), device=some.device)
            begin = torch.tensor(corners, device=some.device)
            places = []
            for at, tile in zip(sets, tiles, strict=True):
                which = number[tile]
                at, which = at[which >= 0], which[which >= 0]
                pixels = (at + 1) * at.new_tensor([width / 2, height / 2]) - begin[which]
                places.append(Places(pixels * at.new_tensor([2 / self.shape[1], 2 / self.shape[0]]) - 1, which))
            yield Group(corners, places)

    def padded(self, image: Tensor) -> Tensor:
        """An image (1, C, H, W) with as much border as its windows may show: what `crops` and `put` take."""
        return F.pad(image, (SHIFT, SHIFT, SHIFT, SHIFT), mode="replicate")

    def inside(self, padded: Tensor) -> Tensor:
        """What is left of a padded image without the border."""
        return padded[:, :, SHIFT:-SHIFT, SHIFT:-SHIFT]

    def crops(self, padded: Tensor, corners: list[tuple[int, int]]) -> Tensor:
        """What windows show of a padded image: (N, C, h, w)."""
        return torch.cat([padded[self._span(corner)] for corner in corners])

    def put(self, target: Tensor, crops: Tensor, corners: list[tuple[int, int]]) -> None:
        """Add crops (N, C, h, w) to a padded image where their windows are."""
        for crop, corner in zip(crops, corners, strict=True):
            target[self._span(corner)] += crop

    def _span(self, corner: tuple[int, int]) -> tuple[slice, ...]:
        (x, y), (height, width) = corner, self.shape
        top, left = y + SHIFT, x + SHIFT
        return slice(None), slice(None), slice(top, top + height), slice(left, left + width)

    def _corner(self, row: int, column: int, shift: list[int]) -> tuple[int, int]:
        """(x, y) of the first pixel of a tile's window, which is beyond the image by `SHIFT` at most."""
        found = []
        for k, axis, moved in zip((column, row), (1, 0), shift, strict=True):
            side, most = self.size[axis], self.size[axis] + SHIFT - self.shape[axis]
            found.append(max(0, min(most, k * side // self.count[axis] - MARGIN)) - moved)
        return found[0], found[1]
