"""Parts of a warp made rigid: a face or a line of text that moves, rotates and scales as a whole."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch

from correspondence.similarity import fit_similarity
from dst.config import InputError
from dst.warp.coordinates import extent
from dst.warp.folds import BOUND, fold_report, shrink, unfold
from dst.warp.points import ControlPoints
from dst.warp.tps import invert

W = TypeVar("W", bound=ControlPoints)

TOLERANCE = 0.3
"""Aim for the distance from a similarity inside a part, in pixels of the image, or of its 1024 px version if it is
larger."""

_WORK = 1024
_MAX_PARTS = 32
_MAX_POINTS = 800
_BORDER = 0.015
_MARGIN = 0.03


def make_rigid(warp: W, mask: np.ndarray) -> W:
    """Make every connected part of a mask move as a similarity (translation, rotation, one scale).

    Each part gets the least-squares similarity of the warp's own displacement inside it, carried by control points
    over the part and on a ring around it; other points in or close to a part are dropped. The spline between them
    is then checked: more points are added until the part is rigid to `TOLERANCE`, and if the map folds, the
    remaining points are relaxed near the folds, then everything is scaled down (a scaled similarity is one too). A
    part that reaches the border stays in place, since the border does. More than 32 parts are joined with their
    nearest neighbours until 32 are left.

    Args:
        warp: any warp; one without points stays the identity.
        mask: (H, W) of the warp's image, boolean or numbers; nonzero is rigid.

    Returns:
        A warp of the same size and strength without folds at strength 1 or its own, its rigid points labelled from 1
        in `Warp.rigid`.

    Raises:
        InputError: a mask of another shape, or without a rigid pixel.
    """
    mask = _check_mask(mask, warp.size)
    if not len(warp.source):
        return warp
    if warp.strength == 0:
        return make_rigid(warp.with_strength(1.0), mask).with_strength(0.0)
    labels, step = _labels(mask)
    parts = [_part(warp, labels, step, number) for number in range(1, int(labels.max()) + 1)]
    spacing = 0.03
    for _ in range(5):
        found = _with_parts(warp, labels, step, parts, spacing)
        if _error(found, parts) <= TOLERANCE or len(found.source) > _MAX_POINTS:
            break
        spacing *= 0.7
    if fold_report(found).min_jacobian < BOUND:
        found = unfold(found)[0]
    return shrink(found, lambda w, grid: _error(w, parts) <= TOLERANCE and fold_report(w, grid).min_jacobian >= BOUND)


def _check_mask(mask, size) -> np.ndarray:
    mask = np.asarray(mask)
    if mask.shape != (size[1], size[0]):
        raise InputError(
            f"rigid mask has shape {mask.shape}: it takes (height, width) of the content, "
            f"{(size[1], size[0])}; resize the mask"
        )
    mask = mask != 0
    if not mask.any():
        raise InputError(
            "rigid mask is empty: it takes at least one pixel that is not black; leave it out to keep nothing rigid"
        )
    return mask


def _labels(mask: np.ndarray) -> tuple[np.ndarray, float]:
    """Labels (h, w) of the connected parts on a raster of at most `_WORK`, and the raster's pixel in unit
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
    while count > _MAX_PARTS:
        labels, count = label(expand_labels(mask.astype(int), 2) > 0, connectivity=2, return_num=True)
        mask = labels > 0
    return labels, factor / side


def _unit(pixels: np.ndarray, step: float) -> np.ndarray:
    """Raster pixels (n, 2) as (row, column) to unit positions (x, y)."""
    return (pixels[:, ::-1] + 0.5) * step


@dataclass(frozen=True)
class _Part:
    """One rigid part: its number, sample positions (n, 2) in unit coordinates, and its similarity x -> scale R x + t."""

    number: int
    points: np.ndarray
    scale: float = 1.0
    rotation: np.ndarray = field(default_factory=lambda: np.eye(2))
    translation: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def displacement(self, points: np.ndarray) -> np.ndarray:
        """How far the similarity moves unit positions (n, 2)."""
        return self.scale * points @ self.rotation.T + self.translation - points


def _part(warp: ControlPoints, labels: np.ndarray, step: float, number: int) -> _Part:
    """Fit the similarity of a part: least squares over up to 400 of its pixels."""
    pixels = np.argwhere(labels == number)
    points = _unit(pixels[:: max(1, len(pixels) // 400)], step)
    edge = _unit(pixels[_outline(labels, number)[tuple(pixels.T)]], step)
    points = np.concatenate([points, edge[:: max(1, len(edge) // 400)]])
    limit = np.array(extent(warp.size))
    if (edge < _BORDER).any() or (edge > limit - _BORDER).any():
        return _Part(number, points)
    moved = invert(warp.spline, torch.from_numpy(points), warp.size).numpy()
    return _Part(number, points, *fit_similarity(points, moved))


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
    """Points on a ring about the part, on its outline and inside it, in unit coordinates."""
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


def _with_parts(warp: W, labels: np.ndarray, step: float, parts: list[_Part], spacing: float) -> W:
    """The warp with control points for the parts, and without its own points close to them before or after they
    move.
    """
    limit = np.array(extent(warp.size))
    near = np.zeros(len(warp.source), bool)
    source, displacement, rigid = [], [], []
    for part in parts:
        points = _control_points(labels, step, part.number, spacing, limit)
        moved = part.displacement(points)
        for own, all_points in ((warp.source, points), (warp.source + warp.moved, points + moved)):
            near |= (np.linalg.norm(own[:, None] - all_points[None], axis=2) < _MARGIN).any(1)
        source.append(points)
        displacement.append(moved / warp.strength)
        rigid.append(np.full(len(points), part.number))
    cells = np.minimum((warp.source / step).astype(int), np.array(labels.shape[::-1]) - 1)
    near |= labels[cells[:, 1], cells[:, 0]] > 0
    free = ~near
    return dataclasses.replace(
        warp,
        source=np.concatenate([warp.source[free], *source]),
        displacement=np.concatenate([warp.displacement[free], *displacement]),
        rigid=np.concatenate([np.zeros(free.sum(), int), *rigid]),
        origin=np.concatenate([warp.origin[free], *(np.full(len(points), -1) for points in source)]),
        pinned=np.concatenate([warp.pinned[free], *(np.zeros(len(points), bool) for points in source)]),
    )


def _error(warp: ControlPoints, parts: list[_Part]) -> float:
    """Max distance in pixels between where a part's content lands and where the similarity of its control
    points puts it.

    The similarity is read back from the control points, so a warp that was scaled down is measured against its own.
    """
    worst = 0.0
    for part in parts:
        own = warp.rigid == part.number
        scale, *rest = fit_similarity(warp.source[own], (warp.source + warp.moved)[own])
        current = _Part(part.number, part.points, scale, *rest)
        landed = torch.from_numpy(part.points + current.displacement(part.points))
        back = (landed + warp.spline(landed)).numpy()
        worst = max(worst, scale * float(np.linalg.norm(back - part.points, axis=1).max()))
    return worst * min(max(warp.size), _WORK)
