"""Laplacian pyramid of an image, and the schedule of sizes from coarse to fine."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from dst.config import InputError


def _upsample(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def _halved(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)


def excess(image: Tensor, coarse: Tensor, levels: int) -> Tensor:
    """What an image's low frequencies have over given ones, smooth: what to take away so that halving gives `coarse` again.

    Enlarging is aligned with halving at every size, so that taking it away again and again converges; the upsampling of
    `compose` is not at odd sizes, where it would add up to ripples.

    Args:
        image: (N, C, H, W).
        coarse: (N, C, h, w), of an image of that size halved `levels` times.

    Returns:
        (N, C, H, W).
    """
    sizes, low = [], image
    for _ in range(levels):
        sizes.append(low.shape[-2:])
        low = _halved(low)
    found = low - coarse
    for height, width in reversed(sizes):
        found = F.interpolate(found, scale_factor=2, mode="bilinear", align_corners=False)[..., :height, :width]
    return found


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
        down = _halved(image)
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
