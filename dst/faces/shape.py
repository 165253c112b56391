"""What a face is made of: the mean face, its mirror image, and the groups of landmarks that have names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

_FILE = load_file(Path(__file__).with_name("mean_face.safetensors"))
MEAN: np.ndarray = _FILE["mean"].astype(np.float64)
"""The mean face, (468, 3): x to the right, y down, z away from the viewer, centred, symmetric, with a root mean square
distance of 1 from its centre in x and y, the forehead over the chin. `tools/mean_face.py` made it."""
MIRROR: np.ndarray = _FILE["mirror"].astype(np.int64)
"""The landmark at each landmark's place in a mirror, (468,)."""
MEAN.flags.writeable = MIRROR.flags.writeable = False

LEFT_EYE = (33, 160, 158, 133, 153, 144)
LEFT_BROW = (70, 63, 105, 66, 107)
NOSE = (168, 197, 4, 2, 129, 98, 358, 327)
MOUTH = (61, 39, 0, 269, 291, 321, 405, 17, 181, 91)
JAW = (93, 132, 172, 397, 361, 323)
CHIN = (150, 176, 152, 400, 379)
OVAL = (127, 54, 10, 284, 356)
"""Landmarks of a group, those of eyes and brows at the image's left in an upright face."""
GROUPS: dict[str, tuple[int, ...]] = {
    "left eye": LEFT_EYE,
    "right eye": tuple(int(MIRROR[k]) for k in LEFT_EYE),
    "left brow": LEFT_BROW,
    "right brow": tuple(int(MIRROR[k]) for k in LEFT_BROW),
    "nose": NOSE,
    "mouth": MOUTH,
    "chin": CHIN,
    "jaw": JAW,
    "oval": OVAL,
}
"""A well-spread subset of the landmarks, by the part of the face that they are on."""


def landmarks(source: np.ndarray) -> np.ndarray:
    """Which matches are of a face's landmarks, by where they come from: (N,) str to (N,) bool; none where they are under three."""
    rows = np.isin(source, list(GROUPS))
    return rows if rows.sum() >= 3 else np.zeros(len(rows), bool)


def fit_rotation(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The least-squares similarity in space, target ~ scale R source + t: scale, R (3, 3), t (3,).

    Args:
        source, target: (N, 3).

    Source: Umeyama 1991, equations 39 to 43.
    """
    mean_s, mean_t = source.mean(0), target.mean(0)
    s, t = source - mean_s, target - mean_t
    u, values, v = np.linalg.svd(t.T @ s)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(v))])
    scale = float((values * sign).sum() / max((s**2).sum(), 1e-12))
    rotation = (u * sign) @ v
    return scale, rotation, mean_t - scale * rotation @ mean_s
