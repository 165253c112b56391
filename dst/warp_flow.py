"""The warp inside an optimisation: sampling grids that are cheap and differentiable in the displacements."""

from __future__ import annotations

import torch

from dst.warp_geometry import (
    ANCHORS,
    RIDGE,
    TINY,
    affine_basis,
    border_anchors,
    check_size,
    extent,
    kernel,
    mesh,
    node_grid,
    saddle,
)
from dst.warp_sampling import cubic_matrix

NODES = 64
"""Nodes of the coarse grid along the long side."""

_REACH = 2.5
"""Radius of the local correction around a control point, in steps of the coarse grid."""


class _KernelSum(torch.autograd.Function):
    """sum_j U(|x_i - c_j|) w_j for fixed x (N, 2): differentiable in c (n, 2) and w (n, 2), with few passes over the
    (N, n) table.

    `left` (N, 3) holds x, y, 1 and `norm` (N, 1) their squared length.
    """

    @staticmethod
    def forward(ctx, left, norm, centres, weights):
        right = torch.cat([-2.0 * centres, (centres * centres).sum(1, keepdim=True)], 1)
        r2 = torch.addmm(norm, left, right.T).clamp_min_(TINY)
        log = torch.log(r2)
        table = r2.mul_(log)
        ctx.save_for_backward(left, centres, weights, table, log)
        return 0.5 * (table @ weights)

    @staticmethod
    def backward(ctx, grad):
        left, centres, weights, table, log = ctx.saved_tensors
        grad_weights = 0.5 * (table.T @ grad)
        slope = (grad @ weights.T).mul_(log + 1.0)  # (N, n): (log r^2 + 1) <grad_i, w_j>
        sums = slope.T @ left  # (n, 3): sums of slope x, slope y, slope
        return None, None, centres * sums[:, 2:] - sums[:, :2], grad_weights


class _NearSum(torch.autograd.Function):
    """sum_j V(|x_i - c_j|) w_j on a regular grid, V the part of the kernel that a coarse grid cannot carry.

    V(r) = U(r) - T(r^2) inside radius R and 0 outside, T being the cubic in r^2 that meets U at R with three
    derivatives. U - V is smooth at the scale R, V is local, so only a square of pixels about each centre is touched.
    `lattice` is (origin x, origin y, step x, step y, columns, rows).
    """

    @staticmethod
    def forward(ctx, centres, weights, lattice, radius):
        origin, step, columns, rows = lattice
        place = (centres - origin) / step
        reach = [int(radius / s) + 1 for s in step.tolist()]
        base = place.round()
        ox, oy = (torch.arange(-r, r + 1, device=centres.device, dtype=centres.dtype) for r in reach)
        column, row = base[:, 0, None] + ox, base[:, 1, None] + oy  # (n, P), (n, Q)
        dx = (column * step[0] + origin[0] - centres[:, 0, None])[:, None, :]
        dy = (row * step[1] + origin[1] - centres[:, 1, None])[:, :, None]
        rho, edge = (dx * dx + dy * dy).clamp_min(TINY), radius * radius
        inside = (column >= 0) & (column < columns)
        inside = inside[:, None, :] & ((row >= 0) & (row < rows))[:, :, None] & (rho < edge)  # (n, Q, P)
        t, log = (rho - edge) / edge, torch.log(rho / edge)
        value = 0.5 * edge * ((1 + t) * log - t - 0.5 * t**2 + t**3 / 6) * inside
        slope = 0.5 * (log - t + 0.5 * t**2) * inside  # dV / d rho
        index = row.clamp(0, rows - 1).long()[:, :, None] * columns + column.clamp(0, columns - 1).long()[:, None, :]
        out = centres.new_zeros(2, rows * columns)
        for axis in range(2):
            out[axis].index_add_(0, index.reshape(-1), (value * weights[:, axis, None, None]).reshape(-1))
        ctx.save_for_backward(weights, dx, dy, value, slope, index)
        return out.reshape(2, rows, columns)

    @staticmethod
    def backward(ctx, grad):
        weights, dx, dy, value, slope, index = ctx.saved_tensors
        picked = grad.reshape(2, -1)[:, index]  # (2, n, Q, P)
        grad_weights = (picked * value).sum((2, 3)).T
        pull = (picked * weights.T[:, :, None, None]).sum(0) * slope
        return -2 * torch.stack([(pull * dx).sum((1, 2)), (pull * dy).sum((1, 2))], 1), grad_weights, None, None


class FlowGrid:
    """Everything about one output size that does not depend on the displacements, computed once.

    The backward map is g(u) = u + s(u): the output at u shows the input at g(u), where s is the thin-plate spline with
    s(p_i + theta_i) = -theta_i and s(anchor) = 0. The anchors never move, so they are eliminated beforehand (Schur
    complement of the spline's system) and a call solves only a k x k positive definite system, in float64. s is
    evaluated on a coarse grid that reaches from border to border and carried to the pixels by an interpolating
    bicubic spline (two small matrix products); what such a spline cannot carry, the sharp tip of the kernel at each
    control point, is taken out on the grid and added on the pixels.

    Attributes:
        spacing: (dx, dy) between nodes of the coarse grid, in unit coordinates.
        shape: (ny, nx) of the coarse grid.
        size: (W, H) of the sampling grids.
    """

    def __init__(
        self, size, frame=None, *, anchors=ANCHORS, nodes=NODES, ridge=RIDGE, device="cpu", dtype=torch.float32
    ):
        """Prepare for outputs of `size` (W, H).

        Args:
            size: (W, H) of the sampling grid.
            frame: (W, H) of the image whose unit coordinates the points are in; default `size`. Give the content's
                own size while optimising at smaller scales, so that rounded sizes do not shift the points.
            anchors: fixed border points along the long side, 2 or more.
            nodes: nodes of the coarse grid along the long side.
            ridge: as in `dst.warp_geometry.RIDGE`.
            device: where points live and grids are made.
            dtype: of the grids and of the spline's values on them; its weights are always solved in float64.
        """
        self.size, self.frame = check_size(size), check_size(frame or size)
        self.ridge, self.device, self.dtype = ridge, torch.device(device), dtype
        x, y = node_grid(self.frame, nodes)
        self.shape, self.spacing = (len(y), len(x)), (float(x[1] - x[0]), float(y[1] - y[0]))
        self._prepare_spline(x, y, anchors)
        self._prepare_pixels(len(x), len(y))

    def _prepare_spline(self, x, y, anchors) -> None:
        points, anchor = mesh(x, y), torch.from_numpy(border_anchors(self.frame, anchors))
        inverse = torch.linalg.inv(saddle(anchor, self.ridge))
        spread = torch.cat([kernel(points, anchor), affine_basis(points)], 1) @ inverse  # (N, m + 3)
        left = torch.cat([points, torch.ones_like(points[:, :1])], 1)
        self._anchor, self._inverse = anchor.to(self.device), (0.5 * (inverse + inverse.T)).to(self.device)
        self._spread, self._left = spread.to(self.device, self.dtype), left.to(self.device, self.dtype)
        self._norm = (points * points).sum(1, keepdim=True).to(self.device, self.dtype)

    def _prepare_pixels(self, nx: int, ny: int) -> None:
        (columns, rows), (width, height) = self.size, extent(self.frame)
        centre_x = (torch.arange(columns, dtype=torch.float64) + 0.5) / columns
        centre_y = (torch.arange(rows, dtype=torch.float64) + 0.5) / rows
        base = mesh(2 * centre_x - 1, 2 * centre_y - 1).reshape(1, rows, columns, 2)
        self.identity = base.to(self.device, self.dtype)
        self._up_x = cubic_matrix(nx, centre_x).T.to(self.device, self.dtype)
        self._up_y = cubic_matrix(ny, centre_y).to(self.device, self.dtype)
        vector = {"device": self.device, "dtype": self.dtype}
        self._scale = torch.tensor([2 / width, 2 / height], **vector).reshape(2, 1, 1)
        step = torch.tensor([width / columns, height / rows], **vector)
        self._pixels = (step / 2, step, columns, rows)
        self._nodes = (torch.zeros(2, **vector), torch.tensor(self.spacing, **vector), nx, ny)
        self._radius = _REACH * max(self.spacing)

    def solve(
        self, source: torch.Tensor, displacement: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Weights of the spline, float64: at the moved points (k, 2), their positions (k, 2), and over anchors and
        affine part (m + 3, 2).
        """
        moved = displacement.double()
        centres = source.double() + moved
        against = torch.cat([kernel(centres, self._anchor), affine_basis(centres)], 1)  # (k, m + 3)
        eye = torch.eye(len(centres), dtype=torch.float64, device=self.device)
        system = kernel(centres, centres) - against @ self._inverse @ against.T + self.ridge * eye
        factor, _ = torch.linalg.cholesky_ex(system)
        weights = torch.cholesky_solve(-moved, factor)
        return weights, centres, against.T @ weights

    def flow(self, source: torch.Tensor, displacement: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The sampling grid and the coarse displacement field, differentiable in both inputs.

        Args:
            source: (k, 2) control points in unit coordinates of the frame, (x, y); k may be 0.
            displacement: (k, 2) how far each moves, same units.

        Returns:
            grid (1, H, W, 2) for `grid_sample(..., align_corners=False)`;
            coarse (2, ny, nx): the backward displacement s(u) = g(u) - u, x then y, in unit coordinates, on nodes
            `spacing` apart from border to border.
        """
        ny, nx = self.shape
        if not len(source):
            return self.identity.clone(), torch.zeros(2, ny, nx, dtype=self.dtype, device=self.device)
        weights, centres, rest = (t.to(self.dtype) for t in self.solve(source, displacement))
        values = _KernelSum.apply(self._left, self._norm, centres, weights) - self._spread @ rest
        coarse = values.T.reshape(2, ny, nx)
        smooth = coarse - _NearSum.apply(centres, weights, self._nodes, self._radius)
        fine = self._up_y @ smooth @ self._up_x + _NearSum.apply(centres, weights, self._pixels, self._radius)
        return self.identity + (fine * self._scale).permute(1, 2, 0)[None], coarse
