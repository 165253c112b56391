"""What a warp accepts: checks of points."""

from __future__ import annotations

import numpy as np

from dst.config import InputError


def read_only(array: np.ndarray) -> np.ndarray:
    """The same array, locked against writing."""
    array.setflags(write=False)
    return array


def check_points(name: str, points) -> np.ndarray:
    """A float64 copy (N, 2) of the points.

    Raises:
        InputError: not numbers, another shape, or not finite.
    """
    try:
        points = np.array(points, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} are not numbers: they take an array of shape (N, 2), x and y") from None
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"{name} have shape {points.shape}: they take an array of shape (N, 2), x and y")
    if not np.isfinite(points).all():
        bad = int(np.flatnonzero(~np.isfinite(points).all(1))[0])
        raise InputError(
            f"{name}: number {bad + 1} is {points[bad].tolist()}: "
            "positions take finite numbers; correct it or leave it out"
        )
    return points


def check_geometry(source: np.ndarray, target: np.ndarray, size) -> None:
    """Refuse source and target points, in pixels, that determine no warp of an image of `size`.

    Raises:
        InputError: fewer than 3, outside, in one place, or all sources on one line.
    """
    if len(source) < 3:
        raise InputError(f"{len(source)} points: a warp takes 3 or more; give more points, or none at all for no warp")
    reach = max(size)
    for name, points, margin in (("source", source, 0), ("target", target, reach)):
        outside = (points < -0.5 - margin) | (points > np.array(size) - 0.5 + margin)
        if outside.any():
            bad = int(np.flatnonzero(outside.any(1))[0])
            where = "inside the image" if not margin else "at most one long side outside the image"
            raise InputError(
                f"{name} point {bad + 1} is {points[bad].tolist()} in an image of {size[0]} x {size[1]}: "
                f"it takes a position {where}; correct it or leave it out"
            )
        gaps = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag(np.full(len(points), np.inf))
        if gaps.min() < 1e-3:
            a, b = sorted(np.unravel_index(int(gaps.argmin()), gaps.shape))
            raise InputError(
                f"{name} points {a + 1} and {b + 1} are the same, {points[a].tolist()}: "
                "each takes its own place; leave one out"
            )
    spread = np.linalg.svd(source - source.mean(0), compute_uv=False)[1] / np.sqrt(len(source))
    if spread < 1e-2:
        raise InputError(
            f"all {len(source)} source points lie on one line: a warp takes 3 or more that do not; add one beside it"
        )
