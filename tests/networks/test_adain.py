"""AdaIN: statistics held against their closed form, regions, mixtures, the mirrored decoder, its objective."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from dst.config import InputError, TrainConfig
from dst.features import load_encoder
from dst.networks.feedforward import adain
from dst.networks.feedforward.table import NETWORKS

TINY = TrainConfig(network="adain", width=0.125, crop=32, batch=2)
ROW = NETWORKS["adain"]


def features(seed, height=6, width=5, channels=4):
    return 2 * torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(seed)) + 1


def image(seed, height=32, width=32):
    drawn = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(drawn, (height, width), mode="bicubic", align_corners=False).clamp(0, 1)


def moments(values):
    """Mean and deviation of each channel, by NumPy in float64."""
    flat = values[0].flatten(1).double().numpy()
    return flat.mean(1), flat.std(1)


@pytest.fixture(scope="module")
def network():
    return adain.build(TINY, 1)


def test_features_get_the_mean_and_the_deviation_of_the_style():
    content, style = features(1), 3 * features(2, 8, 9) - 5
    made = adain.adain(content, *adain.statistics(style))
    for own, wanted in zip(moments(made), moments(style), strict=True):
        np.testing.assert_allclose(own, wanted, rtol=1e-4, atol=1e-4)
    # what is left of the content is its pattern: an affine function of each channel
    for a, b in zip(content[0].flatten(1).numpy(), made[0].flatten(1).numpy(), strict=True):
        assert np.corrcoef(a, b)[0, 1] == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(adain.adain(content, *adain.statistics(content)), content, rtol=1e-4, atol=1e-4)


def test_a_flat_channel_stays_finite():
    made = adain.adain(torch.full((1, 2, 4, 4), 3.0), *adain.statistics(features(3, channels=2)))
    wanted = adain.statistics(features(3, channels=2))[0]
    torch.testing.assert_close(made, wanted.expand(1, 2, 4, 4), rtol=1e-4, atol=1e-3)


def test_each_region_has_the_statistics_of_its_style_and_leaves_the_others():
    content = features(4, 8, 8)
    left, right = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    left[..., :3], right[..., 3:6] = 1, 1  # the last two columns belong to none
    first, second, third = (adain.statistics(features(seed)) for seed in (5, 6, 7))
    made = adain.mixed(content, [first, second], masks=[left, right])
    for columns, style in ((slice(0, 3), first), (slice(3, 6), second)):
        own = moments(made[..., columns])
        np.testing.assert_allclose(own[0], style[0].flatten().double().numpy(), atol=1e-3)
        np.testing.assert_allclose(own[1], style[1].flatten().double().numpy(), atol=1e-3)
    assert torch.equal(made[..., 6:], content[..., 6:])
    other = adain.mixed(content, [first, third], masks=[left, right])
    assert torch.equal(other[..., :3], made[..., :3]) and not torch.allclose(other[..., 3:6], made[..., 3:6])
    # masks at the size of the image are brought to that of the features
    large = [F.interpolate(mask, scale_factor=8, mode="nearest", align_corners=None) for mask in (left, right)]
    torch.testing.assert_close(adain.mixed(content, [first, second], masks=large), made)


def test_styles_mix_by_their_shares():
    content, first, second = features(8), *(adain.statistics(features(seed)) for seed in (9, 10))
    alone = [adain.adain(content, *style) for style in (first, second)]
    made = adain.mixed(content, [first, second], shares=[3, 1])
    torch.testing.assert_close(made, 0.75 * alone[0] + 0.25 * alone[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(adain.mixed(content, [first, second]), (alone[0] + alone[1]) / 2, rtol=1e-4, atol=1e-5)
    for given in ({"shares": [1]}, {"masks": [torch.ones(1, 1, 4, 4)]}):
        with pytest.raises(InputError, match="give one for each"):
            adain.mixed(content, [first, second], **given)


def test_without_strength_the_photograph_decodes_its_own_features(network):
    photograph, encoder = image(11), load_encoder()
    mix = ROW.read(network, [image(12, 40, 50)], torch.ones(1, 1))
    with torch.no_grad():
        own = network(encoder(photograph, ["relu4_1"])["relu4_1"]).clamp(0, 1)
    found = ROW.paint(network, photograph, dataclasses.replace(mix, strength=0.0))
    torch.testing.assert_close(found, own)
    half, whole = (ROW.paint(network, photograph, dataclasses.replace(mix, strength=s)) for s in (0.5, 1.0))
    assert (whole - found).abs().max() > (half - found).abs().max() > 0


def test_regions_are_painted_each_by_its_part_of_a_style(network):
    photograph, first, second = image(20, 64, 128), image(21, 64, 64), image(22, 48, 48)
    left = torch.zeros(1, 1, 64, 128)
    left[..., :64] = 1
    part = torch.zeros(1, 1, 64, 64)
    part[:, :, :24] = 1
    regions = [(left, [(first, 1.0, part)]), (1 - left, [(first, 3.0, None), (second, 1.0, None)])]
    mix = ROW.read_regions(network, regions)
    encoder = load_encoder()
    maps = encoder(first, ["relu4_1"])["relu4_1"]
    for own, wanted in zip(mix.styles[0], moments(maps[:, :, :3]), strict=True):
        np.testing.assert_allclose(own.flatten().numpy(), wanted, rtol=1e-3, atol=4e-3)
    pair = [adain.read_style(encoder, x) for x in (first, second)]
    for own, one, other in zip(mix.styles[1], *pair, strict=True):
        torch.testing.assert_close(own, 0.75 * one + 0.25 * other)
    made = ROW.paint(network, photograph, mix)
    assert made.shape == photograph.shape
    # what another style does on the right does not reach the far left
    other = ROW.paint(network, photograph, ROW.read_regions(network, [regions[0], (1 - left, [(second, 1.0, None)])]))
    torch.testing.assert_close(made[..., :16], other[..., :16])
    assert (made - other)[..., 72:].abs().max() > 1e-3


@pytest.mark.parametrize("size", [(32, 32), (37, 61), (8, 8), (3, 9)])
def test_any_size(network, size):
    mix = ROW.read(network, [image(13, 20, 33)], torch.ones(1, 1))
    made = ROW.paint(network, image(14, *size), mix)
    assert made.shape == (1, 3, *size) and torch.isfinite(made).all() and made.min() >= 0 and made.max() <= 1


def test_the_decoder_mirrors_the_encoder():
    def widths(network):
        found = [m.convolution for m in network.modules() if hasattr(m, "convolution")]
        return [(c.in_channels, c.out_channels) for c in found]

    published = [(512, 256), *[(256, 256)] * 3, (256, 128), (128, 128), (128, 64), (64, 64), (64, 3)]
    assert widths(adain.build(TrainConfig(network="adain", encoder="vgg19"), 1)) == published
    compact = [
        (80, 32), (32, 32), (32, 48), (48, 64), (64, 32), (32, 32), (32, 16), (16, 16), (16, 3),
    ]  # fmt: skip
    assert widths(adain.build(TrainConfig(network="adain", width=0.25), 1)) == compact
    small = adain.build(TINY, 1)
    assert small(torch.randn(1, 80, 5, 4)).shape == (1, 3, 40, 32)


def test_the_objective_is_that_of_the_paper(network):
    encoder, images = load_encoder(), torch.cat([image(15), image(16)])
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]

    square = (image(17) * 255).round() / 255
    targets = ROW.prepare([square], encoder, TINY)
    draws = torch.Generator().manual_seed(5)
    found = ROW.terms(network, images, targets, TINY.replace(style=0.5), draws)
    assert set(found) == {"content", "style", "itself"}
    # the same paintings, drawn again
    paintings, itself = adain._drawn(images, targets.styles, torch.Generator().manual_seed(5))
    assert torch.equal(paintings[itself], images[itself])
    content = style = 0.0
    for k in range(2):
        own, other = (encoder(x[k : k + 1], layers) for x in (images, paintings))
        mean, deviation = moments(other["relu4_1"])
        own_mean, own_deviation = moments(own["relu4_1"])
        maps = own["relu4_1"][0].double().numpy()
        scaled = (maps - own_mean[:, None, None]) / (own_deviation[:, None, None] + 1e-12)
        target = scaled * deviation[:, None, None] + mean[:, None, None]
        with torch.no_grad():
            made = encoder(network(torch.from_numpy(target[None]).float()), layers)
        content += np.square(made["relu4_1"][0].numpy() - target).mean() / 2
        for layer in layers:
            for a, b in zip(moments(made[layer]), moments(other[layer]), strict=True):
                style += np.square(a - b).mean() / 2
    assert found["content"].item() == pytest.approx(content, rel=0.02)
    assert found["style"].item() == pytest.approx(0.5 * style, rel=0.02)
    sum(found.values()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    assert not any(p.requires_grad for p in encoder.parameters())
    network.zero_grad()


def test_the_loss_falls():
    network, images = adain.build(TINY, 1), torch.cat([image(23), image(24)])
    targets = ROW.prepare([image(25, 64, 64)], load_encoder(), TINY)
    adam, totals = torch.optim.Adam(network.parameters(), 3e-3), []
    for _ in range(30):
        total = sum(ROW.terms(network, images, targets, TINY, torch.Generator().manual_seed(5)).values())
        adam.zero_grad()
        total.backward()
        adam.step()
        totals.append(float(total.detach()))
    assert totals[-1] < 0.5 * totals[0]


def test_squares_come_out_of_the_paintings():
    styles = [torch.full((1, 3, 20, 30), level, dtype=torch.uint8) for level in (0, 255)]
    draws = torch.Generator().manual_seed(0)
    made = [adain._cut(styles, 16, draws) for _ in range(20)]
    assert all(x.shape == (3, 16, 16) for x in made)
    assert {round(float(x.mean()), 3) for x in made} == {0.0, 1.0}
    assert all(float(x.std()) < 1e-5 for x in made)


def test_no_painting_is_refused():
    with pytest.raises(InputError, match="give a folder"):
        ROW.prepare([], load_encoder(), TINY)
