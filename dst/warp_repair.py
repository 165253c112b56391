"""Folds of a warp, found and removed; regions of a warp, made rigid."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from dst.warp_geometry import Spline, mesh, node_grid

if TYPE_CHECKING:
    from dst.warp import Warp


@dataclass(frozen=True)
class FoldReport:
    """Where the backward map turns over."""

    share: float
    """Share of the image, 0 to 1, where the Jacobian's determinant is not positive."""
    min_jacobian: float
    """Least determinant found; 1 where nothing moves."""
    max_jacobian: float
    """Greatest determinant found."""

    @property
    def folded(self) -> bool:
        """True where the map folds anywhere that was looked at."""
        return self.min_jacobian <= 0


def determinants(spline: Spline, points: torch.Tensor) -> torch.Tensor:
    """Jacobian determinant (N,) of u + s(u) at unit points (N, 2), from the analytic derivative."""
    d = spline.jacobian(points)
    return (1 + d[:, 0, 0]) * (1 + d[:, 1, 1]) - d[:, 0, 1] * d[:, 1, 0]


def _samples(warp: Warp, grid: int) -> torch.Tensor:
    """The regular grid, then the places where a fold can hide between its nodes: at and between neighbouring control points."""
    moved = torch.from_numpy(warp.source + warp.moved)
    parts = [mesh(*node_grid(warp.size, grid)), moved]
    if len(moved) > 1:
        gaps = torch.cdist(moved, moved) + torch.diag(torch.full((len(moved),), torch.inf, dtype=torch.float64))
        near = gaps.topk(min(3, len(moved) - 1), largest=False).indices  # (k, 3)
        pairs = moved[:, None] * 0.5 + moved[near] * 0.5
        parts.append(pairs.reshape(-1, 2))
    extra = torch.cat(parts[1:])
    limit = torch.tensor([warp.size[0] / max(warp.size), warp.size[1] / max(warp.size)], dtype=torch.float64)
    inside = ((extra >= 0) & (extra <= limit)).all(1)
    return torch.cat([parts[0], extra[inside]])


def fold_report(warp: Warp, grid: int = 256) -> FoldReport:
    """Share of the image that folds, and the range of the Jacobian's determinant.

    Args:
        warp: any warp.
        grid: samples along the long side, border to border; the control points and the middles between near ones are looked at too.
    """
    if warp.is_identity:
        return FoldReport(0.0, 1.0, 1.0)
    det = determinants(warp.spline, _samples(warp, grid))
    return FoldReport(float((det <= 0).double().mean()), float(det.min()), float(det.max()))


def kept(before: Warp, after: Warp) -> float:
    """Share of the bend that is left: the new displacements' part along the old, over the old ones' length. 1 for no bend."""
    old, new = before.moved, after.moved
    total = float((old * old).sum())
    return float((old * new).sum()) / total if total else 1.0


def unfold(warp: Warp, bound: float = 0.05) -> tuple[Warp, float]:
    """Placeholder docstring."""
    return warp, 1.0


def protect(warp: Warp, mask: np.ndarray) -> Warp:
    """Placeholder docstring."""
    return dataclasses.replace(warp)
