"""Parts of a warp made rigid: a face or a line of text that moves, turns and scales as a whole."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from dst.config import InputError
from dst.warp_geometry import extent, invert
from dst.warp_repair import BOUND, fold_report, shrink, unfold

if TYPE_CHECKING:
    from dst.warp import Warp

TOLERANCE = 0.3
"""Aim for the distance from a similarity inside a region, in pixels of the image, or of its 1024 px version if it is
larger."""

_WORK = 1024
_MAX_REGIONS = 32
_MAX_POINTS = 800
_BORDER = 0.015
_MARGIN = 0.03


def protect(warp: Warp, mask: np.ndarray) -> Warp:
    """Make every connected region of a mask move as a similarity (shift, turn, one scale).

    Each region gets the least-squares similarity of the warp's own displacement inside it, carried by control points
    over the region and on a ring around it; other points in or close to a region are dropped. The spline between them
    is then checked: more points are added until the region is rigid to `TOLERANCE`, and if the map folds, the
    remaining points are relaxed near the folds, then everything is scaled down (a scaled similarity is one too). A
    region that reaches the border is held in place, since the border is. More than 32 regions are joined with their
    nearest neighbours until 32 are left.

    Args:
        warp: any warp; one without points stays the identity.
        mask: (H, W) of the warp's image, boolean or numbers; nonzero is protected.

    Returns:
        A warp of the same size and strength without folds at strength 1 or its own, its rigid points labelled from 1
        in `Warp.rigid`.

    Raises:
        InputError: a mask of another shape, or without a protected pixel.
    """
    mask = _check_mask(mask, warp.size)
    if not len(warp.source):
        return warp
    if warp.strength == 0:
        return protect(warp.with_strength(1.0), mask).with_strength(0.0)
    labels, step = _regions(mask)
    regions = [_region(warp, labels, step, number) for number in range(1, int(labels.max()) + 1)]
    spacing = 0.03
    for _ in range(5):
        found = _with_regions(warp, labels, step, regions, spacing)
        if _error(found, regions) <= TOLERANCE or len(found.source) > _MAX_POINTS:
            break
        spacing *= 0.7
    if fold_report(found).min_jacobian < BOUND:
        found = unfold(found)[0]
    return shrink(found, lambda w, grid: _error(w, regions) <= TOLERANCE and fold_report(w, grid).min_jacobian >= BOUND)


def _check_mask(mask, size) -> np.ndarray:
    mask = np.asarray(mask)
    if mask.shape != (size[1], size[0]):
        raise InputError(
            f"protect mask has shape {mask.shape}: it takes (height, width) of the content, "
            f"{(size[1], size[0])}; resize the mask"
        )
    mask = mask != 0
    if not mask.any():
        raise InputError(
            "protect mask is empty: it takes at least one pixel that is not black; leave it out to protect nothing"
        )
    return mask


def _regions(mask: np.ndarray) -> tuple[np.ndarray, float]:
    """Labels (h, w) of the connected regions on a raster of at most `_WORK`, and the raster's pixel in unit
    coordinates.
    """
    from skimage.measure import label
    from skimage.segmentation import expand_labels

    side = max(mask.shape)
    factor = math.ceil(side / _WORK)
    if factor > 1:
        height, width = (math.ceil(n / factor) * factor for n in mask.shape)
        padded = np.zeros((height, width), bool)
        padded[: mask.shape[0], : mask.shape[1]] = mask
        mask = padded.reshape(height // factor, factor, width // factor, factor).any((1, 3))
    labels, count = label(mask, connectivity=2, return_num=True)
    while count > _MAX_REGIONS:
        labels, count = label(expand_labels(mask.astype(int), 2) > 0, connectivity=2, return_num=True)
        mask = labels > 0
    return labels, factor / side


def _unit(pixels: np.ndarray, step: float) -> np.ndarray:
    """Raster pixels (n, 2) as (row, column) to unit positions (x, y)."""
    return (pixels[:, ::-1] + 0.5) * step


class _Region:
    """One region: sample positions (n, 2) in unit coordinates, and its similarity z -> turn * z + shift as complex
    numbers.
    """

    def __init__(self, number: int, points: np.ndarray, turn: complex, shift: complex) -> None:
        self.number, self.points, self.turn, self.shift = number, points, turn, shift

    def displacement(self, points: np.ndarray) -> np.ndarray:
        """How far the similarity moves unit positions (n, 2)."""
        z = points @ np.array([1, 1j])
        moved = (self.turn - 1) * z + self.shift
        return np.stack([moved.real, moved.imag], 1)


def _region(warp: Warp, labels: np.ndarray, step: float, number: int) -> _Region:
    """Fit the similarity of a region: least squares over up to 400 of its pixels, in complex numbers so that it
    cannot mirror.
    """
    pixels = np.argwhere(labels == number)
    points = _unit(pixels[:: max(1, len(pixels) // 400)], step)
    edge = _unit(pixels[_outline(labels, number)[tuple(pixels.T)]], step)
    points = np.concatenate([points, edge[:: max(1, len(edge) // 400)]])
    limit = np.array(extent(warp.size))
    if (edge < _BORDER).any() or (edge > limit - _BORDER).any():
        return _Region(number, points, 1 + 0j, 0j)
    moved = invert(warp.spline, torch.from_numpy(points), warp.size).numpy()
    a, b = points @ np.array([1, 1j]), moved @ np.array([1, 1j])
    spread = (abs(a - a.mean()) ** 2).sum()
    turn = (np.conj(a - a.mean()) * (b - b.mean())).sum() / spread if spread > 0 else 1 + 0j
    return _Region(number, points, turn, b.mean() - turn * a.mean())


def _outline(labels: np.ndarray, number: int) -> np.ndarray:
    from skimage.segmentation import find_boundaries

    return find_boundaries(np.pad(labels == number, 1), mode="inner")[1:-1, 1:-1]


def _thin(points: np.ndarray, spacing: float) -> np.ndarray:
    """Keep points in order, none closer than `spacing` to one already kept."""
    kept = np.empty((0, 2))
    for point in points:
        if not len(kept) or np.min(((kept - point) ** 2).sum(1)) >= spacing**2:
            kept = np.concatenate([kept, point[None]])
    return kept


def _control_points(labels: np.ndarray, step: float, number: int, spacing: float, limit: np.ndarray) -> np.ndarray:
    """Points on a ring about the region, on its outline and inside it, in unit coordinates."""
    from skimage.segmentation import expand_labels

    wide = expand_labels(labels, distance=0.75 * spacing / step)
    parts = []
    for raster, gap in ((wide, spacing), (labels, spacing), (labels, 2 * spacing)):
        where = _outline(raster, number) if gap == spacing else raster == number
        points = _unit(np.argwhere(where), step)
        cells = np.unique((points / (0.5 * gap)).astype(int), axis=0, return_index=True)[1]
        parts.append(_thin(points[np.sort(cells)], 0.8 * gap))
    points = _thin(np.concatenate([parts[1], parts[0], parts[2]]), 0.4 * spacing)
    inside = ((points > 0.2 * _BORDER) & (points < limit - 0.2 * _BORDER)).all(1)
    return points[inside] if inside.any() else points


def _with_regions(warp: Warp, labels: np.ndarray, step: float, regions: list, spacing: float) -> Warp:
    """The warp with control points for the regions, and without its own points close to them before or after they
    move.
    """
    limit = np.array(extent(warp.size))
    near = np.zeros(len(warp.source), bool)
    source, displacement, rigid = [], [], []
    for region in regions:
        points = _control_points(labels, step, region.number, spacing, limit)
        moved = region.displacement(points)
        for own, all_points in ((warp.source, points), (warp.source + warp.moved, points + moved)):
            near |= (np.linalg.norm(own[:, None] - all_points[None], axis=2) < _MARGIN).any(1)
        source.append(points)
        displacement.append(moved / warp.strength)
        rigid.append(np.full(len(points), region.number))
    cells = np.minimum((warp.source / step).astype(int), np.array(labels.shape[::-1]) - 1)
    near |= labels[cells[:, 1], cells[:, 0]] > 0
    free = ~near
    return dataclasses.replace(
        warp,
        source=np.concatenate([warp.source[free], *source]),
        displacement=np.concatenate([warp.displacement[free], *displacement]),
        rigid=np.concatenate([np.zeros(free.sum(), int), *rigid]),
    )


def _error(warp: Warp, regions: list) -> float:
    """Greatest distance in pixels between where a region's content lands and where the similarity of its control
    points puts it.

    The similarity is read back from the control points, so a warp that was scaled down is measured against its own.
    """
    worst = 0.0
    for region in regions:
        own = warp.rigid == region.number
        z = warp.source[own] @ np.array([1, 1j])
        w = (warp.source + warp.moved)[own] @ np.array([1, 1j])
        spread = (abs(z - z.mean()) ** 2).sum()
        turn = (np.conj(z - z.mean()) * (w - w.mean())).sum() / spread if spread > 0 else 1 + 0j
        current = _Region(region.number, region.points, turn, w.mean() - turn * z.mean())
        landed = torch.from_numpy(region.points + current.displacement(region.points))
        back = (landed + warp.spline(landed)).numpy()
        worst = max(worst, abs(turn) * float(np.linalg.norm(back - region.points, axis=1).max()))
    return worst * min(max(warp.size), _WORK)
