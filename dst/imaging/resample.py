"""Images resized, cropped, flattened over white, and sampled at arbitrary positions."""

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


def resize(x: torch.Tensor, long_side: int, size: tuple[int, int] | None = None) -> torch.Tensor:
    """Resize (N, C, H, W) in [0, 1] so that its long side is `long_side`: bicubic, antialiased, clamped to [0, 1].

    Args:
        x: the image or its alpha.
        long_side: pixels.
        size: (W, H) whose aspect the result has, of an `Image` that may have been read at a reduced size; None for that of x.

    Raises:
        InputError: `long_side` is not a whole number of 1 or more.
    """
    width, height = fit_size(size or (x.shape[3], x.shape[2]), long_side)
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


ROWS, COLUMNS = 256, 256
"""Size of the tiles that an image is resampled in: they fit the cache, and within one a float32 coordinate is exact to
some 1e-5 pixels whatever the size of the image."""


def sample_at(image: torch.Tensor, places, mode: str = "bicubic") -> torch.Tensor:
    """Sample an image at given positions, tile by tile; the memory beside the image's own and the result's is small.

    Bicubic is cubic convolution (Keys 1981, equation 4), exact on straight ramps, and kept within the range of the
    4 x 4 pixels that a value comes from: no halo at edges.

    Args:
        image: (N, C, H, W), any floating type.
        places: function (top, bottom) -> positions (2, bottom - top, W') in pixels of `image`, x then y, float64, for
            those output rows; with attribute `size` (W', H').
        mode: "bicubic" or "bilinear".

    Returns:
        (N, C, H', W') of the image's type. Outside the image its border pixels are repeated.
    """
    count, channels, height, width = image.shape
    columns, rows = places.size
    flat = image.reshape(1, count * channels, height, width)
    if min(height, width) < 4:
        flat = functional.pad(flat, (0, 4, 0, 4), mode="replicate")
    out = image.new_empty(1, count * channels, rows, columns)
    for top in range(0, rows, ROWS):
        bottom = min(top + ROWS, rows)
        x, y = places(top, bottom)
        for left in range(0, columns, COLUMNS):
            part = slice(left, min(left + COLUMNS, columns))
            at = x[:, part].clamp(-2, width + 1), y[:, part].clamp(-2, height + 1)
            out[..., top:bottom, part] = _sample_tile(flat, *at, mode)
    return out.reshape(count, channels, rows, columns)


def _sample_tile(image: torch.Tensor, x: torch.Tensor, y: torch.Tensor, mode: str) -> torch.Tensor:
    """Values (1, C, h, w) at positions x, y (h, w) in pixels, from the part of the image (1, C, H, W) that they need."""
    (left, right), (top, bottom) = _span(x, image.shape[3]), _span(y, image.shape[2])
    part = image[..., top:bottom, left:right].contiguous()
    part = part if part.dtype == torch.float64 else part.float()
    x, y = (x - left).to(part.dtype), (y - top).to(part.dtype)
    if mode == "bilinear":
        return _grid_sample(part, x, y, mode)
    column, row = x.floor(), y.floor()
    value = _cubic(part, x, y, column, row)
    bounds = torch.cat([_max_of_16(part), _max_of_16(part.neg()).neg_()], 1)
    high, low = _grid_sample(bounds, column - 1, row - 1, "nearest").chunk(2, 1)
    return value.clamp_(low, high)


def _span(place: torch.Tensor, count: int) -> tuple[int, int]:
    """First and last but one of the pixels, of `count`, that positions need: four or more."""
    low, high = place.aminmax()
    first = min(max(0, int(low.floor()) - 2), count - 4)
    return first, min(max(first + 4, int(high.floor()) + 5), count)


def _grid_sample(image: torch.Tensor, x: torch.Tensor, y: torch.Tensor, mode: str) -> torch.Tensor:
    """`grid_sample` at positions x, y (h, w) in pixels."""
    grid = x.new_empty(2, *x.shape)
    for axis, (place, count) in enumerate(zip((x, y), image.shape[:1:-1], strict=True)):
        torch.mul(place, 2 / count, out=grid[axis]).add_(1 / count - 1)
    return functional.grid_sample(
        image, grid.permute(1, 2, 0)[None], mode=mode, padding_mode="border", align_corners=False
    )


def _cubic(image: torch.Tensor, x: torch.Tensor, y: torch.Tensor, column: torch.Tensor, row: torch.Tensor):
    """Cubic convolution with Keys' parameter -1/2, which takes straight ramps, and parabolas, for what they are.

    PyTorch's kernel has the parameter -3/4 and takes a ramp for a staircase with steps of a twentieth. Along one axis
    the kernel is linear in the parameter, and with 0 it is linear interpolation at t^2 (3 - 2 t) for the fraction t:
    two thirds of the one and a third of the other make -1/2. In two dimensions the mixture differs from the product
    of kernels by 2/9 of the product of both differences, half a hundredth of the mixed second derivative.
    """
    steep = _grid_sample(image, x, y, "bicubic")
    return steep.mul_(2 / 3).add_(_grid_sample(image, _ease(x, column), _ease(y, row), "bilinear"), alpha=1 / 3)


def _ease(place: torch.Tensor, pixel: torch.Tensor) -> torch.Tensor:
    t = place - pixel
    return (3 - 2 * t).mul_(t).mul_(t).add_(pixel)


def _max_of_16(image: torch.Tensor) -> torch.Tensor:
    """Max of 4 x 4 pixels: (1, C, H, W) -> (1, C, H - 3, W - 3)."""
    high = image[..., 1:, :].maximum(image[..., :-1, :])
    high = high[..., 2:, :].maximum(high[..., :-2, :])
    wide = high[..., 1:].maximum(high[..., :-1])
    return wide[..., 2:].maximum(wide[..., :-2])


def resample_torus(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Images (N, 3, h, w) that go on from their other side, at another size (H, W): their frequencies are kept, as far as there are."""
    height, width = images.shape[-2:]
    found = torch.fft.rfft2(images)
    rows, columns = min(height, size[0]), min(width, size[1]) // 2 + 1
    low, high = (rows + 1) // 2, rows // 2
    spectrum = found.new_zeros(*images.shape[:2], size[0], size[1] // 2 + 1)
    spectrum[..., :low, :columns] = found[..., :low, :columns]
    spectrum[..., size[0] - high :, :columns] = found[..., height - high :, :columns]
    return torch.fft.irfft2(spectrum, s=size) * (size[0] * size[1] / (height * width))
