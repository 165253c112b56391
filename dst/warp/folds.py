"""Folds of a warp, found and removed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F

from correspondence.common import one_thread
from dst.warp.coordinates import extent, mesh, node_grid
from dst.warp.points import ControlPoints
from dst.warp.tps import Spline, affine_basis, border_anchors, kernel, saddle

W = TypeVar("W", bound=ControlPoints)

BOUND = 0.05
"""Min Jacobian determinant of a mended warp: content is magnified at most twentyfold."""


@dataclass(frozen=True)
class FoldReport:
    """Where the backward map turns over."""

    share: float
    """Share of the image, 0 to 1, where the Jacobian's determinant is not positive."""
    min_jacobian: float
    """Min determinant found; 1 where nothing moves."""
    max_jacobian: float
    """Max determinant found."""

    @property
    def folded(self) -> bool:
        """True where the map folds anywhere that was looked at."""
        return self.min_jacobian <= 0


def determinants(spline: Spline, points: torch.Tensor) -> torch.Tensor:
    """Jacobian determinant (N,) of u + s(u) at unit points (N, 2), from the analytic derivative."""
    d = spline.jacobian(points)
    return (1 + d[:, 0, 0]) * (1 + d[:, 1, 1]) - d[:, 0, 1] * d[:, 1, 0]


def _between(warp: ControlPoints) -> torch.Tensor:
    """Places (n, 2) where a fold can hide between the nodes of a grid: at and between neighbouring control points."""
    moved = torch.from_numpy(warp.source + warp.moved)
    parts = [moved]
    if len(moved) > 1:
        gaps = torch.cdist(moved, moved) + torch.diag(torch.full((len(moved),), torch.inf, dtype=torch.float64))
        near = gaps.topk(min(3, len(moved) - 1), largest=False).indices  # (k, 3)
        parts.append((moved[:, None] * 0.5 + moved[near] * 0.5).reshape(-1, 2))
    places = torch.cat(parts)
    limit = torch.tensor(extent(warp.size), dtype=torch.float64)
    return places[((places >= 0) & (places <= limit)).all(1)]


_BLOCK = 4
"""Steps of the grid between the nodes that are looked at first."""


def survey(
    warp: ControlPoints, grid: int, floor: float, enough: float = -torch.inf
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Look for low and high determinants on a regular grid and at and between neighbouring control points.

    Every fourth node is looked at first, along both axes. Of the blocks between those, all nodes are looked at in
    those that hold a control point and in those where the determinant may pass the lowest or highest value found so
    far, or fall below `floor`: where it would if it changed within a block by half of what it changes over the block
    and its eight neighbours. Where one of the first is below `enough`, nothing more is looked at.

    Returns:
        The places looked at (n, 2), unit coordinates, their determinants (n,), and how many places the whole grid and
        the control points have.
    """
    x, y = node_grid(warp.size, grid)
    column, row = (torch.cat([torch.arange(0, len(t) - 1, _BLOCK), torch.tensor([len(t) - 1])]) for t in (x, y))
    places, nodes = _between(warp), mesh(x, y)
    first = (row[:, None] * len(x) + column).reshape(-1)
    seen = torch.cat([places, nodes[first]])
    found = determinants(warp.spline, seen)
    if float(found.min()) < enough:
        return seen, found, len(nodes) + len(places)
    look = _uncertain(
        found[len(places) :].reshape(len(row), len(column)), float(found.min()), float(found.max()), floor
    )
    own = torch.from_numpy(warp.source + warp.moved)
    at = [
        torch.searchsorted(t[i], own[:, axis].contiguous()) - 1 for axis, (t, i) in enumerate(((x, column), (y, row)))
    ]
    look[at[1].clamp(0, len(row) - 2), at[0].clamp(0, len(column) - 2)] = True
    cells = look.repeat_interleave(row.diff(), 0).repeat_interleave(column.diff(), 1)
    wanted = _pool(F.pad(cells.double(), (1, 1, 1, 1)), 2).reshape(-1) > 0  # nodes that touch such a cell
    wanted[first] = False
    rest = nodes[wanted]
    return (
        torch.cat([seen, rest]),
        torch.cat([found, determinants(warp.spline, rest)]) if len(rest) else found,
        len(nodes) + len(places),
    )


def _uncertain(corners: torch.Tensor, lowest: float, highest: float, floor: float) -> torch.Tensor:
    """Blocks (h - 1, w - 1) between nodes (h, w) whose determinant may pass the bounds."""
    low, high = -_pool(-corners, 2), _pool(corners, 2)
    wide_low, wide_high = (F.pad(t[None], (1, 1, 1, 1), mode="replicate")[0] for t in (low, high))
    change = 0.5 * (_pool(wide_high, 3) + _pool(-wide_low, 3))
    return (low - change < max(lowest, floor)) | (high + change > highest)


def _pool(table: torch.Tensor, side: int) -> torch.Tensor:
    return F.max_pool2d(table[None, None], side, stride=1)[0, 0]


def fold_report(warp: ControlPoints, grid: int = 256) -> FoldReport:
    """Share of the image that folds, and the range of the Jacobian's determinant.

    Args:
        warp: any warp.
        grid: samples along the long side, border to border; the control points and the middles between near ones are
            looked at too. Parts of the grid where nothing can hide are skipped, see `survey`.
    """
    if warp.is_identity:
        return FoldReport(0.0, 1.0, 1.0)
    _, det, count = survey(warp, grid, 0.0)
    return FoldReport(int((det <= 0).sum()) / count, float(det.min()), float(det.max()))


def kept(before: ControlPoints, after: ControlPoints) -> float:
    """Share of the displacements that is left, 0 to 1: per point, the new displacement's part along the old over the old one's
    length; their mean.
    """
    old, new = before.moved, after.moved
    length = (old * old).sum(1)
    share = (old * new).sum(1)[length > 0] / length[length > 0]
    return float(share.clip(0, 1).mean()) if len(share) else 1.0


def unfold(warp: W, bound: float = BOUND) -> tuple[W, float]:
    """Reduce the displacements until the map folds nowhere: determinant at least `bound` at every place looked at.

    Two candidates are made and the one that keeps more of them is returned. The first scales all displacements by
    the largest factor that does, found by bisection. The second changes only what must change: the free points next
    to a fold are fitted less and less strictly by a smoothing spline through all points (each offender's ridge grows,
    so its displacement gives way to its neighbours'), then all are scaled if folds remain, and the result goes back
    towards the original as far as it can. Points of rigid parts are only ever scaled, so they stay rigid.

    Returns:
        The warp, of the same strength, and the share of the displacements that it keeps (see `kept`), 1 where nothing had to
        change.
    """
    if _flat(warp, bound, 256):
        return warp, 1.0
    scaled = shrink(warp, lambda w, grid: _flat(w, bound, grid))
    smoothed = _toward(warp, shrink(_relax(warp, bound), lambda w, grid: _flat(w, bound, grid)), bound)
    best = max(scaled, smoothed, key=lambda w: kept(warp, w))
    return best, kept(warp, best)


def shrink(warp: W, good) -> W:
    """The warp with all displacements times the largest factor in [0, 1] found for which `good(warp, grid)` holds, to
    1%.
    """
    if good(warp, 256):
        return warp
    low, high = 0.0, 1.0
    while high - low > 0.01:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if good(_scaled(warp, middle), 96) else (low, middle)
    while low > 0.01 and not good(_scaled(warp, low), 256):
        low *= 0.97
    return _scaled(warp, low if low > 0.01 else 0.0)


def _scaled(warp: W, factor: float) -> W:
    return dataclasses.replace(warp, displacement=factor * warp.displacement)


def _toward(warp: W, mended: W, bound: float) -> W:
    """The warp nearest to `warp` on the straight way from `mended` that does not fold, to about 3%."""
    change = warp.displacement - mended.displacement
    best, low, high = mended, 0.0, 1.0
    for _ in range(5):
        middle = 0.5 * (low + high)
        trial = dataclasses.replace(warp, displacement=mended.displacement + middle * change)
        if _flat(trial, bound, 256):
            best, low = trial, middle
        else:
            high = middle
    return best


def _flat(warp: ControlPoints, bound: float, grid: int) -> bool:
    """Whether `fold_report` finds no determinant below the bound; it stops where it has found one."""
    return (1.0 if warp.is_identity else float(survey(warp, grid, 0.0, enough=bound)[1].min())) >= bound


def _relax(warp: W, bound: float, rounds: int = 14) -> W:
    """Smooth the displacements of free points near folds until none is left, or the rounds are used up."""
    free, ridge = ~warp.fixed, np.zeros(len(warp.source))
    system = point_kernel(warp)
    current = warp
    for _ in range(rounds):
        points, det, _ = survey(current, 96, bound)
        bad = points[det < bound]
        if not len(bad) or not free.any():
            break
        moved = torch.from_numpy(current.source + current.moved)
        gaps = torch.cdist(bad[:: max(1, len(bad) // 2000)], moved)
        near = torch.zeros(len(moved), dtype=torch.bool)
        near[gaps.topk(min(2, len(moved)), largest=False).indices.reshape(-1)] = True
        near = near.numpy() & free
        if not near.any():
            break
        ridge[near] = np.maximum(4 * ridge[near], 2e-4)
        with one_thread():
            given = torch.from_numpy(np.array(warp.displacement))
            stiff = torch.linalg.solve(system + torch.from_numpy(np.diag(ridge)), given).numpy()
        smooth = warp.displacement - ridge[:, None] * stiff
        current = dataclasses.replace(warp, displacement=np.where(free[:, None], smooth, warp.displacement))
    return current


def point_kernel(warp: ControlPoints) -> torch.Tensor:
    """Kernel among the source points once the anchors (and the affine part) are eliminated; positive definite."""
    source = torch.from_numpy(np.array(warp.source))
    anchor = torch.from_numpy(border_anchors(warp.size, warp.anchors or 2))
    against = torch.cat([kernel(source, anchor), affine_basis(source)], 1)
    with one_thread():
        reduced = kernel(source, source) - against @ torch.linalg.solve(saddle(anchor, warp.ridge), against.T)
    return reduced + max(warp.ridge, 1e-9) * torch.eye(len(source), dtype=torch.float64)
