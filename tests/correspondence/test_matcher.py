"""Matching as a whole: exact invariants on small images, and accuracy on a photograph with the default encoder."""

from pathlib import Path

import numpy as np
import pytest
import torch

import dst
from correspondence.bspline import Field, fit
from correspondence.common import MatchError
from correspondence.filtering import reliable
from correspondence.frame import Frame, around, sample
from correspondence.matcher import match

COMPACT = Path(dst.__file__).parent / "features" / "compact.safetensors"


def encode(image, deepest=5):
    """Levels from fixed random convolutions: enough to tell places apart."""
    generator = torch.Generator().manual_seed(0)
    found, x = [], image
    for level in range(deepest):
        if level:
            x = torch.nn.functional.avg_pool2d(x, 2)
        weight = torch.randn(12, x.shape[1], 3, 3, generator=generator) / (3 * x.shape[1] ** 0.5)
        x = torch.relu(torch.nn.functional.conv2d(torch.nn.functional.pad(x, (1,) * 4, mode="replicate"), weight))
        found.append(x)
    return found


def tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)[None].float() / 255


def pattern(width, height, seed):
    """Blurred noise with some structure at every scale: uint8 (height, width, 3)."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(1, 3, height, width)
    for side in (3, 6, 12, 24, 48):
        noise = torch.rand(1, 3, side, side, generator=generator)
        total += torch.nn.functional.interpolate(noise, size=(height, width), mode="bicubic", align_corners=False)
    total = (total - total.amin()) / (total.amax() - total.amin())
    return (total[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()


@pytest.fixture(scope="module")
def pair():
    return tensor(pattern(96, 80, 0)), tensor(pattern(72, 96, 1))


def test_exchanging_the_images_exchanges_the_matches(pair):
    pair = pair[0], 0.9 * pair[0][:, :, 5:, 8:] + 0.1 * pair[0].flip(1)[:, :, 5:, 8:]
    there, back = match(*pair, encode, max_points=30), match(*pair[::-1], encode, max_points=30)
    assert len(there) > 3 and back.swapped() == there
    assert back.confidence == there.confidence


def test_the_same_input_gives_the_same_matches(pair):
    first = match(*pair, encode, max_points=20, clusters=6, generator=np.random.default_rng(3))
    again = match(*pair, encode, max_points=20, clusters=6, generator=np.random.default_rng(3))
    assert first == again and len(first) <= 6


def test_an_image_matches_itself_in_place(pair):
    found = match(pair[0], pair[0], encode)
    assert len(found) > 20 and np.allclose(found.content, found.style, atol=1e-6)
    assert found.confidence > 0.95 and reliable(found)[0]


def test_points_come_in_pixels_of_the_sizes_asked_for(pair):
    small = match(*pair, encode)
    large = match(*pair, encode, content_size=(960, 800), style_size=(144, 192))
    assert np.allclose(large.content, (small.content + 0.5) * 10 - 0.5)
    assert np.allclose(large.style, (small.style + 0.5) * 2 - 0.5)
    for points, (w, h) in ((large.content, (960, 800)), (large.style, (144, 192))):
        assert (points >= -0.5).all() and (points <= np.array([w, h]) - 0.5).all()


def test_limits_are_kept(pair):
    found = match(pair[0], pair[0], encode, max_points=9, spacing=0.1)
    apart = np.linalg.norm(found.content[:, None] - found.content[None], axis=-1) + 1e9 * np.eye(len(found))
    assert 3 < len(found) <= 9 and apart.min() >= 0.1 * 96


@pytest.mark.parametrize(
    "sizes", [((16, 16), (16, 16)), ((16, 17), (96, 16)), ((128, 16), (16, 96)), ((33, 47), (20, 90))]
)
def test_tiny_and_long_images_never_fail(sizes):
    found = match(*(tensor(pattern(*size, k)) for k, size in enumerate(sizes)), encode)
    assert np.isfinite(found.content).all() and np.isfinite(found.scores).all()


@pytest.mark.parametrize("colours", [(0.5, 0.5), (0.0, None), (None, 1.0)])
def test_one_colour_gives_no_matches(pair, colours):
    images = [pair[k] if c is None else torch.full((1, 3, 64, 48), c) for k, c in enumerate(colours)]
    found = match(*images, encode)
    assert len(found) == 0 and found.confidence == 0 and not reliable(found)[0]


def test_a_level_without_a_single_buddy_is_no_fault():
    field, robust = fit(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), (64, 48), 0.1, 4.0)
    assert field.at(np.zeros((0, 2))).shape == (0, 2) and len(robust) == 0
    flat, other = torch.tensor([80, 144, 16]).view(1, 3, 1, 1) / 255, pattern(64, 48, 0)
    assert len(match(flat.expand(1, 3, 64, 64), tensor(other), encode)) == 0


def test_what_is_no_image_is_refused(pair):
    with pytest.raises(MatchError, match="shape"):
        match(pair[0][0], pair[1], encode)
    with pytest.raises(MatchError, match="NaN"):
        match(pair[0] * float("nan"), pair[1], encode)


def test_a_frame_goes_there_and_back():
    frame = Frame(0.4, 0.6, (40.0, 30.0), (20.0, 50.0))
    points = np.random.default_rng(0).uniform(-50, 50, (9, 2))
    assert np.allclose(frame.from_content(frame.to_content(points)), points)
    assert np.allclose(frame.from_style(frame.to_style(points)), points)
    a, b = frame.to_content(points), frame.to_style(points)
    step = np.linalg.norm(b[1:] - b[:-1], axis=1) / np.linalg.norm(a[1:] - a[:-1], axis=1)
    assert np.allclose(step, 0.6)
    cut = around(frame, (80, 60), (90, 70), margin=8)
    assert cut.size[0] % 16 == 0 and cut.size[1] % 16 == 0


def test_sampling_in_place_returns_the_image():
    image = tensor(pattern(20, 18, 4))
    grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(18.0)), axis=-1)
    seen, mask = sample(image, grid)
    assert torch.allclose(seen, image, atol=1e-5) and mask.min() == 1
    assert sample(image, grid + 100)[1].max() == 0


def test_a_smooth_field_ignores_what_is_wrong():
    rng = np.random.default_rng(5)
    points = rng.uniform(0, 100, (300, 2))
    true = np.stack([3 + 0.05 * points[:, 1], 4 * np.sin(points[:, 0] / 40)], axis=1)
    values = true + rng.normal(0, 0.2, true.shape)
    wrong = rng.random(300) < 0.3
    values[wrong] = rng.uniform(-40, 40, (wrong.sum(), 2))
    field, robust = fit(points, values, np.ones(300), (100, 100), 1e-3, 2.0)
    assert np.abs(field.at(points) - true).max() < 1.5 and np.median(np.abs(field.at(points) - true)) < 0.15
    assert (robust[~wrong] > 0.5).mean() > 0.98 and (robust[wrong] > 0.5).mean() < 0.1
    xs, ys = np.array([10.0, 20.0]), np.array([5.0, 50.0, 95.0])
    spots = np.stack(np.meshgrid(xs, ys), axis=-1)
    assert np.allclose(field.grid(xs, ys).reshape(-1, 2), field.at(spots.reshape(-1, 2)))
    assert np.allclose(Field((50, 30)).at(points[:4]), 0)


@pytest.mark.slow
@pytest.mark.skipif(not COMPACT.exists(), reason="the compact encoder's weights are not here")
@pytest.mark.parametrize("hard", [False, True])
def test_a_repainted_photograph_is_matched_back(hard):
    import cv2
    from skimage import data

    from dst.features.encoder import LEVELS, load_encoder

    encoder = load_encoder("compact")
    image = cv2.resize(data.astronaut(), (160, 160), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[:160, :160].astype(np.float32)
    angle, scale, move = (np.radians(15), 0.75, (14, 6)) if hard else (0.0, 1.0, (0, 0))
    c, s = np.cos(angle) / scale, np.sin(angle) / scale
    u, v = x - 79.5 - move[0], y - 79.5 - move[1]
    back_x = (c * u + s * v + 79.5 + 5 * np.sin(y / 25)).astype(np.float32)
    back_y = (-s * u + c * v + 79.5 + 5 * np.cos(x / 30)).astype(np.float32)
    style = cv2.remap(image, back_x, back_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    style = cv2.medianBlur(np.ascontiguousarray(style[..., [1, 2, 0]] // 2 + 50), 5)
    found = match(tensor(image), tensor(style), lambda z, n: list(encoder(z, LEVELS[:n]).values()), max_points=40)
    nearest = found.style.round().astype(int)
    true = np.stack([back_x[nearest[:, 1], nearest[:, 0]], back_y[nearest[:, 1], nearest[:, 0]]], axis=1)
    error = np.linalg.norm(found.content - true, axis=1) / 160
    assert len(found) >= 15 and (error < 0.05).mean() >= 0.95
    assert found.confidence > 0.8 and reliable(found)[0]
