"""Methods: their terms on known images, caches and segments, memory saved without a change."""

import pytest
import torch
from torch.nn import functional as F

from dst.config import OptimizeConfig
from dst.features.encoder import LEVELS, load_encoder
from dst.imaging.masks import Segment
from dst.methods import targets
from dst.methods.gatys import Gatys
from dst.methods.hypercolumns import ContentTarget, standardization
from dst.methods.nnst import Nnst
from dst.methods.strotss import Strotss
from dst.methods.table import encoded_layers, method_class
from dst.methods.targets import Style, StyleCache

FEW = OptimizeConfig(samples=64, style_samples=64)


def test_the_papers_layers_where_the_encoder_has_them():
    layers = {name: encoded_layers("strotss", load_encoder(name, weights="random")) for name in ("vgg19-16x", "vgg16")}
    assert layers["vgg19-16x"] == list(LEVELS) and len(layers["vgg16"]) == 9
    assert encoded_layers("gatys", load_encoder("vgg19-16x", weights="random")) == [*LEVELS[:4], "relu4_2", LEVELS[4]]


def test_style_terms_vanish_between_an_image_and_itself_and_the_content_term_does():
    encoder = load_encoder("vgg19-16x", weights="random")
    coarse = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    image = F.interpolate(coarse, size=(64, 64), mode="bicubic", align_corners=False).clamp(0, 1)
    generator = torch.Generator().manual_seed(1)
    method = Strotss(encoder, image, [Style(image)], OptimizeConfig(samples=2048, style_samples=4096), generator)
    same = method.terms(image, None, None, generator)
    other = method.terms(image.flip(1) * 0.5, None, None, generator)
    assert same["content"] < 1e-5
    assert same["style"] < 0.15 * other["style"]


def test_channels_are_divided_by_their_layers_deviation_and_where_there_is_none_by_its_size():
    draw = torch.Generator().manual_seed(0)
    maps = [torch.rand(1, c, 12, 9, generator=draw) * scale for c, scale in ((3, 1), (4, 30), (5, 0.01))]
    mean, divisor = standardization(maps)
    wanted = [((m - m.mean((2, 3), keepdim=True)) ** 2).mean().sqrt().expand(m.shape[1]) for m in maps]
    assert torch.equal(mean, torch.cat([m.mean((0, 2, 3)) for m in maps])) and torch.equal(divisor, torch.cat(wanted))
    flat = [torch.full((1, 2, 12, 9), value) for value in (0.25, 40.0, 0.0)]
    assert torch.allclose(standardization(flat)[1], torch.tensor([1, 1, 40, 40, 1, 1.0]))
    grain = torch.randn(1, 2, 12, 9, generator=draw)
    shares = [0.0, 1e-4, 1e-3, 5e-3, 0.0099, 0.0101]
    steps = [float(standardization([grain, 40 + 40 * share * grain / grain.std()])[1][-1]) for share in shares]
    assert (
        steps[0] == pytest.approx(40)
        and steps == sorted(steps, reverse=True)
        and steps[-1] == pytest.approx(0.4, rel=0.05)
    )
    assert steps[-2] / steps[-1] < 2.5  # no jump where the deviation comes to count


@pytest.mark.parametrize("colour", [(0.0, 0.0, 0.0), (0.9, 0.2, 0.1)])
def test_an_image_of_one_colour_is_at_rest_in_its_own_colour_and_is_drawn_there_from_another(colour):
    encoder = load_encoder("vgg19-16x", weights="random")
    flat = torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, 32, 48).contiguous()
    generator = torch.Generator().manual_seed(1)
    method = Strotss(encoder, flat, [Style(flat)], FEW, generator)
    for start in (flat, (flat + 0.3).clamp(0, 1)):
        image = start.clone().requires_grad_()
        terms = method.terms(image, None, None, generator)
        (gradient,) = torch.autograd.grad(terms["content"] + terms["style"], image)
        assert gradient.isfinite().all()
        assert (gradient.abs().max() == 0 and terms["style"] == 0) if start is flat else gradient.mean() > 0


def test_a_warped_image_that_is_not_warped_has_the_same_style():
    encoder = load_encoder("vgg19-16x", weights="random")
    image = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    method = Strotss(encoder, image, [Style(image.flip(3))], OptimizeConfig(style_samples=10000), generator)
    terms = method.terms(image, image.clone(), None, generator)
    assert terms["style"] == pytest.approx(float(terms["style_warped"]), rel=1e-5)


@pytest.mark.parametrize("make", [Nnst, Strotss, Gatys])
def test_an_image_or_its_warp_alone_has_the_terms_it_has_beside_the_other(make):
    encoder, draw = load_encoder("vgg19-16x", weights="random"), torch.Generator().manual_seed(3)
    content, style, image = torch.rand(3, 1, 3, 40, 56, generator=draw)
    grid = F.affine_grid(torch.eye(2, 3)[None] * 0.7, content.shape, align_corners=False)
    warped = F.grid_sample(image, grid, align_corners=False)
    method = make(encoder, content, [Style(style)], OptimizeConfig(samples=2240, style_samples=2240), draw)
    both = method.terms(image, warped, grid, torch.Generator().manual_seed(5))
    first = method.terms(image, None, None, torch.Generator().manual_seed(5))
    second = method.terms(None, warped, grid, torch.Generator().manual_seed(5))
    assert set(first) == {"content", "style"} and set(second) == {"style_warped"} and set(both) == {*first, *second}
    for name, value in {**first, **second}.items():
        assert float(both[name]) == pytest.approx(float(value), rel=1e-5 if make is Gatys else 0.1)


@pytest.mark.parametrize("make", ["nnst", "strotss", "gatys"])
def test_a_cache_gives_what_encoding_gives_and_tells_styles_apart(make):
    encoder = load_encoder("vgg19-16x", weights="random")
    draw = torch.Generator().manual_seed(0)
    content, first, second = torch.rand(3, 1, 3, 32, 48, generator=draw)
    cache = StyleCache()

    def value(style, cache=None, layers=None, weight=1.0):
        generator = torch.Generator().manual_seed(1)
        styles = [Style(style, weight), Style(content, 1.0)]
        config = OptimizeConfig(method=make, samples=64, style_samples=64, layers=layers)
        method = method_class(make)(encoder, content, styles, config, generator, cache=cache)
        return float(method.terms(content, None, None, generator)["style"])

    assert value(first) == value(first, cache) == value(first, cache)
    assert (cache.hits, cache.misses) == (2, 2)
    assert value(second) == value(second, cache) != value(first)
    assert value(first, cache, weight=3.0) == value(first, weight=3.0) != value(first)
    few = ("relu1_1", "relu3_1")
    assert value(first, cache, few) == value(first, None, few) != value(first)


@pytest.mark.parametrize("make", [Nnst, Strotss, Gatys])
def test_a_style_goes_through_the_network_once_however_many_segments_it_has(make):
    encoder, seen = load_encoder("vgg19-16x", weights="random"), []
    encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    draw = torch.Generator().manual_seed(0)
    content, first, second = torch.rand(3, 1, 3, 32, 48, generator=draw)
    left = (torch.arange(48) < 24).float().expand(1, 1, 32, 48)
    segments = [Segment(mask, [mask, mask]) for mask in (left, 1 - left)]
    make(encoder, content, [Style(first), Style(second)], FEW, draw, segments=segments)
    assert [sum(image is wanted for image in seen) for wanted in (first, second, content)] == [1, 1, 1]


def test_a_cache_forgets_what_was_used_longest_ago():
    cache = StyleCache(2)
    for key, wanted in ((1, "a"), (2, "b"), (1, "a"), (3, "c"), (1, "a"), (2, "again")):
        assert cache.get((key,), lambda made=wanted: made) == wanted


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("make", [Nnst, Strotss, Gatys])
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
        method = make(encoder, content, [Style(style)], FEW, generator, segments=segments)
        pixels, seen = image.clone().requires_grad_(), len(calls)
        warped = F.grid_sample(pixels, grid, align_corners=False)
        terms = method.terms(pixels, warped, grid, generator)
        gradient = torch.autograd.grad(sum(terms.values()), pixels)[0]
        found.append((torch.stack(list(terms.values())).detach(), gradient, calls[seen:]))
    for plain, frugal in zip(found[0][:2], found[1][:2], strict=True):
        assert torch.allclose(plain, frugal, rtol=1e-9, atol=1e-12)
    assert [f[2] for f in found] == [[2], [1, 1, 1, 1]]  # both at once; or each, and each again for its gradient


@pytest.mark.parametrize("count", [1024, 2048])
def test_the_content_is_held_in_every_column_of_the_image(count, monkeypatch):
    encoder, held = load_encoder("vgg19-16x", weights="random"), []
    content = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    rows = ContentTarget.rows
    monkeypatch.setattr(ContentTarget, "rows", lambda self, places: held.append(places.positions) or rows(self, places))
    draw = torch.Generator().manual_seed(1)
    method = Strotss(encoder, content, [Style(content.flip(3))], OptimizeConfig(samples=count, style_samples=64), draw)
    for _ in range(12):
        method.terms(content, None, None, draw)
    columns = torch.histc((torch.cat(held)[:, 0] + 1) * 32, 64, 0, 64)
    assert columns.min() > 0.5 * columns.mean()
