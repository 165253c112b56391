"""The landmarks of one face: traced twice and mirrored, and checked (Face Mesh, Kartynnik and others 2019)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from correspondence.similarity import fit_similarity
from dst.faces import shape
from dst.faces.boxes import Box
from dst.faces.models import MODELS, run

MARGIN = 1.5
"""Side of what the network is shown, over that of the face."""
CORNERS = (33, 263)
"""The outer corners of both eyes."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A traced face.

    Attributes:
        points: (468, 3), (x, y) in pixels and z in the same unit.
        score: of the detector.
        presence: the network's own word on whether this is a face, in [0, 1].
        unrest: mean distance of the landmarks of two passes, share of the face's size.
        strange: how far the shape is from the mean face, share of its size, pose apart.
    """

    points: np.ndarray
    score: float
    presence: float
    unrest: float
    strange: float

    @property
    def centre(self) -> np.ndarray:
        """Of the landmarks' box, (x, y)."""
        return (self.points[:, :2].min(0) + self.points[:, :2].max(0)) / 2

    @property
    def size(self) -> float:
        """The longer side of the landmarks' box, pixels."""
        return float(np.ptp(self.points[:, :2], axis=0).max())

    @property
    def confidence(self) -> float:
        """How far the landmarks can be relied on, in [0, 1]: a product of what each measure says."""
        calm = 1 / (1 + math.exp((self.unrest - 0.04) / 0.008))
        usual = 1 / (1 + math.exp((self.strange - 0.17) / 0.02))
        return self.presence * calm * usual


def trace(pixels: np.ndarray, box: Box) -> Mesh | None:
    """The landmarks of the face in a box: a first pass by the box, a second by the first's points, and one mirrored.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        box: as the detector gives it.

    Returns:
        The mesh; None where what is found is no face.
    """
    first = first_pass(pixels, box)
    centre, angle, side = square_around(first)
    if not side > 1:
        return None
    second, presence = one_pass(pixels, centre, angle, side, False)
    mirrored, _ = one_pass(pixels, centre, angle, side, True)
    points = (second + mirrored) / 2
    size = side / MARGIN
    unrest = max(np.linalg.norm((second - mirrored)[:, :2], axis=1).mean(), _apart(first, points)) / size
    scale, rotation, shift = fit_similarity(shape.MEAN, points)
    left = points - (scale * shape.MEAN @ rotation.T + shift)
    mesh = Mesh(points, box.score, presence, float(unrest), float(np.linalg.norm(left[:, :2], axis=1).mean() / scale))
    return mesh if mesh.presence > 0.1 else None


def first_pass(pixels: np.ndarray, box: Box) -> np.ndarray:
    """Landmarks (468, 3) as the box shows them, rougher than those of a pass by landmarks."""
    across = box.eyes[1] - box.eyes[0]
    return one_pass(pixels, box.centre, math.atan2(across[1], across[0]), MARGIN * box.size, False)[0]


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance of the landmarks of two passes, half of it: a first pass is rougher."""
    return float(np.linalg.norm((a - b)[:, :2], axis=1).mean() / 2)


def square_around(points: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Centre, roll and side of the square that the network is to be shown, of a face's landmarks."""
    across = points[CORNERS[1], :2] - points[CORNERS[0], :2]
    angle = math.atan2(across[1], across[0])
    turn = _rotation(angle)
    upright = points[:, :2] @ turn
    low, high = upright.min(0), upright.max(0)
    return turn @ ((low + high) / 2), angle, float(MARGIN * (high - low).max())


def _rotation(angle: float) -> np.ndarray:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def one_pass(
    pixels: np.ndarray, centre: np.ndarray, angle: float, side: float, mirror: bool
) -> tuple[np.ndarray, float]:
    """Landmarks (468, 3) in pixels of the image, and the network's word on whether it is a face.

    Args:
        pixels: (H, W, 3) uint8.
        centre: of the square that the network is shown, (x, y).
        angle: its roll, radians, clockwise as seen.
        side: its side, pixels.
        mirror: show it mirrored.
    """
    shown = MODELS["mesh"].side
    zoom = shown / side
    if zoom < 0.7:  # reduced first, so that nothing is skipped over
        small = cv2.resize(pixels, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        share = np.array(small.shape[1::-1]) / pixels.shape[1::-1]
    else:
        small, share = pixels, np.ones(2)
    turn = _rotation(angle)
    # a pixel of what is shown -> of the image -> of the reduced image
    to_image = np.column_stack([turn / zoom, centre - turn @ np.full(2, (shown - 1) / 2) / zoom])
    to_small = to_image * share[:, None]
    to_small[:, 2] += share / 2 - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    view = cv2.warpAffine(small, to_small, (shown, shown), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if mirror:
        view = np.ascontiguousarray(view[:, ::-1])
    values, presence = run("mesh", view)
    points = values.reshape(-1, 3)
    if mirror:
        points = points[shape.MIRROR] * [-1, 1, 1] + [shown - 1, 0, 0]
    found = points[:, :2] @ to_image[:, :2].T + to_image[:, 2]
    logit = float(np.clip(presence.ravel()[0], -80, 80))
    return np.column_stack([found, points[:, 2] / zoom]), 1 / (1 + math.exp(-logit))
