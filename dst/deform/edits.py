"""Matches edited by hand: some dropped by their numbers, others pinned."""

from __future__ import annotations

import dataclasses

import numpy as np

from correspondence.common import MAX_POINTS
from correspondence.matches import Matches
from dst.config import InputError

NEAR_PIN = 0.03
"""A found match this close to a pin, share of the long side, gives way to it."""


def drop_matches(matches: Matches, numbers: tuple[int, ...]) -> Matches:
    """The matches without those of some numbers, which count from 1 as the plot of the matches does.

    Raises:
        InputError: a number that no match has.
    """
    if not numbers:
        return matches
    if max(numbers) > len(matches):
        raise InputError(
            f"drop names match {max(numbers)}, but there are {len(matches)}: see the numbers in matches.png"
        )
    left = np.ones(len(matches), bool)
    left[np.array(numbers) - 1] = False
    return matches.subset(left)


def check_pins(pins: np.ndarray, content_size: tuple[int, int], style_size: tuple[int, int]) -> None:
    """Refuse pins that cannot be used; no matches are needed to tell.

    Args:
        pins: (n, 4) content x, y and style x, y in pixels.
        content_size, style_size: (W, H) of the images.

    Raises:
        InputError: more than 2000; a pin outside an image, or two in one place.
    """
    if not len(pins):
        return
    if len(pins) > MAX_POINTS:
        raise InputError(f"{len(pins)} pins are given: at most {MAX_POINTS} can be used")
    for side, points, size in (("content", pins[:, :2], content_size), ("style", pins[:, 2:], style_size)):
        outside = ((points < -0.5) | (points > np.array(size) - 0.5)).any(1)
        if outside.any():
            k = int(outside.argmax())
            raise InputError(
                f"pin {k + 1}: its {side} point ({points[k, 0]:g}, {points[k, 1]:g}) is outside the image of "
                f"{size[0]} x {size[1]} pixels: give content x, y and style x, y in pixels of the displayed images"
            )
        gaps = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag(np.full(len(points), np.inf))
        if gaps.min() < 1:
            a, b = np.unravel_index(int(gaps.argmin()), gaps.shape)
            raise InputError(f"pins {min(a, b) + 1} and {max(a, b) + 1} share one {side} point: leave one of them out")


def check_pins_move(pins: np.ndarray, mask: np.ndarray | None) -> None:
    """Refuse pins inside a rigid part.

    Args:
        pins: (n, 4), as `check_pins` lets them pass.
        mask: (H, W) of bool, the rigid parts of the content, or None.

    Raises:
        InputError: a pin whose content point lies in one.
    """
    if mask is None or not len(pins):
        return
    x, y = (np.clip(np.rint(pins[:, k]).astype(int), 0, mask.shape[1 - k] - 1) for k in (0, 1))
    inside = mask[y, x]
    if inside.any():
        raise InputError(f"pin {int(inside.argmax()) + 1} lies in a rigid part: move the pin or the mask's edge")


def add_pins(matches: Matches, pins: np.ndarray) -> Matches:
    """The matches with pins put first, scores 1; found ones close to a pin, in either image, give way.

    Args:
        matches: any.
        pins: (n, 4) content x, y and style x, y in pixels, as `check_pins` lets them pass.
    """
    if not len(pins):
        return matches
    near = np.zeros(len(matches), bool)
    for side, points in (("content", pins[:, :2]), ("style", pins[:, 2:])):
        apart = np.linalg.norm(getattr(matches, side)[:, None] - points[None], axis=2)
        near |= (apart < NEAR_PIN * max(getattr(matches, f"{side}_size"))).any(1)
    rest = matches.subset(~near)
    by_hand = Matches(pins[:, :2], pins[:, 2:], pinned=np.ones(len(pins), bool))
    sizes = {name: getattr(rest, name) for name in ("content_size", "style_size", "confidence")}
    return dataclasses.replace(by_hand, **sizes).joined(rest)
