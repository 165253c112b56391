"""A displacement field on a coarse grid, brought to the pixels of an image by an interpolating bicubic spline."""

from __future__ import annotations

import functools

import numpy as np
import torch

from correspondence.common import cubic_basis


def cubic_taps(count: int, at: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Uniform cubic B-spline at positions `at` in [0, 1] over `count` nodes from 0 to 1.

    Returns:
        first (n,): index of the first of four neighbouring coefficients, of count + 2; weights (n, 4), float64.
    """
    place = at.double() * (count - 1)
    first = place.floor().clamp(0, count - 2).long()
    t = (place - first)[:, None]
    return first, torch.cat(cubic_basis(t), 1)


def cubic_prefilter(count: int) -> torch.Tensor:
    """Matrix (count + 2, count) from node values to B-spline coefficients; not-a-knot at both ends, so cubics are
    exact.
    """
    return torch.from_numpy(_prefilter(count))


@functools.lru_cache(maxsize=8)
def _prefilter(count: int) -> np.ndarray:
    """The matrix itself, which depends on nothing else: every frame of a film asks for the same two."""
    system = np.zeros((count + 2, count + 2))
    for k, value in enumerate((1 / 6, 4 / 6, 1 / 6)):
        system[np.arange(count), np.arange(count) + k] = value
    system[count, :5] = system[count + 1, -5:] = [1.0, -4.0, 6.0, -4.0, 1.0]
    return np.ascontiguousarray(np.linalg.inv(system)[:, :count])


def cubic_matrix(count: int, at: torch.Tensor) -> torch.Tensor:
    """Matrix (n, count) that interpolates `count` >= 4 evenly spaced values over [0, 1] at positions `at`, by a cubic
    spline.
    """
    first, weights = cubic_taps(count, at)
    table = torch.zeros(len(at), count + 2, dtype=torch.float64)
    table.scatter_(1, first[:, None] + torch.arange(4), weights)
    return table @ cubic_prefilter(count)


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
