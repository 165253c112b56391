"""A warp kept calm within a face: nowhere stretched, squeezed or slanted by much."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import cv2
import numpy as np
import torch

from correspondence.common import one_thread
from correspondence.similarity import fit_similarity
from dst.warp.folds import kept, point_kernel
from dst.warp.points import ControlPoints

W = TypeVar("W", bound=ControlPoints)
LOWEST, SLANT = 0.4, 2.5
"""Within a face the Jacobian determinant stays from `LOWEST` to its inverse, and its longer axis under `SLANT` of the shorter."""
SAMPLES = 24
"""Places looked at along the longer side of a face's box."""
RIDGES = (0.0, *(1e-4 * 3.0**k for k in range(8)))
"""How much smoother, in units of the spline's kernel: the larger, the more a point follows its neighbours."""
TRIES = 7
"""Halvings of the interval that the share is looked for in."""


@dataclasses.dataclass(frozen=True)
class Calm:
    """What a warp does within a face.

    Attributes:
        min_jacobian, max_jacobian: of the determinant, 1 where nothing moves.
        max_anisotropy: of the ratio of the longer to the shorter axis.
    """

    min_jacobian: float
    max_jacobian: float
    max_anisotropy: float

    @property
    def good(self) -> bool:
        """Whether all stay within their bounds."""
        return self.min_jacobian >= LOWEST and self.max_jacobian <= 1 / LOWEST and self.max_anisotropy <= SLANT


def survey_face(warp: ControlPoints, rows: np.ndarray) -> Calm:
    """What a warp does within the hull of some of its points, where they are moved to.

    Args:
        warp: any warp.
        rows: (k,) bool, the points of a face; at least three, not on a line.
    """
    moved = (warp.source + warp.moved)[rows]
    low, high = moved.min(0), moved.max(0)
    step = float((high - low).max()) / SAMPLES
    axes = [np.arange(a + step / 2, b, step) for a, b in zip(low, high, strict=True)]
    places = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
    hull = cv2.convexHull(moved.astype(np.float32))
    inside = np.array([cv2.pointPolygonTest(hull, (float(x), float(y)), False) >= 0 for x, y in places], bool)
    if not inside.any():
        return Calm(1.0, 1.0, 1.0)
    slopes = warp.spline.jacobian(torch.from_numpy(places[inside])).numpy() + np.eye(2)
    axes = np.linalg.svd(slopes, compute_uv=False)
    determinants = np.linalg.det(slopes)
    return Calm(
        float(determinants.min()), float(determinants.max()), float((axes[:, 0] / np.maximum(axes[:, 1], 1e-9)).max())
    )


def calm(warp: W, rows: np.ndarray) -> tuple[W, float]:
    """The warp, its points made smoother as far as needed for a face to stay within the bounds.

    All points give way to their neighbours as those of a smoothing spline do, by the least of `RIDGES` with which the rest
    needs little: what is left is scaled, a face towards the similarity that fits its moves best, and all else towards where
    it was. Of the ridges, the one that keeps most of the displacements is taken.

    Args:
        warp: any warp.
        rows: (k,) bool, the points of a face; those that are fixed stay.

    Returns:
        The warp, and the share of the displacements that it keeps (`dst.warp.folds.kept`), 1 where nothing had to change.
    """
    rows = rows & ~warp.fixed
    if rows.sum() < 3 or survey_face(warp, rows).good:
        return warp, 1.0
    system, free = point_kernel(warp).numpy(), ~warp.fixed[:, None]
    best, most = warp, -1.0
    for ridge in RIDGES:
        with one_thread():
            stiff = np.linalg.solve(system + ridge * np.eye(len(system)), warp.displacement)
        smooth = np.where(free, warp.displacement - ridge * stiff, warp.displacement)
        found = _scaled(dataclasses.replace(warp, displacement=smooth), rows)
        share = kept(warp, found)
        if share < most:  # from here on it only falls
            break
        best, most = found, share
    return best, most


def _scaled(warp: W, rows: np.ndarray) -> W:
    """The change of shape times the largest share with which the face stays within the bounds."""
    if survey_face(warp, rows).good:
        return warp
    source, moved = warp.source[rows], (warp.source + warp.moved)[rows]
    scale, rotation, shift = fit_similarity(source, moved)
    whole = scale * source @ rotation.T + shift

    def at(share: float) -> W:
        displacement = np.where(warp.fixed[:, None], warp.displacement, share * warp.displacement)
        displacement[rows] = (whole + share * (moved - whole) - source) / (warp.strength or 1.0)
        return dataclasses.replace(warp, displacement=displacement)

    low, high = 0.0, 1.0
    for _ in range(TRIES):
        middle = (low + high) / 2
        low, high = (middle, high) if survey_face(at(middle), rows).good else (low, middle)
    return at(low)
