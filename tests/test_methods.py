import pytest
import torch
from torch.nn import functional as F

from dst.features.encoder import LEVELS, load_encoder
from dst.features.sampling import Places, draw_positions, sample
from dst.imaging.masks import Segment
from dst.methods import targets
from dst.methods.gatys import Gatys
from dst.methods.strotss import Strotss, layer_names
from dst.methods.targets import Style, StyleCache


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


def test_the_papers_layers_where_the_encoder_has_them():
    assert layer_names(load_encoder("vgg19-16x", weights="random")) == list(LEVELS)
    assert len(layer_names(load_encoder("vgg16", weights="random"))) == 9


def test_style_terms_vanish_between_an_image_and_itself_and_the_content_term_does():
    encoder = load_encoder("vgg19-16x", weights="random")
    coarse = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    image = F.interpolate(coarse, size=(64, 64), mode="bicubic", align_corners=False).clamp(0, 1)
    generator = torch.Generator().manual_seed(1)
    method = Strotss(encoder, image, [Style(image)], 1.0, 2048, 4096, generator)
    same = method.terms(image, None, None, generator)
    other = method.terms(image.flip(1) * 0.5, None, None, generator)
    assert same["content"] < 1e-5
    assert same["style"] < 0.15 * other["style"]


def test_a_warped_image_that_is_not_warped_has_the_same_style():
    encoder = load_encoder("vgg19-16x", weights="random")
    image = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    method = Strotss(encoder, image, [Style(image.flip(3))], 1.0, 512, 10000, generator)
    terms = method.terms(image, image.clone(), None, generator)
    assert terms["style"] == pytest.approx(float(terms["style_warped"]), rel=1e-5)


@pytest.mark.parametrize("make", ["strotss", "gatys"])
def test_a_cache_gives_what_encoding_gives_and_tells_styles_apart(make):
    encoder = load_encoder("vgg19-16x", weights="random")
    draw = torch.Generator().manual_seed(0)
    content, first, second = torch.rand(3, 1, 3, 32, 48, generator=draw)
    cache = StyleCache()

    def value(style, cache=None, layers=(), weight=1.0):
        generator = torch.Generator().manual_seed(1)
        styles = [Style(style, weight), Style(content, 1.0)]
        counts = (1.0, 64, 64, generator) if make == "strotss" else ()
        method = (Strotss if make == "strotss" else Gatys)(
            encoder, content, styles, *counts, layers=layers, cache=cache
        )
        return float(method.terms(content, None, None, generator)["style"])

    assert value(first) == value(first, cache) == value(first, cache)
    assert (cache.hits, cache.misses) == (2, 2)
    assert value(second) == value(second, cache) != value(first)
    assert value(first, cache, weight=3.0) == value(first, weight=3.0) != value(first)
    few = ("relu1_1", "relu3_1")
    assert value(first, cache, few) == value(first, None, few) != value(first)


@pytest.mark.parametrize("make", [Strotss, Gatys])
def test_a_style_goes_through_the_network_once_however_many_segments_it_has(make):
    encoder, seen = load_encoder("vgg19-16x", weights="random"), []
    encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    draw = torch.Generator().manual_seed(0)
    content, first, second = torch.rand(3, 1, 3, 32, 48, generator=draw)
    left = (torch.arange(48) < 24).float().expand(1, 1, 32, 48)
    segments = [Segment(mask, [mask, mask]) for mask in (left, 1 - left)]
    counts = (1.0, 64, 64, draw) if make is Strotss else ()
    make(encoder, content, [Style(first), Style(second)], *counts, segments=segments)
    assert [sum(image is picture for image in seen) for picture in (first, second, content)] == [1, 1, 1]


def test_a_cache_forgets_what_was_used_longest_ago():
    cache = StyleCache(2)
    for key, wanted in ((1, "a"), (2, "b"), (1, "a"), (3, "c"), (1, "a"), (2, "again")):
        assert cache.get((key,), lambda made=wanted: made) == wanted


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("make", [Strotss, Gatys])
def test_large_images_give_the_same_terms_and_gradients_frugally(make, parts, monkeypatch):
    encoder, draw = load_encoder("vgg19-16x", weights="random").double(), torch.Generator().manual_seed(3)
    content, style, image = torch.rand(3, 1, 3, 40, 56, generator=draw, dtype=torch.float64)
    left = (torch.arange(56) < 28).double().expand(1, 1, 40, 56)
    segments = [Segment(mask, [mask]) for mask in (left, 1 - left)] if parts == 2 else None
    grid = F.affine_grid(torch.eye(2, 3, dtype=torch.float64)[None] * 0.9, content.shape, align_corners=False)
    found, calls = [], []
    encoder.register_forward_pre_hook(lambda _, given: calls.append(len(given[0])))
    for limit in (10**9, 0):
        monkeypatch.setattr(targets, "FRUGAL_FROM", limit)
        generator = torch.Generator().manual_seed(5)
        counts = (1.0, 64, 64, generator) if make is Strotss else ()
        method = make(encoder, content, [Style(style)], *counts, segments=segments)
        pixels, seen = image.clone().requires_grad_(), len(calls)
        warped = F.grid_sample(pixels, grid, align_corners=False)
        terms = method.terms(pixels, warped, grid, generator)
        gradient = torch.autograd.grad(sum(terms.values()), pixels)[0]
        found.append((torch.stack(list(terms.values())).detach(), gradient, calls[seen:]))
    for plain, frugal in zip(found[0][:2], found[1][:2], strict=True):
        assert torch.allclose(plain, frugal, rtol=1e-9, atol=1e-12)
    assert [f[2] for f in found] == [[2], [1, 1, 1, 1]]  # both at once; or each, and each again for its gradient
