"""Folds: seen, removed, and no other warp touched."""

import numpy as np
import pytest
from warps import gentle, scattered

from dst.warp import Warp
from dst.warp.coordinates import mesh, node_grid
from dst.warp.folds import determinants


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
