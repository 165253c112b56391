"""Filtering: the similarity, spacing, crossings, clusters, and the verdict on a set."""

import numpy as np
import pytest

from correspondence.confidence import evidence, match_confidence, pair_confidence
from correspondence.filtering import (
    OUTLIER,
    align,
    clustered,
    crossing_share,
    crossings,
    deviations,
    filter_matches,
    reliable,
    residuals,
    spaced,
    without_crossings,
)
from correspondence.matches import Matches
from correspondence.similarity import fit_similarity


def rotation_by(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s], [s, c]])


@pytest.fixture
def points():
    return np.random.default_rng(0).uniform(0, 100, (20, 2))


def test_a_similarity_is_recovered(points):
    scale, rotation, move = fit_similarity(points, 1.7 * points @ rotation_by(40).T + (3, -8))
    assert scale == pytest.approx(1.7) and np.allclose(rotation, rotation_by(40)) and np.allclose(move, (3, -8))


def test_a_mirrored_set_gets_a_turn_and_no_mirror(points):
    mirrored = points * (-1, 1)
    scale, rotation, move = fit_similarity(points, mirrored)
    assert np.linalg.det(rotation) == pytest.approx(1)

    def cost(s, r, t):
        return ((mirrored - (s * points @ r.T + t)) ** 2).sum()

    best = cost(scale, rotation, move)
    centre_s, centre_t = points.mean(0), mirrored.mean(0)
    for degrees in range(0, 360, 5):  # no other rotation, each with its own best scale and translation, does better
        rotated = (points - centre_s) @ rotation_by(degrees).T
        s = max((rotated * (mirrored - centre_t)).sum() / (rotated**2).sum(), 1e-9)
        assert best <= cost(s, rotation_by(degrees), centre_t - s * rotation_by(degrees) @ centre_s) + 1e-6


def test_weights_leave_points_out(points):
    target = 2 * points + 1
    target[:5] += 50
    weights = np.r_[np.zeros(5), np.ones(15)]
    assert fit_similarity(points, target, weights)[0] == pytest.approx(2)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_degenerate_sets_stay_finite(count):
    scale, rotation, move = fit_similarity(np.ones((count, 2)), np.zeros((count, 2)))
    assert scale == 1 and np.allclose(rotation, np.eye(2)) and np.isfinite(move).all()


def test_alignment_takes_place_size_and_turn_away(points):
    matches = Matches(points, 0.6 * points @ rotation_by(-25).T + (40, 9))
    assert np.allclose(align(matches), points)


def test_spacing_keeps_the_strongest_and_its_distance(points):
    rank = np.arange(20.0)
    keep = spaced(points, points, rank, 20, 0, 50)
    assert keep[0] == 19 and (np.diff(rank[keep]) < 0).all()
    apart = np.linalg.norm(points[keep][:, None] - points[keep][None], axis=-1) + 1e9 * np.eye(len(keep))
    assert apart.min() >= 20
    left = np.setdiff1d(np.arange(20), keep)
    assert all(np.linalg.norm(points[keep] - points[k], axis=1).min() < 20 for k in left)
    assert len(spaced(points, points, rank, 0, 0, 7)) == 7


def test_of_two_crossing_segments_the_weaker_goes():
    source, target = np.array([[0, 0], [0, 2], [9, 9]]), np.array([[2, 2], [2, 0], [9, 8]])
    assert crossings(source, target).sum() == 2
    assert without_crossings(source, target, [1, 2, 0]).tolist() == [1, 2]
    assert without_crossings(source, target, [2, 1, 0]).tolist() == [0, 2]
    shared = crossings(np.array([[0, 0], [0, 0]]), np.array([[1, 1], [2, 0]]))
    assert not shared.any()


def test_one_match_against_all_its_neighbours_goes(points):
    style = points + 5
    style[7] += (60, 0)
    assert np.flatnonzero(deviations(points, style, 100) > OUTLIER).tolist() == [7]


def test_clusters_keep_their_strongest():
    rng = np.random.default_rng(1)
    centres = np.array([[10, 10], [90, 10], [50, 90]])
    points = np.repeat(centres, 6, axis=0) + rng.normal(0, 1, (18, 2))
    rank = rng.permutation(18)
    expected = [k * 6 + int(np.argmax(rank[k * 6 : k * 6 + 6])) for k in range(3)]
    assert clustered(Matches(points, points), rank, 3).tolist() == expected


def test_filtering_ends_with_no_crossings_and_few_points(points):
    rng = np.random.default_rng(2)
    style = points + rng.normal(0, 6, points.shape)
    options = {"max_points": 12, "spacing": 0.03}
    args = points, style, rng.random(20), np.ones((20, 2)), (101, 101), (130, 130)
    found = filter_matches(*args, **options)
    assert 3 < len(found) <= 12 and len(filter_matches(*args, **options, clusters=3)) == 3
    assert not crossings(found.content, align(found)).any()


def test_the_verdict_on_sets(points):
    style = 1.2 * points @ rotation_by(10).T + 4 * np.sin(points / 25)
    sizes = (101, 101), (140, 140)
    matches = Matches(points, style, None, *sizes, 0.9)
    good, why = reliable(matches)
    assert good, why
    median = np.median(residuals(matches))
    assert why == f"20 matches; the median one lies {median:.1%} of the content's long side from a smooth warp"
    for matches, words in (
        (Matches(points[:3], style[:3], None, *sizes), "at least 4"),
        (Matches([], [], None, *sizes), "at least 4"),
        (Matches(points * (1, 0.001), style, None, *sizes), "line"),
        (Matches(points, np.random.default_rng(3).permutation(style), None, *sizes), "cross|smooth"),
        (Matches(points, style, None, *sizes, 0.1), "too little in common"),
    ):
        good, why = reliable(matches)
        assert not good and any(word in why for word in words.split("|")), why


def test_pair_confidence_rises_from_zero_to_one():
    values = [pair_confidence(v, np.ones(5)) for v in (0.0, 0.01, 0.022, 0.06, 0.5)]
    assert values == sorted(values) and values[0] < 1e-6 and values[2] == pytest.approx(0.5) and values[-1] > 0.99


def test_better_evidence_never_lowers_the_confidence():
    checks, rank = np.array([[-0.2, 3.0], [0.1, 0.5]]), np.array([2.0, 6.0])
    given = evidence(checks, rank, np.array([0.02, 0.001]), 0.05, 0.02)
    base = match_confidence(given)
    assert base.shape == (2,) and (base > 0).all() and (base < 1).all()
    for column in range(given.shape[1]):
        better = given.copy()
        better[:, column] += 0.5 * abs(given[:, column]) + 0.01
        assert (match_confidence(better) >= base).all()
    worse_cycle = evidence(checks + (0, 2), rank, np.array([0.02, 0.001]), 0.05, 0.02)
    assert (match_confidence(worse_cycle) < base).all()
    assert (match_confidence(evidence(checks, rank, np.array([0.02, 0.001]), 0.01, 0.02)) < base).all()


def test_confidence_of_nothing_and_of_nothing_in_common():
    none = evidence(np.zeros((0, 2)), np.zeros(0), np.zeros(0), 0.0, 0.0)
    assert match_confidence(none).shape == (0,)
    assert match_confidence(evidence([[-0.3, 6.0]] * 3, [1.0] * 3, [0.05] * 3, 0.0, 0.05)).max() < 0.05


def test_crossing_pairs_are_counted():
    source = np.array([[0, 0], [10, 0], [0, 10.0]])
    assert crossing_share(source, source + 1) == 0
    crossed = np.array([[10, 1], [0, 1], [0, 11.0]])
    assert crossing_share(source, np.array([[10, 5], [0, 5], [0, 11.0]])) == pytest.approx(1 / 3)
    assert crossing_share(source, crossed) == pytest.approx(1 / 3)
    rng = np.random.default_rng(0)
    source, target = rng.random((20, 2)), rng.random((20, 2))
    expected = crossings(source, target).sum() / (20 * 19)
    assert crossing_share(source, target) == pytest.approx(expected)
    assert crossing_share(source[:1], target[:1]) is None


def test_the_confidence_in_a_pair_follows_its_matches():
    assert pair_confidence(0.5, np.full(10, 0.4)) > 0.99 and pair_confidence(0.5, []) == 0
    levels = [pair_confidence(0.5, np.full(10, score)) for score in (0.05, 0.1, 0.2, 0.3)]
    assert levels[0] == 0 and levels == sorted(levels) and 0.5 < levels[2] < 0.7
    few_good = np.r_[np.full(7, 0.02), np.full(3, 0.5)]
    assert pair_confidence(0.5, few_good) > 0.9  # the best fifth says it: the others may be low
