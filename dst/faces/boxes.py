"""Boxes around faces, by the detector on a pyramid of windows (BlazeFace, Bazarevsky and others 2019)."""

from __future__ import annotations

import functools
from typing import NamedTuple

import cv2
import numpy as np

from dst.faces.models import MODELS, run

THRESHOLD = 0.5
"""Score from which a box is one; what is no face is told by its mesh."""
OVERLAP = 0.3
"""Boxes whose intersection is a larger share of their union are of one face."""
GRIDS = ((16, 2), (8, 6))
"""Cells of the detector's grids, and the anchors in each."""
WINDOWS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5))
"""Where windows for small faces lie: shares of the way from the left and from the top."""
WINDOW = 0.6
"""Their side, share of the long side."""


class Box(NamedTuple):
    """A face found by the detector, pixels.

    Attributes:
        score: in [0, 1].
        centre: (x, y).
        size: side of its square.
        eyes: (2, 2), of the eye at the image's left and of the other, of an upright face.
    """

    score: float
    centre: np.ndarray
    size: float
    eyes: np.ndarray


@functools.cache
def _anchors() -> np.ndarray:
    """Centres of the anchors, (896, 2) in [0, 1]."""
    found = []
    for cells, count in GRIDS:
        axis = (np.arange(cells) + 0.5) / cells
        found.append(np.repeat(np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2), count, 0))
    return np.concatenate(found)


def find_boxes(pixels: np.ndarray, thorough: bool = True) -> list[Box]:
    """Boxes around the faces of an image, the surest first.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        thorough: look for small faces too; where none is found in the whole image, in windows of it.
    """
    height, width = pixels.shape[:2]
    side = max(height, width)
    corner = np.array([(width - side) / 2, (height - side) / 2])
    found = _window(pixels, "near", corner, side)
    if thorough:
        found += _window(pixels, "far", corner, side)
        if not found:
            part = WINDOW * side
            room = np.maximum(np.array([width, height]) - part, 0)
            places = {tuple((room * way).tolist()) for way in WINDOWS}
            found = [box for place in sorted(places) for box in _window(pixels, "far", np.array(place), part)]
    return _merged(found)


def _window(pixels: np.ndarray, name: str, corner: np.ndarray, side: float) -> list[Box]:
    """What a detector finds in a square window of an image; beyond the image it is black."""
    model = MODELS[name]
    if min(pixels.shape[:2]) * model.side < side:  # a strip, of which less than a pixel would be left
        return []
    shrunk = cv2.resize(pixels, None, fx=model.side / side, fy=model.side / side, interpolation=cv2.INTER_AREA)
    zoom = np.array(shrunk.shape[1::-1]) / pixels.shape[1::-1]
    left, top = np.round(corner * zoom).astype(int)
    view = np.zeros((model.side, model.side, 3), np.uint8)
    part = shrunk[max(top, 0) : top + model.side, max(left, 0) : left + model.side]
    down, right = max(-top, 0), max(-left, 0)
    part = part[: model.side - down, : model.side - right]
    view[down : down + part.shape[0], right : right + part.shape[1]] = part
    values, scores = run(name, view)
    scores = 1 / (1 + np.exp(-scores.ravel().clip(-80, 80)))
    values = values.reshape(-1, 8, 2)  # centre, size, two eyes, nose, mouth, two ears, in pixels of the window
    found = []
    for k in np.flatnonzero(scores > THRESHOLD):
        places = (values[k, [0, 2, 3]] + _anchors()[k] * model.side + [left, top]) / zoom - 0.5
        size = float((values[k, 1] / zoom).max())
        found.append(Box(float(scores[k]), places[0], size, places[1:]))
    return found


def _merged(boxes: list[Box]) -> list[Box]:
    """Boxes of one face made one, weighted by their scores."""
    left, found = sorted(boxes, key=lambda box: -box.score), []
    while left:
        same = [box for box in left if _shared(left[0], box) > OVERLAP]
        left = [box for box in left if _shared(same[0], box) <= OVERLAP]
        weights = np.array([box.score for box in same])
        centre, size, eyes = (np.average([box[k] for box in same], axis=0, weights=weights) for k in (1, 2, 3))
        found.append(Box(same[0].score, centre, float(size), eyes))
    return found


def _shared(a: Box, b: Box) -> float:
    """Intersection of two squares over their union."""
    lap = np.minimum(a.centre + a.size / 2, b.centre + b.size / 2) - np.maximum(
        a.centre - a.size / 2, b.centre - b.size / 2
    )
    both = float(lap.clip(0).prod())
    return both / max(a.size**2 + b.size**2 - both, 1e-9)
