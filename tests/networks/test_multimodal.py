"""Multimodal Transfer: what each of its networks sees, its loss held against a direct computation, its sizes."""

import pytest
import torch
from torch.nn import functional as F

from dst.config import TrainConfig
from dst.features import load_encoder
from dst.networks.feedforward import johnson, multimodal
from dst.networks.feedforward.table import NETWORKS

TINY = TrainConfig(network="multimodal", width=0.25, crop=32, batch=2)


@pytest.fixture(scope="module")
def network():
    return multimodal.build(TINY, 2)


def image(seed, height=32, width=32, count=1):
    """Smooth random images."""
    drawn = torch.rand(count, 3, 9, 9, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(drawn, (height, width), mode="bicubic", align_corners=False).clamp(0, 1)


def mix(*shares):
    return torch.tensor([shares])


def test_the_published_layers():
    network = multimodal.build(TrainConfig(network="multimodal"), 1)

    def widths(part):
        found = [m.convolution for m in part.modules() if hasattr(m, "convolution")]
        return [(c.in_channels, c.out_channels, c.kernel_size[0], c.stride[0]) for c in found]

    same = lambda n, count: [(n, n, 3, 1)] * count  # noqa: E731
    branch = [(16, 32, 3, 2), (32, 64, 3, 2), *same(64, 6)]
    assert widths(network.style.colour) == [(3, 16, 9, 1), *branch]
    assert widths(network.style.luminance) == [(1, 16, 9, 1), *branch]
    assert widths(network.style.residual) == same(128, 6)
    assert widths(network.style.head) == [(128, 64, 3, 1), (64, 32, 3, 1), (32, 3, 3, 1)]
    assert len(widths(network.enhance.colour)) == len(widths(network.style.colour)) + 1  # one halving more
    assert len(widths(network.enhance.head)) == len(widths(network.style.head)) + 1
    assert widths(network.refine.branch) == [(3, 32, 9, 1), (32, 64, 3, 2), (64, 128, 3, 2), *same(128, 6)]


def test_the_luminance_branch_sees_no_colour(network):
    grey = image(1)
    tint = torch.tensor([0.114, 0.0, -0.299]).view(1, 3, 1, 1) * 0.3  # of no luminance
    first, second = 0.3 + 0.3 * grey, 0.3 + 0.3 * grey + tint
    assert (first - second).abs().max() > 0.03
    with torch.no_grad():
        both = [network.style.luminance(multimodal.luminance(x), mix(1.0, 0.0)) for x in (first, second)]
        coloured = [network.style.colour(x.clone(), mix(1.0, 0.0)) for x in (image(1), image(1).flip(1))]
    torch.testing.assert_close(*both, rtol=0, atol=1e-4)
    assert (coloured[0] - coloured[1]).abs().max() > 1e-2
    blind = multimodal.build(TINY, 2)
    blind.style.colour.register_forward_hook(lambda module, given, made: torch.zeros_like(made))
    made = [blind.style(x, mix(0.5, 0.5)) for x in (first, second)]
    torch.testing.assert_close(*made, rtol=0, atol=1e-4)


def test_the_hierarchical_loss_is_the_sum_of_its_parts(network):
    encoder, images, styles = load_encoder(), image(2, count=2), [image(3, 64, 48), image(4, 48, 64)]
    targets = multimodal.prepare(styles, encoder, TINY)
    which = torch.tensor([1, 0])
    made = [image(5, 16, 16, 2), image(6, 32, 32, 2), image(7, 32, 32, 2)]
    found = multimodal.hierarchical(made, images, which, targets, TINY)
    assert list(found) == ["style", "enhance", "refine"]
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]

    def gram(maps):
        rows = maps.flatten(1).T
        return rows.T @ rows / len(rows)

    for name, output, factor, level in zip(found, made, (4, 2, 1), targets.levels, strict=True):
        photograph = images
        if output.shape[2] == 16:
            photograph = F.interpolate(images, (16, 16), mode="bilinear", align_corners=False, antialias=True)
        mine, theirs = (encoder(x, layers) for x in (output, photograph))
        content = (mine["relu3_1"] - theirs["relu3_1"]).square().mean() / level.spread
        style = 0.0
        for k, number in enumerate(which.tolist()):
            size = [n // factor for n in styles[number].shape[2:]]
            seen = styles[number]
            if factor > 1:
                seen = F.interpolate(seen, size, mode="bilinear", align_corners=False, antialias=True).clamp(0, 1)
            painting = encoder(seen, layers)
            for layer in layers:
                a, b = gram(mine[layer][k]), gram(painting[layer][0])
                style = style + (a - b).square().mean() / b.square().mean() / (len(layers) * len(which))
        steps = [output.diff(dim=d).square().sum((1, 2, 3)) for d in (2, 3)]
        grain = (steps[0] + steps[1]).mean() / output[0].numel()
        colours = johnson.COLORS_FACTOR * johnson.washes(output, photograph)
        wanted = content + 5 * style + colours + johnson.TV_FACTOR * grain
        assert found[name].item() == pytest.approx(float(wanted), rel=1e-3)


def test_the_three_are_trained_jointly(network):
    targets = multimodal.prepare([image(3, 64, 48), image(4, 48, 64)], load_encoder(), TINY)
    found = multimodal.terms(network, image(2, count=2), targets, TINY, torch.Generator().manual_seed(0))
    network.zero_grad()
    found["refine"].backward()
    for part in (network.style, network.enhance, network.refine):
        taught = [p for p in part.parameters() if p.requires_grad]
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in taught)
        assert sum(float(p.grad.abs().sum()) for p in taught) > 0
    network.zero_grad()


@pytest.mark.parametrize(
    ("size", "side", "wanted"),
    [
        ((1024, 1024), 256, [(256, 256), (512, 512), (1024, 1024)]),  # as published
        ((1024, 768), 96, [(256, 192), (512, 384), (1024, 768)]),
        ((256, 256), 96, [(96, 96), (192, 192), (256, 256)]),
        ((96, 300), 96, [(96, 300), (96, 300), (96, 300)]),
        ((1, 7), 256, [(1, 7), (1, 7), (1, 7)]),
    ],
)
def test_each_works_at_twice_the_size_of_the_one_before(size, side, wanted):
    assert multimodal.sizes_of(torch.empty(1, 3, *size), side) == wanted


@pytest.mark.parametrize("size", [(150, 131), (33, 70), (16, 16), (5, 3)])
def test_each_part_can_be_looked_at(network, size):
    found = NETWORKS["multimodal"].parts(network, image(8, *size), mix(1.0, 0.0))
    assert list(found) == ["style", "enhance", "refine"]
    assert [tuple(x.shape[2:]) for x in found.values()] == multimodal.sizes_of(torch.empty(1, 3, *size), 16)
    painted = NETWORKS["multimodal"].paint(network, image(8, *size), mix(1.0, 0.0))
    assert torch.equal(found["refine"], painted) and painted.shape[2:] == size
    assert torch.isfinite(painted).all() and painted.min() >= 0 and painted.max() <= 1


def test_refine_adds_to_what_it_is_given():
    network = multimodal.build(TINY, 1)
    with torch.no_grad():
        for values in network.refine.head.last.parameters():
            values.zero_()
        assert torch.equal(network.refine(image(9), mix(1.0)), image(9))


def test_styles_share_the_network(network):
    with torch.no_grad():
        changed = multimodal.build(TINY, 2)
        for module in changed.modules():
            if hasattr(module, "scale"):
                module.scale[1] *= 1.5
                module.shift[1] += 0.2
        first, second, middle = (
            multimodal.paint(changed, image(10), mix(*m)) for m in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5))
        )
        assert torch.equal(first, multimodal.paint(network, image(10), mix(1.0, 0.0)))
    assert (first - second).abs().max() > 1e-3
    assert (middle - first).abs().max() > 1e-4 and (middle - second).abs().max() > 1e-4
