"""Matches drawn over both images, side by side, the two ends of each in the same colour and with the same number; those of one
source, such as a face's mouth, all in one colour."""

from __future__ import annotations

import cv2
import numpy as np

from .common import MatchError
from .matches import Matches

MIN_HEIGHT = 640
"""Smaller images are enlarged to about this height, so that numbers can be read."""


def colours(count: int) -> np.ndarray:
    """Colours that differ in hue, neighbours in number far apart: uint8 (count, 3), RGB."""
    # steps of the golden angle never come back to a hue; brightness alternates to tell near hues apart
    hue = (np.arange(count) * 0.381966 * 180) % 180
    value = np.where(np.arange(count) % 2, 200, 255)
    hsv = np.stack([hue, np.full(count, 235), value], axis=-1).astype(np.uint8)
    return cv2.cvtColor(hsv.reshape(1, -1, 3), cv2.COLOR_HSV2RGB).reshape(-1, 3) if count else hsv


def draw(
    content, style, matches: Matches, numbers: bool = True, lines: bool = False, scale: bool = True, sizes=None
) -> np.ndarray:
    """Draw matches over the content (left) and the style (right).

    content, style: uint8 (H, W, 3) RGB, the images that the points refer to, any size. numbers: the number of each match
    (from 1, in the order of the file) beside both ends, where it has a colour of its own. lines: join the two ends. scale: a ruler in pixels above and left
    of each image, to read points from. sizes: ((W, H), (W, H)) that the rulers count in, where the images were resized to
    be drawn; None for the images' own. Returns a uint8 image (H', W', 3).

    Raises:
        MatchError: images that are not uint8 (H, W, 3), or of other sizes than the matches carry.
    """
    images, points = (content, style), (matches.content, matches.style)
    carried = (matches.content_size, matches.style_size)
    for name, image, size in zip(("content", "style"), images, carried, strict=True):
        _check(name, image, size)
    height = max(MIN_HEIGHT, *(image.shape[0] for image in images))
    gap = max(4, height // 60)
    top, aside = (height // 22, height // 14) if scale else (0, 0)
    panels, placed, left = [], [], 0
    for k, (image, ends) in enumerate(zip(images, points, strict=True)):
        factor = min(height / image.shape[0], 2 * height / image.shape[1])
        shape = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
        way = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
        zoom = np.array(shape) / (image.shape[1], image.shape[0])
        left += aside
        counted = (image.shape[1], image.shape[0]) if sizes is None else sizes[k]
        panels.append((left, cv2.resize(np.ascontiguousarray(image), shape, interpolation=way), counted))
        placed.append((ends + 0.5) * zoom - 0.5 + (left, top))
        left += shape[0] + gap
    canvas = np.full((top + max(panel.shape[0] for _, panel, _ in panels), left - gap, 3), 255, np.uint8)
    for start, panel, counted in panels:
        if scale:
            _rulers(canvas, (start, top), panel.shape[1::-1], counted, height)
        canvas[top : top + panel.shape[0], start : start + panel.shape[1]] = panel  # over the ends of broad ticks
    return _marks(canvas, *placed, height, numbers, lines, _kinds(matches))


def _kinds(matches: Matches) -> np.ndarray:
    """The colour's number of each match, (N,): those of one source share one."""
    found, seen = [], {}
    for name in matches.source.tolist():
        key = name or len(found)
        found.append(seen.setdefault(key, len(seen)))
    return np.array(found, int)


def _rulers(canvas: np.ndarray, corner, shape, counted, height: int) -> None:
    """Ticks with numbers above and left of a panel: its `corner` (x, y), its `shape` (W, H), and the (W, H) it counts in."""
    font, size, thin, dark = cv2.FONT_HERSHEY_SIMPLEX, height / 1900, max(1, height // 900), (70, 70, 70)
    for axis in (0, 1):
        zoom = shape[axis] / counted[axis]
        step = next(unit * ten for ten in 10 ** np.arange(9) for unit in (1, 2, 5) if unit * ten * zoom > height / 9)
        for pixel in range(0, counted[axis], step):
            at, tick = corner[axis] + round((pixel + 0.5) * zoom - 0.5), height // 90
            (wide, tall), _ = cv2.getTextSize(str(pixel), font, size, thin)
            if axis == 0:
                ends = (at, corner[1] - 1), (at, corner[1] - tick)
                place = min(at - wide // 2, canvas.shape[1] - wide), corner[1] - tick - tall // 2
            else:
                ends = (corner[0] - 1, at), (corner[0] - tick, at)
                place = corner[0] - tick - wide - tall // 3, min(at + tall // 2, canvas.shape[0] - 1)
            cv2.line(canvas, *ends, dark, thin)
            cv2.putText(canvas, str(pixel), place, font, size, dark, thin, cv2.LINE_AA)


def _check(name: str, image, size) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        shown = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise MatchError(f"the {name} image is {shown}: give a uint8 array of shape (height, width, 3)")
    if 0 in image.shape:
        raise MatchError(f"the {name} image has no pixels: its shape is {image.shape}")
    if size is not None and (image.shape[1], image.shape[0]) != tuple(size):
        raise MatchError(
            f"the {name} image is {image.shape[1]} x {image.shape[0]} pixels, but the matches belong to one of "
            f"{size[0]} x {size[1]}: give that image, or matches.resized(...)"
        )


def _marks(canvas: np.ndarray, starts, ends, height: int, numbers: bool, lines: bool, kinds: np.ndarray) -> np.ndarray:
    """Discs with a dark rim, in the colours of their `kinds`, and white numbers with a dark outline, sized by the height."""
    bits = 3  # OpenCV takes positions in eighths of a pixel
    radius, thin = max(3, height // 110), max(1, height // 640)
    hues = [tuple(int(v) for v in colour) for colour in colours(int(kinds.max(initial=-1)) + 1)[kinds]]
    order = range(len(starts) - 1, -1, -1)  # the strongest matches come first and are drawn last, on top

    def fixed(point, scale=1 << bits):
        return tuple(int(v) for v in np.round(point * scale))

    for k in order if lines else ():
        cv2.line(canvas, fixed(starts[k]), fixed(ends[k]), hues[k], thin, cv2.LINE_AA, bits)
    for k in order:
        for point in (starts[k], ends[k]):
            cv2.circle(canvas, fixed(point), (radius + thin) << bits, (0, 0, 0), -1, cv2.LINE_AA, bits)
            cv2.circle(canvas, fixed(point), radius << bits, hues[k], -1, cv2.LINE_AA, bits)
    alone = np.flatnonzero(np.bincount(kinds)[kinds] == 1) if len(kinds) else kinds
    if numbers and len(alone):  # where many have one colour, as a face's landmarks, numbers would hide them
        font, scale = cv2.FONT_HERSHEY_SIMPLEX, height / 1500
        texts = [str(k + 1) for k in alone] * 2
        sizes = np.array([cv2.getTextSize(text, font, scale, thin)[0] for text in texts], float)
        corners = _free_places(
            np.concatenate([starts[alone], ends[alone]]), sizes, radius + 2 * thin, canvas.shape[1::-1]
        )
        for text, corner, tall in zip(texts, corners, sizes[:, 1], strict=True):
            place = int(corner[0]), int(corner[1] + tall)
            cv2.putText(canvas, text, place, font, scale, (0, 0, 0), 3 * thin, cv2.LINE_AA)
            cv2.putText(canvas, text, place, font, scale, (255, 255, 255), thin, cv2.LINE_AA)
    return canvas


SIDES = np.array([(1, -1), (1, 1), (-1, -1), (-1, 1), (1, 0), (-1, 0), (0, -1), (0, 1)], float)
"""Where a number may stand about its disc, the first that is free is taken."""


def _free_places(points: np.ndarray, sizes: np.ndarray, reach: float, room) -> np.ndarray:
    """Upper left corners (n, 2) of labels (w, h) beside points, each where it covers the smallest part of discs and of labels before it.

    reach: of a disc with its rim, pixels. room: (W, H) that the labels stay inside.
    """
    taken = np.concatenate([points - reach, points + reach], 1)  # left, top, right, bottom
    corners = np.empty_like(sizes)
    for k, (point, size) in enumerate(zip(points, sizes, strict=True)):
        places = point + SIDES * (reach + size / 2) * np.where(np.abs(SIDES).sum(1) > 1, 0.9, 1.0)[:, None] - size / 2
        places = np.clip(places, 0, np.maximum(0, np.array(room) - size - 1))
        lapped = np.minimum(places[:, None] + size, taken[None, :, 2:]) - np.maximum(
            places[:, None], taken[None, :, :2]
        )
        corners[k] = places[int(lapped.clip(0).prod(2).sum(1).argmin())]
        taken = np.concatenate([taken, [[*corners[k], *(corners[k] + size)]]])
    return corners
