"""The warp inside an optimisation: sampling grids that are cheap and differentiable in the displacements."""

from __future__ import annotations

from functools import cached_property

import torch
import torch.nn.functional as F

from correspondence.common import one_thread
from dst.warp.coordinates import check_size, extent, mesh, node_grid
from dst.warp.field import cubic_matrix
from dst.warp.tps import (
    ANCHORS,
    RIDGE,
    TINY,
    affine_basis,
    border_anchors,
    kernel,
    saddle,
    squared_distances,
)

NODES = 64
"""Nodes of the coarse grid along the long side."""

_REACH = 2.0
"""Radius of the local correction around a control point, in steps of the coarse grid."""


def plain_values(source: torch.Tensor, displacement: torch.Tensor, flow: FlowGrid) -> torch.Tensor:
    """The spline on the coarse grid (2, N), float64, by autograd alone: what `_Values` computes, slowly.

    One saddle system of all control points, anchors included (`dst.warp.tps.saddle`), solved and evaluated.
    """
    centres = torch.cat([source.double() + displacement.double(), flow.anchor])
    right = torch.cat([-displacement.double(), torch.zeros(len(flow.anchor) + 3, 2, dtype=torch.float64)])
    weights = torch.linalg.solve(saddle(centres, flow.ridge), right)
    nodes = mesh(*node_grid(flow.frame, flow.nodes))
    return (torch.cat([kernel(nodes, centres), affine_basis(nodes)], 1) @ weights).T


class _Values(torch.autograd.Function):
    """The spline on the coarse grid, with its derivative written out.

    With c = p + theta, K the kernel among the c, B (k, m + 3) the kernel against the anchors beside the affine basis
    and M the inverse of the anchors' own system, the weights are w = -(K - B M B^T + ridge)^-1 theta, in float64, and
    the values s = U w - S B^T w with U the kernel between grid and c, and S the same against the anchors, times M.
    Of U only the logarithm is kept: r^2 is a sum of four products of a function of c and one of the grid (`basis`),
    so four small sums over the logarithms give the values, and again the derivatives.
    """

    @staticmethod
    def forward(ctx, source, displacement, flow):
        """(k, 2), (k, 2), the `FlowGrid` -> values (2, N), and in its type: the c (k, 2) and w (k, 2)."""
        centres = source.double() + displacement.double()
        k = len(centres)
        near = squared_distances(centres, torch.cat([centres, flow.anchor]))
        near_log = torch.log(near)
        near = near.mul_(near_log).mul_(0.5)
        against = torch.cat([near[:, k:], affine_basis(centres)], 1)
        system = torch.addmm(near[:, :k], against @ flow.inverse, against.T, alpha=-1)
        system.diagonal().add_(flow.ridge)
        factor, _ = torch.linalg.cholesky_ex(system)
        weights = torch.cholesky_solve(-displacement.double(), factor)
        rest = against.T @ weights
        c, w = (centres - flow.middle).to(flow.dtype), weights.to(flow.dtype)
        left = torch.cat([-2 * c, torch.ones_like(c[:, :1]), (c * c).sum(1, keepdim=True)], 1)  # (k, 4)
        log = (left @ flow.basis).clamp_min_(TINY).log_()  # (k, N)
        sums = (w.T[:, None] * left.T).reshape(8, -1) @ log
        values = torch.addmm(
            (sums.reshape(2, 4, -1) * flow.basis).sum(1), rest.T.to(flow.dtype), flow.spread, beta=0.5, alpha=-1
        )
        ctx.flow, ctx.types = flow, (source.dtype, displacement.dtype)
        ctx.save_for_backward(centres, weights, rest, against, near_log, factor, left, log)
        return values, centres.to(flow.dtype), w

    @staticmethod
    def backward(ctx, grad, grad_c, grad_w):
        centres, weights, rest, against, near_log, factor, left, log = ctx.saved_tensors
        flow, m = ctx.flow, len(ctx.flow.anchor)
        pulled = (grad @ flow.spread_rows).T.double()  # (m + 3, 2): minus the derivative in B^T w
        spread = (grad[:, None] * flow.basis).reshape(8, -1)
        sums = (log @ spread.T).double().reshape(-1, 2, 4)
        by_weight = grad_w.double() + 0.5 * (sums * left.double()[:, None]).sum(2) - against @ pulled
        slope = ((sums + spread.sum(1).double().reshape(2, 4)) * weights[:, :, None]).sum(
            1
        )  # of (log r^2 + 1) <w, grad>
        pull = grad_c.double() + (centres - flow.middle) * slope[:, 3:] - slope[:, :2]
        back = torch.cholesky_solve(by_weight, factor)  # (k, 2): minus the derivative in theta at fixed c
        mixed = flow.inverse @ torch.cat([rest, against.T @ back], 1)
        by_against = back @ mixed[:, :2].T + weights @ (mixed[:, 2:] - pulled).T
        among = back @ weights.T
        by_kernel = torch.cat([-among - among.T, by_against[:, :m]], 1).mul_(near_log + 1)  # (k, k + m)
        pull += centres * by_kernel.sum(1, keepdim=True) - by_kernel @ torch.cat([centres, flow.anchor])
        pull += by_against[:, m + 1 :]
        return pull.to(ctx.types[0]), (pull - back).to(ctx.types[1]), None


class _Lattice:
    """A regular grid of (columns, rows) places, and the square about a place that a disc of some radius can touch.

    `values` (2, rows, columns) stand there before anything is added; `base` is the same with a margin for squares.
    """

    def __init__(self, step, first, count, radius: float, values: torch.Tensor, **vector) -> None:
        self.count, self.radius = count, radius
        self.step, self.first = torch.tensor(step, **vector), torch.tensor(first, **vector)
        self.last = torch.tensor(count, **vector) - 1
        self.reach = [int(radius / s) + 1 for s in step]
        across, down = (torch.arange(-r, r + 1, device=vector["device"]) for r in self.reach)
        self.dx, self.dy = across * self.step[0], down * self.step[1]
        self.stride = count[0] + 2 * self.reach[0]
        self.base = F.pad(values, [r for r in self.reach for _ in range(2)]).reshape(2, -1)
        self.window = ((down + self.reach[1])[:, None] * self.stride + across + self.reach[0]).reshape(-1)


def plain_tips(centres: torch.Tensor, weights: torch.Tensor, lattice: _Lattice) -> torch.Tensor:
    """What `_Tips` computes, (2, rows, columns), every place with every centre, by autograd alone."""
    columns, rows = (torch.arange(n, dtype=centres.dtype) for n in lattice.count)
    places = mesh(lattice.first[0] + columns * lattice.step[0], lattice.first[1] + rows * lattice.step[1])
    rho = (squared_distances(places, centres) / lattice.radius**2).clamp(TINY, 1)
    t = rho - 1
    tip = 0.5 * lattice.radius**2 * (rho * torch.log(rho) - t - t**2 / 2 + t**3 / 6)
    below, beside = lattice.reach[1], lattice.reach[0]
    base = lattice.base.reshape(2, len(rows) + 2 * below, -1)
    base = base[:, below : below + len(rows), beside : beside + len(columns)]
    return base + (tip @ weights).T.reshape(2, len(rows), len(columns))


class _Tips(torch.autograd.Function):
    """b_i + sum_j V(|x_i - c_j|) w_j on a lattice, V the part of the kernel that a coarse grid cannot carry.

    V(r) = U(r) - T(r^2) inside radius R and 0 outside, T being the cubic in r^2 that meets U at R with three
    derivatives. U - V is smooth at the scale R, V is local, so only a square of places about each centre is touched.
    """

    @staticmethod
    def forward(ctx, centres, weights, lattice):
        """(k, 2), (k, 2), `_Lattice` -> (2, rows, columns)."""
        (columns, rows), (rx, ry) = lattice.count, lattice.reach
        offset = centres - lattice.first
        base = (offset / lattice.step).round().clamp_min(0).minimum(lattice.last)
        offset = offset - base * lattice.step
        dx, dy = lattice.dx - offset[:, :1], lattice.dy - offset[:, 1:]  # (k, P), (k, Q)
        edge = lattice.radius**2
        rho = ((dx * dx)[:, None] + (dy * dy)[:, :, None]).div_(edge).clamp_(TINY, 1)  # (k, Q, P)
        log, t = torch.log(rho), rho - 1
        value = (rho * log - t * (1 + t * (0.5 - t / 6))).mul_(0.5 * edge)
        slope = (log - t * (1 - 0.5 * t)).mul_(0.5)  # dV / d r^2
        cell = base.long()
        index = (cell[:, 1:] * lattice.stride + cell[:, :1] + lattice.window).reshape(-1)
        out = lattice.base.clone()
        out.scatter_add_(1, index.expand(2, -1), (value * weights.T[:, :, None, None]).reshape(2, -1))
        ctx.save_for_backward(weights, dx, dy, value, slope, index)
        ctx.reach = rx, ry
        return out.reshape(2, rows + 2 * ry, -1)[:, ry : ry + rows, rx : rx + columns]

    @staticmethod
    def backward(ctx, grad):
        weights, dx, dy, value, slope, index = ctx.saved_tensors
        rx, ry = ctx.reach
        padded = F.pad(grad, (rx, rx, ry, ry)).reshape(2, -1)
        picked = padded.index_select(1, index).reshape(2, *value.shape)
        pull = (picked * weights.T[:, :, None, None]).sum(0).mul_(slope)
        grad_weights = picked.mul_(value).sum((2, 3)).T
        return -2 * torch.stack([(pull.sum(1) * dx).sum(1), (pull.sum(2) * dy).sum(1)], 1), grad_weights, None


class FlowGrid:
    """Everything about one output size that does not depend on the displacements, computed once.

    The backward map is g(u) = u + s(u): the output at u shows the input at g(u), where s is the thin-plate spline with
    s(p_i + theta_i) = -theta_i and s(anchor) = 0. The anchors never move, so they are eliminated beforehand (Schur
    complement of the spline's system) and a call solves only a k x k positive definite system, in float64. s is
    evaluated on a coarse grid that reaches from border to border and carried to the pixels by an interpolating
    bicubic spline (two small matrix products); what such a spline cannot carry, the sharp tip of the kernel at each
    control point, is taken out on the grid and added on the pixels, unless there are no more than two pixels
    to a step of the grid.

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
            ridge: as in `dst.warp.tps.RIDGE`.
            device: where points live and grids are made.
            dtype: of the grids and of the spline's values on them; its weights are always solved in float64.
        """
        self.size, self.frame = check_size(size), check_size(frame or size)
        self.ridge, self.nodes, self.device, self.dtype = ridge, nodes, torch.device(device), dtype
        x, y = node_grid(self.frame, nodes)
        self.shape, self.spacing = (len(y), len(x)), (float(x[1] - x[0]), float(y[1] - y[0]))
        points, anchor = mesh(x, y), torch.from_numpy(border_anchors(self.frame, anchors))
        with one_thread():
            inverse = torch.linalg.inv(saddle(anchor, ridge))
            spread = torch.cat([kernel(points, anchor), affine_basis(points)], 1) @ inverse  # (N, m + 3)
        self.anchor, self.inverse = anchor.to(self.device), (0.5 * (inverse + inverse.T)).to(self.device)
        self.spread_rows = spread.to(self.device, dtype)
        self.spread = self.spread_rows.T.contiguous()
        middle = torch.tensor(extent(self.frame), dtype=torch.float64) / 2
        from_middle = points - middle
        functions = [from_middle, (from_middle * from_middle).sum(1, keepdim=True), torch.ones_like(points[:, :1])]
        self.basis = torch.cat(functions, 1).T.contiguous().to(self.device, dtype)  # (4, N)
        self.middle = middle.to(self.device)

    @cached_property
    def _pixels(self) -> tuple:
        """What carries the coarse grid to the pixels: identity grid (2, H, W), matrices along y (2, H, ny) and along x
        (nx, W), the scale (2, 1, 1) from unit to grid coordinates, and both lattices of the tips or None.
        """
        (columns, rows), (width, height), (ny, nx) = self.size, extent(self.frame), self.shape
        vector = {"device": self.device, "dtype": self.dtype}
        x = (torch.arange(columns, dtype=torch.float64) + 0.5) / columns
        y = (torch.arange(rows, dtype=torch.float64) + 0.5) / rows
        identity = (2 * mesh(x, y) - 1).T.reshape(2, rows, columns).to(**vector)
        scale = torch.tensor([2 / width, 2 / height], dtype=torch.float64).reshape(2, 1, 1)
        up_y, up_x = (scale * cubic_matrix(ny, y)).to(**vector), cubic_matrix(nx, x).T.to(**vector)
        if max(self.size) <= 2 * max(self.shape):
            return identity, up_y, up_x, scale.to(**vector), None, None
        radius, step = _REACH * max(self.spacing), (width / columns, height / rows)
        fine = _Lattice(step, (step[0] / 2, step[1] / 2), self.size, radius, identity, **vector)
        coarse = _Lattice(self.spacing, (0.0, 0.0), (nx, ny), radius, torch.zeros(2, ny, nx, **vector), **vector)
        return identity, up_y, up_x, scale.to(**vector), coarse, fine

    def coarse(self, source: torch.Tensor, displacement: torch.Tensor) -> torch.Tensor:
        """The coarse displacement field (2, ny, nx) alone, as `flow` gives it."""
        if not len(source):
            return torch.zeros(2, *self.shape, dtype=self.dtype, device=self.device)
        return _Values.apply(source, displacement, self)[0].reshape(2, *self.shape)

    def flow(self, source: torch.Tensor, displacement: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The sampling grid and the coarse displacement field, differentiable (once) in both inputs.

        Args:
            source: (k, 2) control points in unit coordinates of the frame, (x, y); k may be 0.
            displacement: (k, 2) how far each moves, same units.

        Returns:
            grid (1, H, W, 2) for `grid_sample(..., align_corners=False)`;
            coarse (2, ny, nx): the backward displacement s(u) = g(u) - u, x then y, in unit coordinates, on nodes
            `spacing` apart from border to border.
        """
        identity, up_y, up_x, scale, nodes, pixels = self._pixels
        if not len(source):
            return identity.permute(1, 2, 0)[None].clone(), self.coarse(source, displacement)
        values, centres, weights = _Values.apply(source, displacement, self)
        smooth = coarse = values.reshape(2, *self.shape)
        if nodes is not None:
            smooth = coarse - _Tips.apply(centres, weights, nodes)
            identity = _Tips.apply(centres, weights * scale.reshape(1, 2), pixels)
        grid = torch.baddbmm(identity, up_y, smooth @ up_x)
        return grid.permute(1, 2, 0)[None], coarse
