"""The thin-plate spline warp against scipy, closed forms, symmetries and its own promises."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.interpolate import RBFInterpolator

from dst.config import InputError
from dst.warp import FlowGrid, InverseWarp, Warp, border_anchors, to_pixels, to_unit
from dst.warp_geometry import Spline, extent, mesh, node_grid
from dst.warp_repair import determinants
from dst.warp_sampling import cubic_matrix, resample


def scattered(count, size, seed=0, gap=0.05, margin=0.1):
    """Unit points of an image of `size`, none closer than `gap`."""
    rng, points = np.random.default_rng(seed), []
    while len(points) < count:
        point = rng.random(2) * (np.array(extent(size)) - 2 * margin) + margin
        if all(np.hypot(*(point - other)) > gap for other in points):
            points.append(point)
    return np.array(points)


def gentle(size=(256, 171), count=30, seed=0, noise=0.005, gap=0.05, **options):
    """A warp like one from matching: a smooth bend with some noise, no folds."""
    points = scattered(count, size, seed, gap)
    moved = 0.025 * np.sin(5 * points[:, ::-1] + seed) + noise * np.random.default_rng(seed).standard_normal(
        points.shape
    )
    return Warp(size, points, moved, **options)


def pixel_centres(size):
    x = torch.arange(size[0], dtype=torch.float64)
    y = torch.arange(size[1], dtype=torch.float64)
    return to_unit(mesh(x, y), size)


def shifted(size, dx, dy):
    """Positions for `resample`: every pixel of an image of `size`, moved."""

    def places(top, bottom):
        x, y = torch.arange(size[0], dtype=torch.float64), torch.arange(top, bottom, dtype=torch.float64)
        return torch.stack(torch.meshgrid(x + dx, y + dy, indexing="xy"))

    places.size = size
    return places


# Coordinates and anchors


def test_unit_coordinates_do_not_depend_on_resolution():
    corner = np.array([[-0.5, -0.5], [255.5, 127.5]])
    assert to_unit(corner, (256, 128)) == pytest.approx(np.array([[0, 0], [1, 0.5]]))
    points = np.random.default_rng(0).random((5, 2)) * 100
    assert to_pixels(to_unit(points, (100, 37)), (100, 37)) == pytest.approx(points)
    assert torch.is_tensor(to_unit(torch.from_numpy(points), (100, 37)))


@pytest.mark.parametrize("size", [(256, 256), (256, 171), (1, 1), (16, 4000), (4000, 16), (1, 50)])
def test_anchors_lie_on_all_borders_with_corners(size):
    anchors, (width, height) = border_anchors(size, 21), extent(size)
    on_border = np.isin(anchors[:, 0], (0.0, width)) | np.isin(anchors[:, 1], (0.0, height))
    assert on_border.all()
    for corner in ((0, 0), (width, 0), (width, height), (0, height)):
        assert (np.abs(anchors - corner).max(1) == 0).sum() == 1
    steps = np.linalg.norm(anchors - np.roll(anchors, 1, axis=0), axis=1)
    assert steps.min() > 0
    assert steps.max() <= 1.5 * 0.05 + 1e-9


# The spline


def test_spline_equals_scipy():
    rng = np.random.default_rng(1)
    centres, values, at = rng.random((40, 2)), rng.standard_normal((40, 2)) * 0.05, rng.random((200, 2))
    ours = Spline.fit(torch.from_numpy(centres), torch.from_numpy(values), 0.0)(torch.from_numpy(at)).numpy()
    theirs = RBFInterpolator(centres, values, kernel="thin_plate_spline", degree=1)(at)
    assert np.abs(ours - theirs).max() < 1e-9


def test_warp_equals_scipy_with_anchors():
    warp = gentle()
    anchors = border_anchors(warp.size, warp.anchors)
    values = np.concatenate([-warp.moved, 0 * anchors])
    oracle = RBFInterpolator(
        np.concatenate([warp.source + warp.moved, anchors]), values, kernel="thin_plate_spline", degree=1
    )
    at = np.random.default_rng(0).random((100, 2)) * np.array(warp.size) - 0.5
    expected = at + max(warp.size) * oracle(to_unit(at, warp.size))
    assert np.abs(warp.unmap_points(at) - expected).max() < 5e-3


def test_affine_targets_are_reproduced_without_anchors():
    source = scattered(12, (200, 100)) * 200
    matrix = np.array([[1.1, 0.2], [-0.1, 0.9]])
    warp = Warp.fit(source, source @ matrix.T + 3, (200, 100), anchors=0)
    at = np.random.default_rng(0).random((50, 2)) * (199, 99)
    assert np.abs(warp.map_points(at) - (at @ matrix.T + 3)).max() < 1e-6
    assert abs(warp.bending_energy()) < 1e-10


def test_jacobian_and_bending_energy_against_autograd_and_sum():
    spline = gentle().spline
    at = torch.rand(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.6
    expected = torch.autograd.functional.jacobian(lambda p: spline(p).sum(0), at).permute(1, 0, 2)
    assert torch.allclose(spline.jacobian(at), expected, atol=1e-9)
    assert gentle().bending_energy() > 0
    # the energy is quadratic in the values while the control points stay
    double = Spline(spline.centres, 2 * spline.weights, spline.affine)
    assert double.bending_energy() == pytest.approx(4 * spline.bending_energy())


# The flow grid of the optimisation


def test_flow_grid_gradients():
    flow = FlowGrid((24, 17), nodes=9, anchors=9, dtype=torch.float64)
    points = torch.from_numpy(scattered(4, (24, 17)))
    theta = 0.03 * torch.randn(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    theta.requires_grad_()
    shape = torch.rand(3, 24 * 17 * 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def projected(source, moved):
        grid, coarse = flow.flow(source, moved)
        return shape @ grid.reshape(-1), shape[:, : coarse.numel()] @ coarse.reshape(-1)

    assert torch.autograd.gradcheck(projected, (points.requires_grad_(), theta), atol=1e-6)


def test_coarse_field_alone_has_the_same_values_and_gradient():
    flow, points = FlowGrid((300, 200)), torch.from_numpy(scattered(9, (300, 200)))
    theta = (0.02 * torch.sin(9 * points)).requires_grad_()
    alone, beside = flow.coarse(points, theta), flow.flow(points, theta)[1]
    assert torch.equal(alone, beside) and alone.shape == (2, *flow.shape)
    one, other = (torch.autograd.grad(field.square().sum(), theta)[0] for field in (alone, beside))
    assert torch.equal(one, other)
    assert not flow.coarse(points[:0], theta[:0]).any()


@pytest.mark.parametrize(
    ("size", "seed", "noise", "limit"),
    [
        ((64, 64), 0, 0.004, 0.05),
        ((128, 96), 1, 0.004, 0.15),
        ((256, 171), 1, 0.004, 0.05),
        ((120, 256), 2, 0.008, 0.05),
    ],
)
def test_flow_grid_is_exact_to_a_fraction_of_a_pixel(size, seed, noise, limit):
    warp = gentle(size, 50, seed, noise)
    flow = FlowGrid(size)
    grid, coarse = flow.flow(torch.from_numpy(warp.source.copy()), torch.from_numpy(warp.moved))
    at = pixel_centres(size)
    exact = to_pixels(at + warp.spline(at), size)
    found = ((grid[0].double() + 1) * torch.tensor(size) - 1) / 2
    assert (found.reshape(-1, 2) - exact).norm(dim=1).max() < limit
    ny, nx = flow.shape
    nodes = mesh(torch.arange(nx) * flow.spacing[0], torch.arange(ny) * flow.spacing[1]).double()
    assert (coarse.reshape(2, -1).T - warp.spline(nodes)).abs().max() < 1e-5


def test_flow_is_the_same_at_every_resolution():
    points, moved = torch.from_numpy(scattered(20, (256, 192))), torch.full((20, 2), 0.02)
    small, coarse = FlowGrid((160, 120), dtype=torch.float64).flow(points, moved)
    large, other = FlowGrid((480, 360), dtype=torch.float64).flow(points, moved)
    assert torch.equal(coarse, other)
    assert (large[:, 1::3, 1::3] - small).abs().max() < 2e-4


def test_flow_grid_in_the_frame_of_another_size():
    points, moved = torch.from_numpy(scattered(20, (1000, 667))), torch.full((20, 2), 0.02)
    rounded = FlowGrid((64, 43), (1000, 667)).flow(points, moved)[1]
    assert torch.equal(rounded, FlowGrid((1000, 667)).flow(points, moved)[1])


def test_flow_swaps_with_the_axes():
    points, moved = torch.from_numpy(scattered(15, (96, 64))), torch.tensor([[0.03, -0.01]]).repeat(15, 1)
    one, _ = FlowGrid((96, 64), dtype=torch.float64).flow(points, moved)
    other, _ = FlowGrid((64, 96), dtype=torch.float64).flow(points.flip(1), moved.flip(1))
    assert (one - other.transpose(1, 2).flip(3)).abs().max() < 1e-7


def test_flow_without_points_is_the_identity():
    flow = FlowGrid((32, 20))
    grid, coarse = flow.flow(torch.zeros(0, 2), torch.zeros(0, 2))
    image = torch.rand(1, 3, 20, 32, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(F.grid_sample(image, grid, align_corners=False), image, atol=1e-5)
    assert not coarse.any()
    still, _ = flow.flow(torch.from_numpy(scattered(5, (32, 20))), torch.zeros(5, 2))
    assert torch.allclose(still, grid, atol=1e-6)


# Applying


def test_cubic_matrix_reproduces_cubics():
    nodes, at = torch.linspace(0, 1, 9, dtype=torch.float64), torch.linspace(0, 1, 40, dtype=torch.float64)
    assert torch.allclose(cubic_matrix(9, at) @ (nodes**3 - nodes), at**3 - at, atol=1e-12)


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_translated_ramp_is_exact_and_edges_do_not_ring(mode):
    ramp, places = torch.linspace(0, 1, 40, dtype=torch.float64).repeat(1, 1, 30, 1), shifted((40, 30), 0.3, -0.4)
    out = resample(ramp, places, mode)
    assert (out[..., 3:-3] - ramp[..., 3:-3] - 0.3 / 39).abs().max() < 1e-6
    edge = (ramp > 0.5).double() * 0.6 + 0.2
    out = resample(edge, places, mode)
    assert out.min() > 0.2 - 1e-9 and out.max() < 0.8 + 1e-9


@pytest.mark.parametrize(("mode", "limit"), [("bicubic", 0.25), ("bilinear", 3)])
def test_a_smooth_picture_is_resampled_to_a_fraction_of_a_grey_level(mode, limit):
    def picture(x, y):
        return 0.5 + 0.2 * torch.sin(x / 4 + y / 9) + 0.2 * torch.cos(y / 5) * torch.sin(x / 6)

    size = (300, 280)  # more than one tile
    whole, wanted = shifted(size, 0, 0)(0, 280), shifted(size, 0.37, -0.21)(0, 280)
    out = resample(picture(*whole).float()[None, None], shifted(size, 0.37, -0.21), mode)
    error = (out[0, 0] - picture(*wanted)).abs()[3:-3, 3:-3]
    assert error.square().mean().sqrt() < limit / 255 / 2
    assert error.quantile(0.9) < limit / 255  # peaks that no pixel has are cut, since nothing may overshoot


def test_precision_does_not_fall_with_the_size_of_the_image():
    ramp = torch.linspace(0, 1, 1001)[torch.arange(30000) % 2000 - 1000].repeat(1, 1, 5, 1)
    whole = resample(ramp, shifted((30000, 5), 0.3, 0))
    part = resample(ramp[..., -2000:], shifted((2000, 5), 0.3, 0))
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


# Points, inverse, strength


def test_points_land_where_told_and_come_back():
    warp = gentle((400, 300), 30)
    source, target = to_pixels(warp.source, warp.size), to_pixels(warp.source + warp.moved, warp.size)
    assert np.abs(warp.map_points(source) - target).max() < 1e-2
    assert np.abs(warp.unmap_points(target) - source).max() < 1e-2
    at = np.random.default_rng(3).random((300, 2)) * (399, 299)
    assert np.abs(warp.unmap_points(warp.map_points(at)) - at).max() < 1e-4
    assert np.abs(warp.inverse().map_points(warp.map_points(at)) - at).max() < 1e-4


def test_inverse_undoes_the_picture():
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


# Folds


def crossed():
    """Two neighbours that trade places: a fold by construction, beside points that do not fold."""
    source = np.array([[100, 100], [130, 100], [40, 60], [60, 200], [200, 60], [210, 200]], float)
    target = source + [[30, 4], [-30, -4], [12, 8], [-10, 6], [8, 10], [-12, -8]]
    return Warp.fit(source, target, (256, 256))


def test_folds_are_seen_and_removed():
    report = crossed().folds()
    assert report.folded and report.share > 0.001 and report.min_jacobian < 0
    mended, factor = crossed().unfold()
    assert 0 < factor < 1
    assert not mended.folds(400).folded and mended.folds(400).share == 0
    far = slice(2, None)
    change = np.linalg.norm(mended.displacement[far] - crossed().displacement[far], axis=1)
    assert change.max() < 0.3 * np.linalg.norm(crossed().displacement[far], axis=1).min()


@pytest.mark.parametrize(("count", "noise"), [(6, 0.1), (40, 0.02), (120, 0.01)])
def test_the_survey_finds_what_a_look_at_every_node_finds(count, noise):
    warp = gentle((200, 150), count, count, noise, gap=0.03)
    report = warp.folds(128)
    x, y = node_grid(warp.size, 128)
    det = determinants(warp.spline, mesh(x, y))
    assert report.share == pytest.approx(float((det <= 0).double().mean()), abs=1e-3)
    assert report.min_jacobian <= det.min() + 1e-9 and report.max_jacobian >= det.max() - 1e-9
    assert report.folded == (count < 120)


def test_a_warp_without_folds_is_left_alone():
    warp = gentle()
    assert not warp.folds().folded
    assert warp.unfold() == (warp, 1.0)
    assert Warp.identity((64, 48)).folds().max_jacobian == 1.0


def test_jacobian_of_a_known_map():
    source = scattered(12, (200, 200)) * 200
    warp = Warp.fit(source, (source - 100) * 2 + 100, (200, 200), anchors=0)
    report = warp.folds(64)  # content doubled: the backward map halves both sides
    assert report.min_jacobian == pytest.approx(0.25, abs=1e-6) and report.max_jacobian == pytest.approx(0.25, abs=1e-6)


# Protected regions


def similarity(warp, pixels):
    """Where the warp takes the points, and where the best similarity would, as complex numbers."""
    z, w = (p @ np.array([1, 1j]) for p in (pixels, warp.map_points(pixels)))
    z = z - z.mean()
    return w, w.mean() + (np.conj(z) * w).sum() / (np.abs(z) ** 2).sum() * z


def residual(warp, pixels):
    """Distance in pixels of mapped points from their best similarity."""
    landed, fitted = similarity(warp, pixels)
    return np.abs(landed - fitted).max()


def test_protected_regions_move_as_similarities():
    warp = gentle((240, 200), 40, 4, noise=0.006)
    y, x = np.mgrid[:200, :240]
    disc, bar = (x - 90) ** 2 + (y - 80) ** 2 < 35**2, (abs(y - 160) < 6) & (abs(x - 150) < 50)
    held = warp.protect(disc | bar)
    for region in (disc, bar):
        pixels = np.argwhere(region)[::5, ::-1].astype(float)
        assert residual(warp, pixels) > 1
        assert residual(held, pixels) < 0.5
        assert np.abs(similarity(held, pixels)[0] - similarity(warp, pixels)[1]).max() < 1
    assert held.folds().min_jacobian > 0 and (held.rigid == 0).any()
    assert residual(held.with_strength(0.5), np.argwhere(disc)[::9, ::-1].astype(float)) < 0.5


def test_a_protected_region_at_the_border_stays():
    warp = gentle((160, 120), 25)
    mask = np.zeros((120, 160))
    mask[:50, 40:90] = 255
    pixels = np.argwhere(mask)[::7, ::-1].astype(float)
    assert np.abs(warp.protect(mask).map_points(pixels) - pixels).max() < 0.5


@pytest.mark.parametrize("mask", [np.zeros((171, 256)), np.ones((256, 171)), np.ones((171, 256, 3))])
def test_bad_masks(mask):
    with pytest.raises(InputError, match="mask"):
        gentle().protect(mask)


# Files and bad input


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
    for image in (torch.rand(3, 8, 8), torch.ones(1, 3, 8, 8, dtype=torch.uint8), np.zeros((8, 8))):
        with pytest.raises(InputError, match="floating point tensor"):
            gentle().apply(image)
