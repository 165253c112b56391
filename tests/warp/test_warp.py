"""A warp as users hold it: applied, inverted, saved, and what it refuses."""

import json

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from warps import gentle, pixel_centres

from dst.config import InputError
from dst.imaging.resample import sample_at
from dst.warp import FlowGrid, InverseWarp, Warp, border_anchors, to_pixels
from dst.warp.coordinates import extent
from dst.warp.field import cubic_matrix


def shifted(size, dx, dy):
    """Positions for `sample_at`: every pixel of an image of `size`, moved."""

    def places(top, bottom):
        x, y = torch.arange(size[0], dtype=torch.float64), torch.arange(top, bottom, dtype=torch.float64)
        return torch.stack(torch.meshgrid(x + dx, y + dy, indexing="xy"))

    places.size = size
    return places


def test_cubic_matrix_reproduces_cubics():
    nodes, at = torch.linspace(0, 1, 9, dtype=torch.float64), torch.linspace(0, 1, 40, dtype=torch.float64)
    assert torch.allclose(cubic_matrix(9, at) @ (nodes**3 - nodes), at**3 - at, atol=1e-12)


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_translated_ramp_is_exact_and_edges_do_not_ring(mode):
    ramp, places = torch.linspace(0, 1, 40, dtype=torch.float64).repeat(1, 1, 30, 1), shifted((40, 30), 0.3, -0.4)
    out = sample_at(ramp, places, mode)
    assert (out[..., 3:-3] - ramp[..., 3:-3] - 0.3 / 39).abs().max() < 1e-6
    edge = (ramp > 0.5).double() * 0.6 + 0.2
    out = sample_at(edge, places, mode)
    assert out.min() > 0.2 - 1e-9 and out.max() < 0.8 + 1e-9


@pytest.mark.parametrize(("mode", "limit"), [("bicubic", 0.25), ("bilinear", 3)])
def test_a_smooth_image_is_resampled_to_a_fraction_of_a_grey_level(mode, limit):
    def image(x, y):
        return 0.5 + 0.2 * torch.sin(x / 4 + y / 9) + 0.2 * torch.cos(y / 5) * torch.sin(x / 6)

    size = (300, 280)  # more than one tile
    whole, wanted = shifted(size, 0, 0)(0, 280), shifted(size, 0.37, -0.21)(0, 280)
    out = sample_at(image(*whole).float()[None, None], shifted(size, 0.37, -0.21), mode)
    error = (out[0, 0] - image(*wanted)).abs()[3:-3, 3:-3]
    assert error.square().mean().sqrt() < limit / 255 / 2
    assert error.quantile(0.9) < limit / 255  # peaks that no pixel has are cut, since nothing may overshoot


def test_precision_does_not_fall_with_the_size_of_the_image():
    ramp = torch.linspace(0, 1, 1001)[torch.arange(30000) % 2000 - 1000].repeat(1, 1, 5, 1)
    whole = sample_at(ramp, shifted((30000, 5), 0.3, 0))
    part = sample_at(ramp[..., -2000:], shifted((2000, 5), 0.3, 0))
    assert (whole[..., -1900:] - part[..., -1900:]).abs().max() < 1 / 65535


def test_apply_follows_the_exact_positions_and_keeps_type_and_size():
    warp = gentle((96, 64), 12)
    x, y = pixel_centres(warp.size).T.reshape(2, 64, 96) * 96
    image = torch.stack([0.5 + 0.3 * torch.sin(x / 8), 0.5 + 0.3 * torch.cos(y / 7 + x / 9)]).float()
    at = torch.from_numpy(warp.unmap_points(to_pixels(pixel_centres(warp.size), warp.size).numpy())) + 0.5
    x, y = at.T.reshape(2, 64, 96)
    exact = torch.stack([0.5 + 0.3 * torch.sin(x / 8), 0.5 + 0.3 * torch.cos(y / 7 + x / 9)])
    for mode, limit in (("bilinear", 2e-3), ("bicubic", 1e-3)):
        out = warp.apply(torch.stack([image, image.flip(0)]), mode)
        assert out.dtype == torch.float32 and torch.equal(out[0], out[1].flip(0))
        assert (out[0] - exact).abs()[:, 3:-3, 3:-3].max() < limit
    assert warp.apply(image[None].double()).dtype == torch.float64
    assert warp.apply(image[None].half()).dtype == torch.float16
    assert warp.apply(torch.rand(1, 1, 40, 60)).shape == (1, 1, 40, 60)


def test_identity_returns_the_image():
    image = torch.rand(1, 3, 33, 47, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Warp.identity((47, 33)).apply(image), image)
    assert torch.equal(gentle().with_strength(0).apply(image), image)
    nearly = gentle((47, 33)).with_strength(1e-9)
    assert (nearly.apply(image) - image).abs().max() < 1 / 65535


def test_border_stays_put():
    warp = gentle((256, 171), 40, 3)
    top = np.stack([np.linspace(-0.5, 255.5, 200), np.full(200, -0.5)], 1)
    left = np.stack([np.full(200, -0.5), np.linspace(-0.5, 170.5, 200)], 1)
    edge = np.concatenate([top, left])
    assert np.abs(warp.unmap_points(edge) - edge).max() < 0.5
    anchors = to_pixels(border_anchors(warp.size, warp.anchors), warp.size)
    assert np.abs(warp.unmap_points(anchors) - anchors).max() < 1e-2


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (16, 300)])
def test_thin_images(size):
    points = np.array([[0.3, 0.4]]) * extent(size)
    image = torch.rand(1, 3, size[1], size[0], generator=torch.Generator().manual_seed(0))
    out = Warp(size, points, points * 0.1).apply(image)
    assert out.shape == image.shape and out.isfinite().all()
    assert FlowGrid(size).flow(torch.from_numpy(points), torch.from_numpy(points * 0.1))[0].isfinite().all()


def test_points_land_where_told_and_come_back():
    warp = gentle((400, 300), 30)
    source, target = to_pixels(warp.source, warp.size), to_pixels(warp.source + warp.moved, warp.size)
    assert np.abs(warp.map_points(source) - target).max() < 1e-2
    assert np.abs(warp.unmap_points(target) - source).max() < 1e-2
    at = np.random.default_rng(3).random((300, 2)) * (399, 299)
    assert np.abs(warp.unmap_points(warp.map_points(at)) - at).max() < 1e-4
    assert np.abs(warp.inverse().map_points(warp.map_points(at)) - at).max() < 1e-4


def test_inverse_undoes_the_image():
    warp = gentle((128, 96), 20)
    x, y = np.meshgrid(np.arange(128), np.arange(96))
    image = torch.from_numpy(0.5 + 0.25 * np.sin(x / 9) + 0.2 * np.cos(y / 7))[None, None]
    back = warp.inverse().apply(warp.apply(image))
    assert (back - image)[..., 4:-4, 4:-4].abs().max() < 5e-3
    assert isinstance(warp.inverse(), InverseWarp) and warp.inverse().inverse() is warp


def test_strength_scales_the_points():
    warp = gentle((200, 150), 20)
    source = to_pixels(warp.source, warp.size)
    for strength in (0.5, 1.2):
        landed = warp.with_strength(strength).map_points(source)
        assert np.abs(landed - source - 200 * strength * warp.displacement).max() < 1e-2


def test_saved_warp_comes_back_the_same(tmp_path):
    warp = gentle(strength=1.5)
    warp.save(tmp_path / "warp.json")
    again = Warp.load(tmp_path / "warp.json")
    assert (again.size, again.strength, again.ridge, again.anchors) == (warp.size, 1.5, warp.ridge, warp.anchors)
    assert np.array_equal(again.source, warp.source) and np.array_equal(again.displacement, warp.displacement)
    Warp.identity((20, 30)).save(tmp_path / "warp.json")
    assert Warp.load(tmp_path / "warp.json").is_identity
    assert [p.name for p in tmp_path.iterdir()] == ["warp.json"]


def test_foreign_newer_and_damaged_files(tmp_path):
    path = tmp_path / "w.json"
    gentle().save(path)
    good = json.loads(path.read_text())
    cases = [("not json", "not a warp"), ("[]", "not a warp"), (json.dumps({**good, "version": 99}), "version")]
    cases += [
        (json.dumps({**good, "size": None}), "damaged|size"),
        (json.dumps({**good, "source": [[1, "a"]]}), "damaged"),
    ]
    cases += [(json.dumps({k: v for k, v in good.items() if k != "ridge"}), "damaged")]
    for text, message in cases:
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            Warp.load(path)
    with pytest.raises(InputError, match="cannot be read"):
        Warp.load(tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot be written"):
        gentle().save(tmp_path / "missing" / "w.json")


def test_more_points_than_a_spline_can_go_through_are_refused_before_any_table_is_made():
    points = np.random.default_rng(0).uniform(0, 500, (60_000, 2))
    with pytest.raises(InputError, match="60000 points: a warp takes up to 2000"):
        Warp.fit(points, points, (512, 512))
    with pytest.raises(InputError, match="60000 points: a warp takes up to 8000"):
        Warp((512, 512), points / 512, points / 512)


@pytest.mark.parametrize("labels", [[0.5, 0, 0], ["a", "b", "c"], [[0, 0, 0]], "abc", [True, False, True]])
@pytest.mark.parametrize("name", ["rigid", "origin"])
def test_labels_are_whole_numbers_one_a_point(name, labels):
    points = np.array([[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]])
    with pytest.raises(InputError, match="one whole number for each point"):
        Warp((60, 60), points, points * 0, **{name: labels})


SQUARE = np.array([[10, 10], [50, 10], [50, 50], [10, 50]], float)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (SQUARE[:2], SQUARE[:2], "3 or more"),
        (SQUARE[:0], SQUARE[:0], "3 or more"),
        (SQUARE, SQUARE[:3], "as many"),
        (SQUARE[[0, 1, 2, 0]], SQUARE[[0, 1, 2, 0]], "the same"),
        (SQUARE[[0, 1, 2, 0]], SQUARE, "the same"),
        (SQUARE, SQUARE[[0, 1, 2, 2]], "the same"),
        (np.array([[10, 10], [20, 20], [40, 40.0]]), SQUARE[:3], "one line"),
        (SQUARE + [60, 0], SQUARE, "inside the image"),
        (SQUARE, SQUARE + 1000, "outside the image"),
        (np.where(SQUARE == 50, np.nan, SQUARE), SQUARE, "finite"),
        (SQUARE.ravel(), SQUARE, "shape"),
        ([["a", "b"]], SQUARE, "numbers"),
    ],
)
def test_bad_points(source, target, message):
    with pytest.raises(InputError, match=message):
        Warp.fit(source, target, (100, 80))


def test_bad_values():
    for options in ({"strength": float("nan")}, {"ridge": -1}, {"anchors": 1}, {"anchors": 2.5}):
        with pytest.raises(InputError):
            Warp.fit(SQUARE, SQUARE, (100, 80), **options)
    for size in ((0, 5), (3.5, 2), "ab", 7):
        with pytest.raises(InputError, match="size"):
            Warp.identity(size)
    with pytest.raises(InputError, match="mode"):
        gentle().apply(torch.rand(1, 3, 8, 8), "cubic")
    for image in (torch.rand(3, 8, 8), torch.ones(1, 3, 8, 8, dtype=torch.uint8)):
        with pytest.raises(InputError, match="floating point tensor"):
            gentle().apply(image)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float64", "grey", "RGBA", "L", "P"])
def test_any_kind_of_image_comes_back_as_its_kind(kind):
    warp = gentle((48, 40), 12)
    rng = np.random.default_rng(0)
    pixels = cv2.resize(rng.integers(0, 256, (8, 9, 4), np.uint8), (48, 40))
    if kind in ("RGBA", "L", "P"):
        image = Image.fromarray(pixels if kind == "RGBA" else pixels[..., 0] if kind == "L" else pixels[..., :3])
        image = image.quantize(16) if kind == "P" else image
        out = warp.apply(image)
        assert isinstance(out, Image.Image) and out.size == image.size and out.mode == ("RGB" if kind == "P" else kind)
        image, out = np.asarray(image.convert(out.mode)), np.asarray(out)
    else:
        scale = {"uint16": 257, "float64": 1 / 255}.get(kind, 1)
        image = (pixels[..., 0] if kind == "grey" else pixels) * np.asarray(scale)
        image = image.astype({"grey": "uint8"}.get(kind, kind))
        out = warp.apply(image)
    assert out.dtype == image.dtype and out.shape == image.shape
    planes = torch.from_numpy(np.atleast_3d(image).astype(np.float64)).permute(2, 0, 1)[None]
    exact = warp.apply(planes)[0].permute(1, 2, 0).numpy().reshape(image.shape)
    assert np.abs(out - exact).max() <= (1e-6 if kind == "float64" else 1)
    assert np.array_equal(Warp.identity((48, 40)).apply(image), image)


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4), bool), np.zeros((2, 4, 4, 3)), np.zeros((0, 4)), "image.png", None, [[1.0]]]
)
def test_what_is_no_image_is_refused_in_one_line(bad):
    with pytest.raises(InputError, match="a warp takes a tensor") as caught:
        gentle().apply(bad)
    assert "\n" not in str(caught.value)


def test_points_may_be_a_tensor():
    warp = Warp.fit(np.array([[10, 10], [40, 12], [20, 30]]), np.array([[12, 10], [38, 14], [22, 29]]), (60, 50))
    points = np.array([[15.0, 20.0], [30.0, 8.0]])
    assert np.array_equal(warp.map_points(torch.from_numpy(points).requires_grad_()), warp.map_points(points))
