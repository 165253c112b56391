"""From matches to a warp: outliers give way, pins are reached, rigid parts stay rigid, confidence decides the pull."""

import dataclasses

import numpy as np
import pytest

from correspondence.matches import Matches
from dst.config import InputError
from dst.deform.fitting import fit_points, fit_warp, point_weights, pull
from dst.warp import to_pixels
from dst.warp.fit import mend

SIZE = (200, 160)
SOURCE = np.array([[40, 40], [150, 40], [100, 80], [50, 120], [150, 120], [100, 30], [60, 70], [140, 75.0]])
TARGET = SOURCE + np.array([[12, 4], [-10, 6], [0, 14], [8, -9], [-12, -6], [3, 10], [-9, 2], [11, -7.0]])
BALANCE = (0.5, 50.0)
"""The default weights of reaching the targets and of smoothness."""


def residual_from_similarity(points, moved):
    """Max distance of moved points from the similarity that fits them best, both as complex numbers."""
    a, b = points @ [1, 1j], moved @ [1, 1j]
    system = np.stack([a, np.ones_like(a)], 1)
    solution = np.linalg.lstsq(system, b, rcond=None)[0]
    return np.abs(system @ solution - b).max()


def test_a_rigid_part_moves_as_a_similarity_to_half_a_pixel_also_after_free_points_moved():
    mask = np.zeros((160, 200), bool)
    mask[50:95, 70:130] = True
    inside = np.argwhere(mask)[::7, ::-1].astype(float)
    free = fit_points(SOURCE, TARGET, SIZE).warp
    assert residual_from_similarity(inside, free.map_points(inside)) > 2
    fitted = fit_points(SOURCE, TARGET, SIZE, mask=mask)
    assert residual_from_similarity(inside, fitted.warp.map_points(inside)) < 0.5
    assert (fitted.warp.rigid > 0).sum() > 0
    assert not fitted.warp.folds().folded

    warp = fitted.warp
    shift = np.where(warp.rigid[:, None] > 0, 0.0, np.random.default_rng(0).normal(0, 0.02, warp.source.shape))
    moved = type(warp)(warp.size, warp.source, warp.displacement + shift, rigid=warp.rigid)
    mended, _ = mend(moved, mask)
    assert residual_from_similarity(inside, mended.map_points(inside)) < 0.5


def test_pins_land_where_pinned_even_if_other_points_fold():
    crossed = TARGET.copy()
    crossed[[4, 5]] = crossed[[5, 4]]
    source, target = SOURCE, crossed
    fitted = fit_points(source, target, SIZE, pinned=np.arange(8) < 2)
    assert fitted.warp.pinned.sum() == 2 and not (fitted.warp.rigid > 0).any()
    assert np.abs(fitted.warp.map_points(source[:2]) - target[:2]).max() < 0.5
    assert not fitted.warp.folds().folded


def test_strength_scales_every_displacement():
    whole, half, none = (fit_points(SOURCE, SOURCE + 0.3 * (TARGET - SOURCE), SIZE, s).warp for s in (1.0, 0.5, 0))
    assert np.allclose(half.moved, whole.moved / 2)
    assert none.is_identity


def test_a_pin_in_a_rigid_part_is_refused():
    mask = np.zeros((160, 200), bool)
    mask[30:50, 30:50] = True
    with pytest.raises(InputError, match="pin 1 lies in a rigid part"):
        fit_points(SOURCE, TARGET, SIZE, pinned=np.arange(8) < 1, mask=mask)


def test_one_outlier_does_not_undo_the_whole_warp():
    x, y = np.meshgrid(np.linspace(30, 170, 6), np.linspace(30, 170, 6))
    source = np.column_stack([x.ravel(), y.ravel()])
    target = source + 6 * np.column_stack([np.sin(source[:, 1] / 40), np.cos(source[:, 0] / 40)])
    target[14] += (60, -45)
    fitted = fit_points(source, target, (200, 200))
    kept = [int(np.linalg.norm(source - p, axis=1).argmin()) for p in to_pixels(fitted.warp.source, (200, 200))]
    assert 14 not in kept and len(kept) >= 33
    assert fitted.kept > 0.99 and not fitted.warp.folds().folded


def warped_grid(stray):
    """Points of a grid that move along a smooth warp, all but one of them, which goes elsewhere."""
    x, y = np.meshgrid(np.linspace(30, 170, 6), np.linspace(30, 170, 6))
    source = np.column_stack([x.ravel(), y.ravel()])
    target = source + 6 * np.column_stack([np.sin(source[:, 1] / 40), np.cos(source[:, 0] / 40)])
    smooth = target[stray].copy()
    target[stray] += (9, -7)
    return source, target, smooth


def reached(source, target, stray, **kw):
    warp = fit_points(source, target, (200, 200), weights=BALANCE, **kw).warp
    return warp.map_points(source[stray : stray + 1])[0]


def test_a_doubtful_match_follows_its_neighbours_and_a_confident_one_its_target():
    source, target, smooth = warped_grid(stray=14)
    landed = {}
    for score in (1.0, 0.05):
        confidence = np.where(np.arange(36) == 14, score, 1.0)
        landed[score] = reached(source, target, 14, confidence=confidence)
    missed = {score: np.linalg.norm(place - target[14]) for score, place in landed.items()}
    assert missed[1.0] < 3 and missed[0.05] > 7
    assert np.linalg.norm(landed[0.05] - smooth) < 4.5


def test_a_pin_counts_fully_whatever_its_score():
    source, target, _ = warped_grid(stray=0)
    place = reached(source, target, 0, pinned=np.arange(36) < 1, confidence=np.full(36, 0.05))
    assert np.abs(place - target[0]).max() < 0.5


def test_a_set_of_which_nothing_is_sure_is_warped_less():
    source, target, _ = warped_grid(stray=14)
    moved = {}
    for score in (None, 1.0, 0.8, 0.05):
        confidence = None if score is None else np.full(36, score)
        fitted = fit_points(source, target, (200, 200), weights=BALANCE, confidence=confidence)
        moved[score] = np.linalg.norm(fitted.warp.moved)
    assert moved[None] == moved[1.0] and moved[0.8] > 0.9 * moved[1.0]
    assert moved[0.05] < 0.6 * moved[1.0]


def test_a_rigid_part_does_not_weaken_the_pull_of_the_matches():
    mask = np.zeros((160, 200), bool)
    mask[85:110, 70:130] = True
    fitted = fit_points(SOURCE, TARGET, SIZE, mask=mask)
    weights = point_weights(fitted.warp, Matches(SOURCE, TARGET, np.full(8, 0.15), SIZE, SIZE))
    free = fitted.warp.rigid == 0
    assert (weights[~free] == 0).all() and 0 < free.sum() < len(free)
    assert weights.mean() == pytest.approx(1.0) and np.ptp(weights[free]) == 0


def test_the_most_confident_pull_fully_and_the_others_in_proportion():
    scores = np.array([0.6, 0.6, 0.3, 0.06, 0.0])
    assert np.allclose(pull(scores), [1, 1, 0.5, 0.1, 0])
    assert len(pull(np.zeros(0))) == 0


def test_a_warp_is_that_of_the_aligned_points_and_the_pull_of_their_scores():
    scores = np.linspace(1, 0.3, 8)
    found = Matches(SOURCE, 0.5 * TARGET + 7, scores, SIZE, SIZE)
    given = fit_warp(found, 1.0, *BALANCE)
    from correspondence import align

    wanted = fit_points(SOURCE, align(found), SIZE, 1.0, None, None, BALANCE, pull(scores))
    assert np.array_equal(given.warp.displacement, wanted.warp.displacement)
    pinned = dataclasses.replace(found, pinned=np.arange(8) == 3)
    place = fit_warp(pinned, 1.0, *BALANCE).warp.map_points(SOURCE[3:4])
    assert np.abs(place - align(pinned)[3]).max() < 0.5


def test_a_set_of_low_confidence_is_softened_and_its_pins_are_not():
    moved = {}
    for score in (1.0, 0.3, 0.175, 0.0):
        fitted = fit_warp(Matches(SOURCE, TARGET, np.full(8, score), SIZE, SIZE), 1.0, 1.0, 0.0)
        moved[score] = fitted.softened, np.linalg.norm(fitted.warp.moved)
    assert moved[1.0] == moved[0.3] and moved[1.0][0] == 1
    assert moved[0.175][0] == pytest.approx(0.5) and moved[0.175][1] == pytest.approx(0.5 * moved[1.0][1], rel=0.02)
    assert moved[0.0][0] == 0.1
    from correspondence import align

    scores = np.where(np.arange(8) == 0, 1.0, 0.1)
    pinned = Matches(SOURCE, TARGET, scores, SIZE, SIZE, pinned=np.arange(8) == 0)
    landed = fit_warp(pinned, 1.0, 1.0, 0.0).warp.map_points(SOURCE[:1])
    assert np.abs(landed - align(pinned)[:1]).max() < 0.5
