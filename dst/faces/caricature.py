"""What is a face's own: how its shape differs from the mean face's, to be made more of, or less."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from correspondence.similarity import fit_similarity
from dst.config import PARTS
from dst.faces import shape
from dst.faces.face import Face
from dst.faces.shape import GROUPS, own_form

FEATURES: dict[str, tuple[str, ...]] = dict(
    zip(
        PARTS,
        (("left eye", "right eye"), ("left brow", "right brow"), ("nose",), ("mouth",), ("chin", "jaw", "oval")),
        strict=True,
    )
)
"""The parts of a face that have a factor of their own, and the groups of landmarks that each is."""
MOST = 1.6
"""Eyes and mouth grow or shrink by no more than this."""


def exaggerated(face: Face, strength: float, features: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Where a face's landmarks are and where they go: away from the mean face, seen in the face's own pose.

    Args:
        face: as `detect` gives it.
        strength: 0 leaves the face as it is, 1 doubles what is its own, -1 makes it the mean face.
        features: factors on the strength, by the names of `FEATURES`; 1 for those that are not named.

    Returns:
        (n, 2) twice, pixels of the face's image.

    Source: the exaggeration that WarpGAN (Shi, Deb and Jain, CVPR 2019) learns from drawings is here the classic one, by the
    difference from the mean (Brennan, "Caricature Generator", Leonardo 18(3), 1985).
    """
    rows = [k for group in GROUPS.values() for k in group]
    scale, rotation, shift = fit_similarity(shape.MEAN, face.points)
    own = (face.points - (scale * shape.MEAN @ rotation.T + shift))[:, :2]
    factors = np.zeros(len(face.points))
    for feature, groups in FEATURES.items():
        for group in groups:
            factors[list(GROUPS[group])] = strength * features.get(feature, 1.0)
    source = face.points[:, :2]
    target = source + factors[:, None] * own
    target = own_form(source, target, 1.0, MOST)
    return source[rows], target[rows]
