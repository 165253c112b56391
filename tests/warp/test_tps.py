"""The thin-plate spline, its coordinates and its anchors against scipy, autograd and closed forms."""

import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator
from warps import gentle, scattered

from dst.warp import Warp, border_anchors, to_pixels, to_unit
from dst.warp.coordinates import extent
from dst.warp.tps import Spline


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
