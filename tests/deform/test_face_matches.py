"""Faces joined to the matching: landmarks where they belong, each group checked by the features, pose apart from shape."""

import dataclasses

import cv2
import numpy as np
import pytest
from conftest import blobs
from skimage import data

import dst
from dst import imaging
from dst.config import InputError
from dst.deform import faces
from dst.faces import detect
from dst.faces.shape import GROUPS, MEAN, WHOLE, own_form
from dst.features import load_encoder
from dst.warp import Warp
from dst.warp.calm import LOWEST, SLANT

OVAL = next(path for path in dst.sample_styles() if path.stem == "oval")
SIZE = (300, 280)
"""(W, H) of the photograph that is matched: the astronaut's head and shoulders."""


@pytest.fixture(scope="module")
def photograph():
    return np.ascontiguousarray(data.astronaut()[: SIZE[1], 80 : 80 + SIZE[0]])


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("compact")


@pytest.fixture(scope="module")
def bent(photograph):
    """The photograph under a known warp, and that warp."""
    points = np.array([[100, 60], [140, 90], [120, 150], [180, 140], [90, 120], [170, 60], [143, 130]], float)
    moves = np.array([[-6, -4], [4, 3], [-3, 9], [7, 6], [-8, 2], [5, -6], [2, 8]], float)
    warp = Warp.fit(points, points + moves, SIZE)
    pixels = imaging.to_array(warp.apply(imaging.read(photograph).rgb))
    return pixels, warp


def test_landmarks_of_a_warped_photograph_are_where_the_warp_put_them(photograph, bent, encoder):
    pixels, warp = bent
    found = faces.match_faces(imaging.read(photograph), imaging.read(pixels), encoder, "follow", "cpu")
    assert len(found.matches) >= 40 and set(found.matches.source) <= set(GROUPS) and not found.dropped
    expected = warp.map_points(found.matches.content)
    apart = np.linalg.norm(found.matches.style - expected, axis=1)
    assert np.median(apart) < 0.02 * found.content.size and apart.max() < 0.09 * found.content.size


@pytest.mark.parametrize("group, move", [("mouth", (0.0, -0.16)), ("left eye", (-0.15, 0.05))])
def test_a_group_that_the_mesh_put_wrong_is_put_right_by_the_features(
    photograph, bent, encoder, monkeypatch, group, move
):
    pixels, _ = bent
    (right,), (style,) = detect(photograph), detect(pixels)
    points = style.points.copy()
    points[list(GROUPS[group]), :2] += np.array(move) * style.size
    wrong = dataclasses.replace(style, points=points, confidence=0.7)
    monkeypatch.setattr(faces, "sure_faces", lambda image: [right if image.rgb.mean() == first else wrong])
    content = imaging.read(photograph)
    first = content.rgb.mean()
    found = faces.match_faces(content, imaging.read(pixels), encoder, "follow", "cpu")
    assert group in found.moved
    rows = found.matches.source == group
    index = [k for k in GROUPS[group]]
    centre = (found.matches.style + found.matches.shift)[rows].mean(0)
    assert np.linalg.norm(centre - style.points[index, :2].mean(0)) < 0.07 * style.size
    assert "corrected" in found.sentence()


def test_a_group_that_nothing_speaks_for_is_left_out(photograph, bent, encoder, monkeypatch):
    pixels = bent[0].copy()
    (style,) = detect(pixels)
    low, high = style.points[:, :2].min(0).astype(int), style.points[:, :2].max(0).astype(int)
    middle = int(style.points[4, 1]) + 4
    pixels[middle : high[1] + 30, low[0] - 20 : high[0] + 20] = blobs((high[0] - low[0] + 40, high[1] + 30 - middle), 5)
    (right,) = detect(photograph)
    content = imaging.read(photograph)
    first = content.rgb.mean()
    monkeypatch.setattr(faces, "sure_faces", lambda image: [right if image.rgb.mean() == first else style])
    found = faces.match_faces(content, imaging.read(pixels), encoder, "keep", "cpu")
    assert "mouth" in found.dropped and "left eye" not in found.dropped
    assert "mouth" not in found.matches.source


def test_pose_is_taken_out_and_shape_is_kept():
    turn = cv2.Rodrigues(np.array([0.1, 0.5, 0.0]))[0]
    face = 60 * MEAN + [100, 90, 0]
    turned = 80 * MEAN @ turn.T + [200, 150, 0]
    same = faces._posed(face, turned)
    scale, rotation, shift = faces.fit_similarity(face[:, :2], same)
    assert np.abs(scale * face[:, :2] @ rotation.T + shift - same).max() < 1e-6  # nothing but a similarity is left
    wide = MEAN * [1.3, 1, 1]
    found = faces._posed(face, 80 * wide @ turn.T + [200, 150, 0])
    ratio = np.ptp(found[:, 0]) / np.ptp(found[:, 1])
    assert ratio == pytest.approx(1.3 * np.ptp(MEAN[:, 0]) / np.ptp(MEAN[:, 1]), rel=0.08)


def test_eyes_and_mouth_keep_their_form():
    source = 60 * MEAN[:, :2] + 100
    target = source * [1.2, 0.8]
    found = own_form(source, target, faces.fit_similarity(source, target)[0], faces.MOST)
    for name in WHOLE:
        rows = list(GROUPS[name])
        scale, rotation, shift = faces.fit_similarity(source[rows], found[rows])
        assert np.allclose(scale * source[rows] @ rotation.T + shift, found[rows])
        assert np.allclose(found[rows].mean(0), target[rows].mean(0))
    others = sorted(set(range(468)) - {k for name in WHOLE for k in GROUPS[name]})
    assert np.array_equal(found[others], target[others])


def test_matching_takes_landmarks_where_both_have_a_face_and_best_buddies_elsewhere(photograph, bent):
    pixels, warp = bent
    matches, verdict = dst.match(photograph, pixels, pose="follow", match_size=160)
    face = matches.source != ""
    assert face.sum() >= 40 and (~face).sum() >= 10 and f"{face.sum()} of them are landmarks of a face" in verdict
    apart = np.linalg.norm(matches.style - warp.map_points(matches.content), axis=1)
    assert np.median(apart[face]) < 3 and np.median(apart[~face]) < 3
    hull = cv2.convexHull(matches.content[face].astype(np.float32))
    assert all(cv2.pointPolygonTest(hull, tuple(map(float, p)), False) < 0 for p in matches.content[~face])
    alone, _ = dst.match(photograph, pixels, faces="only", pose="follow")
    assert np.allclose(alone.content, matches.content[face]) and (alone.source != "").all()
    plain, verdict = dst.match(photograph, pixels, faces="off", match_size=64)
    assert (plain.source == "").all() and "landmarks" not in verdict


def test_where_there_is_no_face_nothing_changes_and_only_is_refused():
    images = [blobs((90, 80), seed) for seed in (0, 1)]
    assert dst.match(*images, match_size=64)[0] == dst.match(*images, faces="off", match_size=64)[0]
    with pytest.raises(InputError, match=r"no face is found in .* and "):
        dst.match(*images, faces="only")


def test_a_chosen_pair_of_faces_goes_together_and_others_are_refused(photograph):
    small = cv2.resize(photograph, (180, 168), interpolation=cv2.INTER_AREA)
    beside = np.hstack([photograph, np.pad(small, ((56, 56), (0, 0), (0, 0)), mode="edge")])
    for chosen, left in (((1, 1), True), ((2, 1), False), (None, True)):
        matches, _ = dst.match(beside, photograph, faces="only", face=chosen)
        assert bool(matches.content[:, 0].mean() < SIZE[0]) is left
    for chosen, words in (((3, 1), "face 3 of .* but it has 2 faces"), ((1, 2), "face 2 of .* but it has 1 face ")):
        with pytest.raises(InputError, match=words):
            dst.match(beside, photograph, face=chosen)
    for bad in ((0, 1), "1:1", (1, 2, 3), 2):
        with pytest.raises(InputError, match=r"face is .*: it takes two whole numbers from 1 to 16"):
            dst.match(beside, photograph, face=bad)


def test_no_more_matches_are_kept_than_asked_for(photograph, bent):
    matches, _ = dst.match(photograph, bent[0], max_points=12, match_size=96)
    assert len(matches) == 12 and len(set(matches.source)) > 4


def test_a_portraits_warp_stays_calm_within_the_face_and_its_run_says_so(photograph, tmp_path, no_figures):
    options = {"size": 64, "style_strength": 0, "metrics": False, "match_size": 96}
    result = dst.stylize(photograph, OVAL, run_dir=tmp_path / "run", **options)
    within = result.record["warp"]["face"]
    assert within["min_jacobian"] >= LOWEST - 0.01 and within["max_anisotropy"] <= SLANT + 0.02
    assert (result.matches.source == "mouth").any()
    again = dst.load_run(tmp_path / "run")
    assert again.matches == result.matches
    header, first, *_ = (tmp_path / "run" / "points.csv").read_text().splitlines()
    assert header.endswith(",score,source") and first.endswith(",left eye")
    plain = dst.stylize(photograph, OVAL, faces="off", **options)
    assert plain.record["warp"]["face"] is None


def test_a_face_that_is_given_as_points_is_the_same_warp(photograph, tmp_path):
    result = dst.stylize(photograph, OVAL, size=64, style_strength=0, metrics=False, faces="only")
    result.matches.to_csv(tmp_path / "points.csv")
    given = dst.stylize(photograph, OVAL, size=64, style_strength=0, metrics=False, points=tmp_path / "points.csv")
    assert np.abs(given.warp.moved - result.warp.moved).max() < 0.002


def test_spectacles_are_not_taken_for_brows(encoder):
    """The rims of the photograph's glasses look like a drawn eye's lid: brows stay above eyes."""
    import matplotlib

    hopper = imaging.read(matplotlib.get_data_path() + "/sample_data/grace_hopper.jpg")
    for name in ("glass", "print"):
        style = imaging.read(next(path for path in dst.sample_styles() if path.stem == name))
        found = faces.match_faces(hopper, style, encoder, "keep", "cpu")
        middle = {part: found.points[1][list(rows), :2].mean(0) for part, rows in GROUPS.items()}
        between = np.linalg.norm(middle["right eye"] - middle["left eye"])
        for side in ("left", "right"):
            assert middle[f"{side} eye"][1] - middle[f"{side} brow"][1] > 0.15 * between
