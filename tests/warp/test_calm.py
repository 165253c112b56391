"""A face within a warp: kept within its bounds, as it was where it is, and never touched where it is fixed."""

import dataclasses

import numpy as np
import pytest

from dst.warp import Warp
from dst.warp.calm import LOWEST, SLANT, calm, survey_face

DRAW = np.random.default_rng(0)
FACE = np.stack(np.meshgrid(np.linspace(0.35, 0.65, 6), np.linspace(0.3, 0.6, 6)), -1).reshape(-1, 2)
AROUND = np.array([[0.1, 0.1], [0.9, 0.15], [0.85, 0.7], [0.12, 0.68], [0.5, 0.1]])


def warp_of(moves, around=None):
    source = np.concatenate([FACE, AROUND])
    moves = np.concatenate([moves, np.zeros_like(AROUND) if around is None else around])
    return Warp((100, 80), source, moves), np.arange(len(source)) < len(FACE)


def test_a_calm_face_stays_as_it_is():
    warp, rows = warp_of(0.02 * (FACE - FACE.mean(0)))
    mended, share = calm(warp, rows)
    assert mended is warp and share == 1


@pytest.mark.parametrize("size", [0.01, 0.03, 0.1])
def test_a_torn_face_comes_within_the_bounds(size):
    warp, rows = warp_of(size * DRAW.normal(size=FACE.shape), 0.02 * DRAW.normal(size=AROUND.shape))
    before = survey_face(warp, rows)
    mended, share = calm(warp, rows)
    after = survey_face(mended, rows)
    assert not before.good and after.good and 0 < share < 1
    assert after.min_jacobian >= LOWEST and after.max_jacobian <= 1 / LOWEST and after.max_anisotropy <= SLANT


def test_what_a_face_as_a_whole_does_is_kept_where_its_parts_disagree():
    wide = (FACE - FACE.mean(0)) * [0.5, -0.15]
    warp, rows = warp_of(wide + 0.02 * DRAW.normal(size=FACE.shape))
    mended, _ = calm(warp, rows)
    width = [np.ptp((w.source + w.moved)[rows, 0]) for w in (warp, mended)]
    assert width[1] - 0.3 > 0.5 * (width[0] - 0.3) and survey_face(mended, rows).good


def test_the_measure_is_that_of_a_known_map():
    stretch = np.array([1.5, 0.8])
    warp, rows = warp_of((FACE - FACE.mean(0)) * (stretch - 1))
    found = survey_face(warp, rows)  # the backward map, so its slopes are the inverses
    assert found.min_jacobian <= 1 / stretch.prod() <= found.max_jacobian
    assert found.max_anisotropy >= 1.5 / 0.8 * 0.95
    still, rows = warp_of(np.zeros_like(FACE))
    assert dataclasses.astuple(survey_face(still, rows)) == pytest.approx((1, 1, 1))


def test_pinned_points_stay():
    warp, rows = warp_of(0.05 * DRAW.normal(size=FACE.shape))
    pinned = np.zeros(len(rows), bool)
    pinned[[3, 20]] = True
    warp = dataclasses.replace(warp, pinned=pinned)
    mended, _ = calm(warp, rows)
    assert np.array_equal(mended.displacement[pinned], warp.displacement[pinned])
