"""Windows of a large image: every position in one of them, and the same values and gradients as of the whole."""

import pytest
import torch

from dst.features.sampling import Places, draw_positions, sample
from dst.features.windows import SHIFT, TILE, Windows, shifted, shifted_places

SIZES = [(TILE + 70, 3 * TILE + 5), (40, TILE + 1), (30, 50), (1, 9)]


def parts(size, image, positions, seed=0):
    """The groups of a size's windows, with the values of an image that each samples."""
    windows, padded = Windows(size), None if image is None else Windows(size).padded(image)
    for group in windows.groups([positions], torch.Generator().manual_seed(seed)):
        crops = windows.crops(padded, group.corners)
        assert crops.shape[-2:] == windows.shape
        yield windows, group, crops


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", [0, 1])
def test_what_windows_show_at_their_positions_is_what_the_image_shows(size, seed):
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.meshgrid(torch.arange(size[1]), torch.arange(size[0]), indexing="xy")
    image = torch.cat([torch.stack([x, y]).float(), torch.rand(2, *size, generator=generator)])[None]
    positions = draw_positions(1000, size, generator)
    found = [sample([crops], group.places[0])[0] for _, group, crops in parts(size, image, positions, seed)]
    wanted, given = sample([image], Places(positions))[0], torch.cat(found)
    assert given.shape == wanted.shape  # each position in one window
    same = torch.cdist(given[:, :2], wanted[:, :2]).argmin(1)  # told by where they are
    assert len(same.unique()) == len(wanted)
    assert torch.allclose(given, wanted[same], atol=5e-3)


def test_gradients_are_put_where_they_come_from():
    size = SIZES[0]
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    gradient = None
    for windows, group, crops in parts(size, image, draw_positions(500, size, torch.Generator().manual_seed(1))):
        gradient = torch.zeros_like(windows.padded(image)) if gradient is None else gradient
        windows.put(gradient, torch.ones_like(crops), group.corners)
    inside = Windows(size).inside(gradient)
    assert inside.shape == image.shape
    assert inside.min() >= 1 and inside.max() <= 4  # every pixel is in a window; at a corner of tiles, in four


def test_a_shifted_image_shows_the_same_at_its_positions():
    image = torch.rand(2, 3, 24, 40, generator=torch.Generator().manual_seed(0))
    places = Places(draw_positions(200, (24, 40), torch.Generator().manual_seed(1)))
    wanted = sample([image], places)
    for shift in ([0, 0], [3, 7], None):
        moved = shifted(image, shift)
        assert moved.shape[-1] == 40 + (0 if shift is None else SHIFT)
        assert torch.allclose(sample([moved], shifted_places(places, (24, 40), shift)), wanted, atol=1e-4)
