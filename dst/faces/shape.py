"""What a face is made of: the mean face, its mirror image, and the groups of landmarks that have names."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from safetensors.numpy import load

from correspondence.similarity import fit_similarity
from dst.faces.models import NO_FACES
from dst.files import read_shipped

MEAN: np.ndarray
"""The mean face, (468, 3): x to the right, y down, z away from the viewer, centred, symmetric, with a root mean square
distance of 1 from its centre in x and y, the forehead over the chin. `tools/mean_face.py` made it."""
MIRROR: np.ndarray
"""The landmark at each landmark's place in a mirror, (468,)."""
FILE = Path(__file__).with_name("mean_face.safetensors")
SHA256 = "b6f0ebfd97a1bc93681c5f2c9a3933becdaa457cbfdd67bcdc9dded2fa2e92ed"


@functools.cache
def _arrays() -> dict[str, np.ndarray]:
    """What the file holds, read when it is first asked for.

    Raises:
        InputError: it is missing, damaged or exchanged.
    """
    found = load(read_shipped(FILE, SHA256, NO_FACES))
    arrays = {"MEAN": found["mean"].astype(np.float64), "MIRROR": found["mirror"].astype(np.int64)}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def __getattr__(name: str) -> np.ndarray:
    if name in ("MEAN", "MIRROR"):
        return _arrays()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


LEFT_EYE = (33, 160, 158, 133, 153, 144)
LEFT_BROW = (70, 63, 105, 66, 107)
RIGHT_EYE = (263, 387, 385, 362, 380, 373)
RIGHT_BROW = (300, 293, 334, 296, 336)
NOSE = (168, 197, 4, 2, 129, 98, 358, 327)
MOUTH = (61, 39, 0, 269, 291, 321, 405, 17, 181, 91)
JAW = (93, 132, 172, 397, 361, 323)
CHIN = (150, 176, 152, 400, 379)
OVAL = (127, 54, 10, 284, 356)
"""Landmarks of a group, those of eyes and brows at the image's left in an upright face."""
GROUPS: dict[str, tuple[int, ...]] = {
    "left eye": LEFT_EYE,
    "right eye": RIGHT_EYE,
    "left brow": LEFT_BROW,
    "right brow": RIGHT_BROW,
    "nose": NOSE,
    "mouth": MOUTH,
    "chin": CHIN,
    "jaw": JAW,
    "oval": OVAL,
}
"""A well-spread subset of the landmarks, by the part of the face that they are on."""
WHOLE = ("left eye", "right eye", "mouth")
"""Groups that keep their form (`own_form`)."""


def landmarks(source: np.ndarray) -> np.ndarray:
    """Which matches are of a face's landmarks, by where they come from: (N,) str to (N,) bool; none where they are under three."""
    rows = np.isin(source, list(GROUPS))
    return rows if rows.sum() >= 3 else np.zeros(len(rows), bool)


def face_points(origin: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Which points of a warp are of a face's landmarks, (k,) bool.

    Args:
        origin: (k,) the match that each point is, -1 for none (`Warp.origin`).
        source: (N,) str, where each match comes from.
    """
    return (origin >= 0) & landmarks(source)[origin] if len(source) else np.zeros(len(origin), bool)


def own_form(source: np.ndarray, target: np.ndarray, size: float, most: float) -> np.ndarray:
    """The targets (n, 2) with eyes and mouth whole: each moved, turned and sized, its own form kept.

    So an iris stays round, and a smile is not pulled into a closed mouth: that is an expression and no shape.

    Args:
        source, target: of all landmarks, pixels.
        size: what the whole face grows to.
        most: how many times as much, or as little, these parts may grow.
    """
    target = target.copy()
    for name in WHOLE:
        rows = list(GROUPS[name])
        scale, rotation, _ = fit_similarity(source[rows], target[rows])
        scale = size * min(max(scale / size, 1 / most), most)
        target[rows] = scale * (source[rows] - source[rows].mean(0)) @ rotation.T + target[rows].mean(0)
    return target
