"""Sizes of images, and images brought to them; transparent ones laid over white."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from dst.config import check_number


def fit_size(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """(W, H) with the long side at `long_side` and the aspect kept, each side rounded, at least 1.

    Raises:
        InputError: `long_side` is not a whole number of 1 or more.
    """
    check_number("size", long_side, 1, None, whole=True)
    longest = max(size)
    width, height = (max(1, round(side * long_side / longest)) for side in size)
    return width, height


def resize(x: torch.Tensor, long_side: int) -> torch.Tensor:
    """Resize (N, C, H, W) in [0, 1] so that its long side is `long_side`: bicubic, antialiased, clamped to [0, 1].

    Raises:
        InputError: `long_side` is not a whole number of 1 or more.
    """
    width, height = fit_size((x.shape[3], x.shape[2]), long_side)
    if (height, width) == tuple(x.shape[2:]):
        return x
    y = functional.interpolate(x, size=(height, width), mode="bicubic", antialias=True, align_corners=False)
    return y.clamp(0, 1)


def cover(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """An image (1, C, h, w) resized, aspect kept, until it covers `size` (H, W), and cut to it about the middle."""
    height, width = image.shape[-2:]
    factor = max(size[0] / height, size[1] / width)
    wide = max(size[0], round(height * factor)), max(size[1], round(width * factor))
    fitted = functional.interpolate(image, size=wide, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    top, left = (wide[0] - size[0]) // 2, (wide[1] - size[1]) // 2
    return fitted[..., top : top + size[0], left : left + size[1]].contiguous()


def flatten(pixels: np.ndarray) -> np.ndarray:
    """Pixels (H, W, 3 | 4) of uint8 laid over white, rounded: (H, W, 3); those without alpha come back as they are."""
    if pixels.shape[2] == 3:
        return pixels
    opaque = pixels[..., 3:].astype(np.uint32)
    return ((pixels[..., :3] * opaque + 255 * (255 - opaque) + 127) // 255).astype(np.uint8)
