"""Every term against a second way of computing it, or against an invariance that it promises."""

import pytest
import torch
from torch.nn import functional as F

from dst import losses


def rows(n, c, seed=0, **kw):
    return torch.randn(n, c, generator=torch.Generator().manual_seed(seed), dtype=torch.float64, **kw)


def plain_relaxed_emd(distance):
    return torch.maximum(distance.min(1).values.mean(), distance.min(0).values.mean())


@pytest.mark.parametrize("n, m", [(7, 7), (5, 11), (11, 5), (1, 6)])
def test_relaxed_emd_and_its_gradient_equal_the_plain_formula(n, m):
    a, b = rows(n, 4).requires_grad_(True), rows(m, 4, 1)
    plain = plain_relaxed_emd(1 - F.normalize(a, dim=1) @ F.normalize(b, dim=1).T)
    value = losses.relaxed_emd(a, b)
    assert torch.allclose(value, plain, atol=1e-9)
    expected, given = torch.autograd.grad(plain, a)[0], torch.autograd.grad(value, a)[0]
    assert torch.allclose(given, expected, atol=1e-8)


@pytest.mark.parametrize("n, m", [(6, 9), (9, 6)])
def test_palette_equals_the_plain_formula(n, m):
    a, b = rows(n, 3).requires_grad_(True), rows(m, 3, 1)
    distance = torch.cdist(a, b) + 1 - F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
    value = losses.palette(a, b)
    assert torch.allclose(value, plain_relaxed_emd(distance), atol=1e-5)
    expected = torch.autograd.grad(plain_relaxed_emd(distance), a)[0]
    assert torch.allclose(torch.autograd.grad(value, a)[0], expected, atol=1e-4)


def test_a_set_is_at_no_distance_from_itself_in_any_order():
    a = rows(20, 5)
    shuffled = a[torch.randperm(20, generator=torch.Generator().manual_seed(3))]
    assert losses.relaxed_emd(a, shuffled).abs() < 1e-9
    assert losses.palette(a[:, :3], shuffled[:, :3]).abs() < 1e-5


def test_self_similarity_content_ignores_scale_and_repetition():
    a, b = rows(12, 6), rows(12, 6, 1)
    assert losses.content_self_similarity(3 * a, losses.self_similarity(a)) < 1e-6
    once = losses.content_self_similarity(a, losses.self_similarity(b))
    twice = losses.content_self_similarity(torch.cat([a, a]), losses.self_similarity(torch.cat([b, b])))
    assert torch.allclose(once, twice, atol=1e-5)
    assert 0 < once <= 2


def test_moments_equal_torch_cov():
    a, b = rows(40, 5), rows(30, 5, 1)
    mean, covariance = losses.mean_and_covariance(b)
    assert torch.allclose(covariance, torch.cov(b.T))
    expected = (a.mean(0) - b.mean(0)).abs().mean() + (torch.cov(a.T) - torch.cov(b.T)).abs().mean()
    assert torch.allclose(losses.moments(a, mean, covariance), expected)


def test_a_style_of_one_colour_is_a_mean_without_spread():
    features, colors = rows(30, 4).requires_grad_(True), rows(30, 3, 1).requires_grad_(True)
    mean, color = torch.arange(4.0).double(), torch.tensor([0.2, 0.5, 0.1]).double()
    wanted = losses.moments(features, mean, torch.zeros(4, 4)) + 0.5 * (colors - color).norm(dim=1).mean()
    found = losses.flat_style(features, colors, mean, color, 0.5)
    assert abs(found - wanted) < 3 * losses.REST
    near = [x.expand(30, -1).clone() + 1e-5 * rows(30, len(x), 2) for x in (mean, color)]
    near = [x.requires_grad_(True) for x in near]
    value = losses.flat_style(*near, mean, color, 0.5)
    assert value == 0 and all((g == 0).all() for g in torch.autograd.grad(value, near))


def test_gram_equals_the_sum_of_outer_products_and_a_mask_selects():
    maps = rows(24, 3).T.reshape(1, 3, 4, 6)
    expected = torch.einsum("ncij,ndij->ncd", maps, maps) / 24
    assert torch.allclose(losses.gram(maps), expected)
    mask = torch.zeros(1, 1, 4, 6, dtype=torch.float64)
    mask[..., :2] = 1
    assert torch.allclose(losses.gram(maps, mask), losses.gram(maps[..., :2]))


def test_gram_and_content_differences_do_not_depend_on_the_scale_of_features():
    a, b = rows(24, 3).T.reshape(1, 3, 4, 6), rows(24, 3, 1).T.reshape(1, 3, 4, 6)
    small = losses.gram_difference(losses.gram(a), losses.gram(b))
    large = losses.gram_difference(losses.gram(50 * a), losses.gram(50 * b))
    assert torch.allclose(small, large, rtol=1e-4)
    assert torch.allclose(losses.content_features(a, b), losses.content_features(50 * a, 50 * b), rtol=1e-4)
    assert losses.gram_difference(losses.gram(b), losses.gram(b)).sum() == 0


def test_smooth_terms_pass_gradcheck():
    target_mean, target_covariance = losses.mean_and_covariance(rows(9, 3, 1))
    target_gram = losses.gram(rows(12, 3, 2).T.reshape(1, 3, 3, 4))
    self_target = losses.self_similarity(rows(6, 3, 3))
    a = rows(6, 3).requires_grad_(True)
    uneven = torch.arange(9.0, dtype=torch.float64).view(3, 3)  # a gradient that is not symmetric, as the matrices are
    checks = [
        lambda x: (losses.mean_and_covariance(x)[1] * uneven).sum(),
        lambda x: (losses.gram(x.T.reshape(1, 3, 2, 3)) * uneven).sum(),
        lambda x: losses.moments(x, target_mean, target_covariance),
        lambda x: losses.content_self_similarity(x, self_target),
        lambda x: losses.gram_difference(losses.gram(x.T.reshape(1, 3, 2, 3)), target_gram).sum(),
        lambda x: losses.warp_loss(x[:, :2], rows(6, 2, 4)),
    ]
    assert all(torch.autograd.gradcheck(check, (a,)) for check in checks)


@pytest.mark.parametrize("values", [torch.zeros(8, 3), torch.full((8, 3), 0.5), torch.eye(8, 3)])
def test_flat_and_grey_rows_give_finite_values_and_gradients(values):
    a = values.clone().requires_grad_(True)
    total = losses.relaxed_emd(a, values) + losses.palette(a, values) + losses.relaxed_emd(a, torch.zeros(4, 3))
    total = total + losses.content_self_similarity(a, losses.self_similarity(values))
    total = total + losses.moments(a, *losses.mean_and_covariance(values))
    total.backward()
    assert total.isfinite() and a.grad.isfinite().all()


def test_warp_loss_is_in_pixels_of_a_256_pixel_frame():
    displacement = torch.zeros(4, 2, dtype=torch.float64)
    target = torch.tensor([[3.0, 4.0]] * 4, dtype=torch.float64) / 256
    assert torch.allclose(losses.warp_loss(displacement, target), torch.tensor(5.0, dtype=torch.float64), atol=1e-4)
    weights = torch.tensor([1.0, 0.6, 0.4, 0], dtype=torch.float64)
    weighted = losses.warp_loss(displacement, target, weights)
    assert torch.allclose(weighted, torch.tensor(2.5, dtype=torch.float64), atol=1e-4)
    assert losses.warp_loss(displacement[:0], target[:0]) == 0


def test_total_variation_of_a_stretch_is_its_slope_on_any_grid():
    values = []
    for nodes in (9, 33):
        axis = torch.linspace(0, 1, nodes, dtype=torch.float64)
        flow = torch.stack([0.25 * axis.expand(nodes, nodes), torch.zeros(nodes, nodes, dtype=torch.float64)])
        values.append(losses.flow_total_variation(flow, (1 / (nodes - 1), 1 / (nodes - 1))))
    assert torch.allclose(torch.stack(values), torch.full((2,), 0.25 * 2 / 128, dtype=torch.float64))
