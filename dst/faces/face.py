"""Faces found in an image: detection over scales and right-angle rotations, landmarks, and how far they can be relied on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from correspondence.similarity import fit_similarity
from dst import imaging
from dst.config import MOST_FACES
from dst.faces import shape
from dst.faces.boxes import find_boxes
from dst.faces.mesh import Mesh, trace

SIDE = 1024
"""Long side that larger images are looked at."""
SMALLEST = 24
"""Faces narrower than this, in pixels of what is looked at, are left out: their landmarks would be guesses."""
SURE = 0.5
"""Confidence from which a face's landmarks can be relied on."""
TURNS = (1, 3, 2)
"""Quarter turns, counted anticlockwise, that are tried where no sure face is found upright."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face.

    Attributes:
        box: (left, top, right, bottom) around its landmarks, pixels of the image as displayed, pixel centres at integers.
        score: of the detector, in [0, 1].
        points: (468, 3) landmarks of MediaPipe's face mesh: (x, y) in pixels, and z in the same unit, smaller nearer the
            viewer, its zero about the centre of the head.
        confidence: in [0, 1], how far the landmarks can be relied on; under 0.5 they are likely wrong.
        roll, yaw: degrees by which the head is rolled clockwise as seen, and turned towards the image's right.
    """

    box: tuple[float, float, float, float]
    score: float
    points: np.ndarray
    confidence: float
    roll: float
    yaw: float

    @property
    def size(self) -> float:
        """The longer side of the box, pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    @property
    def centre(self) -> tuple[float, float]:
        """Of the box, (x, y)."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


def detect(image) -> list[Face]:
    """The faces of an image, the largest first, at most 16.

    Faces from about a twentieth of the long side on are found. Where no sure one is upright, the image turned by 90, 180 and 270
    degrees is looked at. Faces narrower than 24 of 1,024 pixels are left out.

    Args:
        image: whatever `dst.imaging.read` takes; an `Image` that was read at a reduced size is looked at as it is.

    Raises:
        InputError: an image that cannot be read, or a damaged file of a network.

    Source: BlazeFace (Bazarevsky and others 2019) and Face Mesh (Kartynnik and others 2019), as released with MediaPipe.
    """
    given = image if isinstance(image, imaging.Image) else imaging.read(image, side=SIDE)
    small = imaging.resize(given.rgb, min(SIDE, max(given.rgb.shape[-2:])))
    pixels = imaging.to_array(small)
    found = _faces(pixels, thorough=True)
    for turns in TURNS:
        if any(mesh.confidence >= SURE for mesh in found):
            break
        others = _faces(np.ascontiguousarray(np.rot90(pixels, turns)), thorough=False)
        if any(mesh.confidence >= SURE for mesh in others):
            found = [_turned_back(mesh, turns, pixels.shape[:2]) for mesh in others]
    zoom = np.array(given.size) / pixels.shape[1::-1]
    return [_face(mesh, zoom) for mesh in found]


def sure_faces(image) -> list[Face]:
    """Those of `detect` whose landmarks can be relied on."""
    return [face for face in detect(image) if face.confidence >= SURE]


def _faces(pixels: np.ndarray, thorough: bool) -> list[Mesh]:
    """The traced faces of an image (H, W, 3) uint8, the largest first, none twice."""
    meshes = [trace(pixels, box) for box in find_boxes(pixels, thorough) if box.size >= SMALLEST]
    kept: list[Mesh] = []
    for mesh in sorted((m for m in meshes if m is not None), key=lambda m: -m.size):
        if all(np.linalg.norm(mesh.centre - other.centre) > 0.5 * other.size for other in kept):
            kept.append(mesh)
    return kept[:MOST_FACES]


def _turned_back(mesh: Mesh, turns: int, shape: tuple[int, int]) -> Mesh:
    """A mesh of an image that was turned, on the image (H, W) as it is."""
    height, width = shape
    x, y, z = mesh.points.T
    back = {1: (width - 1 - y, x), 2: (width - 1 - x, height - 1 - y), 3: (y, height - 1 - x)}[turns]
    return replace(mesh, points=np.stack([*back, z], 1))


def _face(mesh: Mesh, zoom: np.ndarray) -> Face:
    """A mesh in pixels of the image as displayed, `zoom` times those it was traced in."""
    points = mesh.points * [*zoom, zoom.mean()]
    points[:, :2] += zoom / 2 - 0.5
    points.flags.writeable = False
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    return Face((*low.tolist(), *high.tolist()), mesh.score, points, mesh.confidence, *_head(points))


def _head(points: np.ndarray) -> tuple[float, float]:
    """Roll and yaw of a mesh, degrees."""
    rotation = fit_similarity(shape.MEAN, points)[1]
    roll, yaw = math.atan2(rotation[1, 0], rotation[0, 0]), math.atan2(-rotation[0, 2], rotation[2, 2])
    return math.degrees(roll), math.degrees(yaw)
