"""Faces that the project drew: what finds faces against what the drawing says of its own."""

import numpy as np
import pytest

from dst.faces import detect
from tools.samples.draw_samples import ASSETS, SAMPLES
from tools.samples.portraits import PORTRAITS, marks

AT = {"left_eye": (33, 133), "right_eye": (263, 362), "nose": (2,), "mouth": (0, 17), "chin": (152,)}


@pytest.mark.parametrize("name", PORTRAITS)
def test_every_manner_has_a_face_and_its_parts_are_where_they_were_drawn(name):
    drawn = {part: place * SAMPLES[name][1] - 0.5 for part, place in marks(name).items()}
    (face,) = [face for face in detect(ASSETS / f"{name}.jpg") if face.confidence > 0.5]
    between = np.linalg.norm(drawn["right_eye"] - drawn["left_eye"])
    if PORTRAITS[name][2].beard:
        del drawn["chin"]
    for part, place in drawn.items():
        found = face.points[list(AT[part]), :2].mean(0)
        assert np.linalg.norm(found - place) < 0.25 * between, part
    sitter = PORTRAITS[name][2]
    assert face.roll == pytest.approx(sitter.tilt, abs=4)
    assert (
        face.yaw * sitter.turn > 5 * abs(sitter.turn) if sitter.turn else abs(face.yaw) < 4
    )  # features go where it turns
