"""A warp that can be used as it stands: no folds, chosen parts rigid, pinned points on their targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from dst.config import InputError
from dst.warp.calm import calm
from dst.warp.coordinates import to_pixels
from dst.warp.folds import survey, unfold
from dst.warp.points import ControlPoints
from dst.warp.rigid import make_rigid
from dst.warp.tps import border_anchors, invert_pixels

W = TypeVar("W", bound=ControlPoints)
FLOOR = 0.1
"""Jacobian determinant up to which points are dropped for it."""
SURVEY, CLOSER = 96, 256
"""Nodes along the long side of the grids that are looked at for places that fold: the closer one, where the first finds none."""
MISS = 0.25
"""How far a pinned point may stay from its target, pixels of an image of up to 1024 pixels."""


def mend(warp: W, mask: np.ndarray | None, faces: Sequence[np.ndarray] = ()) -> tuple[W, float]:
    """Keep a warp calm within faces, remove its folds, make chosen parts rigid, and see to it that pinned points are reached.

    Where pinned points would miss because the map folds elsewhere, free points are dropped, those nearest to them first.

    Args:
        warp: at strength 1; its `fixed` points stay, and its `pinned` ones must be reached.
        mask: (H, W) of bool, the parts that shall be rigid, or None.
        faces: for each face, (k,) of bool, the points that are its landmarks.

    Returns:
        The warp, and the share of the displacements that is left where folds had to be reduced, 1 where not.

    Raises:
        InputError: a pin inside a rigid part or too close to it.
    """
    for rows in faces:
        warp, _ = calm(warp, rows)
    pins = warp.subset(np.flatnonzero(warp.pinned))
    fixed, free = np.flatnonzero(warp.fixed), np.flatnonzero(~warp.fixed)
    if len(pins.source):
        gaps = np.linalg.norm(warp.source[free, None] - pins.source[None], axis=2).min(1)
        free = free[np.argsort(-gaps, kind="stable")]
    for share in (1.0, 0.7, 0.4, 0.2, 0.0):
        chosen = np.sort(np.concatenate([fixed, free[: round(share * len(free))]]))
        mended, kept = _mended(warp.subset(chosen), pins, mask)
        if not len(pins.source) or _miss(mended, pins) <= MISS:
            break
    return mended, kept


def drop_folding(warp: W, floor: float = FLOOR, max_share: float = 0.5, nodes: tuple[int, int] = (SURVEY, CLOSER)) -> W:
    """Drop free points around which a warp folds or nearly does, as long as a few can be blamed for it.

    A fold is where neighbours disagree: of the four free points nearest to the lowest Jacobian determinant, the one whose
    displacement is farthest from the mean of its neighbours' goes first; the fixed border counts as neighbours that do not
    move. Reducing all displacements until the last fold is gone would let one outlier undo the whole warp.

    Args:
        warp: any warp; its `fixed` points stay.
        floor: the determinant at which to stop.
        max_share: share of the points that may go.
        nodes: along the long side of both grids; fewer are quicker, and small folds escape them.
    """
    border = border_anchors(warp.size, warp.anchors) if warp.anchors else np.zeros((0, 2))
    for _ in range(int(max_share * len(warp.source))):
        places, found, _ = survey(warp, nodes[0], floor)
        if float(found.min()) > floor:
            places, found, _ = survey(warp, nodes[1], floor)
        free = np.flatnonzero(~warp.fixed)
        if float(found.min()) > floor or len(free) <= 3:
            break
        place = places[int(found.argmin())].numpy()
        ends = (warp.source + warp.moved)[free]
        suspects = free[np.argsort(np.linalg.norm(ends - place, axis=1), kind="stable")[:4]]
        sources = np.concatenate([warp.source, border])
        moved = np.concatenate([warp.moved, np.zeros_like(border)])
        distance = np.linalg.norm(sources[suspects, None] - sources[None], axis=2)
        near = np.argsort(distance, axis=1, kind="stable")[:, 1:7]
        deviation = np.linalg.norm(moved[suspects] - moved[near].mean(1), axis=1)
        warp = warp.subset(np.delete(np.arange(len(warp.source)), suspects[int(deviation.argmax())]))
    return warp


def _mended(warp: W, pins: ControlPoints, mask: np.ndarray | None) -> tuple[W, float]:
    warp, kept = unfold(warp)
    if mask is None:
        return warp, kept
    warp = make_rigid(warp, mask)
    missing = ~np.isin(pins.origin, warp.origin)
    if missing.any():
        k = int(pins.origin[missing.argmax()])
        raise InputError(f"pin {k + 1} lies in a rigid part or next to it: move the pin or the mask's edge")
    return warp, kept


def _miss(warp: ControlPoints, pins: ControlPoints) -> float:
    """Max distance of the pins from their targets, in pixels of the image, of its 1024 px version if larger."""
    landed = invert_pixels(warp.spline, to_pixels(pins.source, warp.size), warp.size)
    apart = np.linalg.norm(landed - to_pixels(pins.source + pins.displacement, warp.size), axis=1).max()
    return float(apart) * min(1.0, 1024 / max(warp.size))
