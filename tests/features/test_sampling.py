"""Positions and samples: against grid_sample, and their spread."""

import pytest
import torch
from torch.nn import functional as F

from dst.features.sampling import Places, draw_positions, sample


@pytest.mark.parametrize("size", [(9, 14), (1, 5), (5, 1), (1, 1), (2, 2)])
def test_sampling_equals_grid_sample_in_value_and_gradient(size):
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 5, *size, generator=generator, dtype=torch.float64, requires_grad=True)
    positions = torch.rand(40, 2, generator=generator, dtype=torch.float64) * 2 - 1
    grid = positions.view(1, 1, -1, 2).expand(2, -1, -1, -1)
    expected = F.grid_sample(maps, grid, padding_mode="border", align_corners=False)[:, :, 0].transpose(1, 2)
    given = sample([maps], Places(positions))
    assert torch.allclose(given, expected)
    weights = torch.randn(given.shape, generator=generator, dtype=torch.float64)
    gradients = [torch.autograd.grad((values * weights).sum(), maps)[0] for values in (given, expected)]
    assert torch.allclose(*gradients)


@pytest.mark.parametrize("count, size", [(512, (48, 64)), (100, (10, 300)), (5000, (20, 20)), (7, (1, 1))])
def test_positions_fill_the_frame_evenly(count, size):
    positions = draw_positions(count, size, torch.Generator().manual_seed(0))
    assert 1 <= len(positions) <= min(1.3 * count, size[0] * size[1])
    assert positions.abs().max() <= 1
    if count > 50:
        assert positions.mean(0).abs().max() < 0.1
        assert (positions.std(0) - 3**-0.5).abs().max() < 0.1


def test_positions_stay_inside_a_mask_and_keep_their_number():
    mask = torch.zeros(1, 1, 40, 40)
    mask[..., 5:15, 20:30] = 1
    positions = draw_positions(80, (40, 40), torch.Generator().manual_seed(0), mask)
    pixels = (positions + 1) * 20
    assert 40 < len(positions) < 160
    assert (pixels[:, 0] > 19.4).all() and (pixels[:, 0] < 30.6).all()
    assert (pixels[:, 1] > 4.4).all() and (pixels[:, 1] < 15.6).all()
