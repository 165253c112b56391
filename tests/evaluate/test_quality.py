"""Measures of quality: each against a closed form, another library, or what must not change it."""

import math

import numpy as np
import pytest
import torch
from conftest import blobs
from scipy.stats import wasserstein_distance
from skimage import color, data

from dst.config.metrics import QUALITY
from dst.evaluate import quality as measures
from dst.evaluate.quality import (
    DIRECTIONS,
    chroma_grain,
    chroma_noise,
    feature_distance,
    palette_distance,
    patch_distance,
    quality,
    self_similarity_distance,
    sliced_wasserstein,
)
from dst.features.encoder import load_encoder


@pytest.fixture(scope="module")
def encoder():
    return load_encoder()


def tensor(pixels):
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255


def discs(size=(96, 80), seed=0):
    return tensor(blobs(size, seed))


def flat(size, colour):
    return torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, size[1], size[0])


@pytest.fixture(scope="module")
def photo():
    return tensor(data.cat()[40:200, 140:300])


def shuffled(image, cell, seed=0):
    """The image's cells of so many pixels a side, in another order."""
    _, channels, height, width = image.shape
    cells = image.unfold(2, cell, cell).unfold(3, cell, cell).reshape(channels, -1, cell, cell)
    order = torch.randperm(cells.shape[1], generator=torch.Generator().manual_seed(seed))
    rows = cells[:, order].view(channels, height // cell, width // cell, cell, cell)
    return rows.permute(0, 1, 3, 2, 4).reshape(1, channels, height // cell * cell, width // cell * cell)


def test_a_shifted_set_is_as_far_as_the_shift_along_the_directions():
    rows = torch.randn(900, 5, generator=torch.Generator().manual_seed(0))
    shift = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0])
    along = (measures._directions(5) @ shift).abs().mean()
    assert sliced_wasserstein(rows, rows + shift) == pytest.approx(float(along), rel=1e-5)
    # the mean of |<shift, direction>| over all directions of five dimensions (Gamma functions)
    exact = float(shift.norm()) * math.gamma(2.5) / math.sqrt(math.pi) / math.gamma(3)
    assert float(along) == pytest.approx(exact, rel=3 / math.sqrt(DIRECTIONS))
    assert sliced_wasserstein(rows, rows.flip(0)) == 0


def test_the_distance_along_a_direction_is_scipys():
    draw = torch.Generator().manual_seed(1)
    first, second = torch.randn(3000, 4, generator=draw), torch.rand(1700, 4, generator=draw) ** 3 + 0.2
    directions = measures._directions(4).numpy()
    exact = [wasserstein_distance(first.numpy() @ d, second.numpy() @ d) for d in directions]
    assert sliced_wasserstein(first, second) == pytest.approx(np.mean(exact), rel=5e-3)
    assert np.allclose(np.linalg.norm(directions, axis=1), 1)
    assert sliced_wasserstein(second, first) == sliced_wasserstein(first, second)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_sets_of_a_few_vectors_are_compared_too(count):
    rows = torch.arange(count * 3.0).view(count, 3)
    assert sliced_wasserstein(rows, rows) == 0 and sliced_wasserstein(rows, rows[:1] + 1) > 0


@pytest.mark.parametrize("make", [discs, lambda: tensor(data.cat()[:, :300])], ids=["small", "photo"])
def test_an_image_is_at_no_distance_from_itself(make, encoder):
    image = make()
    found = quality(image, image, image, encoder)
    assert list(found) == list(QUALITY)
    distances = {name: value for name, value in found.items() if name.endswith("distance")}
    assert len(distances) == 4 and distances == dict.fromkeys(distances, 0.0)
    assert found["chroma_noise"] == found["chroma_grain"] == chroma_grain(image)


def test_where_things_stand_does_not_count_for_style(photo, encoder):
    other = tensor(data.coffee()[100:260, 100:300])
    far = [patch_distance(other, photo), feature_distance(other, photo, encoder), palette_distance(other, photo)]
    for moved in (photo.flip(3), photo.roll((40, 60), (2, 3)), photo.transpose(2, 3)):
        near = [patch_distance(moved, photo), feature_distance(moved, photo, encoder), palette_distance(moved, photo)]
        assert all(n < f / 4 for n, f in zip(near, far, strict=True)), (near, far)


def test_patches_tell_strokes_from_their_blur_where_colours_do_not():
    stripes = (torch.arange(96) // 2 % 2).float().expand(1, 3, 96, 96).contiguous()
    wide = (torch.arange(96) // 16 % 2).float().expand(1, 3, 96, 96).contiguous()
    assert palette_distance(wide, stripes) < 1e-3
    assert patch_distance(wide, stripes) > 0.1 and patch_distance(stripes.roll(2, 3), stripes) < 0.01


def test_a_brighter_image_is_as_far_in_patches_as_it_is_brighter():
    image = discs() * 0.5
    apart = [patch_distance(image + step, image) for step in (0.1, 0.2, 0.4)]
    assert np.allclose(np.divide(apart, (0.1, 0.2, 0.4)), apart[0] / 0.1, rtol=1e-3)
    assert patch_distance(flat((40, 40), (1.0,) * 3), flat((40, 40), (0.0,) * 3)) == pytest.approx(0.73, abs=0.01)


def test_the_palette_is_that_of_cielab_wherever_a_colour_stands():
    image = discs((100, 90))
    assert palette_distance(shuffled(image, 1), image) < 1e-6
    assert palette_distance(shuffled(image, 10), image) < 1e-6
    colours = [(0.8, 0.2, 0.1), (0.1, 0.3, 0.7)]
    first, second = (color.rgb2lab(np.array(c)[None, None])[0, 0] for c in colours)
    wanted = float((measures._directions(3) @ torch.from_numpy(second - first).float()).abs().mean())
    found = palette_distance(flat((30, 20), colours[0]), flat((50, 64), colours[1]))
    assert found == pytest.approx(wanted, rel=1e-3) and found == pytest.approx(
        np.linalg.norm(second - first) / 2, rel=0.2
    )
    assert palette_distance(flat((9, 9), (0.0,) * 3), flat((9, 9), (1.0,) * 3)) == pytest.approx(50, rel=0.02)


def test_structure_is_lost_by_blur_and_by_disorder_and_not_by_another_tint(photo, encoder):
    def blurred(side):
        return torch.nn.functional.avg_pool2d(photo, side, 1, side // 2, count_include_pad=False)

    lost = [self_similarity_distance(x, photo, encoder) for x in (blurred(3), blurred(9), blurred(25))]
    assert 0 < lost[0] < lost[1] < lost[2] < 2
    disorder = [self_similarity_distance(shuffled(photo, cell), photo, encoder) for cell in (40, 16)]
    assert min(disorder) > lost[1]
    tint = self_similarity_distance(photo * torch.tensor([0.9, 0.8, 0.7]).view(1, 3, 1, 1), photo, encoder)
    assert tint < lost[1] < self_similarity_distance(tensor(data.coffee()[100:260, 100:260]), photo, encoder)


def test_speckle_is_chroma_noise_and_grey_grain_is_not(photo):
    noise = 0.06 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(2))
    own = chroma_noise(photo, photo)
    grey = noise[:, :1].expand_as(noise)
    assert chroma_noise((photo * 0.8 + 0.1 + noise).clamp(0, 1), photo) > 4 * own
    image = flat((64, 48), (0.5,) * 3)
    assert chroma_noise(image + grey[..., :48, :64], image) < 1e-2
    assert chroma_noise(image + noise[..., :48, :64], image) > 2
    assert chroma_noise(image, image) == chroma_grain(image) < 1e-2


def test_chroma_noise_is_looked_for_where_the_content_is_smooth():
    draw = torch.Generator().manual_seed(3)
    content = flat((80, 60), (0.4, 0.5, 0.6)).clone()
    content[..., 40:] = torch.rand(1, 3, 60, 40, generator=draw)
    speckle = 0.1 * torch.randn(1, 3, 60, 80, generator=draw)
    left, right = content.clone(), content.clone()
    left[..., :36] += speckle[..., :36]
    right[..., 44:] += speckle[..., 44:]
    assert chroma_noise(left, content) > 10 and chroma_noise(right, content) < 0.5
    assert chroma_grain(content) < 0.5  # of the smooth half, however rough the other is


def test_chroma_noise_is_that_of_the_images_own_pixels(photo):
    """A content of another size serves as well, and sides that are rounded otherwise are no fault."""
    large = torch.nn.functional.interpolate(photo, (321, 319), mode="bicubic", align_corners=False).clamp(0, 1)
    assert chroma_noise(photo, large) == pytest.approx(chroma_noise(photo, photo), rel=0.1)
    assert chroma_noise(large, photo) < chroma_noise(photo, photo)


SHAPES = {
    "the smallest": ((16, 16), (16, 16), (384, 380)),
    "large and small": ((400, 300), (500, 375), (20, 16)),
    "a strip": ((384, 16), (384, 16), (90, 120)),
    "a strip that becomes a line": ((900, 1), (900, 1), (1, 60)),
    "a pixel": ((1, 1), (1, 1), (1, 1)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_images_of_any_shape_are_measured(shape, encoder):
    image, content, style = (discs(size, seed) for seed, size in enumerate(SHAPES[shape]))
    found = quality(image, content, style, encoder)
    assert all(math.isfinite(value) and value >= 0 for value in found.values())
    assert found["patch_distance"] > 0 and found["feature_distance"] > 0 and found["palette_distance"] > 0


@pytest.mark.parametrize("colour", [(0.0,) * 3, (1.0,) * 3, (0.5,) * 3, (0.9, 0.1, 0.2)], ids=str)
def test_images_of_one_colour_have_no_structure_and_no_noise(colour, encoder):
    image, detailed = flat((64, 48), colour), discs((64, 48))
    found = quality(image, image, detailed, encoder)
    assert all(math.isfinite(value) for value in found.values())
    assert found["self_similarity_distance"] == 0 and found["chroma_noise"] < 1e-2
    assert self_similarity_distance(image, flat((64, 48), (0.2, 0.6, 0.4)), encoder) < 1e-6  # not that of rounding
    assert all(math.isfinite(value) for value in quality(detailed, image, image, encoder).values())


def test_images_of_two_sizes_are_compared_at_that_of_the_smaller(photo, encoder):
    doubled = photo.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert patch_distance(doubled, photo) < 0.01 and feature_distance(doubled, photo, encoder) < 0.1
    assert self_similarity_distance(doubled, photo, encoder) < 0.1 and palette_distance(photo, doubled) < 0.5


def test_measuring_changes_nothing_and_depends_on_nothing_else(encoder):
    image, content, style = discs(seed=0), discs(seed=1), discs((70, 90), 2)
    before = [x.clone() for x in (image, content, style)]
    torch.manual_seed(5)
    state = torch.get_rng_state()
    found = quality(image, content, style, encoder)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(x, y) for x, y in zip(before, (image, content, style), strict=True))
    measures._directions.cache_clear()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode():
            assert quality(image, content, style, encoder) == found
    finally:
        torch.set_default_dtype(torch.float32)
    assert quality(image.requires_grad_(), content, style, encoder) == found and image.grad is None
    assert all(type(value) is float for value in found.values())
