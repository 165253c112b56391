"""Laplacian pyramid of an image, and the schedule of sizes from coarse to fine."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from dst.config import InputError


def _upsample(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def decompose(image: Tensor, levels: int = 5) -> list[Tensor]:
    """Split an image into the residuals of its Laplacian pyramid (Burt and Adelson 1983), finest first.

    Halving averages 2 x 2 pixels and doubling is bilinear: `compose` undoes the split up to rounding, at any size.
    The pyramid ends early, before a side would fall under 2 pixels.

    Args:
        image: (N, C, H, W).
        levels: how many tensors to return at the most, the coarse remainder included; 1 or more.

    Returns:
        Tensors (N, C, h, w); level i has sides ceil(H / 2^i), ceil(W / 2^i); the last is the coarse remainder.

    Raises:
        InputError: `levels` is under 1.
    """
    if levels < 1:
        raise InputError(f"levels is {levels}: a pyramid takes a whole number from 1 up")
    bands = []
    for _ in range(levels - 1):
        if min(image.shape[-2:]) < 4:
            break
        size = image.shape[-2:]
        down = F.avg_pool2d(image, 2, ceil_mode=True, count_include_pad=False)
        bands.append(image - _upsample(down, size))
        image = down
    return bands + [image]


def sides(height: int, width: int, levels: int = 5) -> list[tuple[int, int]]:
    """(h, w) of each tensor that `decompose` returns of an image (N, C, `height`, `width`)."""
    found = [(height, width)]
    while len(found) < levels and min(found[-1]) >= 4:
        found.append(tuple((side + 1) // 2 for side in found[-1]))
    return found


def compose(bands: list[Tensor]) -> Tensor:
    """Sum a Laplacian pyramid back to its image; the inverse of `decompose`.

    Args:
        bands: residuals (N, C, h, w), finest first, as `decompose` returns them.

    Returns:
        (N, C, H, W), not clamped.
    """
    image = bands[-1]
    for band in reversed(bands[:-1]):
        image = band + _upsample(image, band.shape[-2:])
    return image


def scale_schedule(long_side: int, smallest: int = 64) -> list[int]:
    """Long sides from coarse to fine: each half of the next, down to the last that is at least `smallest`.

    Args:
        long_side: of the finest scale, pixels.
        smallest: no scale's long side falls under this unless `long_side` does.

    Returns:
        Ascending pixels, ending with `long_side`; `scale_schedule(256)` is [64, 128, 256].
    """
    sizes = [int(long_side)]
    while (sizes[0] + 1) // 2 >= smallest:
        sizes.insert(0, (sizes[0] + 1) // 2)
    return sizes
