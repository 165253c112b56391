"""Colours of one image in the palette of others."""

import numpy as np
import torch
from kornia.color import rgb_to_lab

from dst.imaging import color, histogram
from dst.imaging.masks import read_segmentation


def two_halves(width, height, swap=False):
    mask = np.zeros((height, width, 3), np.uint8)
    mask[:, : width // 2] = (250, 10, 0)
    mask[:, width // 2 :] = (0, 0, 255)
    return mask[:, ::-1].copy() if swap else mask


def images():
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 5, 6, generator=generator)
    both = torch.nn.functional.interpolate(coarse, size=(40, 48), mode="bilinear", align_corners=False)
    return both[:1], both[1:]


def test_luminance_keeps_a_and_b_of_the_content():
    content, painted = images()
    kept = color.keep_chroma(painted, content)
    own, wanted, given = (rgb_to_lab(x) for x in (kept, content, painted))
    assert (own - wanted)[:, 1:].abs().max() < 0.5
    assert (own - given)[:, 0].abs().mean() < (wanted - given)[:, 0].abs().mean() / 2
    assert torch.allclose(color.keep_chroma(content, content), content, atol=1e-3)


def test_grey_has_the_same_lightness_and_no_colour():
    content, _ = images()
    lab = rgb_to_lab(color.grey(content))
    assert lab[:, 1:].abs().max() < 0.1
    assert (lab - rgb_to_lab(content))[:, 0].abs().max() < 0.1


def test_matched_colours_have_the_quantiles_along_the_palettes_axes():
    content, style = (0.3 * x + 0.3 for x in images())
    matched = histogram.match_colors(style, [content])
    axes = torch.linalg.eigh(torch.cov(content.flatten(2)[0])).eigenvectors
    have, want = (axes.T @ x.flatten(2)[0] for x in (matched, content))
    for q in (0.125, 0.5, 0.875):
        assert torch.allclose(have.quantile(q, 1), want.quantile(q, 1), atol=0.02)


def test_matching_colours_invents_none():
    content, style = images()
    ramp = content.mean(1, keepdim=True) * torch.tensor([0.9, 0.5, 0.2]).view(1, 3, 1, 1)  # browns, dark to light
    matched = histogram.match_colors(style, [ramp])
    direction = torch.tensor([0.9, 0.5, 0.2]) / torch.tensor([0.9, 0.5, 0.2]).norm()
    along = torch.einsum("c,nchw->nhw", direction, matched)
    assert (matched - direction.view(1, 3, 1, 1) * along[:, None]).abs().max() < 0.03


def test_the_grain_of_a_flat_image_is_not_blown_up():
    grain = 0.5 + 0.001 * torch.randn(1, 3, 40, 48, generator=torch.Generator().manual_seed(1))
    content, _ = images()
    matched = histogram.match_colors(grain, [content])
    assert matched.isfinite().all() and matched.std((2, 3)).max() < 0.1 < content.std((2, 3)).min()


def test_shares_decide_how_much_each_palette_counts():
    content, _ = images()
    dark, light = content * 0.2, content * 0.2 + 0.8
    means = [histogram.match_colors(content, [dark, light], s).mean() for s in ([1.0, 0.0], [1.0, 1.0], [0.0, 1.0])]
    assert abs(means[0] - dark.mean()) < 0.02 and abs(means[2] - light.mean()) < 0.02
    assert means[0] + 0.2 < means[1] < means[2] - 0.2


def test_recolouring_carries_the_palette_and_areas_apart():
    content, style = images()
    whole = histogram.recolor(content * 0.2 + 0.4, [style * 0.2 + 0.4], [1.0], None)
    assert torch.allclose(whole.mean((2, 3)), (style * 0.2 + 0.4).mean((2, 3)), atol=0.01)
    assert torch.equal(histogram.recolor(content, [style], [1.0], None, strength=0.0), content)
    areas = read_segmentation(two_halves(48, 40), two_halves(48, 40, swap=True), (48, 40), [(48, 40)], 64)
    black_white = torch.cat([torch.zeros(1, 3, 40, 24), torch.ones(1, 3, 40, 24)], 3)
    apart = histogram.recolor(content, [black_white], [1.0], areas.segments())
    assert apart[..., :24].min() > 0.9 and apart[..., 24:].max() < 0.1
