"""What is drawn of pictures made of patches: where they were cut, and where each comes from."""

from __future__ import annotations

from typing import Any

import numpy as np

from dst.imaging import flatten, to_array
from dst.viz.panels import pale
from dst.viz.sheets import titled_sheet

CUT = (215, 0, 160)
"""Colour of a cut."""
ROOM = 1400
"""A quilt whose long side is at most half of this, pixels, is drawn at twice its size."""


def cuts(quilt: Any) -> np.ndarray:
    """A sheet of a quilt's cuts: the sample in colours that tell places apart, the quilt with its cuts, and those colours in it.

    A cut is drawn where two pixels side by side do not stand so in the sample; two blocks that are one piece of it have none.

    Args:
        quilt: a `dst.patches.quilting.Quilt`.

    Returns:
        (H, W, 3) uint8.
    """
    factor = 2 if 2 * max(quilt.index.shape) <= ROOM else 1
    sample, image = (flatten(to_array(x.rgb, x.alpha)) for x in (quilt.sample, quilt.image))
    height, width = sample.shape[:2]
    places = _places(height, width)
    tinted = (0.5 * sample + 0.5 * places).round().astype(np.uint8)
    lined = pale(image).repeat(factor, 0).repeat(factor, 1)
    lined[cut_lines(quilt.index, width, factor)] = CUT
    origin = places.reshape(-1, 3)[quilt.index].repeat(factor, 0).repeat(factor, 1)
    row = [("the sample, tinted by place", tinted), ("cuts", lined), ("where each pixel is from", origin)]
    return titled_sheet([row], lined.shape[0])


def cut_lines(index: np.ndarray, width: int, factor: int = 1) -> np.ndarray:
    """Which pixels lie at a cut: left of one, or above one.

    Args:
        index: (H, W), the pixel of the sample that each pixel is, as in `Quilt`.
        width: of the sample, pixels.
        factor: how many times larger the lines are drawn; they stay one pixel wide.

    Returns:
        (factor H, factor W) bool.
    """
    rows, columns = np.indices(index.shape)
    shift = np.stack([index // width - rows, index % width - columns]).repeat(factor, 1).repeat(factor, 2)
    lines = np.zeros(shift.shape[1:], bool)
    lines[:, :-1] |= (shift[:, :, :-1] != shift[:, :, 1:]).any(0)
    lines[:-1] |= (shift[:, :-1] != shift[:, 1:]).any(0)
    return lines


def _places(height: int, width: int) -> np.ndarray:
    """A colour for each place of an image, (H, W, 3) uint8: red to the right, green down, blue at the upper left."""
    y, x = np.mgrid[:height, :width] / np.array([max(1, height - 1), max(1, width - 1)])[:, None, None]
    return (255 * np.stack([x, y, 1 - (x + y) / 2], 2)).round().astype(np.uint8)
