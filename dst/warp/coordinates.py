"""Coordinates, converted here and nowhere else: pixels, unit coordinates, regular grids.

*Pixels*: (x, y) of an image as displayed, pixel centres at integers. *Unit* coordinates: u = (x + 0.5) / max(W, H), so the
image covers [0, W/L] x [0, H/L] with L = max(W, H), whatever its resolution, and distances are isotropic.
"""

from __future__ import annotations

import torch

from dst.config import InputError


def to_unit(points, size):
    """Pixel positions (N, 2), order (x, y), centres at integers, to unit positions. Numpy in, numpy out; torch
    likewise.

    `size` is (W, H) of the image the pixels belong to.
    """
    return (points + 0.5) / max(size)


def to_pixels(points, size):
    """Unit positions (N, 2) to pixels of an image of `size` (W, H): the inverse of `to_unit`."""
    return points * max(size) - 0.5


def extent(size) -> tuple[float, float]:
    """Width and height of the image in unit coordinates; the longer is 1."""
    return size[0] / max(size), size[1] / max(size)


def check_size(size) -> tuple[int, int]:
    """Return (W, H) as whole numbers.

    Raises:
        InputError: not two whole numbers of at least 1.
    """
    try:
        width, height = size
        good = int(width) == width and int(height) == height and min(width, height) >= 1
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        raise InputError(f"image size is {size!r}: it takes (width, height), two whole numbers of 1 or more")
    return int(width), int(height)


def node_grid(size, nodes: int, min_nodes: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Evenly spaced unit positions from border to border: x (nx,) and y (ny,), `nodes` of them along the long side."""
    width, height = extent(size)
    count = [max(min_nodes, round((nodes - 1) * side) + 1) for side in (width, height)]
    return (
        torch.linspace(0.0, width, count[0], dtype=torch.float64),
        torch.linspace(0.0, height, count[1], dtype=torch.float64),
    )


def mesh(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """All pairs of x (nx,) and y (ny,) as points (ny * nx, 2), row by row."""
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([columns.reshape(-1), rows.reshape(-1)], dim=1)
