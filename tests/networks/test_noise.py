"""The noise that a network makes strokes of."""

import pytest
import torch

from dst.config import InputError, TrainConfig
from dst.networks.feedforward import johnson
from dst.networks.feedforward.noise import noise_of


def noise(height, width, place=(0, 0)):
    return noise_of(torch.zeros(1, 3, height, width), place)[0, 0]


def test_noise_has_unit_variance_at_several_scales():
    found = noise(1024, 1024)
    assert found.mean().abs() < 0.01 and found.var().item() == pytest.approx(1, abs=0.02)
    halves = found.unfold(0, 4, 4).unfold(1, 4, 4).mean((2, 3))
    assert 0.3 < halves.var() < 0.6  # white noise would have a sixteenth


def test_noise_is_that_of_a_position_whatever_the_picture():
    whole = noise(700, 900)
    assert torch.equal(noise(300, 200, (341, 77)), whole[341:641, 77:277])


def test_no_shift_of_the_noise_is_like_it():
    whole = noise(1100, 1100)
    shifts = [(0, n) for n in (4, 8, 16, 64, 251, 256, 257, 478, 512, 526, 964)]
    for y, x in [*shifts, *((x, y) for y, x in shifts), *((n, n) for _, n in shifts)]:
        one, other = whole[: 1100 - y, : 1100 - x], whole[y:, x:]
        assert (one * other).mean().abs() < 0.35, (y, x)


def painted(config, image):
    return johnson.paint(johnson.build(config, 1).eval(), image, torch.ones(1, 1))


def test_a_smooth_part_gets_no_regular_pattern():
    """Half of a picture is of one colour: without noise it is painted with the period of the enlargements."""
    image = torch.full((1, 3, 96, 256), 0.6)
    image[..., :64] = torch.rand(96, 64, generator=torch.Generator().manual_seed(0))
    for value, regular in ((0.0, True), (0.25, False)):
        made = painted(TrainConfig(width=0.25, noise=value), image)[..., 16:80, 180:240]
        moved = (made[..., 4:, :] - made[..., :-4, :]).abs().max()
        assert bool(moved < 1e-4) is regular, (value, moved)


def test_noise_goes_with_the_contrast():
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    config = TrainConfig(width=0.25)
    assert (painted(config, image) - painted(config, 0.3 * image + 0.4)).abs().max() < 0.02


def test_networks_that_have_their_own_or_none_refuse_it():
    for network in ("ulyanov", "multimodal", "adain"):
        with pytest.raises(InputError, match="no use for it"):
            TrainConfig.made(network=network, noise=0.1)
