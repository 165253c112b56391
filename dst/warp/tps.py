"""The thin-plate spline itself: border anchors, fit, value, derivative, numerical inverse.

Everything here works in unit coordinates (`dst.warp.coordinates`). The kernel is U(r) = r^2 log r (Duchon 1977; Bookstein
1989), the solve and all values are float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from correspondence.common import one_thread
from dst.config import InputError
from dst.warp.coordinates import check_size, extent, mesh, node_grid, to_pixels, to_unit

RIDGE = 1e-7
"""Added to the kernel's diagonal. |U| reaches 0.69 across a square image of side 1, so this is about a ten-millionth
of the kernel's scale: a spline misses its control points by less than a thousandth of a pixel at 256, and stays
solvable when two control points meet."""

ANCHORS = 41
"""Border anchors along a long side, corners included."""

TINY = 1e-30
_CHUNK = 1 << 16
"""Pairs of a point and a control point looked at together: what the processor's cache holds."""


def border_anchors(size, per_side: int = ANCHORS) -> np.ndarray:
    """Unit positions (m, 2) on all four borders of an image of `size` (W, H), the four corners included exactly.

    The longer sides carry `per_side` points, the shorter ones as many as keep the same spacing (never fewer than the
    corners). The order runs once round the image from the origin, along x first; no point appears twice.

    Raises:
        InputError: `per_side` is below 2.
    """
    if per_side < 2:
        raise InputError(f"{per_side} border anchors per side: it takes 2 or more, the corners being two of them")
    width, height = extent(check_size(size))
    across = max(1, round((per_side - 1) * width))
    down = max(1, round((per_side - 1) * height))
    x, y = np.linspace(0.0, width, across + 1), np.linspace(0.0, height, down + 1)
    top = np.stack([x[:-1], np.zeros(across)], 1)
    right = np.stack([np.full(down, width), y[:-1]], 1)
    bottom = np.stack([x[:0:-1], np.full(across, height)], 1)
    left = np.stack([np.zeros(down), y[:0:-1]], 1)
    return np.concatenate([top, right, bottom, left])


def squared_distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Squared distances (N, n) between two sets of points (N, 2) and (n, 2), never exactly zero so that a logarithm
    exists.
    """
    dx, dy = a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1]
    return (dx * dx + dy * dy).clamp_min(TINY)


def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """U(|a - b|) = r^2 log r for all pairs: (N, 2), (n, 2) -> (N, n)."""
    r2 = squared_distances(a, b)
    return 0.5 * r2 * torch.log(r2)


def affine_basis(points: torch.Tensor) -> torch.Tensor:
    """Columns 1, x, y: (N, 2) -> (N, 3)."""
    return torch.cat([torch.ones_like(points[:, :1]), points], dim=1)


def saddle(centres: torch.Tensor, ridge: float) -> torch.Tensor:
    """The spline's system (n + 3, n + 3): kernel plus ridge, bordered by the affine basis (Wahba 1990, equation
    2.4.23).
    """
    n = len(centres)
    matrix = centres.new_zeros(n + 3, n + 3)
    basis = affine_basis(centres)
    matrix[:n, :n] = kernel(centres, centres) + ridge * torch.eye(n, dtype=centres.dtype, device=centres.device)
    matrix[:n, n:], matrix[n:, :n] = basis, basis.T
    return matrix


@dataclass(frozen=True)
class Spline:
    """A fitted thin-plate spline from the plane to R^2: s(u) = sum_j w_j U(|u - c_j|) + affine. All tensors float64."""

    centres: torch.Tensor
    """(n, 2) control points."""
    weights: torch.Tensor
    """(n, 2) kernel weights; orthogonal to the affine functions."""
    affine: torch.Tensor
    """(3, 2): constant, x and y coefficients."""

    @staticmethod
    def fit(centres: torch.Tensor, values: torch.Tensor, ridge: float = RIDGE) -> Spline:
        """The spline that takes `values` (n, 2) at `centres` (n, 2), up to the ridge."""
        n = len(centres)
        right = torch.cat([values, values.new_zeros(3, 2)])
        with one_thread():
            solution = torch.linalg.solve(saddle(centres, ridge), right)
        return Spline(centres, solution[:n], solution[n:])

    def _tables(self, points: torch.Tensor):
        """Some points at a time, few enough for the cache: (points (N, 2), squared distances (n, N) from the centres).

        |p - c|^2 is expanded into one small matrix product; what cancels there is 1e-16 of a squared long side.
        """
        left = torch.cat([-2 * self.centres, torch.ones_like(self.centres[:, :1]), self._square(self.centres)], 1)
        for p in points.split(max(1, _CHUNK // max(1, len(self.centres)))):
            right = torch.cat([p, self._square(p), torch.ones_like(p[:, :1])], 1)
            yield p, (left @ right.T).clamp_min_(TINY)

    @staticmethod
    def _square(points: torch.Tensor) -> torch.Tensor:
        return (points * points).sum(1, keepdim=True)

    def __call__(self, points: torch.Tensor) -> torch.Tensor:
        """Values (N, 2) at points (N, 2)."""
        weights = 0.5 * self.weights.T
        parts = [(weights @ (r2 * torch.log(r2))).T for _, r2 in self._tables(points)]
        return torch.cat(parts) + affine_basis(points) @ self.affine

    def jacobian(self, points: torch.Tensor) -> torch.Tensor:
        """Derivatives (N, 2, 2) at points (N, 2): entry [i, a, b] is d s_a / d u_b."""
        return torch.cat([slope for _, slope in self._derivatives(points, False)]) + self.affine[1:].T

    def with_jacobian(self, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Values (N, 2) and derivatives (N, 2, 2), from grad U = (2 log r + 1)(u - c)."""
        values, slopes = zip(*self._derivatives(points, True), strict=True)
        return torch.cat(values) + affine_basis(points) @ self.affine, torch.cat(slopes) + self.affine[1:].T

    def _derivatives(self, points: torch.Tensor, values: bool):
        """Value, if asked for, and derivative of the kernel part, some points at a time."""
        weights = torch.cat([self.weights, self.weights * self.centres[:, :1], self.weights * self.centres[:, 1:]], 1).T
        for p, r2 in self._tables(points):
            log = torch.log(r2)
            value = 0.5 * (self.weights.T @ r2.mul_(log)).T if values else None
            total = (weights @ log.add_(1.0)).T.reshape(-1, 3, 2)  # sums of slope w, slope w c_x, slope w c_y
            yield value, (p[:, :, None] * total[:, :1] - total[:, 1:]).transpose(1, 2)

    def bending_energy(self) -> float:
        """Sum over both components of w^T K w. Times 8 pi it is the integral of the squared second derivatives over
        the plane.
        """
        return float((self.weights * (kernel(self.centres, self.centres) @ self.weights)).sum())


def invert(spline: Spline, targets: torch.Tensor, size, tolerance: float = 1e-10) -> torch.Tensor:
    """Solve u + s(u) = t for every target t: unit positions (N, 2) -> (N, 2).

    Newton's method, the step halved while it does not help, from one fixed-point step; what does not converge starts
    again from the best node of a 65-wide grid over the image. Where the map folds, one of the several solutions;
    where there is none, the closest position found.
    """
    found, error = _newton(spline, targets - spline(targets), targets, tolerance)
    left = torch.nonzero(error > tolerance).reshape(-1)
    if len(left):
        nodes = mesh(*node_grid(size, 65))
        images = nodes + spline(nodes)
        start = torch.cat(
            [squared_distances(part, images).argmin(1) for part in targets[left].split(16 * _CHUNK // len(images) + 1)]
        )
        again, missed = _newton(spline, nodes[start], targets[left], tolerance)
        better = missed < error[left]
        found[left[better]] = again[better]
    return found


def invert_pixels(spline: Spline, points: np.ndarray, size) -> np.ndarray:
    """Where content at `points` (N, 2), pixels of an image of `size` (W, H), lands: pixels (N, 2)."""
    return to_pixels(invert(spline, torch.from_numpy(to_unit(points, size)), size).numpy(), size)


def _newton(spline, start, targets, tolerance, steps: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Best positions (N, 2) and their distances (N,) from the targets."""
    eye = torch.eye(2, dtype=torch.float64)
    best, damping = start.clone(), torch.ones(len(targets), dtype=torch.float64)
    value, slope = spline.with_jacobian(best)
    miss, slope = best + value - targets, slope + eye
    error = torch.linalg.vector_norm(miss, dim=1)
    for _ in range(steps):
        left = torch.nonzero((error > tolerance) & (damping > 1e-4)).reshape(-1)
        if not len(left):
            break
        trial = best[left] - damping[left, None] * _solve2(slope[left], miss[left])
        value, slope_there = spline.with_jacobian(trial)
        miss_there = trial + value - targets[left]
        error_there = torch.linalg.vector_norm(miss_there, dim=1)
        helped = error_there < error[left]
        damping[left] = torch.where(helped, (2 * damping[left]).clamp_max(1.0), damping[left] / 2)
        keep = left[helped]
        best[keep], miss[keep], error[keep] = trial[helped], miss_there[helped], error_there[helped]
        slope[keep] = slope_there[helped] + eye
    return best, error


def _solve2(matrix: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Solve 2 x 2 systems (N, 2, 2), (N, 2); a vanishing determinant is kept away from zero, its sign kept."""
    a, b, c, d = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 0], matrix[:, 1, 1]
    det = a * d - b * c
    det = torch.where(det.abs() < 1e-4, torch.where(det < 0, -1e-4, 1e-4), det)
    return torch.stack([d * right[:, 0] - b * right[:, 1], a * right[:, 1] - c * right[:, 0]], 1) / det[:, None]
