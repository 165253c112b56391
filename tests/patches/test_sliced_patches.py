"""Sliced distributions of patches: the distance against a formula, and what holds of every picture that is made."""

import numpy as np
import pytest
import torch
from conftest import blobs
from torch.nn import functional as F

from dst import imaging
from dst.patches.gpdm import SlicedDistribution, color_plane, difference, directions, projected, ranked
from dst.patches.pyramid import Walk, color_axes, walk


def picture(size=(48, 36), seed=0):
    return imaging.read(blobs(size, seed)).rgb


def formula(first, second, filters):
    """Mean over directions of the mean absolute difference of sorted projections, in float64, patches written out."""
    edge = filters.shape[-1] // 2
    rows = [F.unfold(F.pad(x.double(), (edge,) * 4, mode="reflect"), filters.shape[-1])[0] for x in (first, second)]
    one, two = ((filters.flatten(1).double() @ row).sort(1).values for row in rows)
    return float((one - two).abs().mean())


def test_the_distance_is_the_formula_and_the_gradient_its_slope():
    first, second = picture((24, 20), 1) * 2 - 1, picture((24, 20), 2) * 2 - 1
    filters = directions(9, 5, torch.Generator().manual_seed(0))
    assert torch.allclose(filters.flatten(1).norm(dim=1), torch.ones(9))
    loss, gradient = difference(first, projected(second, filters).flatten(1).numpy(), filters)
    assert loss == pytest.approx(formula(first, second, filters), rel=1e-4)
    way = torch.randn(first.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    step = 1e-6
    slope = (formula(first + step * way, second, filters) - formula(first - step * way, second, filters)) / (2 * step)
    assert float((gradient * way).sum()) == pytest.approx(slope, rel=0.02)


def test_ranks_go_over_to_rows_of_another_length():
    values = np.array([[3.0, 1.0, 2.0]], np.float32)
    assert ranked(values, np.array([[30.0, 10.0, 20.0]], np.float32)).tolist() == [[30, 10, 20]]
    assert ranked(values, np.array([[0.0, 8.0]], np.float32)).tolist() == [[8, 0, 4]]
    assert ranked(values, np.array([[0.0, 1, 2, 3, 4]], np.float32)).tolist() == [[4, 0, 2]]
    assert ranked(values, np.array([[7.0]], np.float32)).tolist() == [[7, 7, 7]]


def test_the_source_is_a_fixed_point():
    source = picture()
    made = walk(SlicedDistribution(steps=5), Walk(source, (36, 48), start=1.0))
    assert torch.allclose(made, source, atol=1e-6)


@pytest.mark.parametrize("more", [{}, {"positions": None, "tinted": False, "rate": 0.01, "end": 1.0}])
@pytest.mark.parametrize("size", [(36, 48), (41, 29)])
def test_patches_come_nearer_to_the_source(size, more):
    source, told = picture(), []
    engine = SlicedDistribution(steps=25, seed=2, **more)
    work = Walk(source, size, noise=0.8, tinted=True, smallest=28, seed=2)
    made = walk(engine, work, lambda step: told.append(step) and False)
    assert made.shape[-2:] == size and told[-1].done == told[-1].total_steps == len(told)
    filters = directions(32, 7, torch.Generator().manual_seed(9))
    noise = source.new_full(made.shape, 0.5) + 0.4 * torch.randn(made.shape, generator=torch.Generator().manual_seed(0))
    far, near = (difference(x, projected(source, filters).flatten(1).numpy(), filters)[0] for x in (noise, made))
    assert near < 0.2 * far
    assert torch.equal(made, walk(SlicedDistribution(steps=25, seed=2, **more), work))


def test_what_stays_stays_and_holes_do_not_count():
    source = picture()
    area = torch.zeros(36, 48, dtype=torch.bool)
    area[10:20, 10:30] = True
    other = source.clone()
    other[..., area] = 0.0
    first, second = (
        walk(SlicedDistribution(steps=4), Walk(x, (36, 48), source, start=1.0, usable=~area, made=area))
        for x in (source, other)
    )
    assert torch.equal(first, second)
    assert torch.allclose(first[..., ~area], source[..., ~area], atol=1e-6)
    assert not torch.allclose(first[..., area], source[..., area], atol=1e-3)


def test_colour_axes_span_the_colours():
    image = picture()
    axes = color_axes(image)
    assert float(axes.square().sum()) == pytest.approx(3, rel=1e-4)
    grey = image.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    along = color_axes(grey)[:, -1].abs()
    assert torch.allclose(along / along[0], torch.ones(3), atol=1e-4)


@pytest.mark.parametrize("tinted", [True, False])
def test_a_grey_source_gives_a_grey_picture_and_a_tinted_one_its_tint(tinted):
    grey = picture().mean(1, keepdim=True)
    for tint in ([1.0, 1.0, 1.0], [0.9, 0.6, 0.3]):
        tint = torch.tensor(tint).view(1, 3, 1, 1)
        work = Walk(grey * tint, (30, 40), noise=1.0, tinted=tinted, smallest=18)
        made = walk(SlicedDistribution(steps=5, tinted=tinted, positions=None), work)
        apart = made - made[:, :1] / tint[:, :1] * tint
        assert float(apart.abs().max()) < 0.004  # as near as a step of 8 bits


def test_a_coloured_guess_loses_what_a_grey_source_has_not():
    grey = picture().mean(1, keepdim=True).expand(-1, 3, -1, -1)
    guess = picture(seed=5)
    area = torch.zeros(guess.shape[-2:], dtype=torch.bool)
    area[8:24, 8:24] = True
    work = Walk(grey, tuple(guess.shape[-2:]), guess, start=1.0, made=area, smallest=18)
    made = walk(SlicedDistribution(steps=2, rate=0.01), work)
    assert float((made.amax(1) - made.amin(1))[0][area].max()) < 0.004
    torch.testing.assert_close(made[..., ~area], guess[..., ~area])


def test_a_source_of_all_colours_is_not_held_to_a_plane():
    assert color_plane(picture() * 2 - 1) is None
