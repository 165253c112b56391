"""The bench of faces: what it measures is shape alone, and a pair without faces is no fault."""

import cv2
import numpy as np
import pytest
from conftest import blobs
from PIL import Image

from bench import faces as bench
from dst.faces import Face
from dst.faces.shape import GROUPS, MEAN


def face(points):
    return Face((0, 0, 1, 1), 1.0, points, 1.0, 0.0, 0.0)


def test_place_size_and_pose_do_not_count_and_shape_does():
    turn = cv2.Rodrigues(np.array([0.1, 0.4, 0.2]))[0]
    style = face(80 * MEAN @ turn.T + [200, 150, 0])
    same = bench.distances(face(50 * MEAN + [90, 80, 0]), style, set(GROUPS), 256)
    assert set(same) == set(bench.PARTS) and max(same.values()) < 1e-9
    moved = 50 * MEAN + [90, 80, 0]
    moved[list(GROUPS["mouth"]), 1] += 5
    found = bench.distances(face(moved), style, set(GROUPS), 250)
    assert found["mouth"] == pytest.approx(2, abs=0.7) and found["mouth"] > 3 * max(found["eyes"], found["brows"])
    assert "mouth" not in bench.distances(face(moved), style, set(GROUPS) - {"mouth"}, 250)


def test_a_pair_without_faces_is_said_to_have_none(tmp_path, capsys):
    for seed in (0, 1):
        Image.fromarray(blobs((60, 50), seed)).save(tmp_path / f"{seed}.png")
    (tmp_path / "pairs.csv").write_text("name,content,style\nnone,0.png,1.png\n")
    with pytest.raises(SystemExit, match="no pair has two faces"):
        bench.main(["--pairs", str(tmp_path / "pairs.csv"), "--size", "64"])
    assert "| none | no face to match |" in capsys.readouterr().out
