"""Carrying values between grids: bicubic spline matrices, and resampling of an image at arbitrary positions."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def cubic_taps(count: int, at: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Uniform cubic B-spline at positions `at` in [0, 1] over `count` nodes from 0 to 1.

    Returns:
        first (n,): index of the first of four neighbouring coefficients, of count + 2; weights (n, 4), float64.
    """
    place = at.double() * (count - 1)
    first = place.floor().clamp(0, count - 2).long()
    t = (place - first)[:, None]
    weights = torch.cat([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], 1) / 6
    return first, weights


def cubic_prefilter(count: int) -> torch.Tensor:
    """Matrix (count + 2, count) from node values to B-spline coefficients; not-a-knot at both ends, so cubics are
    exact.
    """
    system = torch.zeros(count + 2, count + 2, dtype=torch.float64)
    for i in range(count):
        system[i, i : i + 3] = torch.tensor([1.0, 4.0, 1.0], dtype=torch.float64) / 6
    fourth = torch.tensor([1.0, -4.0, 6.0, -4.0, 1.0], dtype=torch.float64)
    system[count, :5] = fourth
    system[count + 1, -5:] = fourth
    return torch.linalg.inv(system)[:, :count]


def cubic_matrix(count: int, at: torch.Tensor) -> torch.Tensor:
    """Matrix (n, count) that interpolates `count` >= 4 evenly spaced values over [0, 1] at positions `at`, by a cubic
    spline.
    """
    first, weights = cubic_taps(count, at)
    table = torch.zeros(len(at), count + 2, dtype=torch.float64)
    table.scatter_(1, first[:, None] + torch.arange(4), weights)
    return table @ cubic_prefilter(count)


ROWS, COLUMNS = 256, 256
"""Size of the tiles that an image is resampled in: they fit the cache, and within one a float32 coordinate is exact to
some 1e-5 pixels whatever the size of the image."""


def resample(image: torch.Tensor, places, mode: str = "bicubic") -> torch.Tensor:
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
        flat = F.pad(flat, (0, 4, 0, 4), mode="replicate")
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
    bounds = torch.cat([_greatest(part), _greatest(part.neg()).neg_()], 1)
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
    return F.grid_sample(image, grid.permute(1, 2, 0)[None], mode=mode, padding_mode="border", align_corners=False)


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


def _greatest(image: torch.Tensor) -> torch.Tensor:
    """Greatest of 4 x 4 pixels: (1, C, H, W) -> (1, C, H - 3, W - 3)."""
    high = image[..., 1:, :].maximum(image[..., :-1, :])
    high = high[..., 2:, :].maximum(high[..., :-2, :])
    wide = high[..., 1:].maximum(high[..., :-1])
    return wide[..., 2:].maximum(wide[..., :-2])


class Field:
    """A displacement field on a coarse grid, given back on the pixels of an image, any rows at a time.

    Args:
        coarse: (ny, nx, 2) displacements in unit coordinates, on nodes from border to border.
        frame: (width, height) of the image in unit coordinates.
        size: (W, H) of the image.
    """

    def __init__(self, coarse: torch.Tensor, frame, size) -> None:
        self.size = size
        scale = torch.tensor([size[0] / frame[0], size[1] / frame[1]], dtype=torch.float64)
        ny, nx, _ = coarse.shape
        centre_x = (torch.arange(size[0], dtype=torch.float64) + 0.5) / size[0]
        self._row = (torch.arange(size[1], dtype=torch.float64) + 0.5) / size[1]
        nodes = cubic_prefilter(ny) @ (coarse * scale).permute(2, 0, 1)
        self._wide = nodes @ cubic_matrix(nx, centre_x).T  # (2, ny + 2, W): spline coefficients along y
        self._count = ny

    def __call__(self, top: int, bottom: int) -> torch.Tensor:
        """Sampling positions (2, bottom - top, W) in pixels, x then y, float64."""
        first, weights = cubic_taps(self._count, self._row[top:bottom])
        begin, end = int(first[0]), int(first[-1]) + 4
        table = torch.zeros(bottom - top, end - begin, dtype=torch.float64)
        table.scatter_(1, first[:, None] - begin + torch.arange(4), weights)
        place = table @ self._wide[:, begin:end]
        place[0] += torch.arange(self.size[0], dtype=torch.float64)
        place[1] += torch.arange(top, bottom, dtype=torch.float64)[:, None]
        return place
