"""The warp inside an optimisation: against its specification, the exact warp, symmetries."""

import pytest
import torch
import torch.nn.functional as F
from warps import gentle, pixel_centres, scattered

from dst.warp import FlowGrid, to_pixels
from dst.warp.coordinates import mesh
from dst.warp.flow import _Tips, _Values, plain_tips, plain_values


def test_flow_grid_gradients():
    flow = FlowGrid((24, 17), nodes=9, anchors=9, dtype=torch.float64)
    points = torch.from_numpy(scattered(4, (24, 17)))
    theta = 0.03 * torch.randn(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    theta.requires_grad_()
    shape = torch.rand(3, 24 * 17 * 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def projected(source, moved):
        grid, coarse = flow.flow(source, moved)
        return shape @ grid.reshape(-1), shape[:, : coarse.numel()] @ coarse.reshape(-1)

    assert torch.autograd.gradcheck(projected, (points.requires_grad_(), theta), atol=1e-6)


@pytest.mark.parametrize("size", [(24, 17), (120, 160)])
def test_the_values_and_their_gradient_are_those_of_the_specification(size):
    flow = FlowGrid(size, nodes=13, anchors=9, dtype=torch.float64)
    points = torch.from_numpy(scattered(6, size)).requires_grad_()
    theta = (0.03 * torch.sin(9 * points.detach())).requires_grad_()
    weight = torch.rand(
        2, flow.shape[0] * flow.shape[1], dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    found, plain = _Values.apply(points, theta, flow)[0], plain_values(points, theta, flow)
    assert torch.allclose(found, plain, atol=1e-10)
    for mine, own in zip(
        *(torch.autograd.grad((v * weight).sum(), (points, theta)) for v in (found, plain)), strict=True
    ):
        assert torch.allclose(mine, own, atol=1e-8)


def test_the_tips_and_their_gradient_are_those_of_the_specification():
    flow = FlowGrid((300, 200), nodes=25, dtype=torch.float64)
    weights = torch.randn(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    centres = torch.from_numpy(scattered(7, (300, 200))).requires_grad_()
    for lattice in flow._pixels[-2:]:
        found, plain = _Tips.apply(centres, weights, lattice), plain_tips(centres, weights, lattice)
        assert torch.allclose(found, plain, atol=1e-12)
        pairs = zip(*(torch.autograd.grad(v.square().sum(), (centres, weights)) for v in (found, plain)), strict=True)
        assert all(torch.allclose(mine, own, atol=1e-9) for mine, own in pairs)


def test_coarse_field_alone_has_the_same_values_and_gradient():
    flow, points = FlowGrid((300, 200)), torch.from_numpy(scattered(9, (300, 200)))
    theta = (0.02 * torch.sin(9 * points)).requires_grad_()
    alone, beside = flow.coarse(points, theta), flow.flow(points, theta)[1]
    assert torch.equal(alone, beside) and alone.shape == (2, *flow.shape)
    one, other = (torch.autograd.grad(field.square().sum(), theta)[0] for field in (alone, beside))
    assert torch.equal(one, other)
    assert not flow.coarse(points[:0], theta[:0]).any()


@pytest.mark.parametrize(
    ("size", "seed", "noise", "limit"),
    [
        ((64, 64), 0, 0.004, 0.05),
        ((128, 96), 1, 0.004, 0.15),
        ((256, 171), 1, 0.004, 0.05),
        ((120, 256), 2, 0.008, 0.05),
    ],
)
def test_flow_grid_is_exact_to_a_fraction_of_a_pixel(size, seed, noise, limit):
    warp = gentle(size, 50, seed, noise)
    flow = FlowGrid(size)
    grid, coarse = flow.flow(torch.from_numpy(warp.source.copy()), torch.from_numpy(warp.moved))
    at = pixel_centres(size)
    exact = to_pixels(at + warp.spline(at), size)
    found = ((grid[0].double() + 1) * torch.tensor(size) - 1) / 2
    assert (found.reshape(-1, 2) - exact).norm(dim=1).max() < limit
    ny, nx = flow.shape
    nodes = mesh(torch.arange(nx) * flow.spacing[0], torch.arange(ny) * flow.spacing[1]).double()
    assert (coarse.reshape(2, -1).T - warp.spline(nodes)).abs().max() < 1e-5


def test_flow_is_the_same_at_every_resolution():
    points, moved = torch.from_numpy(scattered(20, (256, 192))), torch.full((20, 2), 0.02)
    small, coarse = FlowGrid((160, 120), dtype=torch.float64).flow(points, moved)
    large, other = FlowGrid((480, 360), dtype=torch.float64).flow(points, moved)
    assert torch.equal(coarse, other)
    assert (large[:, 1::3, 1::3] - small).abs().max() < 2e-4


def test_flow_grid_in_the_frame_of_another_size():
    points, moved = torch.from_numpy(scattered(20, (1000, 667))), torch.full((20, 2), 0.02)
    rounded = FlowGrid((64, 43), (1000, 667)).flow(points, moved)[1]
    assert torch.equal(rounded, FlowGrid((1000, 667)).flow(points, moved)[1])


def test_flow_swaps_with_the_axes():
    points, moved = torch.from_numpy(scattered(15, (96, 64))), torch.tensor([[0.03, -0.01]]).repeat(15, 1)
    one, _ = FlowGrid((96, 64), dtype=torch.float64).flow(points, moved)
    other, _ = FlowGrid((64, 96), dtype=torch.float64).flow(points.flip(1), moved.flip(1))
    assert (one - other.transpose(1, 2).flip(3)).abs().max() < 1e-7


def test_flow_without_points_is_the_identity():
    flow = FlowGrid((32, 20))
    grid, coarse = flow.flow(torch.zeros(0, 2), torch.zeros(0, 2))
    image = torch.rand(1, 3, 20, 32, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(F.grid_sample(image, grid, align_corners=False), image, atol=1e-5)
    assert not coarse.any()
    still, _ = flow.flow(torch.from_numpy(scattered(5, (32, 20))), torch.zeros(5, 2))
    assert torch.allclose(still, grid, atol=1e-6)
