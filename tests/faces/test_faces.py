"""Faces: found wherever they are, the same however the image is turned, mirrored or sized, and none where there is none."""

import cv2
import numpy as np
import pytest
from conftest import blobs
from skimage import data

from correspondence.similarity import fit_similarity
from dst.config import InputError
from dst.faces import detect, models
from dst.faces.shape import GROUPS, MEAN, MIRROR, landmarks

EYES, NOSE, MOUTH = ([33, 133], [263, 362]), [4], [61, 291]


@pytest.fixture(scope="module")
def photograph():
    return data.astronaut()


@pytest.fixture(scope="module")
def face(photograph):
    (found,) = detect(photograph)
    return found


def test_a_photographs_face_is_where_it_is(face):
    places = [face.points[rows, :2].mean(0) for rows in (*EYES, NOSE, MOUTH)]
    by_hand = [(203, 101), (247, 104), (224, 125), (223, 140)]
    assert np.linalg.norm(np.array(places) - by_hand, axis=1).max() < 0.03 * face.size
    assert face.confidence > 0.9 and abs(face.roll) < 8 and abs(face.yaw) < 8
    left, top, right, bottom = face.box
    inside = (face.points[:, :2] >= (left, top)) & (face.points[:, :2] <= (right, bottom))
    assert inside.all() and face.size == max(right - left, bottom - top)


@pytest.mark.parametrize("size", [(256, 256), (1100, 1100), (400, 512)])
def test_a_face_is_the_same_at_any_size(photograph, face, size):
    (found,) = detect(cv2.resize(photograph, size, interpolation=cv2.INTER_AREA))
    zoom = np.array(size) / photograph.shape[1::-1]
    expected = (face.points[:, :2] + 0.5) * zoom - 0.5
    assert np.linalg.norm(found.points[:, :2] - expected, axis=1).mean() < 0.02 * found.size


def test_a_face_in_a_mirror_is_the_mirrored_face(photograph, face):
    (found,) = detect(np.ascontiguousarray(photograph[:, ::-1]))
    expected = face.points[MIRROR, :2] * [-1, 1] + [photograph.shape[1] - 1, 0]
    assert np.linalg.norm(found.points[:, :2] - expected, axis=1).max() < 0.02 * face.size
    assert found.yaw == pytest.approx(-face.yaw, abs=2) and found.roll == pytest.approx(-face.roll, abs=2)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_face_is_found_on_its_side_and_upside_down(photograph, face, turns):
    found = detect(np.ascontiguousarray(np.rot90(photograph, turns)))[0]
    x, y = face.points[:, :2].T
    last = photograph.shape[0] - 1
    expected = np.stack({1: (y, last - x), 2: (last - x, last - y), 3: (last - y, x)}[turns], 1)
    assert np.linalg.norm(found.points[:, :2] - expected, axis=1).max() < 0.06 * face.size
    assert abs((found.roll - face.roll + 90 * turns + 180) % 360 - 180) < 8


def test_roll_is_counted_clockwise(photograph, face):
    height, width = photograph.shape[:2]
    turn = cv2.getRotationMatrix2D(face.centre, -25, 1)  # OpenCV counts anticlockwise
    (found,) = detect(cv2.warpAffine(photograph, turn, (width, height), borderMode=cv2.BORDER_REPLICATE))
    assert found.roll - face.roll == pytest.approx(25, abs=4)


def test_several_faces_come_by_their_size(photograph):
    small = cv2.resize(photograph, (256, 256), interpolation=cv2.INTER_AREA)
    beside = np.full((512, 256, 3), 120, np.uint8)
    beside[128:384] = small
    found = detect(np.hstack([beside, photograph]))
    assert len(found) == 2 and found[0].size > 1.7 * found[1].size
    assert found[0].centre[0] > 256 > found[1].centre[0]


@pytest.mark.parametrize(
    "pixels",
    [blobs((90, 70), 3), data.coffee()[::2, ::2], np.full((64, 64, 3), 7, np.uint8), blobs((16, 700), 1)],
    ids=["discs", "coffee", "flat", "strip"],
)
def test_where_there_is_no_face_none_is_sure(pixels):
    assert all(face.confidence < 0.5 for face in detect(pixels))


def test_a_cat_is_not_a_face_to_rely_on():
    assert all(face.confidence < 0.5 for face in detect(data.chelsea()))


def test_a_face_of_a_few_pixels_is_left_out(photograph):
    field = np.full((1024, 1024, 3), 128, np.uint8)
    field[500:564, 500:564] = cv2.resize(photograph, (64, 64), interpolation=cv2.INTER_AREA)
    assert detect(field) == []


def test_a_damaged_network_is_refused_in_one_line(tmp_path, monkeypatch, photograph):
    for spoiled, reason in ((b"", "is not the file"), (None, "cannot be read")):
        folder = tmp_path / reason.replace(" ", "")
        folder.mkdir()
        if spoiled is not None:
            (folder / "detector_near.tflite").write_bytes(spoiled)
        monkeypatch.setattr(models, "FOLDER", folder)
        models._network.cache_clear()
        with pytest.raises(InputError, match=f"detector_near.tflite {reason}") as error:
            detect(photograph)
        assert "\n" not in str(error.value)
    models._network.cache_clear()


def test_the_mean_face_is_symmetric_and_its_groups_are_apart():
    assert np.array_equal(MIRROR[MIRROR], np.arange(468))
    assert np.allclose(MEAN, MEAN[MIRROR] * [-1, 1, 1], atol=1e-6) and np.allclose(MEAN.mean(0), 0, atol=1e-6)
    assert (MEAN[:, :2] ** 2).sum(1).mean() == pytest.approx(1, abs=1e-5)
    rows = [k for group in GROUPS.values() for k in group]
    assert len(set(rows)) == len(rows)
    assert {int(MIRROR[k]) for k in GROUPS["left eye"]} == set(GROUPS["right eye"])
    top, bottom = MEAN[list(GROUPS["left eye"]), 1].mean(), MEAN[list(GROUPS["chin"]), 1].mean()
    assert (
        MEAN[list(GROUPS["left eye"]), 0].max() < 0 and top < MEAN[4, 1] < bottom
    )  # the eye at the image's left, above


def test_a_similarity_in_space_is_found_again():
    draw = np.random.default_rng(0)
    source, axis = draw.normal(size=(30, 3)), draw.normal(size=3)
    rotation = cv2.Rodrigues(axis)[0]
    scale, found, shift = fit_similarity(source, 2.5 * source @ rotation.T + [3, -4, 5])
    assert scale == pytest.approx(2.5) and np.allclose(found, rotation) and np.allclose(shift, [3, -4, 5])
    assert np.linalg.det(fit_similarity(source, source * [-1, 1, 1])[1]) == pytest.approx(1)  # no reflection


def test_landmarks_are_told_from_other_matches():
    assert landmarks(np.array(["mouth", "", "nose", "chin", "elsewhere"])).tolist() == [True, False, True, True, False]
    assert not landmarks(np.array(["mouth", "", "nose"])).any() and not landmarks(np.array([], str)).any()


@pytest.mark.parametrize("shape", [(16, 4096), (20000, 16), (16, 16)])
def test_a_strip_or_a_scrap_has_no_face_and_is_no_fault(shape):
    assert detect(np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)) == []


def test_a_damaged_mean_face_is_said_in_one_line_and_only_where_faces_are_asked_for(tmp_path, monkeypatch):
    from dst.config import InputError
    from dst.faces import shape

    (tmp_path / "mean_face.safetensors").write_bytes(shape.FILE.read_bytes()[:1000])
    monkeypatch.setattr(shape, "FILE", tmp_path / "mean_face.safetensors")
    shape._arrays.cache_clear()
    with pytest.raises(InputError, match="not the file that this version"):
        _ = shape.MEAN
    shape.FILE.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        _ = shape.MEAN
    monkeypatch.undo()
    assert shape.MEAN.shape == (468, 3)
