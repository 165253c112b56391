"""Warps that several tests share: scattered points, and gentle warps like those from matching."""

import numpy as np
import torch

from dst.warp import Warp, to_unit
from dst.warp.coordinates import extent, mesh


def scattered(count, size, seed=0, gap=0.05, margin=0.1):
    """Unit points of an image of `size`, none closer than `gap`."""
    rng, points = np.random.default_rng(seed), []
    while len(points) < count:
        point = rng.random(2) * (np.array(extent(size)) - 2 * margin) + margin
        if all(np.hypot(*(point - other)) > gap for other in points):
            points.append(point)
    return np.array(points)


def gentle(size=(256, 171), count=30, seed=0, noise=0.005, gap=0.05, **options):
    """A warp like one from matching: smooth displacements with some noise, no folds."""
    points = scattered(count, size, seed, gap)
    moved = 0.025 * np.sin(5 * points[:, ::-1] + seed) + noise * np.random.default_rng(seed).standard_normal(
        points.shape
    )
    return Warp(size, points, moved, **options)


def pixel_centres(size):
    x = torch.arange(size[0], dtype=torch.float64)
    y = torch.arange(size[1], dtype=torch.float64)
    return to_unit(mesh(x, y), size)
