"""Rigid parts: they move as similarities."""

import numpy as np
import pytest
from warps import gentle

from dst.config import InputError


def similarity(warp, pixels):
    """Where the warp takes the points, and where the best similarity would, as complex numbers."""
    z, w = (p @ np.array([1, 1j]) for p in (pixels, warp.map_points(pixels)))
    z = z - z.mean()
    return w, w.mean() + (np.conj(z) * w).sum() / (np.abs(z) ** 2).sum() * z


def residual(warp, pixels):
    """Distance in pixels of mapped points from their best similarity."""
    landed, fitted = similarity(warp, pixels)
    return np.abs(landed - fitted).max()


def test_rigid_parts_move_as_similarities():
    warp = gentle((240, 200), 40, 4, noise=0.006)
    y, x = np.mgrid[:200, :240]
    disc, bar = (x - 90) ** 2 + (y - 80) ** 2 < 35**2, (abs(y - 160) < 6) & (abs(x - 150) < 50)
    rigid = warp.make_rigid(disc | bar)
    for segment in (disc, bar):
        pixels = np.argwhere(segment)[::5, ::-1].astype(float)
        assert residual(warp, pixels) > 1
        assert residual(rigid, pixels) < 0.5
        assert np.abs(similarity(rigid, pixels)[0] - similarity(warp, pixels)[1]).max() < 1
    assert rigid.folds().min_jacobian > 0 and (rigid.rigid == 0).any()
    assert residual(rigid.with_strength(0.5), np.argwhere(disc)[::9, ::-1].astype(float)) < 0.5


def test_a_rigid_part_at_the_border_stays():
    warp = gentle((160, 120), 25)
    mask = np.zeros((120, 160))
    mask[:50, 40:90] = 255
    pixels = np.argwhere(mask)[::7, ::-1].astype(float)
    assert np.abs(warp.make_rigid(mask).map_points(pixels) - pixels).max() < 0.5


@pytest.mark.parametrize("mask", [np.zeros((171, 256)), np.ones((256, 171)), np.ones((171, 256, 3))])
def test_bad_masks(mask):
    with pytest.raises(InputError, match="mask"):
        gentle().make_rigid(mask)
