"""Methods: their terms on known images, caches and segments, memory saved without a change."""

import pytest
import torch
from torch.nn import functional as F

from dst.config import InputError, OptimizeConfig
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

    def value(style, cache=None, layers=("relu1_1", "relu2_1", "relu3_1"), weight=1.0):
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


def test_gatys_terms_as_published_are_the_papers_formulas_and_their_gradient():
    encoder, draw = load_encoder("vgg19-16x", weights="random").double(), torch.Generator().manual_seed(3)
    content, style, image = torch.rand(3, 1, 3, 48, 64, generator=draw, dtype=torch.float64)
    image.requires_grad_()
    layers, weights, held = ("relu1_1", "relu3_1"), (3.0, 1.0), ("relu2_1", "relu4_2")
    config = OptimizeConfig(
        method="gatys", published=True, layers=layers, layer_weights=weights, content_layers=held, style_factor=2.0
    )
    terms = Gatys(encoder, content, [Style(style)], config, draw).terms(image, None, None, draw)

    maps = [encoder(x, [*layers, *held]) for x in (image, content, style)]
    scale = {name: (maps[1][name].mean() + maps[2][name].mean()).item() / 2 for name in maps[0]}
    flat = [{name: found[name].flatten(2)[0] / scale[name] for name in found} for found in maps]
    wanted_style = 0.0
    for name, weight in zip(layers, weights, strict=True):
        (count, positions), total = flat[0][name].shape, sum(weights)
        grams = [found[name] @ found[name].T for found in (flat[0], flat[2])]
        energy = (grams[0] - grams[1]).square().sum() / (4 * count**2 * positions**2)
        wanted_style = wanted_style + 2.0 * weight / total * energy
    blocks, channels = (48 // 8) * (64 // 8), {"relu2_1": 128, "relu4_2": 512}  # of VGG-19, whatever the network has
    halves = {name: 0.5 * (flat[0][name] - flat[1][name]).square().sum() / blocks for name in held}
    wanted_content = sum(2.0 / 1e4 / 2 * halves[name] * channels[name] / len(flat[0][name]) for name in held)
    for found, wanted in ((terms["content"], wanted_content), (terms["style"], wanted_style)):
        assert float(found.detach()) == pytest.approx(float(wanted.detach()), rel=1e-9)
        gradients = [torch.autograd.grad(value, image, retain_graph=True)[0] for value in (found, wanted)]
        assert torch.allclose(*gradients, rtol=1e-7, atol=1e-12) and gradients[1].abs().max() > 0


def test_gatys_weights_and_factors_are_those_given_and_unknown_ones_are_refused():
    encoder, draw = load_encoder("vgg19-16x", weights="random"), torch.Generator().manual_seed(3)
    content, style, image = torch.rand(3, 1, 3, 48, 64, generator=draw)

    def terms(**options):
        config = OptimizeConfig(method="gatys", **options)
        return Gatys(encoder, content, [Style(style)], config, draw).terms(image, None, None, draw)

    plain, first = terms(), terms(layers=("relu1_1", "relu2_1"), layer_weights=(1.0, 0.0))
    assert float(first["style"]) == pytest.approx(float(terms(layers=("relu1_1",))["style"]), rel=1e-6)
    both = terms(content_factor=0.14, style_factor=30.0)
    assert float(both["content"]) == pytest.approx(2 * float(plain["content"]), rel=1e-5)
    assert float(both["style"]) == pytest.approx(3 * float(plain["style"]), rel=1e-5)
    with pytest.raises(InputError, match="2 layer_weights for 5 layers"):
        terms(layer_weights=(1.0, 2.0))
    with pytest.raises(InputError, match="layer 'relu4_9' is not known"):
        terms(content_layers=("relu4_9",))
