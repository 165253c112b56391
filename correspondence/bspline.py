"""A smooth displacement field through scattered, partly wrong displacements: a cubic B-spline surface, fitted robustly.

Free-form deformation on a coarse grid of control points (Rueckert et al. 1999), bending penalised by the second
differences of the control points, outliers weighted down by Tukey's biweight. Used between the levels of the matching; the final
warp of an image is another matter and not made here.
"""

from __future__ import annotations

import numpy as np
import torch

from .common import cubic_basis, one_thread

CELLS = 10
"""Cells of the control grid along the frame's long side."""

MAX_POINTS = 1500
"""A fit looks at no more than about this many displacements."""


class Field:
    """Displacements over a frame of (width, height); `coefficients` (rows * columns, 2)."""

    def __init__(self, size: tuple[float, float], cells: int = CELLS):
        self.size = (float(size[0]), float(size[1]))
        self.step = max(self.size) / cells
        self.columns = max(1, int(np.ceil(self.size[0] / self.step - 1e-9))) + 3
        self.rows = max(1, int(np.ceil(self.size[1] / self.step - 1e-9))) + 3
        self.coefficients = np.zeros((self.rows * self.columns, 2))

    def _axis(self, values: np.ndarray, count: int) -> np.ndarray:
        """Weights of the control points along one axis: (N,) -> (N, count)."""
        position = np.clip(values / self.step, 0, count - 3 - 1e-9)
        cell = np.floor(position).astype(int)
        weights = np.zeros((len(values), count))
        np.put_along_axis(weights, cell[:, None] + np.arange(4), np.stack(cubic_basis(position - cell), axis=1), axis=1)
        return weights

    def design(self, points: np.ndarray) -> np.ndarray:
        """Weights of all control points at points (N, 2) -> (N, rows * columns)."""
        wx, wy = self._axis(points[:, 0], self.columns), self._axis(points[:, 1], self.rows)
        return (wy[:, :, None] * wx[:, None, :]).reshape(len(points), self.rows * self.columns)

    def bending(self) -> np.ndarray:
        """The quadratic form of the penalty: second differences, and a little of the first so that gaps stay smooth."""
        dx, dy = np.eye(self.columns), np.eye(self.rows)
        parts = []
        for order_x, order_y, weight in ((2, 0, 1.0), (1, 1, 2.0), (0, 2, 1.0), (1, 0, 1e-3), (0, 1, 1e-3)):
            x = np.diff(dx, n=order_x, axis=0) if order_x else dx
            y = np.diff(dy, n=order_y, axis=0) if order_y else dy
            parts.append(weight * np.kron(y.T @ y, x.T @ x))
        return sum(parts)

    def at(self, points: np.ndarray) -> np.ndarray:
        """Displacements at points (N, 2) -> (N, 2)."""
        return self.design(points) @ self.coefficients

    def grid(self, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
        """Displacements on the grid of positions xs (w,) and ys (h,) -> (h, w, 2)."""
        wx, wy = self._axis(xs, self.columns), self._axis(ys, self.rows)
        table = self.coefficients.reshape(self.rows, self.columns, 2)
        return np.einsum("hr,rcd,wc->hwd", wy, table, wx, optimize=True)


def fit(points, values, weights, size, stiffness: float, tolerance: float, rounds: int = 8) -> tuple[Field, np.ndarray]:
    """Fit a smooth field to displacements, ignoring those that no smooth field explains.

    points, values: (N, 2) in the units of `size`; weights: (N,) >= 0. stiffness: penalty on bending, relative to a
    total weight of 1. tolerance: a residual this long counts as wrong; it starts at four times that and shrinks.
    Returns the field and the last robust weight of each point (N,), in [0, 1].
    """
    field = Field(size)
    if len(points) == 0:
        return field, np.ones(0)
    every = max(1, len(points) // MAX_POINTS)
    if every > 1:
        field, _ = fit(points[::every], values[::every], weights[::every], size, stiffness, tolerance, rounds)
        residual = np.linalg.norm(field.at(points) - values, axis=1)
        return field, np.clip(1 - (residual / tolerance) ** 2, 0, None) ** 2
    # in torch: numpy brings a second pool of threads, and while other work keeps the cores busy the two wait for one another
    design, wanted = torch.from_numpy(field.design(points)), torch.from_numpy(np.ascontiguousarray(values, float))
    penalty = torch.from_numpy(stiffness * field.bending())
    penalty += 1e-9 * torch.eye(len(penalty), dtype=penalty.dtype)
    share = np.asarray(weights, float) / max(float(np.sum(weights)), 1e-12)
    with one_thread():
        return field, _fitted(field, design, wanted, penalty, share, tolerance, rounds)


def _fitted(field: Field, design, wanted, penalty, share: np.ndarray, tolerance: float, rounds: int) -> np.ndarray:
    """Set a field's coefficients by least squares, reweighted in each round; the last robust weights (N,)."""
    robust = np.ones(len(share))
    for k in range(rounds):
        weighted = (design * torch.from_numpy(share * robust)[:, None]).T
        scale = max(float((share * robust).sum()), 1e-9)
        solved = torch.linalg.solve(weighted @ design / scale + penalty, weighted @ wanted / scale)
        field.coefficients = solved.numpy()
        residual = np.linalg.norm((design @ solved - wanted).numpy(), axis=1)
        limit = tolerance * max(1.0, 4.0 * 0.6**k)
        robust = np.clip(1 - (residual / limit) ** 2, 0, None) ** 2
        if robust.sum() < 1e-6:
            robust = np.ones(len(share))
    return robust
