"""Carrying values between grids: bicubic spline matrices, and resampling of an image at arbitrary positions."""

from __future__ import annotations

import torch


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


BAND_PIXELS = 1 << 16
"""Pixels resampled at a time; bounds the memory beside the image's own."""


def bands(width: int, height: int):
    """Row ranges (first, last) that cut an image into bands of about `BAND_PIXELS`."""
    rows = max(1, BAND_PIXELS // width)
    return [(top, min(top + rows, height)) for top in range(0, height, rows)]


def _taps(place: torch.Tensor, count: int, mode: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Indices and float64 weights of the neighbours of fractional positions along one axis, the border repeated."""
    place = place.clamp(-0.5, count - 0.5)
    base = place.floor()
    t = place - base
    if mode == "bilinear":
        weights = [1 - t, t]
    else:  # cubic convolution with a = -1/2 (Keys 1981): the one that reproduces straight ramps
        weights = [
            ((-0.5 * t + 1.0) * t - 0.5) * t,
            (1.5 * t - 2.5) * t * t + 1.0,
            ((-1.5 * t + 2.0) * t + 0.5) * t,
            (0.5 * t - 0.5) * t * t,
        ]
    first = 0 if mode == "bilinear" else -1
    return [((base + first + i).clamp(0, count - 1).long(), w) for i, w in enumerate(weights)]


def resample(image: torch.Tensor, places, mode: str = "bicubic") -> torch.Tensor:
    """Sample an image at given positions, band by band.

    Positions are float64 and split into whole and fractional pixels, so precision does not fall with the image's size
    as it does with coordinates in [-1, 1]. Bicubic values are kept within the range of the 4 x 4 pixels they come
    from: no halo at edges.

    Args:
        image: (N, C, H, W), any floating type.
        places: function (top, bottom) -> positions (bottom - top, W', 2) in pixels of `image`, (x, y), for those
            output rows;
            with attribute `size` (W', H').
        mode: "bicubic" or "bilinear".

    Returns:
        (N, C, H', W') of the image's type. Outside the image its border pixels are repeated.
    """
    count, channels, height, width = image.shape
    columns, rows = places.size
    flat = image.reshape(count * channels, height * width).T.contiguous()  # (H W, N C): one gather brings every channel
    out = image.new_empty(count * channels, rows, columns)
    for top, bottom in bands(columns, rows):
        at = places(top, bottom).reshape(-1, 2)
        across = _taps(at[:, 0], width, mode)
        total, low, high = None, None, None
        for row, row_weight in _taps(at[:, 1], height, mode):
            for column, weight in across:
                value = flat.index_select(0, row * width + column)
                part = value * (row_weight * weight).to(image.dtype)[:, None]
                total = part if total is None else total + part
                if mode == "bicubic":
                    low = value if low is None else torch.minimum(low, value)
                    high = value if high is None else torch.maximum(high, value)
        if mode == "bicubic":
            total = torch.minimum(torch.maximum(total, low), high)
        out[:, top:bottom] = total.T.reshape(count * channels, bottom - top, columns)
    return out.reshape(count, channels, rows, columns)


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
        columns = torch.einsum("wx,yxc->ywc", cubic_matrix(nx, centre_x), coarse * scale)
        self._wide = torch.einsum("ay,ywc->awc", cubic_prefilter(ny), columns)  # (ny + 2, W, 2) spline coefficients
        self._count = ny

    def __call__(self, top: int, bottom: int) -> torch.Tensor:
        """Sampling positions (bottom - top, W, 2) in pixels, (x, y), float64."""
        first, weights = cubic_taps(self._count, self._row[top:bottom])
        moved = sum(self._wide[first + i] * weights[:, i, None, None] for i in range(4))
        x = torch.arange(self.size[0], dtype=torch.float64)
        y = torch.arange(top, bottom, dtype=torch.float64)
        return moved + torch.stack(torch.meshgrid(x, y, indexing="xy"), 2)
