import pytest
import torch

from dst.imaging import color


def colours(seed=0):
    return torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(seed)) * 0.3 + 0.3


def test_moments_equal_torch_cov_and_weights_average():
    a, b = colours(0), colours(1)
    mean, covariance = color.color_moments([a])
    pixels = a.double().reshape(3, -1)
    assert torch.allclose(mean, pixels.mean(1)) and torch.allclose(covariance, torch.cov(pixels, correction=0))
    both = color.color_moments([a, b], [1.0, 3.0])[0]
    assert torch.allclose(both, 0.25 * mean + 0.75 * color.color_moments([b])[0])


def test_transferred_colours_have_the_moments_asked_for():
    wanted = color.color_moments([colours(1) * 0.7 + 0.1])
    moved = color.transfer_colors(colours(0), *wanted)
    mean, covariance = color.color_moments([moved])
    assert torch.allclose(mean, wanted[0], atol=2e-3) and torch.allclose(covariance, wanted[1], atol=2e-3)


def test_transfer_to_its_own_colours_changes_nothing():
    image = colours()
    assert torch.allclose(color.transfer_colors(image, *color.color_moments([image])), image, atol=1e-3)


def test_colours_of_little_spread_are_moved_as_they_are():
    flat, other = (0.5 + 0.002 * torch.randn(1, 3, 20, 30, generator=torch.Generator().manual_seed(k)) for k in (0, 1))
    moved = color.transfer_colors(flat, *color.color_moments([other]))
    assert torch.allclose(moved, flat, atol=2e-3)


def test_tones_of_a_grey_style_are_grey_and_keep_the_order_of_lightness():
    image, grey = colours(), colours(1)[:, :1].expand(-1, 3, -1, -1)
    painted = color.tone_colors(image, *color.color_moments([grey]))
    assert (painted - painted.mean(1, keepdim=True)).abs().max() < 1e-2
    luma = (image * torch.tensor(color.LUMA).view(1, 3, 1, 1)).sum(1).flatten()
    order = painted.mean(1).flatten()[luma.argsort()]
    assert (order.diff() >= -1e-6).all()


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_one_colour_images_give_finite_colours(level):
    flat = torch.full((1, 3, 8, 8), level)
    for given in (flat, colours()):
        for asked in (flat, colours(1)):
            moments = color.color_moments([asked])
            for result in (color.transfer_colors(given, *moments), color.tone_colors(given, *moments)):
                assert result.isfinite().all() and result.min() >= 0 and result.max() <= 1
    assert (color.tone_colors(colours(), *color.color_moments([flat])) - level).abs().max() < 0.05


def test_opponent_axes_are_undone_and_a_unit_step_moves_chroma_less():
    image = colours()
    assert torch.allclose(color.to_rgb(color.to_opponent(image)), image, atol=1e-6)
    steps = [color.to_rgb(torch.eye(3)[i].view(1, 3, 1, 1)).norm() for i in range(3)]
    assert torch.allclose(torch.stack(steps), torch.tensor([1.0, color.CHROMA_STEP, color.CHROMA_STEP]))


def chroma(image):
    return color.rgb_to_lab(image)[:, 1:]


def test_matched_chroma_has_the_styles_moments_and_lightness_stays():
    image, styles = colours(0), [colours(1) * 0.9, colours(2) * 0.5]
    moved = color.match_chroma(image, styles, [1.0, 3.0])
    wanted = color.color_moments([chroma(style) for style in styles], [1.0, 3.0])
    for found, aim in zip(color.color_moments([chroma(moved)]), wanted, strict=True):
        assert torch.allclose(found, aim, rtol=0.03, atol=0.2)
    assert torch.allclose(color.rgb_to_lab(moved)[:, :1], color.rgb_to_lab(image)[:, :1], atol=0.3)
    assert torch.allclose(color.match_chroma(image, styles, [1.0, 3.0], 0.0), image, atol=2e-3)


def test_a_grey_style_makes_a_grey_result():
    grey = colours(1)[:, :1].expand(-1, 3, -1, -1)
    assert chroma(color.match_chroma(colours(0), [grey], [1.0])).abs().max() < 1.5 < chroma(colours(0)).abs().max()


def test_smoothing_takes_coloured_speckle_and_leaves_edges_and_grey_alone():
    left = (torch.arange(40) < 20).view(1, 1, 1, 40)
    flat = torch.where(
        left, torch.tensor([0.8, 0.3, 0.2]).view(1, 3, 1, 1), torch.tensor([0.1, 0.2, 0.5]).view(1, 3, 1, 1)
    )
    flat = flat.expand(1, 3, 32, 40)
    speckle = 0.1 * torch.randn(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    speckled = (flat + speckle - speckle.mean(1, keepdim=True)).clamp(0, 1)
    error = [(chroma(x) - chroma(flat)).abs().mean() for x in (color.smooth_chroma(speckled), speckled)]
    assert error[0] < 0.6 * error[1]
    assert (color.smooth_chroma(flat) - flat).abs().max() < 0.05  # the edge of lightness is no way for colour
    assert color.smooth_chroma(torch.rand(1, 3, 1, 1)).shape == (1, 3, 1, 1)


def test_large_images_have_their_colours_changed_strip_by_strip(monkeypatch):
    image, styles = colours(0), [colours(1)]
    whole = color.match_chroma(image, styles, [1.0]), color.smooth_chroma(image)
    monkeypatch.setattr(color, "STRIP", 5 * image.shape[3])
    parts = color.match_chroma(image, styles, [1.0]), color.smooth_chroma(image)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(whole, parts, strict=True))
