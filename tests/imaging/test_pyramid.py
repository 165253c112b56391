import pytest
import torch

from dst.config import InputError
from dst.imaging import pyramid


@pytest.mark.parametrize("size", [(64, 64), (37, 53), (16, 200), (3, 3), (1, 40)])
@pytest.mark.parametrize("levels", [1, 3, 9])
def test_compose_undoes_decompose_at_any_size(size, levels):
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    bands = pyramid.decompose(image, levels)
    assert len(bands) <= levels
    assert pyramid.sides(*size, levels) == [tuple(band.shape[-2:]) for band in bands]
    assert torch.allclose(pyramid.compose(bands), image, atol=1e-6)


def test_a_flat_image_has_only_its_coarse_remainder():
    bands = pyramid.decompose(torch.full((1, 3, 45, 30), 0.3), 4)
    assert all(band.abs().max() < 1e-6 for band in bands[:-1])
    assert torch.allclose(bands[-1], torch.tensor(0.3))


def test_a_coarse_band_moves_the_whole_image_and_nothing_else():
    bands = pyramid.decompose(torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)), 5)
    before = pyramid.compose(bands)
    bands[-1] = bands[-1] + 0.1
    assert torch.allclose(pyramid.compose(bands) - before, torch.tensor(0.1), atol=1e-6)


def test_no_levels_is_an_error():
    with pytest.raises(InputError, match="levels is 0"):
        pyramid.decompose(torch.zeros(1, 3, 8, 8), 0)


@pytest.mark.parametrize(
    "side, smallest, sides",
    [(256, 64, [64, 128, 256]), (64, 64, [64]), (40, 64, [40]), (1000, 64, [125, 250, 500, 1000])],
)
def test_scales_halve_down_to_the_smallest(side, smallest, sides):
    assert pyramid.scale_schedule(side, smallest) == sides


@pytest.mark.parametrize("size", [(64, 96), (341, 138), (57, 1138), (9, 13)])
def test_what_low_frequencies_have_too_much_is_taken_away_without_ripples(size):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 2, *size, generator=generator)
    levels = 3 if min(size) > 16 else 2
    coarse = pyramid.compose(pyramid.decompose(image, 5)[levels:])
    assert pyramid.excess(image, coarse, levels).abs().max() < 1e-5
    moved = image + 0.3 * torch.randn(image.shape, generator=generator) + 0.2
    first = pyramid.excess(moved, coarse, levels).abs().mean()
    for _ in range(40):
        moved = moved - pyramid.excess(moved, coarse, levels)
    assert pyramid.excess(moved, coarse, levels).abs().mean() < 0.05 * first
    assert moved.abs().max() < 3
